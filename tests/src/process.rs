//! Other processes: signals, whether they live, what they started, how large
//! they are.

use std::collections::BTreeSet;

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, test_kill_process};

/// Sends `signal`; a process that is gone is no failure.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = to_pid(pid) {
        // ESRCH is the one possible outcome here that is not success.
        let _gone = kill_process(pid, signal).is_err();
    }
}

/// Whether the process still runs; a zombie does not, once its last thread is
/// gone and with it what the process had open.
pub fn is_alive(pid: u32) -> bool {
    let answers = to_pid(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    answers && (state(pid) != Some('Z') || threads(pid) > 1)
}

/// How many threads there are; none where the system does not say.
fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// All that `pid` started, and what those started, not `pid` itself.
pub fn descendants(pid: u32) -> BTreeSet<u32> {
    let parents = parents();
    let mut found = BTreeSet::new();
    let mut open = vec![pid];
    while let Some(parent) = open.pop() {
        for (child, _) in parents.iter().filter(|(_, of)| *of == parent) {
            if found.insert(*child) {
                open.push(*child);
            }
        }
    }
    found
}

/// The process's resident memory in KiB.
pub fn rss_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or_else(|| {
            ps(&["-o", "rss=", "-p", &pid.to_string()])
                .trim()
                .parse()
                .unwrap_or(0)
        })
}

/// The name of the process's program, empty when it is gone.
pub fn name(pid: u32) -> String {
    let path = format!("/proc/{pid}/cmdline");
    let line = std::fs::read_to_string(path)
        .unwrap_or_else(|_| ps(&["-o", "comm=", "-p", &pid.to_string()]));
    let first = line.split('\0').next().unwrap_or("").trim();
    first.rsplit('/').next().unwrap_or("").to_owned()
}

/// Everything that a look at the process table shows of command lines.
pub fn command_lines() -> String {
    ps(&["-A", "-ww", "-o", "args="])
}

/// The processes whose command line has these words.
pub fn pids_with(words: &str) -> Vec<u32> {
    let lines = ps(&["-A", "-ww", "-o", "pid=,args="]);
    let with = lines.lines().filter(|line| line.contains(words));
    with.filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Linux's one-letter state; elsewhere unknown.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

/// Each process and its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(listing) = std::fs::read_dir("/proc/") else {
        return parents_of_ps();
    };
    let pids = listing
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let behind = stat.rsplit(')').next()?.to_owned();
        Some((pid, behind.split_whitespace().nth(1)?.parse().ok()?))
    };
    pids.filter_map(parent).collect()
}

fn parents_of_ps() -> Vec<(u32, u32)> {
    let pair = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    };
    ps(&["-A", "-o", "pid=,ppid="])
        .lines()
        .filter_map(pair)
        .collect()
}

fn ps(arguments: &[&str]) -> String {
    std::process::Command::new("ps")
        .args(arguments)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}
