//! `cargo xtask ci`: exactly what CI runs, in order.

use crate::command::{self, Outcome, cargo};
use crate::{deny, snapshots, test, tidy};

/// Runs every step and stops at the first that fails.
pub(crate) fn run() -> Outcome {
    step("fmt", || {
        command::run(cargo().args(["fmt", "--all", "--check"]))
    })?;
    step("tidy", tidy::run)?;
    step("clippy", || {
        command::run(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step("doc", || {
        command::run(
            cargo()
                .args([
                    "doc",
                    "--workspace",
                    "--no-deps",
                    "--locked",
                    "--document-private-items",
                ])
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })?;
    step("deny", deny::run)?;
    step("snapshots", snapshots::check)?;
    step("test", || test::run(&[]))
}

fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    println!("== {name}");
    work().map_err(|message| format!("{message}\nci stopped at `{name}`"))
}
