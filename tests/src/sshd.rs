//! A real sshd on loopback, with keys of its own, that a story may stop,
//! freeze, kill and change.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::process::{self, Signal};
use crate::until::{SOON, until_true};
use crate::{Key, Network, sshd_config};

/// A server, and what it runs on.
#[derive(Debug)]
pub struct Sshd {
    folder: PathBuf,
    port: u16,
    extra: Vec<String>,
    network: Option<Network>,
    host_key: Key,
    child: Option<Child>,
}

impl Sshd {
    /// Starts one in `folder`, which is made. `extra` are lines of
    /// `sshd_config` that win over the harness's.
    pub fn start(folder: &Path, extra: &[&str]) -> Self {
        Self::start_at(folder, extra, None)
    }

    /// The same, on a machine of its own.
    pub fn start_at(folder: &Path, extra: &[&str], network: Option<Network>) -> Self {
        std::fs::create_dir_all(folder).expect("sshd's folder");
        let mut sshd = Self {
            folder: folder.to_path_buf(),
            port: free_port(),
            extra: extra.iter().map(|line| (*line).to_owned()).collect(),
            network,
            host_key: Key::new(&folder.join("host_key"), ""),
            child: None,
        };
        sshd.authorize(&[]);
        // A port that was free may be somebody's by now.
        for _ in 0..5 {
            if sshd.comes_up() {
                return sshd;
            }
            sshd.port = free_port();
        }
        sshd.up();
        sshd
    }

