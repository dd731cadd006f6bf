//! What a command leaves on its host, by how it came to its end.

use std::time::Duration;

use serde_json::{Value, json};
use tests::until::{SOON, attempt, until_true};
use tests::{Agent, World, process};

/// A command, and the words by which its processes are known there.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    command: &'static str,
    durable: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "plain",
        command: "sleep 60.#; true",
        durable: false,
    },
    Kind {
        name: "with a child of a session of its own",
        command: "setsid sleep 60.# & sleep 60.#; true",
        durable: false,
    },
    Kind {
        name: "that ignores TERM",
        command: "trap '' TERM; sleep 60.#; sleep 60.#; true",
        durable: false,
    },
    Kind {
        name: "durable, with such a child",
        command: "setsid sleep 60.# & sleep 60.#; true",
        durable: true,
    },
];

/// How it comes to an end, and whether the command goes on then: plain, durable.
type End = (&'static str, fn(&World, &Agent, Value), bool, bool);

const ENDS: [End; 7] = [
    ("the call is cancelled", cancelled, false, false),
    ("its deadline kills", deadline, false, false),
    ("job_cancel", job_cancel, false, false),
    ("ssh_disconnect", disconnected, false, true),
    ("ssh_disconnect, end_durable", end_durable, false, false),
    ("its client vanishes", vanished, true, true),
    ("the daemon is killed", daemon_killed, true, true),
];

fn waits(number: usize) -> String {
    format!("60.{number:05}")
}

fn runs(number: usize) -> bool {
    process::command_lines().contains(&waits(number))
}

fn begun(agent: &Agent, call: Value) -> tests::Pending {
    let pending = agent.begin("ssh_exec", call.clone());
    let words = call["command"].as_str().unwrap_or_default();
    let number = words
        .split("60.")
        .nth(1)
        .and_then(|rest| rest.get(..5)?.parse().ok());
    let number = number.expect("its number");
    until_true("it runs", SOON, || runs(number));
    pending
}

fn in_background(agent: &Agent, mut call: Value) -> Value {
    call["background"] = json!(true);
    begun(agent, call).reply().ok()
}

fn cancelled(_world: &World, agent: &Agent, call: Value) {
    let pending = begun(agent, call);
    agent.cancel(&pending);
}

fn deadline(_world: &World, agent: &Agent, mut call: Value) {
    call["timeout_ms"] = json!(1000);
    call["on_timeout"] = json!("kill");
    let result = begun(agent, call).reply().ok();
    assert_eq!(result["timed_out"], true);
}

fn job_cancel(_world: &World, agent: &Agent, call: Value) {
    let job = in_background(agent, call);
    let row = agent
        .call("job_cancel", json!({"job_id": job["job_id"]}))
        .ok();
    assert_eq!(row["state"], "cancelled");
}

fn disconnected(_world: &World, agent: &Agent, call: Value) {
    in_background(agent, call);
    agent.call("ssh_disconnect", json!({"id": "web"})).words();
}

fn end_durable(_world: &World, agent: &Agent, call: Value) {
    in_background(agent, call);
    let all = json!({"id": "web", "end_durable": true});
    agent.call("ssh_disconnect", all).words();
}

fn vanished(world: &World, _agent: &Agent, call: Value) {
    let client = world.agent();
    begun(&client, call);
}

fn daemon_killed(world: &World, agent: &Agent, call: Value) {
    in_background(agent, call);
    world.daemon().kill();
}

#[test]
fn nothing_is_left_that_should_not_be() {
    let world = World::with_a_host_home();
    let agent = world.agent();
    let mut number = std::process::id() as usize % 100 * 100;
    println!("{:<30} {:<38} left on the host", "end", "command");
    for (end, bring_it, plain_goes_on, durable_goes_on) in ENDS {
        for kind in KINDS {
            number += 1;
            let connect = json!({"id": "web", "spec": world.persistent()});
            agent.call("ssh_connect", connect).ok();
            let command = kind.command.replace("60.#", &waits(number));
            let call = json!({"session_id": "web", "command": command, "durable": kind.durable});
            bring_it(&world, &agent, call);
            let goes_on = if kind.durable {
                durable_goes_on
            } else {
                plain_goes_on
            };
            let gone = attempt(
                if goes_on {
                    Duration::from_secs(1)
                } else {
                    SOON
                },
                || (!runs(number)).then_some(()),
            );
            let left = if gone.is_some() {
                "nothing"
            } else {
                "it goes on"
            };
            println!("{end:<30} {:<38} {left}", kind.name);
            assert_eq!(gone.is_none(), goes_on, "{end}, {kind:?}");
            // The story's own leftovers.
            for pid in process::pids_with(&waits(number)) {
                process::signal(pid, process::Signal::KILL);
            }
        }
    }
}
