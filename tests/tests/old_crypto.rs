//! Servers that know only some algorithms: the safe ones are enough, and a
//! server that has none of them is refused with its own list. Each by the spec
//! alone and by `ssh_config` alone.

use std::path::Path;

use serde_json::json;
use tests::{Key, Reply, World};

/// A server with an RSA host key beside its own, and these lines.
fn world(lines: &[&str]) -> (World, tempfile::TempDir, Key) {
    let folder = tempfile::tempdir().expect("a folder");
    let host_key = Key::of(&folder.path().join("rsa"), &["rsa", "-b", "3072"], "");
    let named = format!("HostKey {}", host_key.path.display());
    let world = World::with_sshd(&[&[named.as_str()], lines].concat());
    (world, folder, host_key)
}

/// By the spec alone, then by an alias of `ssh_config` alone.
fn both_ways(world: &World, key: &Path) -> [Reply; 2] {
    let user = world.spec()["user"].as_str().expect("a user").to_owned();
    let config = format!(
        "Host web\n HostName 127.0.0.1\n Port {}\n User {user}\n IdentityFile {}\n \
         IdentitiesOnly yes\n",
        world.sshd.port(),
        key.display(),
    );
    std::fs::write(world.home().join(".ssh/config"), config).expect("an ssh_config");
    let spec = world.spec_with(json!({"auth": {"key_path": key.display().to_string()}}));
    let agent = world.agent();
    [json!({"id": "given", "spec": spec}), json!({"id": "web"})].map(|call| {
        let reply = agent.call("ssh_connect", call.clone());
        agent.call("ssh_disconnect", json!({"id": call["id"]}));
        reply
    })
}

#[test]
fn a_server_with_nothing_but_rsa_and_sha2_is_reached_with_an_rsa_key() {
    for hash in ["rsa-sha2-256", "rsa-sha2-512"] {
        let host_keys = format!("HostKeyAlgorithms {hash}");
        // One of the two alone is what the sshd of Debian 12 announces wrongly,
        // and ssh is refused there as well.
        let user_keys = "PubkeyAcceptedAlgorithms rsa-sha2-256,rsa-sha2-512";
        let (mut world, _folder, host_key) = world(&[&host_keys, user_keys]);
        let own = Key::of(&world.home().join("own"), &["rsa", "-b", "2048"], "");
        world.sshd.authorize(&[&own, &world.key.clone()]);
        let line = host_key.public_line();
        world.trust_lines(&format!("{} {line}\n", world.sshd.known_as()));
        for opened in both_ways(&world, &own.path) {
            assert_eq!(opened.ok()["host_key"], host_key.fingerprint(), "{hash}");
        }
        for opened in both_ways(&world, &world.key.path) {
            opened.refused("auth_failed");
        }
    }
}

#[test]
fn a_server_with_nothing_but_old_algorithms_is_refused_with_their_names() {
    for (lines, kind, name) in [
        (
            &["KexAlgorithms diffie-hellman-group14-sha1"][..],
            "kex",
            "diffie-hellman-group14-sha1",
        ),
        (&["HostKeyAlgorithms ssh-rsa"], "key", "ssh-rsa"),
        (&["Ciphers aes128-cbc,3des-cbc"], "cipher", "aes128-cbc"),
        (
            &["Ciphers aes128-ctr", "MACs hmac-sha1,hmac-md5"],
            "mac",
            "hmac-sha1",
        ),
    ] {
        let (world, _folder, _) = world(lines);
        for opened in both_ways(&world, &world.key.path) {
            let said = opened.refused("remote");
            assert!(said.contains(kind) && said.contains(name), "{said}");
            assert!(said.contains("Next: "), "{said}");
        }
    }
}

#[test]
fn the_safest_that_both_know_is_taken_and_shown() {
    let (world, _folder, _) = world(&[]);
    for opened in both_ways(&world, &world.key.path) {
        let opened = opened.ok();
        let known = ["mlkem768x25519-sha256", "curve25519-sha256"];
        let shown = known.map(|kex| format!("{kex} (strict)"));
        assert!(shown.iter().any(|kex| opened["kex"] == **kex), "{opened}");
        let cipher = opened["cipher"].as_str().expect("a cipher");
        let is_safe = cipher.contains("gcm") || cipher.contains("chacha20");
        assert!(is_safe, "{opened}");
    }
}
