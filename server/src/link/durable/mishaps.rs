//! The scripts on this machine, with every sh that it has: what goes wrong.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::trial::{Heard, Host, on_every_sh, program, text, until, without_proc};
use super::{Answer, DONE, Errand, Mark, Start, signal_of_status, signal_script, start_script};

#[test]
fn a_start_that_is_cut_off_runs_nothing_and_can_be_asked_for_again() {
    on_every_sh(|host| {
        let mark = Mark::fresh();
        let env = BTreeMap::new();
        let (command, cwd, stdin) = ("echo ran; cat", None, Some(&b"some"[..]));
        let start = Start {
            mark: &mark,
            command,
            env: &env,
            cwd,
            stdin,
        };
        let mut made = start_script(&start).unwrap();
        made.fed.pop();
        let Answer::Refused(words) = host.answer(Errand::Start, &mark, &made) else {
            panic!("started");
        };
        assert!(words.contains("before the whole job"), "{words}");
        assert!(!host.file(&mark, ".").exists());
        assert!(matches!(host.start(&start), Answer::Started { .. }));
        assert_eq!(host.hear(&mark, b"").stdout, b"ran\nsome");
    });
}

#[test]
fn an_end_is_told_whatever_the_command_does_to_its_holder() {
    on_every_sh(|host| {
        let end = |command: &str| host.hear(&host.job(command), b"");
        assert_eq!(end("true").exit, Some(0));
        assert_eq!(end("no-such-program").exit, Some(127));
        assert_eq!(end("kill -9 $$").exit, Some(137));
        let trapped = "for s in HUP INT QUIT TERM; do kill -s $s $PPID; done; exit 4";
        assert_eq!(end(trapped).exit, Some(4));
        let heard = end("echo first; kill -9 $PPID; sleep 0.3; echo second");
        assert_eq!(heard.exit, None);
        assert!(heard.stdout.starts_with(b"first\n"), "{heard:?}");
        assert!(heard.gone.unwrap().contains("killed"));
    });
}

