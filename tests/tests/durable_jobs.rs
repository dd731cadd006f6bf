//! Commands that outlive the link, the daemon and the session.

use std::time::Duration;

use serde_json::{Value, json};
use tests::until::{SOON, until, until_true};
use tests::{Agent, World};

const LONG: Duration = Duration::from_secs(40);

fn start(agent: &Agent, command: &str, more: Value) -> Value {
    let mut call = json!({"session_id": "web", "command": command, "durable": true});
    call.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    agent.call("ssh_exec", call).ok()
}

fn row(agent: &Agent, job: &Value) -> Value {
    let rows = agent.call("job_list", json!({})).ok();
    let rows = rows.as_array().cloned().unwrap_or_default();
    let mine = |row: &Value| row["id"] == job["job_id"];
    rows.into_iter().find(mine).expect("the job is listed")
}

fn ended(agent: &Agent, job: &Value) -> Value {
    until("the job ends", LONG, || {
        // Waiting has a link dialled that is down.
        agent.call(
            "job_wait",
            json!({"job_id": job["job_id"], "timeout_ms": 500}),
        );
        let row = row(agent, job);
        (row["state"] != "running").then_some(row)
    })
}

/// All of a stream as it is kept.
fn kept(agent: &Agent, job: &Value, stream: &str) -> String {
    let (mut all, mut offset) = (String::new(), json!(0));
    loop {
        let call = json!({"job_id": job["job_id"], "stream": stream, "offset": offset, "length": 1_000_000});
        let part = agent.call("output_read", call).ok();
        assert_eq!(part["lost_bytes"], 0);
        all.push_str(part["data"].as_str().unwrap());
        if part["eof"] == true {
            return all;
        }
        offset = part["next_offset"].clone();
    }
}

/// Prints numbers for some seconds, on both streams, and says how it ended.
const COUNT: &str = "i=0; while [ $i -lt 40 ]; do seq $((i * 1000 + 1)) $(((i + 1) * 1000)); \
                     echo e$i >&2; i=$((i + 1)); sleep 0.1; done; exit 7";

fn counted(agent: &Agent, job: &Value) {
    let row = ended(agent, job);
    assert_eq!(
        (&row["state"], &row["exit_code"]),
        (&json!("exited"), &json!(7)),
        "{row}"
    );
    let numbers: Vec<_> = (1..=40_000).map(|n| n.to_string()).collect();
    let all = numbers.join("\n") + "\n";
    assert!(kept(agent, job, "stdout") == all, "every byte once");
    let errors: Vec<_> = (0..40).map(|n| format!("e{n}")).collect();
    assert_eq!(kept(agent, job, "stderr"), errors.join("\n") + "\n");
}

