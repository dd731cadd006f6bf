//! The decisions of a bridge between its client and its daemon, as plain
//! functions from an event to effects: no I/O, no clock.

use std::time::Instant;

use schema::limits::{IN_FLIGHT_MAX, LINE_MAX_BYTES};
use schema::{Code, Fault};

use crate::frame::Frame;
use crate::handshake::Handshake;
use crate::ledger::{Ledger, NotTaken, Open};
use crate::replies;
use crate::request_id::RequestId;
use crate::scan::{self, Malformed, Scanned};

/// Requests of the daemon to the client that are remembered; the oldest is
/// forgotten first.
const ASKED_MAX: usize = IN_FLIGHT_MAX;

/// What is to be done after an event, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Write this line to the client.
    ToClient(Vec<u8>),
    /// Write this line to the daemon.
    ToDaemon(Vec<u8>),
    /// Look for the daemon now: somebody waits.
    Look,
    /// Let go of the connection: the daemon refused it.
    Drop(Fault),
    /// Tell a person, on stderr.
    Note(String),
}

/// How the bridge stands with the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Away,
    /// A new daemon works on the repeated handshake.
    Replaying,
    /// `proven` once the daemon has said anything but a refusal.
    Up {
        proven: bool,
    },
}

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    link: Link,
    ledger: Ledger,
    handshake: Handshake,
    /// The living daemon's open requests to the client.
    asked: Vec<RequestId>,
    /// Why there was no daemon when it was last looked for.
    last_failure: Option<Fault>,
}

impl Session {
    /// A session with no daemon yet.
    pub(crate) fn new() -> Self {
        Self {
            link: Link::Away,
            ledger: Ledger::default(),
            handshake: Handshake::default(),
            asked: Vec::new(),
            last_failure: None,
        }
    }

    /// The client said something.
    pub(crate) fn client_said(&mut self, frame: Frame, now: Instant) -> Vec<Effect> {
        match frame {
            Frame::Line(line) => self.client_line(line, now),
            Frame::TooLong { id } => {
                let fault = Fault::new(
                    Code::TooLarge,
                    format!("a message over {LINE_MAX_BYTES} bytes was not read"),
                );
                vec![Effect::ToClient(replies::fault(id.as_ref(), &fault))]
            }
        }
    }

    /// The daemon said something.
    pub(crate) fn daemon_said(&mut self, frame: Frame, now: Instant) -> Vec<Effect> {
        match frame {
            Frame::Line(line) => self.daemon_line(line, now),
            Frame::TooLong { id } => self.daemon_said_too_much(id),
        }
    }

    /// A daemon is there and serves.
    pub(crate) fn daemon_up(&mut self) -> Vec<Effect> {
        self.last_failure = None;
        if let Some(line) = self.handshake.replay() {
            self.link = Link::Replaying;
            return vec![Effect::ToDaemon(line)];
        }
        self.link = Link::Up { proven: false };
        self.release()
    }

    /// The connection to the daemon has ended.
    pub(crate) fn daemon_lost(&mut self, now: Instant) -> Vec<Effect> {
        if self.link == Link::Away {
            return Vec::new();
        }
        self.link = Link::Away;
        self.handshake.replay_failed();
        let lost = self.ledger.daemon_lost(now);
        let mut effects = answer_all(&lost, &replies::outcome_unknown());
        let asked = std::mem::take(&mut self.asked);
        effects.extend(
            asked
                .iter()
                .map(|id| Effect::ToClient(replies::withdrawn(id))),
        );
        effects
    }

    /// The daemon could not be found. A settled failure answers all who wait;
    /// after another they go on waiting.
    pub(crate) fn daemon_missing(&mut self, fault: Fault, settled: bool) -> Vec<Effect> {
        let given_up = if settled {
            self.ledger.give_up(None)
        } else {
            Vec::new()
        };
        let effects = refuse_all(&given_up, &fault);
        self.last_failure = Some(fault);
        effects
    }

