//! A person's `~/.ssh/config` counts here as it does for `ssh`.

use serde_json::json;
use tests::{KeyAgent, World};

/// A world whose configuration names the server `web` and all it needs.
fn configured(more: &str) -> World {
    let world = World::new();
    write(&world, more);
    world
}

fn write(world: &World, more: &str) {
    let text = format!(
        "Host web other\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n{more}\n",
        world.sshd.port(),
        world.key.path.display(),
    );
    std::fs::write(world.home().join(".ssh/config"), text).expect("an ssh_config");
}

#[test]
fn an_alias_is_all_that_a_connect_needs() {
    let world = configured(" IdentitiesOnly yes\n ControlMaster auto\n ForwardX11 yes");
    let agent = world.agent();
    let opened = agent.call("ssh_connect", json!({"id": "web"})).ok();
    assert_eq!(opened["state"], "connected", "{opened}");
    assert_eq!(opened["active_address"], world.sshd.address());
    let ignored = opened["ssh_config_ignored"].to_string();
    assert!(
        ignored.contains("ControlMaster (~/.ssh/config:6)"),
        "{ignored}"
    );
    assert!(ignored.contains("ForwardX11"), "{ignored}");
    assert!(!ignored.contains("IdentitiesOnly"), "{ignored}");
    let spec = json!({"addresses": ["nowhere:1", "other"], "timeout": "5s"});
    let second = agent
        .call("ssh_connect", json!({"id": "second", "spec": spec}))
        .ok();
    assert_eq!(second["active_address"], world.sshd.address(), "{second}");
}

#[test]
fn what_changes_in_the_file_counts_at_the_next_dial() {
    let world = configured("");
    let agent = world.agent();
    agent.call("ssh_connect", json!({"id": "web"})).ok();
    write(&world, " HostKeyAlias elsewhere");
    let said = agent
        .call("ssh_reconnect", json!({"id": "web"}))
        .refused("host_key_unknown");
    assert!(said.contains("not known"), "{said}");
    let line = world.sshd.known_hosts_line();
    let (_, key) = line.split_once(' ').expect("a key");
    std::fs::write(world.home().join("own"), format!("elsewhere {key}")).expect("known_hosts");
    write(&world, " HostKeyAlias elsewhere\n UserKnownHostsFile ~/own");
    agent.call("ssh_reconnect", json!({"id": "web"})).ok();
}

#[test]
fn only_the_named_identities_of_an_agent_are_offered() {
    let mut world = World::with_sshd(&["MaxAuthTries 2"]);
    let keys = KeyAgent::start(&world.home().join("agent"));
    for at in 0..4 {
        keys.add(&tests::Key::new(
            &world.home().join(format!("other{at}")),
            "",
        ));
    }
    keys.add(&world.key);
    world.set("SSH_AUTH_SOCK", &keys.socket());
    // Only the agent has the private half.
    let public = world.home().join("public.pub");
    std::fs::copy(world.key.path.with_extension("pub"), &public).expect("the public half");
    let name = world.home().join("public").display().to_string();
    let config = |more: &str| {
        format!(
            "Host web\n HostName 127.0.0.1\n Port {}\n{more}\n",
            world.sshd.port()
        )
    };
    let path = world.home().join(".ssh/config");
    std::fs::write(&path, config("")).expect("an ssh_config");
    let agent = world.agent();
    agent
        .call("ssh_connect", json!({"id": "web"}))
        .refused("auth_failed");
    let named = format!(" IdentityFile {name}\n IdentitiesOnly yes");
    std::fs::write(&path, config(&named)).expect("an ssh_config");
    agent.call("ssh_connect", json!({"id": "web"})).ok();
}

#[test]
fn a_file_that_ssh_refuses_is_refused_with_its_line() {
    let world = configured(" Port none");
    let agent = world.agent();
    let said = agent
        .call("ssh_connect", json!({"id": "web"}))
        .refused("invalid_argument");
    assert!(said.contains(".ssh/config:5"), "{said}");
    agent
        .call("ssh_connect", json!({"id": "plain", "spec": world.spec()}))
        .ok();
    write(&world, "Match exec \"touch ran\"\n Port 1");
    let opened = agent.call("ssh_connect", json!({"id": "web"})).ok();
    let ignored = opened["ssh_config_ignored"].to_string();
    assert!(ignored.contains("Match exec"), "{ignored}");
    assert!(!world.home().join("work/ran").exists() && !world.home().join("ran").exists());
}

#[test]
fn a_way_that_is_not_followed_is_refused_and_not_left_out() {
    let world = configured(" ProxyCommand touch ran");
    let said = world
        .agent()
        .call("ssh_connect", json!({"id": "web"}))
        .refused("invalid_argument");
    assert!(said.contains("ProxyCommand"), "{said}");
    assert!(!world.home().join("work/ran").exists() && !world.home().join("ran").exists());
}

#[test]
fn the_names_of_the_file_are_listed() {
    let world = configured(
        " User deploy\n\nHost db.example\n ProxyJump ann@bastion:2222\nHost *.x\n User y",
    );
    let agent = world.agent();
    let rows = agent.call("ssh_hosts", json!({})).ok();
    let names: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["alias"].as_str())
        .collect();
    assert_eq!(names, ["db.example", "other", "web"]);
    assert_eq!(rows[0]["jump"], "ann@bastion:2222");
    assert_eq!(rows[2]["host"], "127.0.0.1");
    assert_eq!(rows[2]["user"], "deploy");
    let rows = agent.call("ssh_hosts", json!({"query": "DB"})).ok();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
}

#[test]
fn a_rule_against_a_host_also_hits_the_alias_that_leads_there() {
    let world = configured("");
    world.configure("[[deny]]\nhost = \"127.0.0.1\"\n");
    world
        .agent()
        .call("ssh_connect", json!({"id": "web"}))
        .refused("denied");
}
