//! A world of one story: a home, a server, the programs under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use schema::place::{Place, Surroundings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::until::{SOON, until};
use crate::{Agent, Daemon, Era, Key, Network, SlowLine, SmallDisk, Sshd, programs};

/// Everything that a story touches; gone when dropped, daemon included.
#[derive(Debug)]
pub struct World {
    home: TempDir,
    /// The server; its first key is [`World::key`].
    pub sshd: Sshd,
    /// A key that the server lets in.
    pub key: Key,
    environment: Vec<(String, String)>,
}

impl World {
    /// A home whose `known_hosts` has the server.
    pub fn new() -> Self {
        Self::with_sshd(&[])
    }

    /// The same with lines of `sshd_config`.
    pub fn with_sshd(extra: &[&str]) -> Self {
        Self::with_sshd_at(extra, None)
    }

    /// The same, the server on a machine of its own.
    pub fn with_sshd_at(extra: &[&str], network: Option<Network>) -> Self {
        // Short, since the daemon's socket has a path of 107 bytes at most.
        let home = tempfile::Builder::new()
            .prefix("rsm-")
            .tempdir()
            .expect("a home");
        for folder in [".ssh", "remote", "work"] {
            std::fs::create_dir(home.path().join(folder)).expect("a folder of the home");
        }
        let key = Key::new(&home.path().join("key"), "");
        let mut sshd = Sshd::start_at(&home.path().join("sshd"), extra, network);
        sshd.authorize(&[&key]);
        let world = Self {
            home,
            sshd,
            key,
            environment: Vec::new(),
        };
        world.trust();
        world
    }

    /// A world whose server gives commands a home of the story's own.
    pub fn with_a_host_home() -> Self {
        let world = Self::with_sshd(&["SetEnv SHLVL=2 HOME={folder}/home"]);
        std::fs::create_dir(world.host_home()).expect("a home on the host");
        world
    }

    /// That home.
    pub fn host_home(&self) -> PathBuf {
        self.home().join("sshd/home")
    }

    /// Sets a variable for every program started from here on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Writes the server's present key into `known_hosts`.
    pub fn trust(&self) {
        self.trust_lines(&self.sshd.known_hosts_line());
    }

    /// A line to the server with a delay; both are known.
    pub fn line(&self, one_way: Duration) -> SlowLine {
        let line = SlowLine::start(self.sshd.address(), one_way);
        let (port, key) = (line.port(), self.sshd.host_key());
        let beside = format!("[127.0.0.1]:{port} {key}\n");
        self.trust_lines(&(self.sshd.known_hosts_line() + &beside));
        line
    }

    /// Empties `known_hosts`.
    pub fn trust_nobody(&self) {
        self.trust_lines("");
    }

    /// Replaces the text of `known_hosts`.
    pub fn trust_lines(&self, text: &str) {
        std::fs::write(self.known_hosts(), text).expect("known_hosts");
    }

    /// The user's own `known_hosts`.
    pub fn known_hosts(&self) -> PathBuf {
        self.home().join(".ssh/known_hosts")
    }

