//! `status`: who the daemon is and what it does.

use std::process::ExitCode;

use schema::Fault;
use schema::control::{About, Method};
use schema::hello::DaemonState;
use serde_json::{Value, json};

use super::control::Control;
use crate::config::Config;
use crate::find::Spawn;
use crate::{replies, say};

/// What init scripts return for a service that does not run.
const NOT_RUNNING: u8 = 3;

/// `status`: in full.
pub(crate) fn run(config: &Config) -> ExitCode {
    report(config, true)
}

/// `daemon status`: the process only.
pub(crate) fn daemon(config: &Config) -> ExitCode {
    report(config, false)
}

fn report(config: &Config, in_full: bool) -> ExitCode {
    let told = Control::open(config, Spawn::Never)
        .map_err(|failure| failure.fault)
        .and_then(|mut control| {
            let about = about(&mut control)?;
            say::answer(&format!(
                "daemon {} (pid {}): {}{}\nstate: {}",
                about.version,
                about.pid,
                state_name(about.state),
                if about.reason.is_empty() {
                    String::new()
                } else {
                    format!(", {}", about.reason)
                },
                about.state_path
            ));
            if in_full && about.state == DaemonState::Ready {
                say::answer(&tool_text(&mut control)?);
            }
            Ok(())
        });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say::to_person(&replies::words(&fault));
            ExitCode::from(NOT_RUNNING)
        }
    }
}

fn about(control: &mut Control) -> Result<About, Fault> {
    let value = control.ask(Method::About)?;
    serde_json::from_value(value).map_err(|error| {
        Fault::new(
            schema::Code::Remote,
            format!("the daemon's answer is not understood: {error}"),
        )
    })
}

fn tool_text(control: &mut Control) -> Result<String, Fault> {
    let method = Method::Tool {
        name: "status".into(),
        arguments: json!({}),
    };
    let answer = control.ask(method)?;
    Ok(answer
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned())
}

fn state_name(state: DaemonState) -> &'static str {
    match state {
        DaemonState::Ready => "ready",
        DaemonState::Migrating => "migrating",
        DaemonState::Refusing => "refusing",
        DaemonState::Unknown => "in a state that this version does not know",
    }
}
