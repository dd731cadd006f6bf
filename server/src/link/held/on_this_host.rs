//! The scripts on this machine, with every holder and every sh that it has: what
//! a shell gets and what is heard of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use super::super::durable::trial::{program, text, until};
use super::super::durable::{Answer, Errand, Mark};
use super::trial::{Heard, HeldHost, made, on_every_host};

#[test]
fn a_held_shell_gets_what_it_was_given_and_its_bytes_and_end_are_told() {
    on_every_host(|host| {
        let odd = "it's $HOME `id` \nand a second line\n";
        let mark = Mark::fresh();
        let command = "printf '%s|' \"$ODD\" \"$TERM\" \"${PWD##*/}\" \"$(stty size)\" \
                       \"${TMUX-}${STY-}${RSMCP_FOLDER-}\"; printf '\\033[1mx\\001\\n'; exit 7 # \u{e4}\n\n";
        let answer = host.ask(&mark, Some(command), &[("ODD", odd)]);
        host.assert_held(&mark, &answer);
        let mode = |name: &str| {
            let file = host.file(&mark, name);
            fs::metadata(file).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("."), mode("label")), (0o700, 0o600));
        let heard = host.hear_out(&mark);
        let odd = odd.replace('\n', "\r\n");
        let said = format!("{odd}|xterm-256color|it's home|33 101||\u{1b}[1mx\u{1}\r\n");
        assert_eq!(text(&heard.output), said);
        assert_eq!((heard.exit, heard.lost), (Some(7), 0));
        assert!(!host.file(&mark, "inner.sh").exists(), "secrets stay");
    });
}

#[test]
fn every_byte_of_a_held_shell_comes_once_however_often_its_followers_die() {
    on_every_host(|host| {
        let mark = host.open(Some("for n in $(seq 20000); do echo \"line $n\"; done"));
        let mut heard = Heard::default();
        let mut random = fastrand::Rng::with_seed(11);
        while heard.exit.is_none() && heard.gone.is_none() {
            let most = heard.output.len() + random.usize(1..60_000);
            host.hear(&mark, &mut heard, |heard| heard.output.len() >= most);
        }
        let lines: Vec<String> = (1..=20_000).map(|n| format!("line {n}\r\n")).collect();
        let all = lines.concat();
        assert_eq!((heard.lost, heard.exit), (0, Some(0)));
        let (came, whole) = (heard.output.len(), all.len());
        assert!(
            text(&heard.output) == all,
            "{}: {came} of {whole}",
            host.holder
        );
    });
}

/// How long a recorder is stopped: longer than any moment that a follower grants it.
const BEHIND: Duration = Duration::from_secs(3);

#[test]
fn a_recorder_that_is_behind_when_the_shell_ends_misses_nothing() {
    on_every_host(|host| {
        let mark = host.open(Some("until [ -e gate ]; do sleep 0.05; done; seq 60000"));
        let folder = fs::canonicalize(host.file(&mark, ".")).unwrap();
        let recording = || {
            let listed = Command::new("ps")
                .args(["-eo", "pid=,args="])
                .output()
                .unwrap();
            let is_ours = |line: &&str| line.contains("recorder.sh") || line.contains("dd bs=1024");
            let pids = text(&listed.stdout)
                .lines()
                .filter(is_ours)
                .map(|line| line.split_whitespace().next().unwrap().to_owned());
            let here = |pid: &String| {
                fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder)
            };
            pids.filter(here).collect::<Vec<_>>()
        };
        let signal = |name: &str, pids: &[String]| {
            assert!(
                Command::new("kill")
                    .arg(name)
                    .args(pids)
                    .status()
                    .unwrap()
                    .success()
            );
        };
        until("it records", || recording().len() == 2);
        let pids = recording();
        signal("-STOP", &pids);
        fs::write(host.host.home().join("gate"), "").unwrap();
        // It is followed meanwhile, and nobody may take the end of what is there for
        // the end of all.
        let heard = std::thread::scope(|scope| {
            let heard = scope.spawn(|| host.hear_out(&mark));
            // It is the delay that is on trial.
            std::thread::sleep(BEHIND);
            signal("-CONT", &pids);
            heard.join().unwrap()
        });
        let lines: Vec<String> = (1..=60_000).map(|n| format!("{n}\r\n")).collect();
        let all = lines.concat();
        assert_eq!((heard.lost, heard.exit), (0, Some(0)));
        let (came, whole) = (heard.output.len(), all.len());
        assert!(
            text(&heard.output) == all,
            "{}: {came} of {whole}",
            host.holder
        );
    });
}

