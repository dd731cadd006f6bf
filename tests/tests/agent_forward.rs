//! Agent forwarding: a command on the host may use its own caller's agent, and
//! no other, as long as it runs.

use serde_json::{Value, json};
use tests::until::{SOON, until_true};
use tests::{Agent, Key, KeyAgent, World, programs};

/// An agent with one key, named `name`.
fn keys(world: &World, name: &str) -> (KeyAgent, Key) {
    let agent = KeyAgent::start(&world.home().join(format!("{name}.agent")));
    let key = Key::new(&world.home().join(name), "");
    agent.add(&key);
    (agent, key)
}

fn forwarding(world: &World) -> Value {
    world.spec_with(json!({"forward_agent": true}))
}

fn open(agent: &Agent, spec: &Value) {
    let call = json!({"id": "web", "spec": spec});
    assert_eq!(agent.call("ssh_connect", call).ok()["state"], "connected");
}

fn run(agent: &Agent, command: &str) -> String {
    let call = json!({"session_id": "web", "command": command});
    agent.call("ssh_exec", call).words()
}

/// What `ssh-add -l` says on the host.
fn listed(agent: &Agent) -> String {
    run(agent, &format!("timeout 5 {} -l 2>&1", ssh_add()))
}

fn ssh_add() -> String {
    programs::foreign("ssh_add").display().to_string()
}

#[test]
fn a_command_uses_its_callers_agent_also_after_a_reconnect() {
    let mut world = World::new();
    let (agent, key) = keys(&world, "mine");
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let client = world.agent();
    open(&client, &forwarding(&world));
    assert!(listed(&client).contains(&key.fingerprint()));
    world.sshd.drop_connections();
    until_true("the daemon has seen it", SOON, || {
        let info = client.call("ssh_info", json!({"id": "web"})).ok();
        info["state"] != "connected"
    });
    assert!(listed(&client).contains(&key.fingerprint()));
    client.call("ssh_reconnect", json!({"id": "web"})).ok();
    assert!(listed(&client).contains(&key.fingerprint()));
}

#[test]
fn nothing_is_forwarded_unasked() {
    let mut world = World::new();
    let (agent, key) = keys(&world, "mine");
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let client = world.agent();
    open(&client, &world.spec());
    let said = run(&client, "echo socket=$SSH_AUTH_SOCK.");
    assert!(said.contains("socket=."), "{said}");
    assert!(!listed(&client).contains(&key.fingerprint()));
}

#[test]
fn ssh_config_asks_for_it_and_may_name_the_agent() {
    let mut world = World::new();
    let (agent, key) = keys(&world, "mine");
    let (named, other) = keys(&world, "named");
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let config = |forward: &str| {
        let text = format!(
            "Host web\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n ForwardAgent {forward}\n",
            world.sshd.port(),
            world.key.path.display(),
        );
        std::fs::write(world.home().join(".ssh/config"), text).expect("an ssh_config");
    };
    let client = world.agent();
    for (forward, expected) in [
        ("yes", Some(&key)),
        (&named.socket(), Some(&other)),
        ("no", None),
    ] {
        config(forward);
        open(&client, &json!({}));
        let said = listed(&client);
        for key in [&key, &other] {
            let is_expected = expected.is_some_and(|one| one.path == key.path);
            assert_eq!(
                said.contains(&key.fingerprint()),
                is_expected,
                "{forward}: {said}"
            );
        }
        let info = client.call("ssh_info", json!({"id": "web"})).ok();
        assert!(
            !info["ssh_config_ignored"]
                .to_string()
                .contains("ForwardAgent")
        );
        client.call("ssh_disconnect", json!({"id": "web"})).words();
    }
}

#[test]
fn each_of_two_clients_on_one_session_uses_its_own() {
    let mut world = World::new();
    let (first_agent, first_key) = keys(&world, "first");
    let (second_agent, second_key) = keys(&world, "second");
    world.set("SSH_AUTH_SOCK", &first_agent.socket());
    let first = world.agent();
    world.set("SSH_AUTH_SOCK", &second_agent.socket());
    let second = world.agent();
    open(&first, &forwarding(&world));
    for _ in 0..2 {
        for (client, own, other) in [
            (&first, &first_key, &second_key),
            (&second, &second_key, &first_key),
        ] {
            let said = listed(client);
            assert!(said.contains(&own.fingerprint()), "{said}");
            assert!(!said.contains(&other.fingerprint()), "{said}");
        }
    }
    // While both run, the server does not say which of them asks.
    let long = json!({"session_id": "web", "command": "sleep 30", "background": true});
    let job = first.call("ssh_exec", long).ok();
    let said = listed(&second);
    assert!(!said.contains("SHA256"), "{said}");
    first.call("job_cancel", json!({"job_id": job["job_id"]}));
    assert!(listed(&second).contains(&second_key.fingerprint()));
}

#[test]
fn a_command_runs_where_nothing_can_be_forwarded() {
    let mut world = World::with_sshd(&["AllowAgentForwarding no"]);
    let (agent, _key) = keys(&world, "mine");
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let client = world.agent();
    open(&client, &forwarding(&world));
    assert!(run(&client, "echo ran").contains("ran"));

    let mut world = World::new();
    let (agent, _key) = keys(&world, "mine");
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let client = world.agent();
    open(&client, &forwarding(&world));
    drop(agent);
    let said = listed(&client);
    assert!(!said.contains("SHA256"), "{said}");
    assert!(run(&client, "echo ran").contains("ran"));
}

#[test]
fn what_a_command_leaves_behind_has_no_agent() {
    let mut world = World::new();
    let (agent, key) = keys(&world, "mine");
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let client = world.agent();
    open(&client, &forwarding(&world));
    let late = world.remote("late");
    let command = format!(
        "(sleep 1; timeout 5 {} -l; echo done) >{} 2>&1 </dev/null & echo $SSH_AUTH_SOCK",
        ssh_add(),
        late.display()
    );
    run(&client, &command);
    tests::until::until_true("the late command ends", tests::until::SOON, || {
        std::fs::read_to_string(&late).is_ok_and(|text| text.contains("done"))
    });
    let text = std::fs::read_to_string(&late).expect("what it said");
    assert!(!text.contains(&key.fingerprint()), "{text}");
}

#[test]
fn a_key_that_is_constrained_to_the_host_opens_it_and_is_not_lent_to_it() {
    let mut world = World::new();
    let (agent, free) = keys(&world, "free");
    let constrained = Key::new(&world.home().join("constrained"), "");
    agent.add_for(&constrained, &world.sshd.known_as(), &world.known_hosts());
    world.sshd.authorize(&[&constrained]);
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let client = world.agent();
    let auth = json!({"use_agent": true});
    let spec = json!({"forward_agent": true, "auth": auth});
    open(&client, &world.spec_with(spec));
    let lent = listed(&client);
    assert!(lent.contains(&free.fingerprint()), "{lent}");
    assert!(!lent.contains(&constrained.fingerprint()), "{lent}");
}
