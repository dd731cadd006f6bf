//! The matrix: each kind of server by the spec alone, and by an alias of
//! `ssh_config` with nothing but the password beside it.

use serde_json::{Value, json};
use tests::{Agent, Key, Sshd, World};

/// A kind of server, and what it takes to get in.
struct Kind {
    name: &'static str,
    lines: Vec<String>,
    /// The key is among the credentials.
    has_key: bool,
    has_password: bool,
    /// Nobody gets in: the code, and words of the reason.
    refused: Option<(&'static str, &'static str)>,
}

fn kind(name: &'static str, lines: &[&str], has_key: bool, has_password: bool) -> Kind {
    Kind {
        name,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        has_key,
        has_password,
        refused: None,
    }
}

/// Those that need root, since they check passwords.
fn of_passwords() -> Vec<Kind> {
    let (Some(password), Some(questions), Some(second)) = (
        Sshd::with_passwords(),
        Sshd::with_questions(false),
        Sshd::with_questions(true),
    ) else {
        println!("sshd checks passwords only as root");
        return Vec::new();
    };
    let both = "AuthenticationMethods publickey,password";
    let asked = "AuthenticationMethods publickey,keyboard-interactive";
    let person = Some(("needs_auth", "`Verification code:`"));
    vec![
        kind("a password", &[password], false, true),
        kind("a question", &[questions], false, true),
        kind("a key and a password", &[password, both], true, true),
        kind("a key and a question", &[questions, asked], true, true),
        Kind {
            refused: person,
            ..kind("a second factor", &[second], false, true)
        },
        Kind {
            refused: person,
            ..kind("a key and a second factor", &[second, asked], true, true)
        },
        Kind {
            refused: Some(("auth_failed", "password")),
            ..kind("no password", &[password, both], true, false)
        },
    ]
}

fn of_keys() -> Vec<Kind> {
    let old = |name, line, words| Kind {
        refused: Some(("remote", words)),
        ..kind(name, &[line], true, false)
    };
    vec![
        kind("a key", &[], true, false),
        kind("three tries", &["MaxAuthTries 3"], true, false),
        old(
            "old key exchange",
            "KexAlgorithms diffie-hellman-group14-sha1",
            "diffie-hellman-group14-sha1",
        ),
        old("an old cipher", "Ciphers aes256-cbc", "aes256-cbc"),
    ]
}

fn password(kind: &Kind) -> Value {
    if kind.has_password {
        json!({"password": Sshd::password()})
    } else {
        json!({})
    }
}

fn by_spec(world: &World, kind: &Kind) -> Value {
    let mut auth = password(kind);
    if kind.has_key {
        auth["key_path"] = json!(world.key.path);
    }
    world.spec_with(json!({"auth": auth, "disable_ssh_config": true}))
}

fn by_alias(world: &World, kind: &Kind) -> Value {
    let key = if kind.has_key {
        format!("IdentityFile {}", world.key.path.display())
    } else {
        "IdentityFile none".to_owned()
    };
    let user = world.spec()["user"].as_str().expect("a user").to_owned();
    let text = format!(
        "Host web\n HostName 127.0.0.1\n Port {}\n User {user}\n {key}\n",
        world.sshd.port(),
    );
    std::fs::write(world.home().join(".ssh/config"), text).expect("an ssh_config");
    let mut spec = json!({"addresses": ["web"]});
    if kind.has_password {
        spec["auth"] = password(kind);
    }
    spec
}

fn gets_in_or_is_told(agent: &Agent, kind: &Kind, way: &str, spec: &Value) {
    let reply = agent.call("ssh_connect", json!({"id": "it", "spec": spec}));
    let about = format!("{} by {way}: {}", kind.name, reply.text());
    let Some((code, words)) = kind.refused else {
        assert!(!reply.is_error(), "{about}");
        let call = json!({"session_id": "it", "command": "echo in"});
        assert_eq!(
            agent.call("ssh_exec", call).ok()["stdout"],
            "in\n",
            "{about}"
        );
        agent.call("ssh_disconnect", json!({"id": "it"})).words();
        return;
    };
    assert!(reply.is_error(), "{about}");
    let said = reply.refused(code);
    assert!(said.contains(words), "{about}");
    assert!(said.contains("Next: "), "{about}");
    // A connect that failed leaves nothing behind.
    let rows = agent.call("ssh_list", json!({})).ok();
    assert_eq!(rows.as_array().map(Vec::len), Some(0), "{about}: {rows}");
}

fn both_ways(kind: &Kind, world: &World) {
    let agent = world.agent();
    gets_in_or_is_told(&agent, kind, "spec", &by_spec(world, kind));
    gets_in_or_is_told(&agent, kind, "ssh_config", &by_alias(world, kind));
}

fn matrix(kinds: &[Kind]) {
    for kind in kinds {
        let lines: Vec<&str> = kind.lines.iter().map(String::as_str).collect();
        both_ways(kind, &World::with_sshd(&lines));
    }
}

#[test]
fn servers_that_check_passwords() {
    matrix(&of_passwords());
}

#[test]
fn servers_that_check_keys() {
    matrix(&of_keys());
}

#[test]
fn a_server_that_checks_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Key::new(&folder.path().join("authority"), "");
    let path = authority.path.with_extension("pub");
    let line = format!("TrustedUserCAKeys {}", path.display());
    let mut world = World::with_sshd(&[&line]);
    world.sshd.authorize(&[]);
    let user = world.spec()["user"].as_str().expect("a user").to_owned();
    let bare = Kind {
        refused: Some(("auth_failed", "refused the key")),
        ..kind("no certificate", &[], true, false)
    };
    both_ways(&bare, &world);
    authority.certify_user(&world.key, &user, &[]);
    both_ways(&kind("a certificate", &[], true, false), &world);
}
