//! A host for the scripts' tests: a home of its own, and a real sh.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::marker;
use super::super::remote_script::Preamble;
use super::{
    Answer, AnswerParser, Errand, Frame, FrameParser, Mark, Start, follow_script, signal_script,
    start_script,
};

/// Far more than anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where programs are looked for.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A host whose `sh` is a given one.
pub(in crate::link) struct Host {
    folder: tempfile::TempDir,
    /// The user's own, which sshd gives the exec request to.
    pub(in crate::link) login_shell: PathBuf,
    pub(in crate::link) path: String,
    pub(in crate::link) home: Option<PathBuf>,
}

/// What a follower has said so far.
#[derive(Debug, Default)]
pub(in crate::link) struct Heard {
    pub(in crate::link) stdout: Vec<u8>,
    pub(in crate::link) stderr: Vec<u8>,
    pub(in crate::link) exit: Option<u32>,
    pub(in crate::link) gone: Option<String>,
    pub(in crate::link) is_removed: bool,
}

/// A program that this machine has.
pub(in crate::link) fn program(name: &str) -> Option<PathBuf> {
    let mut places = PATH.split(':').map(|folder| Path::new(folder).join(name));
    places.find(|place| place.exists())
}

/// Runs `scene` on a host with each sh that is here.
pub(in crate::link) fn on_every_sh(scene: impl Fn(&Host) + Sync) {
    on_every_sh_named(|sh| scene(&Host::new(sh)));
}

/// Runs `scene` with each sh that is here: dash and bash always are.
pub(in crate::link) fn on_every_sh_named(scene: impl Fn(&Path) + Sync) {
    std::thread::scope(|scope| {
        for name in ["dash", "bash", "busybox", "zsh"] {
            if let Some(sh) = program(name) {
                let scene = &scene;
                scope.spawn(move || scene(&sh));
            } else {
                assert!(!["dash", "bash"].contains(&name), "{name} is missing");
            }
        }
    });
}

/// What a command said, which is text.
pub(in crate::link) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Waits for what will be so.
pub(in crate::link) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The script of `made` as it runs on a system without /proc, and with a ps(1) that
/// knows when processes started, or does not.
pub(in crate::link) fn without_proc(mut made: Preamble, has_starts: bool) -> Preamble {
    // As long as before: its length goes before it.
    let mut script = text(&made.fed).replace("/proc/", "/none/");
    if !has_starts {
        script = script.replace("lstart=", "nstart=");
    }
    made.fed = script.into_bytes();
    made
}

impl Host {
    pub(in crate::link) fn new(sh: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tools, home) = (folder.path().join("tools"), folder.path().join("it's home"));
        std::fs::create_dir(&tools).unwrap();
        std::fs::create_dir(&home).unwrap();
        if sh.ends_with("busybox") {
            // With its own tools as well, as on a small host.
            let mut install = Command::new(sh);
            install.arg("--install").arg("-s").arg(&tools);
            assert!(install.status().unwrap().success());
        } else {
            symlink(sh, tools.join("sh")).unwrap();
        }
        Self {
            path: format!("{}:{PATH}", tools.display()),
            login_shell: tools.join("sh"),
            home: Some(home),
            folder,
        }
    }

    pub(in crate::link) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(in crate::link) fn home(&self) -> PathBuf {
        self.folder.path().join("it's home")
    }

    pub(in crate::link) fn jobs(&self) -> PathBuf {
        self.home().join(".local/state/remote-shell-mcp/jobs")
    }

    pub(in crate::link) fn file(&self, mark: &Mark, name: &str) -> PathBuf {
        self.jobs().join(mark.to_string()).join(name)
    }

    /// As sshd does: the login shell runs the request, in the login folder.
    pub(in crate::link) fn exec(&self, request: &str) -> Child {
        let mut command = Command::new(&self.login_shell);
        command.args(["-c", request]).env_clear();
        command.env("PATH", &self.path).env("SHELL", "/bin/sh");
        command.env(marker::NAME, "of the channel");
        if let Some(home) = &self.home {
            command.env("HOME", home);
        }
        command.current_dir(self.home());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Feeds all, and reads to the end of the channel.
    pub(in crate::link) fn answer(&self, errand: Errand, mark: &Mark, made: &Preamble) -> Answer {
        let mut child = self.exec(&made.command);
        let mut stdin = child.stdin.take().unwrap();
        match stdin.write_all(&made.fed) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
            _ => drop(stdin),
        }
        let begun = Instant::now();
        let said = child.wait_with_output().unwrap().stdout;
        assert!(begun.elapsed() < DEADLINE, "the channel was kept open");
        let answer = AnswerParser::new(errand, mark).feed(&said).unwrap();
        answer.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&said)))
    }

    pub(in crate::link) fn start(&self, start: &Start<'_>) -> Answer {
        self.answer(Errand::Start, start.mark, &start_script(start).unwrap())
    }

    /// Starts `command` and nothing else.
    pub(in crate::link) fn job(&self, command: &str) -> Mark {
        let (mark, env) = (Mark::fresh(), BTreeMap::new());
        let (cwd, stdin) = (None, None);
        let answer = self.start(&Start {
            mark: &mark,
            command,
            env: &env,
            cwd,
            stdin,
        });
        assert!(
            matches!(answer, Answer::Started { pid: Some(_) }),
            "{answer:?}"
        );
        mark
    }

    pub(in crate::link) fn signal(&self, mark: &Mark, signal: &str) -> Answer {
        let made = signal_script(mark, signal).unwrap();
        self.answer(Errand::Signal, mark, &made)
    }

    /// A follower that goes on where `heard` ends.
    pub(in crate::link) fn follower(&self, mark: &Mark, heard: &Heard) -> (Child, ChildStdin) {
        let offset = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap();
        let made = follow_script(mark, offset(&heard.stdout), offset(&heard.stderr));
        let mut child = self.exec(&made.command);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&made.fed).unwrap();
        (child, stdin)
    }

    /// Hears a job out, and tells its follower `last` then.
    pub(in crate::link) fn hear(&self, mark: &Mark, last: &[u8]) -> Heard {
        let mut heard = Heard::default();
        self.hear_on(mark, &mut heard, usize::MAX, last);
        heard
    }

    /// The follower is killed after `bytes_max`.
    pub(in crate::link) fn hear_on(
        &self,
        mark: &Mark,
        heard: &mut Heard,
        bytes_max: usize,
        last: &[u8],
    ) {
        let (mut child, stdin) = self.follower(mark, heard);
        let mut stdin = Some(stdin);
        let mut parser = FrameParser::new(mark);
        let (mut buffer, mut total) = ([0; 8192], 0);
        let mut stdout = child.stdout.take().unwrap();
        while total < bytes_max {
            let room = buffer.len().min(bytes_max - total);
            let count = stdout.read(&mut buffer[..room]).unwrap();
            if count == 0 {
                break;
            }
            total += count;
            let mut came = &buffer[..count];
            while let Some(frame) = parser.next(&mut came).unwrap() {
                match frame {
                    Frame::Stdout(data) => heard.stdout.extend_from_slice(data),
                    Frame::Stderr(data) => heard.stderr.extend_from_slice(data),
                    Frame::Gone(words) => heard.gone = Some(words),
                    Frame::KeepAlive | Frame::Lost(_) => {}
                    Frame::Removed => heard.is_removed = true,
                    Frame::Exit(status) => {
                        heard.exit = Some(status);
                        stdin.take().unwrap().write_all(last).unwrap();
                    }
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
