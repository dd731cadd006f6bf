//! `leftovers HOST`: what durable shells and jobs left on a host, and
//! `leftovers HOST end MARK|all`.

use std::process::ExitCode;

use schema::control::{Leftover, Leftovers, Method};
use schema::{Code, Fault};
use serde_json::{Value, json};

use super::control::Control;
use crate::config::Config;
use crate::find::Spawn;
use crate::say;

/// Does what was typed after `leftovers`.
pub(crate) fn run(config: &Config, operands: &[String]) -> ExitCode {
    let words: Vec<&str> = operands.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [host] => over(config, host, |control| list(control, host)),
        [host, "end", mark] => over(config, host, |control| end(control, host, mark)),
        _ => {
            say::to_person("leftovers HOST, or leftovers HOST end MARK, or leftovers HOST end all");
            return ExitCode::from(2);
        }
    };
    say::outcome(done)
}

/// Does `work` over the session of that name, or over one that is opened for it.
fn over(
    config: &Config,
    host: &str,
    work: impl Fn(&mut Control) -> Result<String, Fault>,
) -> Result<String, Fault> {
    let mut control = Control::open(config, Spawn::Limited).map_err(|failure| failure.fault)?;
    match work(&mut control) {
        Err(fault) if fault.code == Code::NotFound && fault.message.contains("no session") => {}
        done => return done,
    }
    tool(&mut control, "ssh_connect", host)?;
    let done = work(&mut control);
    tool(&mut control, "ssh_disconnect", host)?;
    done
}

fn tool(control: &mut Control, name: &str, host: &str) -> Result<(), Fault> {
    let method = Method::Tool {
        name: name.into(),
        arguments: json!({"id": host}),
    };
    let answer = control.ask(method)?;
    if answer.get("is_error").and_then(Value::as_bool) == Some(true) {
        let text = answer.get("text").and_then(Value::as_str);
        let words = text.unwrap_or_default().to_owned();
        return Err(Fault::new(Code::NotConnected, words));
    }
    Ok(())
}

fn list(control: &mut Control, host: &str) -> Result<String, Fault> {
    let method = Method::Leftovers {
        session_id: host.into(),
    };
    let found = read(control.ask(method)?)?;
    if found.rows.is_empty() {
        return Ok(format!("{host} has nothing of ours"));
    }
    Ok(table(&found.rows))
}

fn end(control: &mut Control, host: &str, mark: &str) -> Result<String, Fault> {
    let method = Method::EndLeftover {
        session_id: host.into(),
        mark: mark.into(),
    };
    let ended = read(control.ask(method)?)?;
    Ok(format!("ended:\n{}", table(&ended.rows)))
}

fn read(answer: Value) -> Result<Leftovers, Fault> {
    serde_json::from_value(answer).map_err(|error| {
        let words = format!("the daemon's answer is not understood: {error}");
        Fault::new(Code::Remote, words)
    })
}

/// A line each: kind, mark, state, holder, and what it is called.
fn table(rows: &[Leftover]) -> String {
    let line = |row: &Leftover| {
        let holder = if row.holder.is_empty() {
            "-"
        } else {
            &row.holder
        };
        format!(
            "{:5}  {}  {:5}  {holder:6}  {}",
            row.kind, row.mark, row.state, row.label
        )
        .trim_end()
        .to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
