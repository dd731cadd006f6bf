//! The scripts on this machine, with every holder and every sh that it has: what
//! is typed through an attached terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::super::durable::Mark;
use super::super::durable::trial::{program, until};
use super::attach_command;
use super::trial::{Heard, HeldHost, on_every_host};

/// A terminal that is attached to a held shell, as sshd makes it.
struct Attached {
    client: Child,
    /// Takes what it shows; a terminal's end is the end of all that hold it.
    showing: Child,
    typing: File,
}

impl Attached {
    fn to(host: &HeldHost, mark: &Mark, rows: u16, cols: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let mut options = File::options();
        options.read(true).write(true);
        options.custom_flags(i32::try_from(OpenptFlags::NOCTTY.bits()).unwrap());
        let theirs = options.open(name.to_str().unwrap()).unwrap();
        resize(&theirs, rows, cols);
        let stream = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = Command::new(program("setsid").unwrap());
        command.args(["-c", "-w"]).arg(&host.host.login_shell);
        command.args(["-c", &attach_command(mark)]).env_clear();
        command
            .env("PATH", format!("{}:/usr/bin:/bin", host.host.path))
            .env("HOME", host.host.home())
            .env("TERM", "xterm-256color");
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let client = command.spawn().unwrap();
        let typing = File::from(ours);
        let mut shown = typing.try_clone().unwrap();
        // A client drops what was typed before it has the terminal; it shows
        // something once it has.
        let mut first = [0; 1];
        shown.read_exact(&mut first).unwrap();
        let mut showing = Command::new("cat");
        showing
            .stdin(shown)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let showing = showing.spawn().unwrap();
        Self {
            client,
            showing,
            typing,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.typing.write_all(bytes).unwrap();
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        for child in [&mut self.client, &mut self.showing] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn resize(terminal: &File, rows: u16, cols: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}

/// What the shell says after `typed`, from where `heard` ends.
fn say(host: &HeldHost, mark: &Mark, heard: &mut Heard, words: &str) {
    host.hear(mark, heard, |heard| heard.says(words));
    assert!(heard.says(words), "{heard:?}");
}

#[test]
fn what_is_typed_reaches_the_shell_and_sizes_do_however_often_terminals_come_and_go() {
    on_every_host(|host| {
        let mark = host.open(Some(
            "echo up; while read -r line; do echo \"<$line $(stty size)>\"; done; exit 9",
        ));
        let mut heard = Heard::default();
        say(host, &mark, &mut heard, "up");
        // screen stays as large as a terminal that it takes for attached still.
        let turns = if host.holder == "screen" { 1 } else { 3 };
        for turn in 0..turns {
            let mut attached = Attached::to(host, &mark, 40 + turn, 120);
            let sized = format!("{} 120>", 40 + turn);
            // A holder takes a moment to take the size over.
            for again in 0..200 {
                attached.write(format!("{turn}.{again}\n").as_bytes());
                say(host, &mark, &mut heard, &format!("<{turn}.{again} "));
                if heard.says(&sized) {
                    break;
                }
            }
            assert!(heard.says(&sized), "{heard:?}");
            resize(&attached.typing, 50 + turn, 99);
            let sized = format!("{} 99>", 50 + turn);
            for again in 200..400 {
                attached.write(format!("{turn}.{again}\n").as_bytes());
                say(host, &mark, &mut heard, &format!("<{turn}.{again} "));
                if heard.says(&sized) {
                    break;
                }
            }
            assert!(heard.says(&sized), "{heard:?}");
        }
        let mut attached = Attached::to(host, &mark, 24, 80);
        attached.write(b"last\n");
        say(host, &mark, &mut heard, "<last ");
        attached.write(b"\x04");
        host.hear(&mark, &mut heard, |_| false);
        assert_eq!((heard.exit, heard.lost), (Some(9), 0));
    });
}

#[test]
fn every_key_reaches_the_program() {
    on_every_host(|host| {
        let mark = host.open(Some("stty raw -echo; echo up; cat >typed"));
        let mut heard = Heard::default();
        say(host, &mark, &mut heard, "up");
        let mut attached = Attached::to(host, &mark, 24, 80);
        let mut keys: Vec<u8> = (0..=127).collect();
        keys.extend("äöü€😀".as_bytes());
        keys.extend(b"\x1b[A\x1bOP\x1b[15~\x1b[1;5C\x1b[200~pasted\n\x1b[201~\x1bx\x01d\x02d");
        keys.extend(b"\x1c\x1d\x1ethe end");
        attached.write(&keys);
        let typed = || std::fs::read(host.host.home().join("typed")).unwrap_or_default();
        until("it is typed", || typed().ends_with(b"the end"));
        let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
        assert_eq!(shown(&typed()), shown(&keys), "{}", host.holder);
    });
}

#[test]
fn what_is_typed_reaches_the_shell_under_a_tmux_that_knows_not_every_setting() {
    let host = HeldHost::new(&program("dash").unwrap(), "tmux");
    let tmux = host.host.login_shell.with_file_name("tmux");
    std::fs::remove_file(&tmux).unwrap();
    // As one before 3.1 takes `latest`, and one before 2.1 a table of keys.
    let old = format!(
        "#!/bin/sh\n/bin/sed -i 's/latest/odd/; s/-T/-0/' ./setup\n\
         for word; do\nshift\ncase $word in latest) word=odd ;; -T) word=-0 ;; esac\n\
         set -- \"$@\" \"$word\"\ndone\nexec {} \"$@\"\n",
        program("tmux").unwrap().display()
    );
    std::fs::write(&tmux, old).unwrap();
    std::fs::set_permissions(&tmux, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mark = host.open(Some("echo up; read -r line; echo \"<$line>\"; exit 9"));
    let mut heard = Heard::default();
    say(&host, &mark, &mut heard, "up");
    let mut attached = Attached::to(&host, &mark, 24, 80);
    attached.write(b"typed\n");
    host.hear(&mark, &mut heard, |_| false);
    assert!(heard.says("<typed>"), "{heard:?}");
    assert_eq!(heard.exit, Some(9));
}

#[test]
fn an_echo_is_recorded_at_once() {
    on_every_host(|host| {
        let mark = host.open(Some("stty -icanon min 1 time 0; echo up; cat"));
        let mut heard = Heard::default();
        say(host, &mark, &mut heard, "up");
        let mut attached = Attached::to(host, &mark, 24, 80);
        let recorded = || {
            let files = std::fs::read_dir(host.file(&mark, ".")).unwrap().flatten();
            let outs = files.filter(|file| file.file_name().to_string_lossy().starts_with("out."));
            outs.map(|file| file.metadata().unwrap().len()).sum::<u64>()
        };
        attached.write(b"x");
        say(host, &mark, &mut heard, "x");
        let mut took = Vec::new();
        for _ in 0..30 {
            let (before, begun) = (recorded(), Instant::now());
            attached.write(b"x");
            while recorded() == before {
                assert!(begun.elapsed() < super::trial::DEADLINE, "no echo");
                std::thread::yield_now();
            }
            took.push(begun.elapsed());
        }
        took.sort();
        // What buffers would hold it back until there is more.
        assert!(took[15].as_millis() < 500, "{}: {took:?}", host.holder);
    });
}
