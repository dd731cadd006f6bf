//! `ssh_exec` and the jobs that come of it, on a real sshd.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::until::{SOON, pause, until_true};
use tests::{Agent, World};

fn exec(agent: &Agent, command: &str, more: Value) -> Value {
    let mut call = json!({"session_id": "web", "command": command});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    agent.call("ssh_exec", call).ok()
}

#[test]
fn a_command_ends_with_its_code_and_its_two_outputs_apart() {
    let world = World::new();
    let agent = world.connected("web");
    let result = exec(&agent, "echo out; echo err >&2; exit 7", json!({}));
    assert_eq!(result["state"], "exited");
    assert_eq!(
        (result["stdout"].as_str(), result["stderr"].as_str()),
        (Some("out\n"), Some("err\n"))
    );
    assert_eq!(result["exit_code"], 7);
}

#[test]
fn a_command_gets_its_variables_its_folder_and_its_input() {
    let world = World::new();
    let agent = world.connected("web");
    let more = json!({"env": {"STORY_A": "a b", "OTHER": "it's \"$x\""}, "cwd": world.remote("")});
    let result = exec(&agent, "echo \"$STORY_A|$OTHER\"; pwd; cat", more);
    let folder = world.home().join("remote");
    assert_eq!(
        result["stdout"],
        format!("a b|it's \"$x\"\n{}\n", folder.display())
    );
    assert_eq!(
        exec(&agent, "wc -c", json!({"stdin": "12345"}))["stdout"]
            .as_str()
            .map(str::trim),
        Some("5")
    );
}

#[test]
fn a_variable_of_the_callers_never_shows_in_a_command_line() {
    let world = World::new();
    let agent = world.connected("web");
    let shown = exec(
        &agent,
        "ps -A -ww -o args=",
        json!({"env": {"OTHER": "canary-in-env"}}),
    );
    assert!(
        !shown["stdout"]
            .as_str()
            .is_some_and(|text| text.contains("canary-in-env"))
    );
}

#[test]
fn a_signal_is_told_by_name() {
    let world = World::new();
    let agent = world.connected("web");
    let result = exec(&agent, "kill -TERM $$", json!({}));
    assert_eq!(
        (result["state"].as_str(), result["signal"].as_str()),
        (Some("signalled"), Some("TERM"))
    );
}

#[test]
fn what_takes_long_becomes_a_job_and_is_waited_for() {
    let world = World::new();
    let agent = world.connected("web");
    let first = exec(
        &agent,
        "echo begun; sleep 2; echo done",
        json!({"timeout_ms": 300}),
    );
    assert_eq!(
        (first["state"].as_str(), first.get("exit_code")),
        (Some("running"), None)
    );
    let job = first["job_id"].clone();
    let rest = agent.call("job_wait", json!({"job_id": job})).ok();
    assert_eq!(
        (rest["state"].as_str(), rest["exit_code"].as_i64()),
        (Some("exited"), Some(0))
    );
    // What the first answer had is not said again.
    let told = [&first, &rest].map(|one| one["stdout"].as_str().unwrap_or_default());
    assert_eq!(told.concat(), "begun\ndone\n");
    let all = agent.call("output_read", json!({"job_id": job})).ok();
    assert_eq!(all["data"], "begun\ndone\n");
}

#[test]
fn a_job_is_cancelled_and_ends_on_the_host() {
    let world = World::new();
    let agent = world.connected("web");
    let log = world.remote("beat");
    let line = format!("while :; do echo x >> {}; sleep 0.1; done", log.display());
    let job = exec(&agent, &line, json!({"background": true}))["job_id"].clone();
    until_true("it beats", SOON, || !world.remote_lines("beat").is_empty());
    assert_eq!(
        agent.call("job_cancel", json!({"job_id": job})).ok()["state"],
        "cancelled"
    );
    until_true("the beat stops", SOON, || {
        let before = world.remote_lines("beat").len();
        pause(std::time::Duration::from_millis(500));
        world.remote_lines("beat").len() == before
    });
}

#[test]
fn a_timeout_that_kills_returns_what_there_was() {
    let world = World::new();
    let agent = world.connected("web");
    let result = exec(
        &agent,
        "echo begun; sleep 60",
        json!({"timeout_ms": 500, "on_timeout": "kill"}),
    );
    assert_eq!(
        (result["timed_out"].as_bool(), result["stdout"].as_str()),
        (Some(true), Some("begun\n"))
    );
}