    /// Whether the real ssh gets in with the world's key and `known_hosts`.
    pub fn ssh_gets_in(&self) -> bool {
        let mut ssh = programs::command("ssh");
        for option in [
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "GlobalKnownHostsFile=none".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            format!("UserKnownHostsFile={}", self.known_hosts().display()),
        ] {
            ssh.arg("-o").arg(option);
        }
        ssh.args(["-F", "none", "-p", &self.sshd.port().to_string(), "-i"])
            .arg(&self.key.path)
            .arg(format!("{}@127.0.0.1", user()))
            .arg("true");
        ssh.output().is_ok_and(|output| output.status.success())
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file of the folder that plays the host's disk.
    pub fn remote(&self, name: &str) -> PathBuf {
        self.home().join("remote").join(name)
    }

    /// A small disk of the host's at such a path.
    pub fn remote_disk(&mut self, name: &str) -> SmallDisk {
        let disk = SmallDisk::at(self.remote(name));
        self.sshd.kill();
        self.sshd.up();
        disk
    }

    /// The lines of such a file.
    pub fn remote_lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.remote(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Every path of the programs under test.
    pub fn place(&self) -> Place {
        Place::resolve(&Surroundings {
            home: self.home().to_path_buf(),
            ..Surroundings::default()
        })
    }

    /// Writes `config.toml`.
    pub fn configure(&self, text: &str) {
        let path = self.place().config;
        std::fs::create_dir_all(self.place().config_folder()).expect("the config folder");
        std::fs::write(path, text).expect("config.toml");
    }

    /// A spec that reaches the server with the key.
    pub fn spec(&self) -> Value {
        json!({
            "user": user(),
            "addresses": [self.sshd.address()],
            "auth": {"key_path": self.key.path},
            "disable_ssh_config": true,
        })
    }

    /// The same, with `more` fields over it.
    pub fn spec_with(&self, more: Value) -> Value {
        let mut spec = self.spec();
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        spec
    }

    /// The same, persistent.
    pub fn persistent(&self) -> Value {
        self.spec_with(json!({"persistent": true}))
    }

    /// A client of the older era on a bridge of its own.
    pub fn agent(&self) -> Agent {
        Agent::start(self.bridge(), Era::Handshake)
    }

    /// A client of the newer era.
    pub fn modern_agent(&self) -> Agent {
        Agent::start(self.bridge(), Era::Stateless)
    }

    /// A client with the session `id` open.
    #[track_caller]
    pub fn connected(&self, id: &str) -> Agent {
        let agent = self.agent();
        agent
            .call("ssh_connect", json!({"id": id, "spec": self.spec()}))
            .ok();
        agent
    }

    /// The bridge as a command in this home.
    pub fn bridge(&self) -> Command {
        self.command(&programs::bridge())
    }

    /// The same, and it and the daemon that it starts have `hosts` for `/etc/hosts`.
    /// Linux, as root.
    pub fn bridge_with_hosts(&self, hosts: &Path) -> Command {
        let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
        let mut command = self.command(&programs::foreign("unshare"));
        command.args(["--mount", "sh", "-c", script]);
        command.arg(hosts).arg(programs::bridge());
        command
    }

    /// The daemon as a command in this home.
    pub fn daemon_command(&self) -> Command {
        self.command(&programs::daemon())
    }

    /// A program in this home, its environment ours alone.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home())
            .env("USER", user())
            .env("PATH", programs::path_variable())
            .env("REMOTE_SHELL_MCP_FORMAT", "json")
            .envs(self.environment.iter().cloned())
            .current_dir(self.home().join("work"));
        command
    }

    /// The daemon that runs here.
    #[track_caller]
    pub fn daemon(&self) -> Daemon {
        until("a living daemon's handle", SOON, || {
            Daemon::of(&self.place().handle).filter(Daemon::is_alive)
        })
    }

    /// Everything that the programs under test wrote, as (path, bytes).
    pub fn written_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        for folder in [self.place().config_folder(), self.place().data_folder()] {
            read_below(folder, &mut files);
        }
        files
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (path, bytes) in self.written_files() {
                if path.extension().is_some_and(|ending| ending == "log") {
                    eprintln!("-- {}\n{}", path.display(), String::from_utf8_lossy(&bytes));
                }
            }
        }
        if let Some(daemon) = Daemon::of(&self.place().handle).filter(Daemon::is_alive) {
            daemon.thaw();
            crate::process::signal(daemon.pid(), crate::process::Signal::KILL);
        }
    }
}

/// Who runs the story, and so who can log in.
pub(crate) fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn read_below(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
    for path in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
    {
        let kind = std::fs::symlink_metadata(&path).map(|m| m.file_type());
        if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
            read_below(&path, into);
        } else if kind.is_ok_and(|kind| kind.is_file()) {
            let bytes = std::fs::read(&path).unwrap_or_default();
            into.push((path, bytes));
        }
    }
}
