//! The official SDKs, each driving the real bridge through the main job.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::{World, programs};

fn clients() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/clients"))
}

/// Runs a client's program with the bridge and the spec as its arguments.
fn drive(world: &World, mut client: Command) {
    let setting = json!({
        "bridge": programs::bridge(),
        "home": world.home(),
        "path": programs::path_variable(),
        "spec": world.persistent(),
    });
    let output = client
        .arg(setting.to_string())
        .output()
        .expect("the client starts");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let agent = world.agent();
    let rows = agent.call("ssh_list", json!({})).ok();
    assert_eq!(
        rows[0]["id"], "sdk",
        "what the client made is there for the next one"
    );
}

fn python(key: &str, story: &str) {
    let world = World::new();
    let mut client = Command::new(programs::foreign(key));
    client.arg(clients().join("python").join(story));
    drive(&world, client);
}

#[test]
fn the_python_sdk_of_the_newer_era() {
    python("python_modern", "modern.py");
}

#[test]
fn the_python_sdk_of_the_older_era() {
    python("python_older", "older.py");
}

#[test]
fn the_typescript_sdk() {
    let world = World::new();
    let mut client = Command::new(programs::foreign("node"));
    client
        .arg(clients().join("typescript/story.mjs"))
        .arg(programs::foreign("node_folder"));
    drive(&world, client);
}
