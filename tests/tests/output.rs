//! Output that is too much to show, and what is kept of it.

use std::time::Duration;

use serde_json::{Value, json};
use tests::until::{SOON, until, until_true};
use tests::{Agent, World};

fn exec(agent: &Agent, command: &str, more: Value) -> Value {
    let mut call = json!({"session_id": "web", "command": command});
    call.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    agent.call("ssh_exec", call).ok()
}

fn read(agent: &Agent, job: &Value, more: Value) -> Value {
    let mut call = json!({"job_id": job["job_id"]});
    call.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    agent.call("output_read", call).ok()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn much_output_is_shown_by_its_ends_and_read_by_offset_tail_and_grep() {
    let world = World::new();
    let agent = world.connected("web");
    let shown = exec(&agent, "seq 2000000", json!({}));
    let stdout = text(&shown["stdout"]);
    assert!(stdout.len() < 40_000 && stdout.starts_with("1\n2\n"));
    assert!(stdout.ends_with("1999999\n2000000\n"));
    let total = 14_888_896;
    // What the answer says is left out is read by the call that it names.
    let (_, after) = stdout
        .split_once("[... ")
        .expect("words about what is left out");
    let left_out: u64 = after.split(' ').next().unwrap().parse().expect("a number");
    let (_, call) = after.split_once("output_read ").expect("a call");
    let (call, after) = call.split_once(" ...]\n").expect("its end");
    let call: Value = serde_json::from_str(call).expect("arguments");
    let offset = call["offset"].as_u64().expect("an offset");
    assert_eq!(offset + left_out + after.len() as u64, total);
    let first = agent.call("output_read", call.clone()).ok();
    let head = stdout.split("\n[... ").next().unwrap();
    let line = text(&first["data"]).trim_start().lines().next().unwrap();
    let last = head.lines().last().unwrap();
    assert!(
        line == last
            || line
                .parse::<u64>()
                .is_ok_and(|n| n == last.parse::<u64>().unwrap() + 1)
    );

    let tail = read(&agent, &shown, json!({"tail": 2}));
    assert_eq!(tail["data"], "1999999\n2000000\n");
    assert_eq!(
        (&tail["eof"], &tail["total"]),
        (&json!(true), &json!(total))
    );
    let found = read(&agent, &shown, json!({"grep": "^77777$", "context": 1}));
    assert_eq!(found["data"], "455544-77776\n455550:77777\n455556-77778\n");
    let there = read(&agent, &shown, json!({"offset": 455_550, "length": 5}));
    assert_eq!(
        (&there["data"], &there["eof"]),
        (&json!("77777"), &json!(false))
    );
    let history = agent.call("history", json!({"tool": "ssh_exec"})).ok();
    let by_call = json!({"seq": history[0]["seq"], "tail": 1});
    assert_eq!(agent.call("output_read", by_call).ok()["data"], "2000000\n");
}

#[test]
fn of_more_than_is_kept_the_middle_is_counted_and_memory_does_not_grow() {
    let world = World::new();
    let agent = world.connected("web");
    exec(&agent, "true", json!({}));
    let before = world.daemon().rss_kib();
    let flood = "echo begin; yes | head -c 1073741824; echo end";
    let more = json!({"background": true});
    let job = exec(&agent, flood, more);
    // Others are not held up, and memory is looked at all along.
    let mut most = 0;
    until_true("it ends", Duration::from_mins(4), || {
        most = most.max(world.daemon().rss_kib());
        assert_eq!(exec(&agent, "echo beside", json!({}))["stdout"], "beside\n");
        let jobs = agent.call("job_list", json!({})).ok();
        let runs = jobs
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["state"] == "running");
        !runs
    });
    println!("1 GiB: {before} KiB before, {most} KiB at most");
    assert!(most < before + 40_000, "{before} KiB grew to {most} KiB");
    let total = 1_073_741_824 + 10;
    let end = read(&agent, &job, json!({"tail": 1}));
    assert_eq!(
        (&end["data"], &end["total"]),
        (&json!("end\n"), &json!(total))
    );
    let found = read(&agent, &job, json!({"grep": "e"}));
    assert_eq!(found["data"], format!("0:begin\n{}:end\n", total - 4));
    assert_eq!(found["lost_bytes"], total - (16 << 20));
    assert!(text(&exec(&agent, "yes | head -c 100000", json!({}))["stdout"]).len() < 40_000);
}

#[test]
fn what_a_job_printed_is_there_after_the_daemon_was_killed() {
    let world = World::new();
    let agent = world.agent();
    let connect = json!({"id": "web", "spec": world.persistent()});
    agent.call("ssh_connect", connect).ok();
    let more = json!({"background": true});
    let ended = exec(&agent, "seq 3; exit 4", more.clone());
    let cut_off = exec(&agent, "echo before; sleep 60", more);
    until_true("both printed", SOON, || {
        let whole = read(&agent, &ended, json!({}))["eof"] == true;
        whole && read(&agent, &cut_off, json!({}))["data"] == "before\n"
    });
    world.daemon().kill();
    assert_eq!(read(&agent, &ended, json!({}))["data"], "1\n2\n3\n");
    assert_eq!(read(&agent, &cut_off, json!({}))["data"], "before\n");
    let rows = until("both are listed", SOON, || {
        let rows = agent.call("job_list", json!({"session_id": "web"})).ok();
        (rows.as_array()?.len() == 2).then_some(rows)
    });
    assert_eq!(
        (&rows[0]["state"], &rows[1]["state"]),
        (&json!("lost"), &json!("exited"))
    );
    assert_eq!(rows[1]["exit_code"], 4);
    let wait = agent.call("job_wait", json!({"job_id": cut_off["job_id"]}));
    let why = wait.refused("outcome_unknown");
    assert!(why.contains("the daemon ended while it ran"), "{why}");
}

#[test]
fn a_command_in_the_background_names_its_job_however_soon_it_ends() {
    let world = World::new();
    let agent = world.connected("web");
    for _ in 0..50 {
        let job = exec(&agent, "true", json!({"background": true}));
        assert!(text(&job["job_id"]).starts_with("job-"), "{job}");
    }
}

#[test]
fn colours_and_binary_are_harmless_as_text_and_whole_as_bytes() {
    let world = World::new();
    let agent = world.connected("web");
    let print = r"printf '\033[31mred\033[0m \033]52;c;aGk=\007 \377\000\342\200\256x\n'";
    let job = exec(&agent, print, json!({"background": true}));
    let whole = until("it ended", SOON, || {
        let whole = read(&agent, &job, json!({"encoding": "base64"}));
        (whole["eof"] == true).then_some(whole)
    });
    assert_eq!(
        whole["data"],
        "G1szMW1yZWQbWzBtIBtdNTI7YzthR2s9ByD/AOKArngK"
    );
    assert_eq!(read(&agent, &job, json!({}))["data"], "red  \u{fffd}x\n");
    // A line of 100 MB is one line, and harmless too.
    let line = exec(
        &agent,
        "head -c 100000000 /dev/zero | tr '\\0' x; echo",
        json!({}),
    );
    assert!(text(&line["stdout"]).len() < 40_000);
    let found = read(&agent, &line, json!({"grep": "y"}));
    assert_eq!(found["data"], "");
}