fn left_on_the_host(world: &World) -> Vec<String> {
    let folder = host_folder(world);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn host_folder(world: &World) -> std::path::PathBuf {
    world.host_home().join(".local/state/remote-shell-mcp/jobs")
}

fn persistent(world: &World) -> Agent {
    let agent = world.agent();
    let connect = json!({"id": "web", "spec": world.persistent()});
    agent.call("ssh_connect", connect).ok();
    agent
}

#[test]
fn a_durable_job_answers_as_any_command_and_leaves_nothing_behind() {
    let world = World::with_a_host_home();
    let agent = persistent(&world);
    let more = json!({"stdin": "in", "env": {"A_B": "it's"}, "cwd": "/"});
    let result = start(
        &agent,
        "pwd; echo \"$A_B\"; cat; echo err >&2; exit 3",
        more,
    );
    assert_eq!(result["stdout"], "/\nit's\nin");
    assert_eq!(
        (&result["stderr"], &result["exit_code"]),
        (&json!("err\n"), &json!(3))
    );
    until_true("its folder goes", SOON, || {
        left_on_the_host(&world).is_empty()
    });
    let history = agent.call("history", json!({"tool": "ssh_exec"})).ok();
    assert_eq!(
        (&history[0]["outcome"], &history[0]["exit_code"]),
        (&json!("ok"), &json!(3))
    );
}

#[test]
fn every_byte_is_there_after_the_daemon_was_killed() {
    let world = World::with_a_host_home();
    let agent = persistent(&world);
    let job = start(&agent, COUNT, json!({"background": true}));
    for _ in 0..3 {
        let before = row(&agent, &job)["stdout_bytes"].as_u64().unwrap();
        until_true("it goes on", SOON, || {
            row(&agent, &job)["stdout_bytes"].as_u64().unwrap() > before
        });
        world.daemon().kill();
    }
    let history = agent.call("history", json!({"tool": "ssh_exec"})).ok();
    assert_eq!(history[0]["outcome"], "running", "{history}");
    counted(&agent, &job);
    until_true("its folder goes", SOON, || {
        left_on_the_host(&world).is_empty()
    });
    let history = agent.call("history", json!({"tool": "ssh_exec"})).ok();
    assert_eq!(
        (&history[0]["outcome"], &history[0]["exit_code"]),
        (&json!("ok"), &json!(7))
    );
}

#[test]
fn every_byte_is_there_after_the_link_was_cut() {
    let world = World::with_a_host_home();
    let line = world.line(Duration::from_millis(5));
    let agent = world.agent();
    let spec = world.spec_with(json!({"addresses": [line.address()]}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    let job = start(&agent, COUNT, json!({"background": true}));
    for _ in 0..3 {
        let before = row(&agent, &job)["stdout_bytes"].as_u64().unwrap();
        until_true("it goes on", SOON, || {
            agent.call(
                "job_wait",
                json!({"job_id": job["job_id"], "timeout_ms": 100}),
            );
            row(&agent, &job)["stdout_bytes"].as_u64().unwrap() > before
        });
        line.cut();
    }
    counted(&agent, &job);
}

#[test]
fn a_durable_job_stays_when_its_session_goes_and_is_found_by_the_next() {
    let world = World::with_a_host_home();
    let agent = persistent(&world);
    let job = start(&agent, COUNT, json!({"background": true}));
    let words = agent.call("ssh_disconnect", json!({"id": "web"})).words();
    assert!(words.contains("on the host goes on: job"), "{words}");
    world.daemon().kill();
    assert_eq!(row(&agent, &job)["state"], "running");
    let connect = json!({"id": "web", "spec": world.persistent()});
    agent.call("ssh_connect", connect).ok();
    counted(&agent, &job);
}

#[test]
fn a_cancelled_durable_job_ends_with_its_children_and_so_does_one_by_its_session() {
    let world = World::with_a_host_home();
    let agent = persistent(&world);
    let command = "sleep 4712 & sleep 4713; echo no";
    let job = start(&agent, command, json!({"background": true}));
    let cancelled = agent
        .call("job_cancel", json!({"job_id": job["job_id"]}))
        .ok();
    assert_eq!(cancelled["state"], "cancelled");
    let job = start(
        &agent,
        "trap '' TERM; sleep 4712; sleep 4713",
        json!({"background": true}),
    );
    let words = agent
        .call("ssh_disconnect", json!({"id": "web", "end_durable": true}))
        .words();
    assert!(words.contains("ended with it: job"), "{words}");
    assert_eq!(row(&agent, &job)["state"], "cancelled");
    until_true("nothing is left", SOON, || {
        let shown = std::process::Command::new("ps")
            .args(["-A", "-o", "args="])
            .output();
        !String::from_utf8_lossy(&shown.expect("ps").stdout).contains("sleep 471")
    });
    until_true("no folder is left", SOON, || {
        left_on_the_host(&world).is_empty()
    });
}

#[test]
fn what_cannot_be_started_durably_says_so_and_is_not_kept() {
    let world = World::with_a_host_home();
    let agent = persistent(&world);
    let state = world.host_home().join(".local");
    std::fs::write(&state, "in the way").expect("a file");
    let call = json!({"session_id": "web", "command": "echo ran", "durable": true});
    let why = agent.call("ssh_exec", call).refused("remote");
    assert!(why.contains("the folder for jobs cannot be made"), "{why}");
    std::fs::remove_file(&state).expect("it goes");
    // Its holder is killed: how it ended, nobody knows.
    let job = start(
        &agent,
        "echo before; sleep 4714",
        json!({"background": true}),
    );
    let holder = until("the holder is known", SOON, || {
        let name = left_on_the_host(&world).pop()?;
        let text = std::fs::read_to_string(host_folder(&world).join(name).join("holder")).ok()?;
        text.split(' ').next()?.parse::<u32>().ok()
    });
    until_true("it printed", SOON, || {
        row(&agent, &job)["stdout_bytes"] == 7
    });
    tests::process::signal(holder, tests::process::Signal::KILL);
    let lost = ended(&agent, &job);
    assert_eq!(lost["state"], "lost");
    let wait = agent.call("job_wait", json!({"job_id": job["job_id"]}));
    let why = wait.refused("outcome_unknown");
    assert!(why.contains("what waited for its end was killed"), "{why}");
    let left = json!({"session_id": "web", "command": "kill $(ps -A -o pid=,args= | awk '/[s]leep 4714/{print $1}')"});
    agent.call("ssh_exec", left).ok();
}
