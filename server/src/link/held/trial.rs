//! A host for the scripts' tests: one holder, one sh and the tools that a host
//! must have, each with real programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::durable::trial::{Host, program};
use super::super::durable::{Answer, Errand, Frame, FrameParser, Mark};
use super::super::remote_script::Preamble;
use super::{Ending, HeldScript, Left, end_script, held_script, list_script, rows, watch_script};

/// Far more than anything here takes.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// The holders of which a machine that runs the tests must have the first three;
/// the last is not in every distribution.
const HOLDERS: [&str; 4] = ["tmux", "screen", "dtach", "abduco"];

/// What the scripts may use besides a holder and sh.
const TOOLS: [&str; 25] = [
    "od", "date", "touch", "cat", "dd", "find", "grep", "head", "ls", "mkdir", "mkfifo", "mv",
    "ps", "rm", "rmdir", "script", "setsid", "sleep", "stty", "tail", "tr", "uname", "wc", "kill",
    "seq",
];

/// A host with one holder, or none.
pub(super) struct HeldHost {
    pub(super) host: Host,
    pub(super) holder: &'static str,
}

/// What followers have said so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) output: Vec<u8>,
    pub(super) lost: u64,
    pub(super) exit: Option<u32>,
    pub(super) gone: Option<String>,
}

impl Heard {
    pub(super) fn says(&self, words: &str) -> bool {
        let words = words.as_bytes();
        self.output.windows(words.len()).any(|piece| piece == words)
    }

    fn is_over(&self) -> bool {
        self.exit.is_some() || self.gone.is_some()
    }
}

/// Runs `scene` with each holder and each sh that are here.
pub(super) fn on_every_host(scene: impl Fn(&HeldHost) + Sync) {
    for holder in HOLDERS {
        if program(holder).is_none() {
            assert_eq!(holder, "abduco", "{holder} is missing");
            continue;
        }
        std::thread::scope(|scope| {
            for name in ["dash", "bash", "busybox", "zsh"] {
                if let Some(sh) = program(name) {
                    let scene = &scene;
                    scope.spawn(move || {
                        scene(&HeldHost::new(&sh, holder));
                    });
                }
            }
        });
    }
}

impl HeldHost {
    pub(super) fn new(sh: &Path, holder: &'static str) -> Self {
        let mut host = Host::new(sh);
        let tools = host.login_shell.parent().unwrap().to_owned();
        for tool in TOOLS.iter().chain([&holder]) {
            // What busybox brought is what its hosts have.
            if let Some(found) = program(tool)
                && !tools.join(tool).exists()
            {
                symlink(found, tools.join(tool)).unwrap();
            }
        }
        host.path = tools.display().to_string();
        Self { host, holder }
    }

    pub(super) fn shells(&self) -> PathBuf {
        self.host
            .home()
            .join(".local/state/remote-shell-mcp/shells")
    }

    pub(super) fn file(&self, mark: &Mark, name: &str) -> PathBuf {
        self.shells().join(mark.to_string()).join(name)
    }

    pub(super) fn ask(&self, mark: &Mark, command: Option<&str>, env: &[(&str, &str)]) -> Answer {
        let made = made(mark, command, env);
        self.host.answer(Errand::Start, mark, &made)
    }

    /// Opens a shell that runs `command`.
    pub(super) fn open(&self, command: Option<&str>) -> Mark {
        let mark = Mark::fresh();
        let answer = self.ask(&mark, command, &[]);
        self.assert_held(&mark, &answer);
        mark
    }

    pub(super) fn assert_held(&self, mark: &Mark, answer: &Answer) {
        let name = format!("{} rsmcp-{mark}", self.holder);
        assert_eq!(*answer, Answer::Held(name));
    }

    /// Follows from where `heard` ends, until that is enough or the shell ended.
    pub(super) fn hear(&self, mark: &Mark, heard: &mut Heard, is_enough: impl Fn(&Heard) -> bool) {
        let made = watch_script(mark, heard.lost + heard.output.len() as u64);
        let mut child = self.host.exec(&made.command);
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdin.write_all(&made.fed).unwrap();
        let (mut parser, mut ending) = (FrameParser::new(mark), Ending::new(mark));
        let (mut buffer, begun) = ([0; 4096], Instant::now());
        while !is_enough(heard) && !heard.is_over() {
            assert!(begun.elapsed() < DEADLINE, "not in time: {heard:?}");
            let count = stdout.read(&mut buffer).unwrap();
            assert!(count > 0, "the follower ended: {heard:?}");
            let mut came = &buffer[..count];
            while let Some(frame) = parser.next(&mut came).unwrap() {
                match frame {
                    Frame::Stdout(data) => heard.output.extend(ending.pass(data)),
                    Frame::Lost(bytes) => heard.lost += bytes,
                    Frame::Exit(status) => heard.exit = Some(status),
                    Frame::Gone(why) => heard.gone = Some(why),
                    Frame::KeepAlive => {
                        stdin.write_all(b"\n").unwrap();
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(super) fn hear_out(&self, mark: &Mark) -> Heard {
        let mut heard = Heard::default();
        self.hear(mark, &mut heard, |_| false);
        heard
    }

    pub(super) fn end(&self, mark: &Mark) -> Answer {
        self.host.answer(Errand::Signal, mark, &end_script(mark))
    }

    /// What its list tells, of a script that `change` may change.
    pub(super) fn list(&self, change: impl Fn(Preamble) -> Preamble) -> Vec<Left> {
        let mark = Mark::fresh();
        let made = change(list_script(&mark));
        let mut child = self.host.exec(&made.command);
        child.stdin.take().unwrap().write_all(&made.fed).unwrap();
        let said = child.wait_with_output().unwrap().stdout;
        rows(&String::from_utf8(said).unwrap(), &mark).unwrap()
    }

    /// The number of what waits in the terminal.
    pub(super) fn pid(&self, mark: &Mark) -> String {
        let line = fs::read_to_string(self.file(mark, "pid")).unwrap();
        line.split(' ').next().unwrap().to_owned()
    }
}

impl Drop for HeldHost {
    fn drop(&mut self) {
        for shell in fs::read_dir(self.shells()).into_iter().flatten().flatten() {
            if let Some(mark) = shell.file_name().to_str().and_then(Mark::parse) {
                self.end(&mark);
            }
        }
    }
}

pub(super) fn made(mark: &Mark, command: Option<&str>, env: &[(&str, &str)]) -> Preamble {
    let env: BTreeMap<_, _> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let held = HeldScript {
        mark,
        label: "web $(id) 'sh'\n",
        term: "xterm-256color",
        rows: 33,
        cols: 101,
        env: &env,
        command,
    };
    held_script(&held).unwrap()
}
