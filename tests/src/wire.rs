//! Lines to and from a bridge's stdio, answers sorted by the id they are for.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Reply;

/// What has come so far.
#[derive(Debug, Default)]
struct Inbox {
    answers: HashMap<String, Vec<Value>>,
    notifications: Vec<Value>,
    stderr: String,
    closed: bool,
}

/// One connection; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    inbox: Arc<(Mutex<Inbox>, Condvar)>,
    stdin: Arc<Mutex<Option<ChildStdin>>>,
}

/// A request whose answer has not been asked for.
#[derive(Debug)]
pub struct Pending {
    wire: Wire,
    id: String,
}

impl Wire {
    /// Starts reading both outputs.
    pub(crate) fn new(stdin: ChildStdin, stdout: ChildStdout, stderr: ChildStderr) -> Self {
        let wire = Self {
            inbox: Arc::default(),
            stdin: Arc::new(Mutex::new(Some(stdin))),
        };
        let (lines, words) = (wire.clone(), wire.clone());
        std::thread::spawn(move || lines.read_lines(stdout));
        std::thread::spawn(move || words.read_words(stderr));
        wire
    }

    /// Sends one line; false when the other side is gone.
    pub(crate) fn send(&self, line: &str) -> bool {
        self.send_part(&format!("{line}\n"))
    }

    /// Writes a part of a line; false when the bridge is gone.
    pub(crate) fn send_part(&self, part: &str) -> bool {
        let mut stdin = held(&self.stdin);
        let Some(stdin) = stdin.as_mut() else {
            return false;
        };
        stdin.write_all(part.as_bytes()).is_ok() && stdin.flush().is_ok()
    }

    /// Closes the bridge's stdin.
    pub(crate) fn close(&self) {
        held(&self.stdin).take();
    }

    /// What the answer to `id` will be asked of.
    pub(crate) fn pending(&self, id: &Value) -> Pending {
        Pending {
            wire: self.clone(),
            id: id.to_string(),
        }
    }

    /// How often `id` was answered.
    pub(crate) fn answers_to(&self, id: &str) -> usize {
        held(&self.inbox.0).answers.get(id).map_or(0, Vec::len)
    }

    /// What came without an id, so far.
    pub(crate) fn notifications(&self) -> Vec<Value> {
        held(&self.inbox.0).notifications.clone()
    }

    /// What was written to stderr, so far.
    pub(crate) fn stderr(&self) -> String {
        held(&self.inbox.0).stderr.clone()
    }

    fn read_lines(&self, stdout: ChildStdout) {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let message: Value = serde_json::from_str(&line)
                .unwrap_or_else(|error| serde_json::json!({"method": "not JSON", "line": line, "error": error.to_string()}));
            let mut inbox = held(&self.inbox.0);
            match message
                .get("id")
                .filter(|_| message.get("method").is_none())
            {
                Some(id) => inbox
                    .answers
                    .entry(id.to_string())
                    .or_default()
                    .push(message.clone()),
                None => inbox.notifications.push(message),
            }
            self.inbox.1.notify_all();
        }
        held(&self.inbox.0).closed = true;
        self.inbox.1.notify_all();
    }

    fn read_words(&self, mut stderr: ChildStderr) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            held(&self.inbox.0).stderr.push_str(&text);
        }
    }
}

impl Pending {
    /// The request's id.
    pub fn id(&self) -> Value {
        serde_json::from_str(&self.id).unwrap_or_default()
    }

    /// The answer, waited for until `limit`; none when it did not come.
    pub fn within(&self, limit: Duration) -> Option<Reply> {
        let end = Instant::now() + limit;
        let mut inbox = held(&self.wire.inbox.0);
        loop {
            if let Some(answer) = inbox.answers.get(&self.id).and_then(|all| all.first()) {
                return Some(Reply::new(answer.clone()));
            }
            let left = end.saturating_duration_since(Instant::now());
            if inbox.closed || left.is_zero() {
                return None;
            }
            let waited = self.wire.inbox.1.wait_timeout(inbox, left);
            inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The answer, which must come within a minute.
    #[track_caller]
    pub fn reply(&self) -> Reply {
        self.within(Duration::from_mins(1)).unwrap_or_else(|| {
            panic!(
                "no answer to request {}; stderr: {}",
                self.id,
                self.wire.stderr()
            )
        })
    }

    /// The last of its answers.
    pub fn latest(&self) -> Option<Reply> {
        let inbox = held(&self.wire.inbox.0);
        let answers = inbox.answers.get(&self.id)?;
        answers.last().cloned().map(Reply::new)
    }

    /// How often this request was answered: once is right.
    pub fn answers(&self) -> usize {
        self.wire.answers_to(&self.id)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
