//! Progress of one call: the newest word is kept until it could be sent, older
//! ones are dropped, and nothing is sent after the answer.

use std::pin::pin;
use std::sync::Arc;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::tools::Progress;

/// Runs `call` with the [`Progress`] made for `token`, sending on what it says.
/// The value that MCP wants with it, one that increases, is the call's seconds.
pub async fn alongside<F: Future>(
    peer: &Peer<RoleServer>,
    token: Option<ProgressToken>,
    call: impl FnOnce(Option<Progress>) -> F,
) -> F::Output {
    let Some(token) = token else {
        return call(None).await;
    };
    let begun = Instant::now();
    let (said, mut heard) = watch::channel((0.0_f64, String::new()));
    let progress = Progress::new(Arc::new(move |words: &str| {
        said.send_replace((begun.elapsed().as_secs_f64(), words.to_owned()));
    }));
    let mut call = pin!(call(Some(progress)));
    let mut silent = false;
    loop {
        tokio::select! {
            biased;
            answer = &mut call => return answer,
            changed = heard.changed(), if !silent => {
                if changed.is_err() {
                    silent = true;
                    continue;
                }
                let (seconds, words) = heard.borrow_and_update().clone();
                let told = ProgressNotificationParam::new(token.clone(), seconds)
                    .with_message(words);
                tokio::select! {
                    biased;
                    answer = &mut call => return answer,
                    sent = peer.notify_progress(told) => silent = sent.is_err(),
                }
            }
        }
    }
}
