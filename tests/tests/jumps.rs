//! Hosts behind jump hosts, each with its own key, by the spec alone and by
//! ssh_config alone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::until::{SOON, until_true};
use tests::{Agent, Key, Sshd, World};

/// Two jump hosts before the world's own server. Each lets in one key alone.
struct Chain {
    first: Sshd,
    second: Sshd,
    keys: [Key; 2],
    world: World,
}

impl Chain {
    fn new() -> Self {
        let world = World::new();
        let key = |name: &str| Key::new(&world.home().join(name), "");
        let keys = [key("key1"), key("key2")];
        let server = |name: &str, key: &Key| {
            let mut sshd = Sshd::start(&world.home().join(name), &[]);
            sshd.authorize(&[key]);
            sshd
        };
        let first = server("first", &keys[0]);
        let second = server("second", &keys[1]);
        let known = [&first, &second, &world.sshd].map(Sshd::known_hosts_line);
        std::fs::write(world.home().join(".ssh/known_hosts"), known.concat()).expect("known_hosts");
        Self {
            first,
            second,
            keys,
            world,
        }
    }

    fn spec(&self) -> Value {
        let jump = |sshd: &Sshd, key: &Key| json!({"addresses": ["127.0.0.1:1", sshd.address()], "auth": {"key_path": key.path}});
        let jumps = [
            jump(&self.first, &self.keys[0]),
            jump(&self.second, &self.keys[1]),
        ];
        self.world.spec_with(json!({"jump_hosts": jumps}))
    }

    fn configure(&self) {
        let host = |name: &str, sshd: &Sshd, key: &PathBuf, more: &str| {
            let (port, key) = (sshd.port(), key.display());
            format!("Host {name}\n HostName 127.0.0.1\n Port {port}\n IdentityFile {key}\n{more}\n")
        };
        let text = host("first", &self.first, &self.keys[0].path, "")
            + &host(
                "second",
                &self.second,
                &self.keys[1].path,
                " ProxyJump first",
            )
            + &host(
                "web",
                &self.world.sshd,
                &self.world.key.path,
                " ProxyJump second",
            );
        std::fs::write(self.world.home().join(".ssh/config"), text).expect("an ssh_config");
    }

    /// The session runs through all three, and ends with any of them.
    fn is_the_way_of(&self, agent: &Agent) {
        let run = json!({"session_id": "web", "command": "echo $SSH_CONNECTION"});
        let ran = agent.call("ssh_exec", run.clone()).ok();
        let said = ran["stdout"].as_str().expect("an output").to_owned();
        assert!(
            said.contains(&format!(" {}", self.world.sshd.port())),
            "{said}"
        );
        for server in [&self.first, &self.second] {
            assert!(!server.connections().is_empty(), "the way leads elsewhere");
            server.drop_connections();
            let lost = || agent.call("ssh_info", json!({"id": "web"})).ok()["state"] != "connected";
            until_true("the session is lost with its jump host", SOON, lost);
            // The next call dials the whole way anew.
            agent.call("ssh_exec", run.clone()).ok();
        }
    }
}

#[test]
fn a_chain_is_reached_by_the_spec_alone() {
    let chain = Chain::new();
    let agent = chain.world.agent();
    let call = json!({"id": "web", "spec": chain.spec()});
    let opened = agent.call("ssh_connect", call).ok();
    assert_eq!(
        opened["active_address"],
        chain.world.sshd.address(),
        "{opened}"
    );
    assert_eq!(opened["host_key"], chain.world.sshd.fingerprint());
    chain.is_the_way_of(&agent);
}

#[test]
fn a_chain_is_reached_by_ssh_config_alone() {
    let chain = Chain::new();
    chain.configure();
    let agent = chain.world.agent();
    agent.call("ssh_connect", json!({"id": "web"})).ok();
    chain.is_the_way_of(&agent);
}

#[test]
fn an_error_names_the_hop_that_it_is_of() {
    let mut chain = Chain::new();
    let agent = chain.world.agent();
    let call = json!({"id": "web", "spec": chain.spec()});
    let (second, address) = (chain.second.address(), chain.world.sshd.address());
    chain.world.sshd.kill();
    let said = agent
        .call("ssh_connect", call.clone())
        .refused("not_connected");
    assert!(said.contains(&second) && said.contains(&address), "{said}");
    chain.second.authorize(&[]);
    let said = agent
        .call("ssh_connect", call.clone())
        .refused("auth_failed");
    assert!(said.contains(&second), "{said}");
    chain.first.rotate_host_key();
    let said = agent.call("ssh_connect", call).refused("host_key_changed");
    assert!(said.contains(&chain.first.address()), "{said}");
    assert_eq!(agent.call("ssh_list", json!({})).ok(), json!([]));
}

/// Half of the times are shorter.
fn median_exec(agent: &Agent, id: &str) -> Duration {
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            let begun = Instant::now();
            let run = json!({"session_id": id, "command": "true"});
            agent.call("ssh_exec", run).ok();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
fn a_command_behind_jump_hosts_waits_for_no_timer() {
    let chain = Chain::new();
    let agent = chain.world.agent();
    let call = json!({"id": "web", "spec": chain.spec()});
    agent.call("ssh_connect", call).ok();
    let direct = json!({"id": "direct", "spec": chain.world.spec()});
    agent.call("ssh_connect", direct).ok();
    let (behind, direct) = (median_exec(&agent, "web"), median_exec(&agent, "direct"));
    // Nagle's algorithm against delayed acknowledgements costs 40 ms a command,
    // which was seen: 50 ms beside 8.
    let limit = direct * 2 + Duration::from_millis(20);
    println!("behind two jump hosts {behind:?}, direct {direct:?}");
    assert!(
        behind < limit,
        "{behind:?} behind two jump hosts, {direct:?} without"
    );
}
