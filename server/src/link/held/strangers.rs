//! The scripts on this machine: what is not the shell's, though it looks like it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::super::durable::trial::{on_every_sh_named, program, until, without_proc};
use super::super::durable::{Answer, Errand, Mark};
use super::end_script;
use super::trial::{HeldHost, made};

/// The holders that the machine has.
const HOLDERS: [&str; 3] = ["tmux", "screen", "dtach"];

/// A process of somebody else's, and the shell that waits for it.
struct Stranger {
    parent: Child,
    pid: String,
}

impl Stranger {
    fn new() -> Self {
        let mut sh = Command::new("sh");
        sh.args(["-c", "setsid sleep 60 & echo $!; wait"]);
        let mut parent = sh.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(parent.stdout.take().unwrap());
        let mut pid = String::new();
        said.read_line(&mut pid).unwrap();
        let pid = pid.trim().to_owned();
        Self { parent, pid }
    }

    fn lives(&mut self) -> bool {
        lives(&self.pid) && self.parent.try_wait().unwrap().is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-KILL", &self.pid]).status());
        self.parent.wait().unwrap();
    }
}

fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn node() -> String {
    let name = Command::new("uname").arg("-n").output().unwrap().stdout;
    String::from_utf8(name).unwrap().trim().to_owned()
}

#[test]
fn a_label_is_listed_as_it_is() {
    on_every_sh_named(|sh| {
        let host = HeldHost::new(sh, "dtach");
        let mark = host.open(Some("read -r line"));
        let label = r"main on CORP\carl\ncheck\c";
        fs::write(host.file(&mark, "label"), label).unwrap();
        let listed = host.list(|made| made);
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(
            (listed[0].state.as_str(), listed[0].label.as_str()),
            ("lives", label)
        );
    });
}

#[test]
fn a_process_that_has_only_the_number_of_a_shell_is_left_alone() {
    on_every_sh_named(|sh| {
        let host = HeldHost::new(sh, "dtach");
        let (mark, mut stranger) = (Mark::fresh(), Stranger::new());
        fs::create_dir_all(host.shells().join(mark.to_string())).unwrap();
        let pid = format!("{} - - {}\n", stranger.pid, node());
        fs::write(host.file(&mark, "pid"), pid).unwrap();
        fs::write(host.file(&mark, "holder"), format!("dtach rsmcp-{mark}\n")).unwrap();
        let end = without_proc(end_script(&mark), false);
        let answer = host.host.answer(Errand::Signal, &mark, &end);
        assert_eq!(answer, Answer::Signalled);
        assert!(stranger.lives());
        assert!(!host.file(&mark, ".").exists());
    });
}

#[test]
fn a_shell_on_a_system_without_proc_is_known_and_ended() {
    for (holder, has_starts) in HOLDERS
        .iter()
        .flat_map(|name| [(name, true), (name, false)])
    {
        let host = HeldHost::new(&program("dash").unwrap(), holder);
        let mark = Mark::fresh();
        let start = without_proc(made(&mark, Some("sleep 60; :"), &[]), has_starts);
        let answer = host.host.answer(Errand::Start, &mark, &start);
        host.assert_held(&mark, &answer);
        let listed = host.list(|made| without_proc(made, has_starts));
        assert_eq!(listed[0].state, "lives");
        let pid = host.pid(&mark);
        let end = without_proc(end_script(&mark), has_starts);
        let answer = host.host.answer(Errand::Signal, &mark, &end);
        assert_eq!(answer, Answer::Signalled);
        until("it is gone", || !lives(&pid));
    }
}

#[test]
fn a_shell_of_another_host_that_shares_the_home_is_left_to_it() {
    on_every_sh_named(|sh| {
        let host = HeldHost::new(sh, "dtach");
        let mark = host.open(Some("read -r line"));
        let was = fs::read_to_string(host.file(&mark, "pid")).unwrap();
        let pid = host.pid(&mark);
        fs::write(host.file(&mark, "pid"), format!("{pid} 0-1 7 theirs\n")).unwrap();
        assert_eq!(host.list(|made| made)[0].state, "elsewhere");
        assert_eq!(host.end(&mark), Answer::Refused("theirs".into()));
        assert!(lives(&pid) && host.file(&mark, "pid").exists());
        fs::write(host.file(&mark, "pid"), was).unwrap();
        assert_eq!(host.end(&mark), Answer::Signalled);
    });
}
