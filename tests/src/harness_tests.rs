//! The harness's own tests: what it stands on works without our programs.

use crate::{Key, KeyAgent, World, programs, world};

/// Whether the real ssh gets in with `more` arguments.
fn works(world: &World, more: &[&str]) -> bool {
    let known = world.home().join(".ssh/known_hosts");
    let mut ssh = programs::command("ssh");
    ssh.args([
        "-F",
        "none",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=yes",
    ])
    .arg("-o")
    .arg(format!("UserKnownHostsFile={}", known.display()))
    .args(["-p", &world.sshd.port().to_string()])
    .args(more)
    .arg(format!("{}@127.0.0.1", world::user()))
    .arg("true");
    ssh.output().is_ok_and(|output| output.status.success())
}

fn works_with(world: &World, key: &Key) -> bool {
    works(
        world,
        &[
            "-o",
            "IdentitiesOnly=yes",
            "-i",
            &key.path.display().to_string(),
        ],
    )
}

#[test]
fn the_server_lets_its_key_in_and_no_other() {
    let world = World::new();
    assert!(works_with(&world, &world.key), "{}", world.sshd.log());
    let other = Key::new(&world.home().join("other"), "");
    assert!(!works_with(&world, &other));
}

#[test]
fn the_server_can_be_killed_changed_and_started_again() {
    let mut world = World::new();
    world.sshd.kill();
    assert!(!works_with(&world, &world.key));
    world.sshd.up();
    assert!(works_with(&world, &world.key));
    world.sshd.rotate_host_key();
    assert!(!works_with(&world, &world.key));
    world.trust();
    assert!(works_with(&world, &world.key));
}

#[test]
fn an_agent_holds_keys() {
    let world = World::new();
    let agent = KeyAgent::start(&world.home().join("agent"));
    agent.add(&world.key);
    let option = format!("IdentityAgent={}", agent.socket());
    assert!(works(&world, &["-o", &option]));
}
