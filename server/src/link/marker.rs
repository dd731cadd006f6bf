//! Finding a command's processes on its host again. sshd passes signals on only
//! for users other than root, and a command of its own session is no child of
//! anything we hold, so each command carries a marker in its environment. It is
//! an `LC_` name because sshd's usual `AcceptEnv` takes those alone.

use std::sync::Arc;
use std::time::Duration;

use russh::ChannelMsg;

use super::connection::Connection;
use super::error::LinkError;
use super::session_channel::SessionChannel;

/// The variable that carries the marker.
pub(super) const NAME: &str = "LC_REMOTE_SHELL_MCP_JOB";

/// How long the search may take.
const SEARCH: Duration = Duration::from_secs(3);

/// A new marker: 16 hex digits that no other command has.
pub(super) fn new() -> String {
    let mut bytes = [0_u8; 8];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::warn!(%error, "no random bytes; a command goes without its marker");
    }
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// Sends `signal` to every process of the host that carries `marker`. Needs a
/// POSIX sh and Linux's `/proc` there, and says nothing when they are missing:
/// the caller sees whether the command ended.
pub(super) async fn signal_marked(connection: &Arc<Connection>, marker: &str, signal: &str) {
    let searching = search(connection, script(marker, signal));
    match tokio::time::timeout(SEARCH, searching).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the host was not searched"),
        Err(_late) => tracing::debug!("searching the host took too long"),
    }
}

/// Fed on stdin, so that the marker is in no command line and the search does
/// not find itself.
fn script(marker: &str, signal: &str) -> String {
    format!(
        "for e in /proc/[0-9]*/environ; do\n\
         tr '\\0' '\\n' <\"$e\" 2>/dev/null | grep -qx '{NAME}={marker}' || continue\n\
         p=${{e#/proc/}}; kill -{signal} \"${{p%/environ}}\" 2>/dev/null\n\
         done\n"
    )
}

async fn search(connection: &Arc<Connection>, script: String) -> Result<(), LinkError> {
    let lost = |error: russh::Error| LinkError::Lost(error.to_string());
    let SessionChannel { mut reader, writer } = connection.open_session().await?;
    writer.exec(true, "exec sh -s").await.map_err(lost)?;
    writer.data_bytes(script.into_bytes()).await.map_err(lost)?;
    writer.eof().await.map_err(lost)?;
    while let Some(message) = reader.wait().await {
        if matches!(message, ChannelMsg::Close | ChannelMsg::Failure) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_script_ends_what_carries_the_marker_and_nothing_else() {
        let sleeper = |marker: &str| {
            let mut command = Command::new("sleep");
            command.arg("60").env(NAME, marker).spawn().unwrap()
        };
        let (mine, other) = (new(), new());
        let (mut wanted, mut spared) = (sleeper(&mine), sleeper(&other));
        let mut sh = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        sh.stdin
            .take()
            .unwrap()
            .write_all(script(&mine, "TERM").as_bytes())
            .unwrap();
        assert!(sh.wait().is_ok());
        assert!(!wanted.wait().unwrap().success());
        assert!(spared.try_wait().unwrap().is_none());
        spared.kill().unwrap();
        spared.wait().unwrap();
    }
}