#[test]
fn a_signal_ends_the_command_with_its_children_and_the_end_is_told() {
    on_every_sh(|host| {
        for (signal, trap) in [("TERM", ""), ("KILL", "trap '' TERM; ")] {
            let mark = host.job(&format!(
                "{trap}sh -c 'echo $$; exec sleep 60' & sleep 60; wait"
            ));
            let child = host.file(&mark, "stdout");
            until("the child runs", || {
                fs::read_to_string(&child).is_ok_and(|said| said.ends_with('\n'))
            });
            let child = fs::read_to_string(&child).unwrap();
            assert_eq!(host.signal(&mark, signal), Answer::Signalled);
            let status = host.hear(&mark, b"").exit.unwrap();
            assert_eq!(signal_of_status(status), Some(signal));
            let child = format!("/proc/{}/stat", child.trim());
            until("the child is gone", || {
                fs::read_to_string(&child).map_or(true, |stat| stat.contains(") Z "))
            });
            let gone = Answer::Gone("it has ended".into());
            assert_eq!(host.signal(&mark, signal), gone);
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_of_the_same_number_is_not_taken_for_the_job() {
    on_every_sh(|host| {
        let mark = host.job("sleep 60");
        let renamed = |name: &str, from: usize| {
            let file = host.file(&mark, name);
            let line = fs::read_to_string(&file).unwrap();
            let mut words: Vec<_> = line.split_whitespace().collect();
            words[from] = "other";
            fs::write(&file, words.join(" ") + "\n").unwrap();
            line
        };
        let pid = renamed("pid", 2);
        let ended = Answer::Gone("its process has ended".into());
        assert_eq!(host.signal(&mark, "KILL"), ended);
        renamed("holder", 1);
        assert!(host.hear(&mark, b"").gone.unwrap().contains("booted"));
        fs::write(host.file(&mark, "pid"), pid).unwrap();
        assert_eq!(host.signal(&mark, "KILL"), Answer::Signalled);
        until("its end", || host.file(&mark, "exit").exists());
    });
}

#[test]
fn a_job_without_a_start_time_is_known_by_its_holder() {
    let host = Host::new(&program("dash").unwrap());
    let mark = host.job("sleep 60");
    let signal = without_proc(signal_script(&mark, "TERM").unwrap(), false);
    let pid = |of: &str| fs::write(host.file(&mark, "pid"), format!("{of} - -\n")).unwrap();
    let line = fs::read_to_string(host.file(&mark, "pid")).unwrap();
    let own = line.split(' ').next().unwrap();
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    pid(&stranger.id().to_string());
    let ended = Answer::Gone("its process has ended".into());
    assert_eq!(host.answer(Errand::Signal, &mark, &signal), ended);
    assert!(stranger.try_wait().unwrap().is_none());
    pid(own);
    let answer = host.answer(Errand::Signal, &mark, &signal);
    assert_eq!(answer, Answer::Signalled);
    assert_eq!(host.hear(&mark, b"").exit, Some(143));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_home_that_takes_no_jobs_is_told_in_words() {
    on_every_sh(|host| {
        let refused = |home: Option<&str>| {
            let mut other = Host::new(&program("dash").unwrap());
            (other.path, other.login_shell) = (host.path.clone(), host.login_shell.clone());
            other.home = home.map(Into::into);
            let (mark, env) = (Mark::fresh(), BTreeMap::new());
            let (command, cwd, stdin) = ("true", None, None);
            match other.start(&Start {
                mark: &mark,
                command,
                env: &env,
                cwd,
                stdin,
            }) {
                Answer::Refused(words) => words,
                answer => panic!("{answer:?}"),
            }
        };
        assert!(refused(Some("")).contains("HOME"));
        assert!(refused(Some("relative")).contains("HOME"));
        let words = refused(Some("/dev/null"));
        assert!(
            words.starts_with("the folder for jobs cannot be made: "),
            "{words}"
        );
    });
}

#[test]
fn old_jobs_go_with_the_next_start() {
    on_every_sh(|host| {
        let (ended, running, fresh) = (host.job("true"), host.job("sleep 60"), host.job("true"));
        let lost = host.job("kill -9 $PPID");
        for mark in [&ended, &fresh] {
            assert_eq!(host.hear(mark, b"").exit, Some(0));
        }
        assert!(host.hear(&lost, b"").gone.is_some());
        let old = SystemTime::now() - Duration::from_hours(8 * 24);
        for mark in [&ended, &running, &lost] {
            let folder = fs::File::open(host.file(mark, ".")).unwrap();
            folder.set_modified(old).unwrap();
        }
        host.hear(&host.job("true"), b"");
        let is_there = |mark: &Mark| host.file(mark, ".").exists();
        assert_eq!(
            [&ended, &running, &lost, &fresh].map(is_there),
            [false, true, false, true]
        );
        assert_eq!(host.signal(&running, "TERM"), Answer::Signalled);
        assert_eq!(host.hear(&running, b"").exit, Some(143));
    });
}

#[test]
fn a_follower_that_nobody_reads_ends() {
    on_every_sh(|host| {
        let mark = host.job("sleep 60");
        let mut line = String::new();
        let (mut follower, stdin) = host.follower(&mark, &Heard::default());
        let mut stdout = BufReader::new(follower.stdout.take().unwrap());
        while !line.starts_with("remote-shell-mcp follow") {
            line.clear();
            stdout.read_line(&mut line).unwrap();
        }
        drop((stdout, stdin));
        until("the follower ends", || {
            follower.try_wait().unwrap().is_some()
        });
        assert_eq!(host.signal(&mark, "TERM"), Answer::Signalled);
        assert_eq!(host.hear(&mark, b"").exit, Some(143));
    });
}

#[test]
fn a_host_without_setsid_and_mkfifo_runs_jobs_all_the_same() {
    let mut host = Host::new(&program("dash").unwrap());
    host.path = host.folder().join("tools").display().to_string();
    let needed = "cat dd find ls mkdir mv rm rmdir sleep uname wc";
    for name in needed.split(' ') {
        let tool = host.folder().join("tools").join(name);
        std::os::unix::fs::symlink(program(name).unwrap(), tool).unwrap();
    }
    let mark = host.job("echo out; echo err >&2; sleep 60; :");
    assert_eq!(host.signal(&mark, "TERM"), Answer::Signalled);
    let heard = host.hear(&mark, DONE);
    assert_eq!(
        (text(&heard.stdout), text(&heard.stderr)),
        ("out\n", "err\n")
    );
    assert_eq!((heard.exit, heard.is_removed), (Some(143), true));
}