#[test]
fn much_output_is_cut_in_the_middle_and_readable_in_full() {
    let world = World::new();
    let agent = world.connected("web");
    let call = json!({"session_id": "web", "command": "seq 1 50000"});
    let reply = agent.call("ssh_exec", call);
    assert!(reply.text().len() <= 40_000, "{}", reply.text().len());
    let result = reply.ok();
    let shown = result["stdout"].as_str().unwrap_or_default();
    assert!(
        result["truncated"] == true && shown.starts_with("1\n2\n") && shown.ends_with("50000\n")
    );
    let read = json!({"job_id": result["job_id"], "tail": 2});
    assert_eq!(
        agent.call("output_read", read).ok()["data"],
        "49999\n50000\n"
    );
}

#[test]
fn a_client_that_vanishes_leaves_its_job() {
    let world = World::new();
    let agent = world.connected("web");
    let line = format!("sleep 1; echo done > {}", world.remote("log").display());
    exec(&agent, &line, json!({"background": true}));
    drop(agent);
    until_true("the job went on", SOON, || {
        world.remote_lines("log") == ["done"]
    });
}

#[test]
fn a_call_on_a_frozen_host_keeps_its_deadline_and_what_was_not_sent_is_withdrawn() {
    // With a single place no channel stands ready for the next command, which
    // would be sent at once.
    let world = World::with_sshd(&["MaxSessions 1"]);
    let agent = world.connected("web");
    exec(&agent, "true", json!({}));
    world.sshd.freeze();
    let start = Instant::now();
    let left = world.remote("ran");
    let command = format!("touch {}", left.display());
    let call = json!({"session_id": "web", "command": command, "timeout_ms": 500});
    let answer = agent.call("ssh_exec", call).ok();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(answer["state"], "running", "{answer}");
    let job = answer["job_id"].clone();
    let cancelling = agent.begin("job_cancel", json!({"job_id": job}));
    pause(Duration::from_millis(500));
    world.sshd.thaw();
    assert_eq!(cancelling.reply().ok()["state"], "cancelled");
    let after = agent.call("ssh_exec", json!({"session_id": "web", "command": "true"}));
    assert_eq!(after.ok()["exit_code"], 0);
    assert!(!left.exists(), "it ran all the same");
}

#[test]
fn what_a_small_answer_leaves_out_is_read_by_the_call_that_it_names() {
    let world = World::new();
    let agent = world.connected("web");
    let command = "seq 1 2000";
    let call = json!({"session_id": "web", "command": command, "max_output_bytes": 2000});
    let answer = agent.call("ssh_exec", call).ok();
    let shown = answer["stdout"].as_str().unwrap_or_default().to_owned();
    let (head, rest) = shown.split_once("\n[... ").expect("a cut");
    let call = rest
        .split_once("to read it: output_read ")
        .expect("a call")
        .1;
    let call = call.split_once(" ...]").expect("its end").0;
    let arguments = serde_json::from_str(call).expect("arguments as JSON");
    let next = agent.call("output_read", arguments).ok();
    let lines: Vec<String> = (1..=2000).map(|n| n.to_string()).collect();
    let whole = lines.join("\n") + "\n";
    let seen = format!("{head}{}", next["data"].as_str().unwrap_or_default());
    assert_eq!(seen, whole);
    assert_eq!(next["eof"], true);
}

#[test]
fn a_wait_for_words_that_were_printed_before_it_ends_at_once() {
    let world = World::new();
    let agent = world.connected("web");
    let command = "echo listening; exec sleep 60";
    let call = json!({"session_id": "web", "command": command, "background": true});
    let job = agent.call("ssh_exec", call).ok()["job_id"].clone();
    let printed = || agent.call("job_list", json!({})).ok()[0]["stdout_bytes"] == 10;
    until_true("the words are there", SOON, printed);
    let start = Instant::now();
    let call = json!({"job_id": job, "until": "listening", "timeout_ms": 20000});
    let answer = agent.call("job_wait", call).ok();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(answer["stdout"], "listening\n");
    agent.call("job_cancel", json!({"job_id": job})).ok();
}

#[test]
fn what_goes_on_is_running_in_history_until_it_has_ended() {
    let world = World::new();
    let agent = world.connected("web");
    let gate = world.remote("gate");
    let command = format!(
        "until [ -e {} ]; do sleep 0.05; done; exit 3",
        gate.display()
    );
    let call = json!({"session_id": "web", "command": command, "background": true});
    let job = agent.call("ssh_exec", call).ok()["job_id"].clone();
    let row = || agent.call("history", json!({"tool": "ssh_exec"})).ok()[0].clone();
    assert_eq!(row()["outcome"], "running");
    std::fs::write(&gate, "").expect("the gate opens");
    until_true("its end is on record", SOON, || row()["outcome"] == "ok");
    assert_eq!(row()["exit_code"], 3);
    assert_eq!(
        agent.call("job_wait", json!({"job_id": job})).ok()["exit_code"],
        3
    );
}
