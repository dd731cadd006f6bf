//! Servers that know only some algorithms: the safe ones are enough, and a
//! server that has none of them is refused with its own list.

use serde_json::{Value, json};
use tests::{Key, World};

/// A server with an RSA host key beside its own, and these lines.
fn world(lines: &[&str]) -> (World, tempfile::TempDir, Key) {
    let folder = tempfile::tempdir().expect("a folder");
    let host_key = Key::of(&folder.path().join("rsa"), &["rsa", "-b", "3072"], "");
    let named = format!("HostKey {}", host_key.path.display());
    let world = World::with_sshd(&[&[named.as_str()], lines].concat());
    (world, folder, host_key)
}

fn connect(world: &World, spec: &Value) -> tests::Reply {
    let call = json!({"id": "web", "spec": spec});
    world.agent().call("ssh_connect", call)
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
        let with = |path: &std::path::Path| {
            world.spec_with(json!({"auth": {"key_path": path.display().to_string()}}))
        };
        let opened = connect(&world, &with(&own.path)).ok();
        assert_eq!(opened["host_key"], host_key.fingerprint(), "{hash}");
        let ed25519 = with(&world.key.path);
        let other = json!({"id": "other", "spec": ed25519});
        world
            .agent()
            .call("ssh_connect", other)
            .refused("auth_failed");
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
        let said = connect(&world, &world.spec()).refused("remote");
        assert!(said.contains(kind) && said.contains(name), "{said}");
        assert!(said.contains("Next: "), "{said}");
    }
}

#[test]
fn the_safest_that_both_know_is_taken_and_shown() {
    let (world, _folder, _) = world(&[]);
    let opened = connect(&world, &world.spec()).ok();
    let known = ["mlkem768x25519-sha256", "curve25519-sha256"];
    let shown = known.map(|kex| format!("{kex} (strict)"));
    assert!(shown.iter().any(|kex| opened["kex"] == **kex), "{opened}");
    let cipher = opened["cipher"].as_str().expect("a cipher");
    assert!(
        cipher.contains("gcm") || cipher.contains("chacha20"),
        "{opened}"
    );
}
