//! The program's main job, step by step, against a throw-away SSH server: a
//! session outlives the daemon. Everything made here is gone at the end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use schema::place::{Place, Surroundings};
use serde_json::{Value, json};
use tests::until::{SOON, until};
use tests::{Agent, Daemon, Era, Reply, programs};

fn main() -> ExitCode {
    let home = tempfile::Builder::new()
        .prefix("rsm-")
        .tempdir()
        .expect("a temporary home");
    let (mut server, hello) = start_server(&home.path().join("host"));
    let agent = Agent::start(bridge(home.path()), Era::Handshake);
    let worked = steps(home.path(), &agent, &hello);
    drop(agent);
    if let Some(daemon) = living(home.path()) {
        daemon.kill();
    }
    drop(server.stdin.take());
    drop(server.wait());
    drop(home);
    if worked {
        println!(
            "\nThe session outlived its daemon. Everything made for this demonstration is gone."
        );
        ExitCode::SUCCESS
    } else {
        println!("\nThe demonstration did not work.");
        ExitCode::FAILURE
    }
}

/// The story; false at the first step that fails.
fn steps(home: &Path, agent: &Agent, server: &Value) -> bool {
    let spec = json!({
        "user": "demo",
        "addresses": [format!("127.0.0.1:{}", server["port"])],
        "auth": {"key_path": server["key"]},
        "host_key": server["host_key"],
        "disable_ssh_config": true,
        "persistent": true,
    });
    let exec = |command: &str| json!({"session_id": "demo", "command": command});
    step(
        agent,
        "An agent opens a persistent session.",
        "ssh_connect",
        json!({"id": "demo", "spec": spec}),
    ) && step(
        agent,
        "It leaves something on the host.",
        "ssh_exec",
        exec("echo 'left before the crash' > note && uname -s"),
    ) && crash(home)
        && step(
            agent,
            "The agent just calls again, on the same bridge.",
            "ssh_exec",
            exec("cat note"),
        )
        && step(
            agent,
            "The session is back, and nobody opened it again.",
            "ssh_list",
            json!({}),
        )
        && step(agent, "And all of it is on record.", "history", json!({}))
}

fn crash(home: &Path) -> bool {
    let daemon = until("the daemon", SOON, || living(home));
    println!(
        "\n== kill -9 {}: the daemon is gone, with every connection it had.",
        daemon.pid()
    );
    daemon.kill();
    true
}

fn step(agent: &Agent, what: &str, tool: &str, arguments: Value) -> bool {
    println!("\n== {what}\n-> {tool} {arguments}");
    let reply: Reply = agent.call(tool, arguments);
    println!("<- {}", reply.text());
    !reply.is_error()
}

fn start_server(folder: &Path) -> (Child, Value) {
    let mut server = Command::new(programs::built("demo-sshd"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the demo server starts");
    let mut line = String::new();
    if let Some(stdout) = server.stdout.take() {
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the demo server's line");
    }
    let hello = serde_json::from_str(&line).expect("the demo server's line is JSON");
    println!(
        "== A throw-away SSH server listens on loopback.\n   {}",
        line.trim()
    );
    (server, hello)
}

fn bridge(home: &Path) -> Command {
    let mut bridge = Command::new(programs::bridge());
    bridge
        .env_clear()
        .env("HOME", home)
        .env("PATH", programs::path_variable())
        .current_dir(home);
    bridge
}

fn living(home: &Path) -> Option<Daemon> {
    let place = Place::resolve(&Surroundings {
        home: home.to_path_buf(),
        ..Surroundings::default()
    });
    Daemon::of(&place.handle).filter(Daemon::is_alive)
}