    /// The port, the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`, or that on its own machine.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host(), self.port)
    }

    /// The machine of its own.
    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("a server with a network")
    }

    fn host(&self) -> Ipv4Addr {
        self.network
            .as_ref()
            .map_or(Ipv4Addr::LOCALHOST, Network::address)
    }

    /// The host key's `SHA256:...`.
    pub fn fingerprint(&self) -> String {
        self.host_key.fingerprint()
    }

    /// The server's line of a known_hosts file.
    pub fn known_hosts_line(&self) -> String {
        format!("{} {}\n", self.known_as(), self.host_key())
    }

    /// `[ADDRESS]:PORT`, as known_hosts names the server.
    pub fn known_as(&self) -> String {
        format!("[{}]:{}", self.host(), self.port)
    }

    /// The public host key, `ssh-ed25519 AAAA...`.
    pub fn host_key(&self) -> String {
        without_comment(&self.host_key)
    }

    /// Starts it again with a certificate for its key by `authority`, made with
    /// these `arguments` of ssh-keygen's.
    pub fn certify(&mut self, authority: &Key, arguments: &[&str]) {
        self.kill();
        authority.certify_host(&self.host_key, arguments);
        let shown = self.folder.display();
        let line = format!("HostCertificate {shown}/host_key-cert.pub");
        if !self.extra.contains(&line) {
            self.extra.push(line);
        }
        self.up();
    }

    /// Lets exactly these keys in, from the next connection on.
    pub fn authorize(&mut self, keys: &[&Key]) {
        let lines: Vec<String> = keys.iter().map(|key| key.public_line()).collect();
        self.authorize_lines(&lines.join("\n"));
    }

    /// The same, by the text of `authorized_keys`.
    pub fn authorize_lines(&self, text: &str) {
        let path = self.folder.join("authorized_keys");
        std::fs::write(path, text.to_owned() + "\n").expect("authorized_keys");
    }

    /// A line of its configuration with which it has users of its own: `alice`,
    /// `bob` and `carol`; none where that cannot be, which takes root.
    pub fn with_users() -> Option<&'static str> {
        sshd_config::can_check_passwords().then_some(sshd_config::WITH_USERS)
    }

    /// Lets exactly this key in as the user `user`.
    pub fn authorize_user(&self, user: &str, key: &Key) {
        let path = self.folder.join(format!("keys-{user}"));
        std::fs::write(path, key.public_line() + "\n").expect("a user's keys");
    }

    /// Starts it again on its port.
    pub fn up(&mut self) {
        assert!(self.comes_up(), "sshd did not come up: {}", self.log());
    }

    fn comes_up(&mut self) -> bool {
        let config = sshd_config::write(&self.folder, &self.address(), &self.extra);
        let log = self.folder.join("log");
        let mut command = sshd_config::command(&self.folder, &config, &log, &self.extra);
        if let Some(network) = &self.network {
            command = network.enter(&command);
        }
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("sshd starts"));
        for _ in 0..500 {
            if !self.is_running() {
                return false;
            }
            if self.answers() {
                return true;
            }
            crate::until::pause(Duration::from_millis(20));
        }
        false
    }

    /// Kills the server and every connection.
    pub fn kill(&mut self) {
        self.signal_all(Signal::CONT);
        self.signal_all(Signal::KILL);
        if let Some(mut child) = self.child.take() {
            child.wait().expect("sshd is reaped");
        }
        until_true("sshd's port is closed", SOON, || {
            TcpStream::connect(self.address()).is_err()
        });
    }

    /// Its machine goes down and comes back with another address; the port stays.
    pub fn move_elsewhere(&mut self) {
        self.kill();
        self.network
            .as_mut()
            .expect("a server with a network")
            .move_elsewhere();
        self.up();
    }

    /// Kills the connections and leaves the listener.
    pub fn drop_connections(&self) {
        for pid in self.connections() {
            process::signal(pid, Signal::KILL);
        }
    }

    /// Stops every process of it, as a machine that hangs.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Gives it another host key, as a reinstalled machine has.
    pub fn rotate_host_key(&mut self) {
        self.kill();
        self.host_key = Key::new(&self.folder.join("host_key"), "");
        self.up();
    }

    /// A line of its configuration that lets the user in with [`Sshd::password`];
    /// none where sshd cannot check passwords, which takes root.
    pub fn with_passwords() -> Option<&'static str> {
        sshd_config::can_check_passwords().then_some(sshd_config::PASSWORDS)
    }

    /// Lines of its configuration that let the user in with [`Sshd::password`] by
    /// keyboard-interactive, and with a `second_factor` that nobody has.
    pub fn with_questions(second_factor: bool) -> Option<&'static str> {
        let lines = if second_factor {
            sshd_config::SECOND_FACTOR
        } else {
            sshd_config::QUESTIONS
        };
        sshd_config::can_check_passwords().then_some(lines)
    }

    /// The password of a server [`Sshd::with_passwords`].
    pub fn password() -> &'static str {
        sshd_config::PASSWORD
    }

    /// How many processes serve connections.
    pub fn connections(&self) -> Vec<u32> {
        self.pid()
            .map(|pid| process::descendants(pid).into_iter().collect())
            .unwrap_or_default()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn signal_all(&self, signal: Signal) {
        let Some(pid) = self.pid() else { return };
        // The listener first: it must not start another meanwhile.
        let below = process::descendants(pid);
        for pid in std::iter::once(pid).chain(below) {
            process::signal(pid, signal);
        }
    }

    fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address()) else {
            return false;
        };
        let mut line = String::new();
        let limited = stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .is_ok();
        let greeted = stream.write_all(b"SSH-2.0-story\r\n").is_ok();
        let read = BufReader::new(stream).read_line(&mut line).is_ok();
        limited && greeted && read && line.starts_with("SSH-2.0")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.signal_all(Signal::KILL);
        if let Some(mut child) = self.child.take() {
            drop(child.wait());
        }
    }
}

fn without_comment(key: &Key) -> String {
    let line = key.public_line();
    let words: Vec<&str> = line.split_whitespace().take(2).collect();
    words.join(" ")
}

/// Ports that were handed out: two stories at once must not get the same one
/// before either has its server up.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that was free a moment ago, and that no other story has.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.insert(port) {
            return port;
        }
    }
}
