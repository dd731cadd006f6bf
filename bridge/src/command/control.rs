//! One control connection: a question, an answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use schema::control::{Answer, Method, Request};
use schema::hello::{DaemonHello, Purpose, Refusal};
use schema::limits::RESULT_UNBOUNDED_BYTES;
use schema::{Code, Fault};
use serde_json::Value;

use crate::config::Config;
use crate::find::{self, Spawn};
use crate::miss::Failure;

/// How long a command waits for one answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A connection of purpose `control`.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) hello: DaemonHello,
    stream: BufReader<UnixStream>,
    asked: u64,
}

impl Control {
    /// Connects, after starting the daemon if that is allowed.
    pub(crate) fn open(config: &Config, spawn: Spawn) -> Result<Self, Failure> {
        // The daemon outlives this command, which is soon gone: nobody reaps.
        let search = find::find(config, Purpose::Control, spawn);
        let greeted = search.outcome?;
        Ok(Self {
            hello: greeted.hello,
            stream: BufReader::new(greeted.stream),
            asked: 0,
        })
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, method: Method) -> Result<Value, Fault> {
        self.asked += 1;
        let request = Request {
            id: self.asked,
            method,
        };
        let line = self.exchange(&request).map_err(|error| {
            let text = format!(
                "the daemon (pid {}) gave no answer: {error}",
                self.hello.pid
            );
            Fault::new(Code::Unavailable, text)
        })?;
        if let Ok(refusal) = serde_json::from_str::<Refusal>(&line) {
            return Err(refusal.refused);
        }
        let answer: Answer = serde_json::from_str(&line).map_err(|error| {
            Fault::new(
                Code::Remote,
                format!("the daemon's answer is not understood: {error}"),
            )
        })?;
        match (answer.result, answer.error) {
            (_, Some(fault)) => Err(fault),
            (result, None) => Ok(result.unwrap_or(Value::Null)),
        }
    }

    fn exchange(&mut self, request: &Request) -> io::Result<String> {
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        let stream = self.stream.get_mut();
        stream.set_read_timeout(Some(ANSWER_WAIT))?;
        stream.write_all(line.as_bytes())?;
        let mut answer = String::new();
        let bound = u64::try_from(RESULT_UNBOUNDED_BYTES).unwrap_or(u64::MAX);
        if (&mut self.stream).take(bound).read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }
}
