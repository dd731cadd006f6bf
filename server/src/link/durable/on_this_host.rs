//! The scripts on this machine, with every sh that it has: what a job gets and
//! what is heard of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::marker;
use super::trial::{Heard, Host, on_every_sh, program, text, until};
use super::{Answer, DONE, Errand, Mark, Start, start_script};

fn noise(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..bytes).map(|_| random.u8(..)).collect()
}

#[test]
fn a_job_gets_what_it_was_given_and_leaves_nothing_once_it_was_read() {
    let stdin = noise(3_000_000);
    on_every_sh(|host| {
        fs::create_dir(host.home().join("a b")).unwrap();
        let odd = "it's $HOME `id` \\n\nand a second line\n";
        let env: BTreeMap<_, _> = [("ODD".to_owned(), odd.to_owned())].into();
        let mark = Mark::fresh();
        let start = Start {
            mark: &mark,
            command: &format!(
                "cat; printf '%s|%s|%s|' \"$ODD\" \"${{PWD##*/}}\" \"${}\" >/dev/stderr\n\
                 umask >&2; exit 7 # \u{e4}\n\n",
                marker::NAME
            ),
            env: &env,
            cwd: Some("~/a b"),
            stdin: Some(&stdin),
        };
        assert!(matches!(host.start(&start), Answer::Started { .. }));
        let mode = |name: &str| {
            let file = host.file(&mark, name);
            fs::metadata(file).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("."), mode("stdout")), (0o700, 0o600));
        let heard = host.hear(&mark, b"");
        assert!(heard.stdout == stdin, "{}", heard.stdout.len());
        let said = text(&heard.stderr);
        assert!(said.starts_with(&format!("{odd}|a b|{mark}|")), "{said}");
        assert!(!said.ends_with("077\n"), "{said}");
        assert_eq!((heard.exit, heard.is_removed), (Some(7), false));
        for secret in ["command", "stdin"] {
            assert!(!host.file(&mark, secret).exists());
        }
        assert!(host.hear(&mark, DONE).is_removed);
        assert!(!host.file(&mark, ".").exists());
        assert_eq!(
            host.hear(&mark, DONE).gone.unwrap(),
            "the host has no such job"
        );
    });
}

#[test]
fn every_byte_comes_once_however_often_its_followers_die() {
    let (one, other) = (noise(5 << 20), noise((5 << 20) + 77));
    on_every_sh(|host| {
        fs::write(host.home().join("one"), &one).unwrap();
        fs::write(host.home().join("other"), &other).unwrap();
        let mark = host.job("cat one & cat other >&2; wait; echo");
        let mut heard = Heard::default();
        let mut random = fastrand::Rng::with_seed(11);
        while heard.exit.is_none() {
            host.hear_on(&mark, &mut heard, random.usize(100..3 << 20), b"");
        }
        assert!(heard.stdout == [&one[..], b"\n"].concat());
        assert!(heard.stderr == other);
    });
}

#[test]
fn a_job_starts_once_however_often_it_is_asked_for() {
    on_every_sh(|host| {
        let mark = Mark::fresh();
        let env = BTreeMap::new();
        let (cwd, stdin) = (None, None);
        let command = "echo ran >>runs; read -r go <gate";
        let gate = std::process::Command::new("mkfifo")
            .arg(host.home().join("gate"))
            .status();
        assert!(gate.unwrap().success());
        let start = Start {
            mark: &mark,
            command,
            env: &env,
            cwd,
            stdin,
        };
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..3).map(|_| scope.spawn(|| host.start(&start))).collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(
            matches!(answers[0], Answer::Started { pid: Some(_) }),
            "{answers:?}"
        );
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
        fs::write(host.home().join("gate"), "go\n").unwrap();
        assert_eq!(host.hear(&mark, b"").exit, Some(0));
        assert_eq!(host.start(&start), answers[0]);
        assert_eq!(
            fs::read_to_string(host.home().join("runs")).unwrap(),
            "ran\n"
        );
        let left = fs::read_dir(host.file(&mark, ".")).unwrap();
        assert!(left.count() < 8);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_ignores_no_signal_and_inherits_no_file() {
    on_every_sh(|host| {
        let request = "grep SigIgn /proc/$$/status; ls /proc/$$/fd; :";
        let heard = host.hear(&host.job(request), b"");
        let ignored = |mask: &str| {
            u64::from_str_radix(mask.trim_start_matches("SigIgn:").trim(), 16).unwrap()
        };
        let (mask, files) = text(&heard.stdout).split_once('\n').unwrap();
        // What this test was itself started with is not the scripts' doing.
        let plain = host.exec(request).wait_with_output().unwrap().stdout;
        let (own, plain) = text(&plain).split_once('\n').unwrap();
        // HUP, INT, QUIT and TERM.
        assert_eq!(ignored(mask) & !ignored(own) & 0x4007, 0, "{mask} {own}");
        let plain: Vec<_> = plain.lines().collect();
        assert!(files.lines().all(|file| plain.contains(&file)), "{files}");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn the_marker_is_the_commands_and_not_its_holders() {
    on_every_sh(|host| {
        let mark = host.job("echo; sleep 60; :");
        let said = host.file(&mark, "stdout");
        until("it runs", || {
            fs::read(&said).is_ok_and(|said| !said.is_empty())
        });
        let environment = |name: &str| {
            let line = fs::read_to_string(host.file(&mark, name)).unwrap();
            let pid = line.split(' ').next().unwrap();
            let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert!(environment("pid").contains(&format!("{}={mark}\0", marker::NAME)));
        assert!(!environment("holder").contains(marker::NAME));
        assert_eq!(host.signal(&mark, "KILL"), Answer::Signalled);
        assert!(host.hear(&mark, DONE).is_removed);
    });
}

#[test]
fn any_login_shell_takes_the_request_and_may_talk_first() {
    for name in ["dash", "bash", "zsh", "fish", "tcsh", "mksh"] {
        let Some(shell) = program(name) else { continue };
        let mut host = Host::new(&program("dash").unwrap());
        host.login_shell = shell;
        let mark = Mark::fresh();
        let env = BTreeMap::new();
        let (command, cwd, stdin) = ("echo \"it's $((1 + 1))\"", None, None);
        let mut made = start_script(&Start {
            mark: &mark,
            command,
            env: &env,
            cwd,
            stdin,
        })
        .unwrap();
        made.command.insert_str(0, "echo remote-shell-mcp; ");
        let answer = host.answer(Errand::Start, &mark, &made);
        assert!(
            matches!(answer, Answer::Started { .. }),
            "{name}: {answer:?}"
        );
        assert_eq!(host.hear(&mark, DONE).stdout, b"it's 2\n", "{name}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_command_line_shows_what_a_job_is_given() {
    let host = Host::new(&program("dash").unwrap());
    let (mark, canary) = (Mark::fresh(), Mark::fresh().to_string());
    fs::create_dir(host.home().join(&canary)).unwrap();
    let env = [("A".to_owned(), canary.clone())].into();
    let command = format!(": {canary}; read -r line");
    let start = Start {
        mark: &mark,
        command: &command,
        env: &env,
        cwd: Some(&canary),
        stdin: Some(canary.as_bytes()),
    };
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line).into_owned();
                    seen.extend(line.contains(&canary).then_some(line));
                }
            }
            seen
        });
        host.start(&start);
        host.hear(&mark, DONE);
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        watcher.join().unwrap()
    });
    let allowed = format!("/bin/sh\0-c\0{command}\0");
    assert!(seen.iter().all(|line| *line == allowed), "{seen:?}");
}
