//! The older protocol era's handshake, kept so that a new daemon can be taken
//! through it without the client's knowledge. The newer era has none.

use crate::request_id::RequestId;

/// What was seen of `initialize` and `notifications/initialized`.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    initialize: Option<(RequestId, Vec<u8>)>,
    answered: bool,
    initialized: Option<Vec<u8>>,
    replaying: bool,
}

impl Handshake {
    /// The client sends `initialize`.
    pub(crate) fn began(&mut self, id: RequestId, line: &[u8]) {
        *self = Self {
            initialize: Some((id, line.to_vec())),
            ..Self::default()
        };
    }

    /// The daemon answered it; after an error there is nothing to repeat.
    pub(crate) fn answered(&mut self, worked: bool) {
        if worked {
            self.answered = true;
        } else {
            *self = Self::default();
        }
    }

    /// The client ends the handshake.
    pub(crate) fn initialized(&mut self, line: &[u8]) {
        self.initialized = Some(line.to_vec());
    }

    /// The line that a new daemon gets first, if there is one. An unanswered
    /// `initialize` is an open request and repeated as such.
    pub(crate) fn replay(&mut self) -> Option<Vec<u8>> {
        let (_, line) = self.initialize.as_ref()?;
        self.replaying = self.answered;
        self.answered.then(|| line.clone())
    }

    /// Whether the answer of that id is to be swallowed.
    pub(crate) fn is_replaying(&self, id: &RequestId) -> bool {
        let theirs = |(ours, _): &(RequestId, Vec<u8>)| ours == id;
        self.replaying && self.initialize.as_ref().is_some_and(theirs)
    }

    /// The new daemon has answered: the line it gets next.
    pub(crate) fn replayed(&mut self) -> Option<Vec<u8>> {
        self.replaying = false;
        self.initialized.clone()
    }

    /// The new daemon is gone again.
    pub(crate) fn replay_failed(&mut self) {
        self.replaying = false;
    }
}
