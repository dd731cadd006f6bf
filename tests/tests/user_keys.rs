//! The keys and certificates that a person has get them in, from whichever
//! place they lie in, and within the tries that a server allows.

use serde_json::{Value, json};
use tests::{Agent, Key, KeyAgent, Reply, SecurityKey, Sshd, World};

/// A server that trusts an authority and no key of its own.
struct Certified {
    world: World,
    authority: Key,
    _folder: tempfile::TempDir,
}

impl Certified {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Key::new(&folder.path().join("authority"), "");
        let path = authority.path.with_extension("pub");
        let mut world = World::with_sshd(&[&format!("TrustedUserCAKeys {}", path.display())]);
        world.sshd.authorize(&[]);
        Self {
            world,
            authority,
            _folder: folder,
        }
    }

    fn certify(&self, arguments: &[&str]) {
        let spec = self.world.spec();
        let user = spec["user"].as_str().expect("a user");
        self.authority
            .certify_user(&self.world.key, user, arguments);
    }
}

fn connect(agent: &Agent, spec: &Value) -> Reply {
    let reply = agent.call("ssh_connect", json!({"id": "web", "spec": spec}));
    if !reply.is_error() {
        let ran = agent
            .call(
                "ssh_exec",
                json!({"session_id": "web", "command": "echo in"}),
            )
            .words();
        assert!(ran.contains("in"), "{ran}");
        agent.call("ssh_disconnect", json!({"id": "web"})).words();
    }
    reply
}

#[test]
fn a_certificate_beside_the_key_gets_in_where_the_key_does_not() {
    let scene = Certified::new();
    let agent = scene.world.agent();
    let spec = scene.world.spec();
    connect(&agent, &spec).refused("auth_failed");
    scene.certify(&["-V", "20200101:20210101"]);
    let said = connect(&agent, &spec).refused("auth_failed");
    assert!(said.contains("has expired"), "{said}");
    scene.certify(&["-h"]);
    let said = connect(&agent, &spec).refused("auth_failed");
    assert!(said.contains("is not for users"), "{said}");
    scene.certify(&[]);
    connect(&agent, &spec).ok();
}

#[test]
fn a_certificate_that_ssh_config_names_gets_in() {
    let scene = Certified::new();
    scene.certify(&[]);
    let elsewhere = scene.world.home().join("elsewhere.pub");
    std::fs::rename(scene.world.key.certificate(), &elsewhere).expect("it moves");
    let text = |certificate: &str| {
        format!(
            "Host web\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n{certificate}\n",
            scene.world.sshd.port(),
            scene.world.key.path.display(),
        )
    };
    let config = scene.world.home().join(".ssh/config");
    let agent = scene.world.agent();
    std::fs::write(&config, text("")).expect("an ssh_config");
    connect(&agent, &json!({})).refused("auth_failed");
    std::fs::write(&config, text(" CertificateFile ~/elsewhere.pub")).expect("an ssh_config");
    let opened = connect(&agent, &json!({})).ok();
    let ignored = opened["ssh_config_ignored"].to_string();
    assert!(!ignored.contains("CertificateFile"), "{ignored}");
}

#[test]
fn an_agent_signs_for_a_certificate_that_it_has_or_that_lies_beside_the_key() {
    let mut scene = Certified::new();
    let socket = scene.world.home().join("agent");
    let keys = KeyAgent::start(&socket);
    scene.world.set("SSH_AUTH_SOCK", &keys.socket());
    let agent = scene.world.agent();
    let any = scene.world.spec_with(json!({"auth": {"use_agent": true}}));
    keys.add(&scene.world.key);
    connect(&agent, &any).refused("auth_failed");
    scene.certify(&[]);

    // The agent has the key alone, and its file cannot be read.
    let config = format!(
        "Host web\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n",
        scene.world.sshd.port(),
        scene.world.key.path.display(),
    );
    std::fs::write(scene.world.home().join(".ssh/config"), config).expect("an ssh_config");
    let away = scene.world.home().join("away");
    std::fs::rename(&scene.world.key.path, &away).expect("the key goes");
    connect(&agent, &json!({})).ok();

    // It has the certificate too.
    std::fs::rename(&away, &scene.world.key.path).expect("the key comes back");
    keys.add(&scene.world.key);
    connect(&agent, &any).ok();
}

#[test]
fn every_agent_of_ones_own_is_asked_in_turn() {
    let mut world = World::new();
    let others = KeyAgent::start(&world.home().join("others"));
    others.add(&Key::new(&world.home().join("other"), ""));
    let own = KeyAgent::start(&world.home().join("own"));
    own.add(&world.key);
    world.set("SSH_AUTH_SOCK", &own.socket());
    let agent = world.agent();
    let spec = world.spec_with(json!({"auth": {"agent_socket": others.socket()}}));
    connect(&agent, &spec).ok();
}

