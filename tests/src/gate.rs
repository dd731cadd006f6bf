//! A command that goes on until the story opens its gate, and that is known in
//! the process table by the gate's path.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::until::{SOON, until_true};
use crate::{World, process};

/// A file of the host that a command waits for.
#[derive(Debug, Clone)]
pub struct Gate {
    path: PathBuf,
}

impl Gate {
    /// A closed one.
    pub fn new(world: &World) -> Self {
        Self {
            path: world.remote("gate"),
        }
    }

    /// The arguments of an `ssh_exec` on the session `web`: it prints, waits
    /// for the gate, and prints again.
    pub fn call(&self) -> Value {
        let command = format!("echo begun; {}; echo done", self.waits());
        json!({"session_id": "web", "command": command})
    }

    /// The same with `more` arguments.
    pub fn call_with(&self, more: Value) -> Value {
        let mut call = self.call();
        for (name, value) in more.as_object().into_iter().flatten() {
            call[name] = value.clone();
        }
        call
    }

    /// Lets the command end.
    pub fn open(&self) {
        std::fs::write(&self.path, "").expect("the gate opens");
    }

    /// Makes the next command wait again.
    pub fn close(&self) {
        std::fs::remove_file(&self.path).expect("the gate closes");
    }

    /// Whether a command waits on the host.
    pub fn holds(&self) -> bool {
        process::command_lines().contains(&self.waits())
    }

    /// Waits until a command waits on the host.
    #[track_caller]
    pub fn until_it_holds(&self) {
        until_true("a command waits at the gate", SOON, || self.holds());
    }

    /// Waits until no command waits on the host.
    #[track_caller]
    pub fn until_it_is_left(&self) {
        until_true("no command waits at the gate", SOON, || !self.holds());
    }

    fn waits(&self) -> String {
        let (gate, world) = (self.path.display(), self.path.with_file_name(""));
        // A command that outlives its story ends with the story's folder.
        let world = world.display();
        format!("while [ -d {world} ] && ! [ -e {gate} ]; do sleep 0.1; done")
    }
}
