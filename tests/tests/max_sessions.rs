//! Hosts that let only so many commands run at once on one connection.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::World;
use tests::until::until_true;

#[test]
fn more_commands_than_one_connection_takes_go_over_further_ones() {
    for most in ["MaxSessions 1", "MaxSessions 3"] {
        let world = World::with_sshd(&[most]);
        let agent = world.connected("web");
        // All of them run at the same time, or none would end.
        let meet = format!(
            "d={}; touch $d/$$; while [ $(ls $d | wc -l) -lt 8 ]; do sleep 0.1; done; echo met",
            world.remote("").display()
        );
        let call = json!({"session_id": "web", "command": meet});
        let begun: Vec<_> = (0..8)
            .map(|_| agent.begin("ssh_exec", call.clone()))
            .collect();
        for one in begun {
            assert_eq!(one.reply().ok()["stdout"], "met\n", "{most}");
        }
        let sessions = agent.call("ssh_list", json!({})).ok();
        assert_eq!(sessions.as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_command_that_has_the_only_place_is_ended_from_another_connection() {
    let world = World::with_sshd(&["MaxSessions 1"]);
    let agent = world.connected("web");
    let command = format!("sleep 60.{}", std::process::id());
    let call = json!({"session_id": "web", "command": command, "background": true});
    let job = agent.call("ssh_exec", call).ok();
    let begun = Instant::now();
    let row = agent
        .call("job_cancel", json!({"job_id": job["job_id"]}))
        .ok();
    assert_eq!(row["state"], "cancelled");
    assert!(begun.elapsed() < Duration::from_secs(5), "it waited");
    assert!(tests::process::pids_with(&command).is_empty());
}

#[test]
fn where_no_further_connection_is_had_commands_wait_their_turn_or_are_told_why() {
    let world = World::with_sshd(&["MaxSessions 1"]);
    let agent = world.connected("web");
    world.sshd.authorize_lines("");
    let call = json!({"session_id": "web", "command": "sleep 0.2; echo done"});
    let begun: Vec<_> = (0..4)
        .map(|_| agent.begin("ssh_exec", call.clone()))
        .collect();
    for one in begun {
        assert_eq!(one.reply().ok()["stdout"], "done\n");
    }
    let long = json!({"session_id": "web", "command": "sleep 15", "background": true});
    let job = agent.call("ssh_exec", long).ok();
    let late = json!({"session_id": "web", "command": "true", "timeout_ms": 1000});
    let begun = Instant::now();
    let why = agent.call("ssh_exec", late).refused("busy");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(
        why.contains("another connection failed") && why.contains("job_cancel"),
        "{why}"
    );
    agent
        .call("job_cancel", json!({"job_id": job["job_id"]}))
        .ok();
    // The host's place is free when the process has ended, which nobody can end.
    until_true("there is room again", Duration::from_secs(30), || {
        let call = json!({"session_id": "web", "command": "true", "timeout_ms": 1000});
        !agent.call("ssh_exec", call).is_error()
    });
}