#[test]
fn an_agent_with_many_keys_does_not_use_up_the_tries_of_a_password() {
    let Some(line) = Sshd::with_passwords() else {
        println!("sshd checks passwords only as root");
        return;
    };
    let mut world = World::with_sshd(&[line]);
    let keys = KeyAgent::start(&world.home().join("agent"));
    for number in 0..8 {
        let path = world.home().join(format!("key{number}"));
        keys.add(&Key::new(&path, ""));
    }
    world.set("SSH_AUTH_SOCK", &keys.socket());
    let agent = world.agent();
    let with = |auth: Value| world.spec_with(json!({"auth": auth}));
    let password = Sshd::password();
    connect(
        &agent,
        &with(json!({"use_agent": true, "password": password})),
    )
    .ok();
    let said = connect(&agent, &with(json!({"use_agent": true}))).refused("auth_failed");
    assert!(said.contains("name the right key by key_path"), "{said}");
    // The ninth key is the right one: named, it goes first.
    keys.add(&world.key);
    connect(&agent, &world.spec()).ok();
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let agent = world.agent();
    let path = &world.key.path;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let said = connect(&agent, &world.spec()).refused("invalid_argument");
    assert!(said.contains("chmod 600"), "{said}");
    assert!(!world.ssh_gets_in(), "ssh refuses it as well");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    connect(&agent, &world.spec()).ok();
}

/// The file is looked at as a public key as well, for an agent that has it.
#[test]
fn a_key_path_that_leads_to_no_file_is_refused_at_once_and_fills_no_memory() {
    let world = World::new();
    let agent = world.agent();
    let pipe = world.home().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    let beside = world.home().join("key-2");
    std::fs::write(&beside, "no key").expect("a file");
    let public = world.home().join("key-2.pub");
    std::os::unix::fs::symlink("/dev/zero", &public).expect("a link");
    for path in [pipe, "/dev/zero".into(), beside] {
        for agent_too in [false, true] {
            let auth = json!({"key_path": path.display().to_string(), "use_agent": agent_too});
            let spec = world.spec_with(json!({"auth": auth, "timeout": "5s"}));
            connect(&agent, &spec).refused("invalid_argument");
        }
    }
    let mib = world.daemon().rss_kib() / 1024;
    assert!(mib < 200, "{mib} MiB");
}

#[test]
fn a_security_key_gets_in_through_its_agent() {
    let mut world = World::new();
    let socket = world.home().join("agent");
    let key = SecurityKey::start(&socket);
    world.set("SSH_AUTH_SOCK", &socket.display().to_string());
    let agent = world.agent();
    let spec = world.spec_with(json!({"auth": {"use_agent": true}}));
    connect(&agent, &spec).refused("auth_failed");
    world.sshd.authorize_lines(key.public_line());
    connect(&agent, &spec).ok();
    // The server wants a touch, which the signature has.
    let strict = format!("verify-required {}", key.public_line());
    world.sshd.authorize_lines(&strict);
    connect(&agent, &spec).refused("auth_failed");
}

#[test]
fn a_locked_key_waits_for_the_agent_that_has_it() {
    let mut world = World::new();
    let folder = world.home().join(".ssh");
    std::fs::create_dir_all(&folder).expect("a folder for keys");
    let key = Key::new(&folder.join("id_ed25519"), "");
    let socket = world.home().join("agent");
    let key_agent = KeyAgent::start(&socket);
    key_agent.add(&key);
    key.lock("a passphrase");
    world.sshd.authorize(&[&key]);
    world.set("SSH_AUTH_SOCK", &key_agent.socket());
    let agent = world.agent();
    let mut spec = world.persistent();
    spec.as_object_mut().expect("an object").remove("auth");
    let opened = agent.call("ssh_connect", json!({"id": "web", "spec": spec}));
    assert_eq!(opened.ok()["state"], "connected");

    drop(key_agent);
    std::fs::remove_file(&socket).expect("the socket goes");
    world.daemon().kill();
    let run = || {
        let call = json!({"session_id": "web", "command": "echo in", "timeout_ms": 1500});
        agent.call("ssh_exec", call)
    };
    let waits = run().refused("not_connected");
    assert!(waits.contains("start the agent or load the key"), "{waits}");
    let listed = agent.call("ssh_list", json!({})).ok();
    assert_eq!(listed[0]["state"], "reconnecting", "{listed}");

    let key_agent = KeyAgent::start(&socket);
    key.unlock("a passphrase");
    key_agent.add(&key);
    key.lock("a passphrase");
    agent.call("ssh_reconnect", json!({"id": "web"})).ok();
    assert!(run().words().contains("in"));
}

#[test]
fn a_key_file_of_ones_own_does_not_wait_for_an_agent_that_hangs() {
    let mut world = World::new();
    let socket = world.home().join("hangs");
    let _hangs = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    world.set("SSH_AUTH_SOCK", &socket.display().to_string());
    let begun = std::time::Instant::now();
    connect(&world.agent(), &world.spec()).ok();
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(4),
        "it waited"
    );
}
