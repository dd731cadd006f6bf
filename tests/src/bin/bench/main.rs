//! Figures of a release build, each beside the program that it is to be
//! compared with, in the same run. Named groups run alone; a whole run can be
//! written to a file.

mod commands;
mod files;
mod flood;
mod forwards;
mod line;
mod parallel;
mod peer;
mod sessions;
mod shells;
mod start;
mod table;

use std::fs;
use std::process::ExitCode;

use table::Table;
use tests::programs;

/// Measures and tells.
type Group = fn(&mut Table);

/// The groups, in the order in which they run.
const GROUPS: [(&str, Group); 9] = [
    ("start", start::run),
    ("commands", commands::run),
    ("line", line::run),
    ("parallel", parallel::run),
    ("sessions", sessions::run),
    ("shells", shells::run),
    ("forwards", forwards::run),
    ("files", files::run),
    ("flood", flood::run),
];

fn main() -> ExitCode {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    let written = match wanted.iter().position(|one| one == "--write") {
        Some(at) if at + 1 < wanted.len() => wanted.drain(at..at + 2).nth(1),
        _ => None,
    };
    let names = GROUPS.map(|(name, _)| name);
    if let Some(odd) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        println!("there is no group `{odd}`; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let mut table = Table::new();
    for (name, run) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            run(&mut table);
        }
    }
    if let Some(path) = written {
        fs::write(&path, page(&table)).expect("the page can be written");
    }
    table.verdict()
}

/// The table, and what it was made on.
fn page(table: &Table) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let ssh = programs::command("ssh").arg("-V").output();
    let ssh = ssh.map(|said| String::from_utf8_lossy(&said.stderr).trim().to_owned());
    format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench --write`: a release build, version {}, on {cores} cores of \
         {} with {}, which also is the server's. Machines differ and are noisy; what compares is \
         the ratio, both sides of which were measured in the same run. A time is better below 1, \
         a throughput above.\n\n{}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        ssh.unwrap_or_default(),
        table.text()
    )
}
