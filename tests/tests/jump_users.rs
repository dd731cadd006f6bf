//! Three hops with a user, a key or a password of their own each.

use serde_json::{Value, json};
use tests::{Key, Sshd, World, programs};

/// Jump hosts for alice and bob before a server for carol.
struct Chain {
    hops: [(&'static str, Sshd, Key); 3],
    world: World,
}

impl Chain {
    fn new(lines: &[&str]) -> Self {
        let world = World::new();
        let hops = ["alice", "bob", "carol"].map(|user| {
            let key = Key::new(&world.home().join(format!("{user}-key")), "");
            let sshd = Sshd::start(&world.home().join(user), lines);
            sshd.authorize_user(user, &key);
            (user, sshd, key)
        });
        let known: String = hops
            .iter()
            .map(|(_, sshd, _)| sshd.known_hosts_line())
            .collect();
        world.trust_lines(&known);
        Self { hops, world }
    }

    /// All of it in the spec, each hop with what `auth` makes of its key.
    fn spec(&self, auth: impl Fn(&Key) -> Value) -> Value {
        let hop = |(user, sshd, key): &(&str, Sshd, Key)| json!({"user": user, "addresses": [sshd.address()], "auth": auth(key)});
        let [first, second, last] = self.hops.each_ref().map(hop);
        let mut spec = last;
        spec["jump_hosts"] = json!([first, second]);
        spec["disable_ssh_config"] = json!(true);
        spec
    }

    /// All of it in `ssh_config`.
    fn configure(&self) {
        let mut text = String::new();
        let mut before = "none";
        for (user, sshd, key) in &self.hops {
            let lines = [
                format!("Host {user}s"),
                "HostName 127.0.0.1".to_owned(),
                format!("Port {}", sshd.port()),
                format!("User {user}"),
                format!("IdentityFile {}", key.path.display()),
                "IdentitiesOnly yes".to_owned(),
                format!("UserKnownHostsFile {}", self.world.known_hosts().display()),
                format!("ProxyJump {before}"),
            ];
            text += &(lines.join("\n ") + "\n");
            before = match *user {
                "alice" => "alices",
                _ => "bobs",
            };
        }
        std::fs::write(self.config(), text).expect("an ssh_config");
    }

    fn config(&self) -> std::path::PathBuf {
        self.world.home().join(".ssh/config")
    }

    /// Who the session ends up as, and that each hop saw its own user.
    fn gets_in_as_carol(&self, id: &str, spec: Value) {
        let agent = self.world.agent();
        agent
            .call("ssh_connect", json!({"id": id, "spec": spec}))
            .ok();
        let call = json!({"session_id": id, "command": "id -un"});
        let ran = agent.call("ssh_exec", call).ok();
        assert_eq!(
            ran["stdout"].as_str().map(str::trim),
            Some("carol"),
            "{ran}"
        );
        for (user, sshd, _) in &self.hops {
            let log = sshd.log();
            let others = ["root", "alice", "bob", "carol"]
                .iter()
                .filter(|one| *one != user);
            assert!(log.contains(&format!(" for {user} from ")), "{log}");
            for other in others {
                assert!(!log.contains(&format!(" for {other} from ")), "{log}");
            }
        }
    }
}

#[test]
fn each_hop_gets_its_own_user_and_key_by_the_spec_alone() {
    let Some(users) = Sshd::with_users() else {
        println!("sshd has users of its own only as root");
        return;
    };
    let chain = Chain::new(&[users]);
    let spec = chain.spec(|key| json!({"key_path": key.path}));
    chain.gets_in_as_carol("web", spec);
}

#[test]
fn each_hop_gets_its_own_user_and_key_by_ssh_config_alone_as_ssh_gets_in() {
    let Some(users) = Sshd::with_users() else {
        println!("sshd has users of its own only as root");
        return;
    };
    let chain = Chain::new(&[users]);
    chain.configure();
    // The real ssh starts another for each hop, and finds it on its PATH.
    let mut ssh = programs::command("ssh");
    ssh.arg("-F").arg(chain.config());
    let output = ssh
        .args(["-o", "BatchMode=yes", "carols", "id", "-un"])
        .output()
        .expect("ssh starts");
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert_eq!(said, "carol", "{output:?}");
    chain.gets_in_as_carol("carols", json!({}));
}

#[test]
fn each_hop_gets_its_own_users_password() {
    let (Some(users), Some(passwords)) = (Sshd::with_users(), Sshd::with_passwords()) else {
        println!("sshd has users of its own only as root");
        return;
    };
    let chain = Chain::new(&[users, passwords, "PubkeyAuthentication no"]);
    let spec = chain.spec(|_| json!({"password": Sshd::password()}));
    chain.gets_in_as_carol("web", spec);
}
