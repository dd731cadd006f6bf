//! `hostkeys`: the host keys that callers accepted, and `hostkeys remove NAME`.

use std::process::ExitCode;

use schema::control::{AcceptedKey, AcceptedKeys, Method};
use schema::{Code, Fault};

use super::control::Control;
use crate::config::Config;
use crate::find::Spawn;
use crate::say;

/// Does what was typed after `hostkeys`.
pub(crate) fn run(config: &Config, operands: &[String]) -> ExitCode {
    let words: Vec<&str> = operands.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [] => list(config),
        ["remove", name] => remove(config, name),
        _ => {
            say::to_person("hostkeys, or hostkeys remove HOST, [HOST]:PORT or HOST:PORT");
            return ExitCode::from(2);
        }
    };
    say::outcome(done)
}

fn list(config: &Config) -> Result<String, Fault> {
    let found = ask(config, Method::HostKeys)?;
    if found.keys.is_empty() {
        return Ok(format!("no host key was accepted ({})", found.path));
    }
    Ok(format!("{}\n{}", found.path, table(&found.keys)))
}

fn remove(config: &Config, name: &str) -> Result<String, Fault> {
    let method = Method::ForgetHostKeys { name: name.into() };
    let gone = ask(config, method)?;
    let (count, path) = (gone.keys.len(), gone.path);
    let keys = if count == 1 { "key" } else { "keys" };
    let table = table(&gone.keys);
    Ok(format!(
        "removed {count} {keys} of {name} from {path}\n{table}"
    ))
}

/// The daemon is the file's only writer, so it is asked, and never started for
/// this.
fn ask(config: &Config, method: Method) -> Result<AcceptedKeys, Fault> {
    let mut control = Control::open(config, Spawn::Never).map_err(|failure| {
        if failure.absent {
            failure
                .fault
                .next("`remote-shell-mcp daemon start` starts it")
        } else {
            failure.fault
        }
    })?;
    let answer = control.ask(method)?;
    serde_json::from_value(answer).map_err(|error| {
        let words = format!("the daemon's answer is not understood: {error}");
        Fault::new(Code::Remote, words)
    })
}

/// A line a key, in columns: line, host, type, fingerprint, when, by whom.
fn table(keys: &[AcceptedKey]) -> String {
    let rows: Vec<[String; 5]> = keys.iter().map(cells).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let shown = rows.iter().zip(keys).map(|(row, key)| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        let beside = key.known_hosts_path.as_ref();
        let beside = beside.map_or_else(String::new, |path| format!("known_hosts_path {path}  "));
        let row = cells.collect::<Vec<_>>().join("  ");
        format!("{row}  {beside}{}", key.client)
            .trim_end()
            .to_owned()
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn cells(key: &AcceptedKey) -> [String; 5] {
    [
        format!("line {}", key.line),
        key.host.clone(),
        key.key_type.clone(),
        key.fingerprint.clone(),
        key.accepted_at.clone(),
    ]
}
