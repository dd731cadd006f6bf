//! The accepted host keys, for the command line: a model cannot reach them.

use std::path::PathBuf;

use schema::control::AcceptedKeys;
use schema::{Code, Fault};

use crate::link::{accepted_keys, forget_keys};

/// All of them.
pub(super) async fn list(path: PathBuf) -> Result<AcceptedKeys, Fault> {
    let (shown, doing) = (path.display().to_string(), "reading accepted host keys");
    let keys = aside(doing, move || accepted_keys(&path)).await?;
    Ok(AcceptedKeys { path: shown, keys })
}

/// Takes those of one host away, and tells which they were.
pub(super) async fn forget(path: PathBuf, name: String) -> Result<AcceptedKeys, Fault> {
    let (file, host) = (path.clone(), name.clone());
    let keys = aside("forgetting host keys", move || forget_keys(&file, &host)).await?;
    let shown = path.display().to_string();
    if keys.is_empty() {
        let words = format!("{shown} has no key of {name:?}");
        return Err(Fault::new(Code::NotFound, words).next(
            "`remote-shell-mcp hostkeys` lists the names, [HOST]:PORT off port 22; \
             `ssh-keygen -R` is for the keys that ssh itself keeps",
        ));
    }
    tracing::info!(host = name, count = keys.len(), "forgot accepted host keys");
    Ok(AcceptedKeys { path: shown, keys })
}

/// Runs what blocks where that is allowed.
async fn aside<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, storage::private_files::PrivateFileError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(|error| {
            let fault = Fault::new(Code::Unavailable, Fault::chain(&error));
            fault.next("that must be a plain file of the daemon's user: put it right or remove it")
        }),
        Err(panic) => Err(Fault::new(
            Code::Internal,
            format!("{doing} failed: {panic}"),
        )),
    }
}