    /// Time has passed: who waited too long is answered.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let given_up = self.ledger.give_up(Some(now));
        if given_up.is_empty() {
            return Vec::new();
        }
        let fault = self.last_failure.clone().unwrap_or_else(|| {
            Fault::new(Code::Unavailable, "the daemon is still being looked for")
                .next("try again, or run `remote-shell-mcp daemon status`")
        });
        refuse_all(&given_up, &fault)
    }

    /// When [`Session::tick`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.ledger.next_deadline()
    }

    /// Whether any request waits for a daemon.
    pub(crate) fn has_held(&self) -> bool {
        self.ledger.has_held()
    }

    /// Whether every request has its answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.ledger.is_empty()
    }

    fn client_line(&mut self, line: Vec<u8>, now: Instant) -> Vec<Effect> {
        match scan::scan(&line) {
            Scanned::Blank => Vec::new(),
            Scanned::Malformed(bad) => vec![Effect::ToClient(complaint(&bad))],
            Scanned::Refusal(_) => vec![Effect::ToClient(replies::invalid(None, "not a message"))],
            Scanned::Batch(items) => {
                let items: Vec<Vec<u8>> = items.iter().map(|item| item.as_bytes().into()).collect();
                items
                    .into_iter()
                    .flat_map(|item| self.batch_item(item, now))
                    .collect()
            }
            Scanned::Request { id, method, params } => {
                let tool = (method == "tools/call").then(|| scan::tool_name(params));
                self.client_request(&id, &method, tool.as_deref(), line, now)
            }
            Scanned::Notification { method, params } => {
                let cancelled = (method == "notifications/cancelled")
                    .then(|| scan::cancelled_id(params))
                    .flatten();
                self.client_notification(&method, cancelled, line)
            }
            Scanned::Answer { id, .. } => self.client_answer(id, line),
        }
    }

    fn batch_item(&mut self, item: Vec<u8>, now: Instant) -> Vec<Effect> {
        if item.starts_with(b"[") {
            return vec![Effect::ToClient(replies::invalid(
                None,
                "a batch in a batch",
            ))];
        }
        self.client_line(item, now)
    }

    fn client_request(
        &mut self,
        id: &RequestId,
        method: &str,
        tool: Option<&str>,
        line: Vec<u8>,
        now: Instant,
    ) -> Vec<Effect> {
        if self.handshake.is_replaying(id) {
            return vec![Effect::ToClient(duplicate(id))];
        }
        if method == "initialize" {
            self.handshake.began(id.clone(), &line);
        }
        match self.ledger.admit(id.clone(), method, tool, line, now) {
            Ok(()) => match self.link {
                Link::Up { .. } => self.release(),
                Link::Replaying => Vec::new(),
                Link::Away => vec![Effect::Look],
            },
            Err(NotTaken::Duplicate) => vec![Effect::ToClient(duplicate(id))],
            Err(NotTaken::Busy) => {
                let fault = Fault::new(
                    Code::Busy,
                    format!(
                        "{IN_FLIGHT_MAX} requests of this client are open, or too many bytes wait"
                    ),
                )
                .next("wait for an answer, then try again");
                vec![Effect::ToClient(if tool.is_some() {
                    replies::tool_fault(id, &fault)
                } else {
                    replies::fault(Some(id), &fault)
                })]
            }
        }
    }

    fn client_notification(
        &mut self,
        method: &str,
        cancelled: Option<RequestId>,
        line: Vec<u8>,
    ) -> Vec<Effect> {
        if method == "notifications/initialized" {
            self.handshake.initialized(&line);
        }
        if let Some(id) = cancelled {
            // No answer is owed any more; a late one is swallowed.
            self.ledger.close(&id);
        }
        match self.link {
            Link::Up { .. } => vec![Effect::ToDaemon(line)],
            Link::Away | Link::Replaying => Vec::new(),
        }
    }

    /// Forwards an answer to the daemon that asked; one to a daemon that is
    /// gone would be another's question to the new one.
    fn client_answer(&mut self, id: Option<RequestId>, line: Vec<u8>) -> Vec<Effect> {
        let asked = id.and_then(|id| self.asked.iter().position(|asked| *asked == id));
        let Some(at) = asked else {
            return Vec::new();
        };
        self.asked.remove(at);
        vec![Effect::ToDaemon(line)]
    }

    fn daemon_line(&mut self, line: Vec<u8>, now: Instant) -> Vec<Effect> {
        let scanned = scan::scan(&line);
        if let Scanned::Refusal(fault) = scanned {
            return self.daemon_refused(fault, now);
        }
        if let Link::Up { proven } = &mut self.link {
            *proven = true;
        }
        match scanned {
            Scanned::Blank => Vec::new(),
            Scanned::Answer {
                id: Some(id),
                worked,
            } => self.daemon_answer(&id, worked, line),
            Scanned::Request { id, .. } => {
                if self.asked.len() >= ASKED_MAX {
                    self.asked.remove(0);
                }
                self.asked.push(id);
                vec![Effect::ToClient(line)]
            }
            Scanned::Notification { .. } | Scanned::Answer { id: None, .. } => {
                vec![Effect::ToClient(line)]
            }
            Scanned::Malformed(_) | Scanned::Batch(_) | Scanned::Refusal(_) => {
                vec![Effect::Note(
                    "the daemon wrote what is not JSON-RPC; dropped".into(),
                )]
            }
        }
    }

    fn daemon_answer(&mut self, id: &RequestId, worked: bool, line: Vec<u8>) -> Vec<Effect> {
        if self.link == Link::Replaying && self.handshake.is_replaying(id) {
            return self.replayed(worked);
        }
        let Some(closed) = self.ledger.close(id) else {
            return Vec::new();
        };
        if closed.is_initialize {
            self.handshake.answered(worked);
        }
        vec![Effect::ToClient(line)]
    }

    /// The new daemon has answered the repeated handshake.
    fn replayed(&mut self, worked: bool) -> Vec<Effect> {
        self.link = Link::Up { proven: true };
        let mut effects = Vec::new();
        if !worked {
            effects.push(Effect::Note(
                "the new daemon did not take the client's handshake".into(),
            ));
        }
        effects.extend(self.handshake.replayed().map(Effect::ToDaemon));
        effects.extend(self.release());
        effects
    }

    fn daemon_refused(&mut self, fault: Fault, now: Instant) -> Vec<Effect> {
        if matches!(self.link, Link::Up { proven: true } | Link::Away) {
            return vec![Effect::Note(format!("the daemon says: {}", fault.message))];
        }
        self.link = Link::Away;
        self.handshake.replay_failed();
        // Nothing was read, so nothing was done: what was not kept is answered
        // with the reason, not with an unknown outcome.
        let unkept = self.ledger.daemon_refused(now);
        let mut effects = refuse_all(&unkept, &fault);
        effects.push(Effect::Drop(fault));
        effects
    }

    fn daemon_said_too_much(&mut self, id: Option<RequestId>) -> Vec<Effect> {
        let note = Effect::Note(format!(
            "the daemon wrote over {LINE_MAX_BYTES} bytes; dropped"
        ));
        let Some(closed) = id.and_then(|id| self.ledger.close(&id)) else {
            return vec![note];
        };
        let fault = Fault::new(
            Code::TooLarge,
            format!("it ran, but its result is over {LINE_MAX_BYTES} bytes"),
        )
        .next("ask for less, or see `history`");
        vec![note, Effect::ToClient(answer(&closed, &fault))]
    }

    fn release(&mut self) -> Vec<Effect> {
        self.ledger
            .release()
            .into_iter()
            .map(Effect::ToDaemon)
            .collect()
    }
}

/// The answer to a line that is no message.
fn complaint(bad: &Malformed) -> Vec<u8> {
    if bad.unreadable {
        replies::unreadable(&bad.why)
    } else {
        replies::invalid(bad.id.as_ref(), &bad.why)
    }
}

fn duplicate(id: &RequestId) -> Vec<u8> {
    replies::invalid(Some(id), "a request of that id is still open")
}

/// A failure of the request itself: tool calls get it as a result.
fn answer(open: &Open, fault: &Fault) -> Vec<u8> {
    if open.is_tool {
        replies::tool_fault(&open.id, fault)
    } else {
        replies::fault(Some(&open.id), fault)
    }
}

fn answer_all(open: &[Open], fault: &Fault) -> Vec<Effect> {
    let reply = |open: &Open| Effect::ToClient(answer(open, fault));
    open.iter().map(reply).collect()
}

/// There is no service: every request gets the error itself.
fn refuse_all(open: &[Open], fault: &Fault) -> Vec<Effect> {
    let reply = |open: &Open| Effect::ToClient(replies::fault(Some(&open.id), fault));
    open.iter().map(reply).collect()
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