#[test]
fn what_nobody_followed_is_bounded_on_disk_and_counted() {
    const MANY: u64 = 30_000_000;
    on_every_host(|host| {
        let command = format!("head -c {MANY} /dev/zero | tr '\\0' x; echo the tail");
        let mark = host.open(Some(&command));
        let most = std::cell::Cell::new(0);
        until("all is recorded", || {
            let files = fs::read_dir(host.file(&mark, ".")).unwrap().flatten();
            let sizes = files.filter_map(|file| Some(file.metadata().ok()?.len()));
            most.set(sizes.sum::<u64>().max(most.get()));
            host.file(&mark, "recorded").exists()
        });
        assert!(most.get() < 13 << 20, "{}", most.get());
        let heard = host.hear_out(&mark);
        let tail = b"the tail\r\n";
        assert!(heard.output.ends_with(tail));
        assert!(heard.output.len() >= 4 << 20, "{}", heard.output.len());
        let all = heard.lost + heard.output.len() as u64;
        assert_eq!((all, heard.exit), (MANY + tail.len() as u64, Some(0)));
    });
}

#[test]
fn a_held_shell_starts_once_however_often_it_is_asked_for() {
    on_every_host(|host| {
        let mark = Mark::fresh();
        let command = "echo ran >>runs; read -r line";
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let answer = host.ask(&mark, Some(command), &[]);
                    host.assert_held(&mark, &answer);
                });
            }
        });
        let runs = host.host.home().join("runs");
        until("it runs", || runs.exists());
        let answer = host.ask(&mark, Some(command), &[]);
        host.assert_held(&mark, &answer);
        assert_eq!(fs::read_to_string(runs).unwrap(), "ran\n");
    });
}

#[test]
fn a_start_that_is_cut_off_holds_nothing_and_can_be_asked_for_again() {
    on_every_host(|host| {
        let mark = Mark::fresh();
        let mut cut = made(&mark, Some("echo ran"), &[]);
        cut.fed.pop();
        let answer = host.host.answer(Errand::Start, &mark, &cut);
        assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
        assert!(!host.file(&mark, ".").exists());
        // The host stopped in the middle of it.
        fs::create_dir(host.shells().join(mark.to_string())).unwrap();
        let answer = host.ask(&mark, Some("echo ran"), &[]);
        host.assert_held(&mark, &answer);
        assert_eq!(host.hear_out(&mark).output, b"ran\r\n");
    });
}

#[test]
fn a_host_without_a_holder_refuses_and_names_all_four() {
    let host = HeldHost::new(&program("dash").unwrap(), "true");
    let Answer::Refused(why) = host.ask(&Mark::fresh(), None, &[]) else {
        panic!("held");
    };
    for name in ["tmux", "screen", "dtach", "abduco"] {
        assert!(why.contains(name), "{why}");
    }
}

#[test]
fn a_held_shell_whose_keeper_was_killed_is_gone() {
    on_every_host(|host| {
        let mark = host.open(Some("echo first; kill -9 $PPID; exec sleep 60"));
        let heard = host.hear_out(&mark);
        assert!(heard.gone.is_some(), "{heard:?}");
        assert!(heard.says("first\r\n"), "{heard:?}");
    });
}

#[test]
fn an_end_leaves_no_process_and_no_folder() {
    on_every_host(|host| {
        let command = "trap '' HUP TERM; sleep 600 & echo child $! of; setsid sleep 601 & wait";
        let mark = host.open(Some(command));
        let mut heard = Heard::default();
        host.hear(&mark, &mut heard, |heard| heard.says(" of\r\n"));
        let name = format!("rsmcp-{mark}");
        let mentions = || {
            let listed = Command::new("ps").args(["-eo", "args"]).output().unwrap();
            text(&listed.stdout)
                .lines()
                .filter(|line| line.contains(&name))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert!(!mentions().is_empty(), "a person finds it");
        let pid = host.pid(&mark);
        let child = text(&heard.output).split(' ').nth(1).unwrap().to_owned();
        assert_eq!(host.end(&mark), Answer::Signalled);
        assert!(!host.file(&mark, ".").exists());
        for pid in [pid, child] {
            until("its processes are gone", || {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
                stat.map_or(true, |stat| stat.contains(") Z "))
            });
        }
        until("its holder is gone", || mentions().is_empty());
        assert!(matches!(host.end(&mark), Answer::Gone(_)));
    });
}
