//! Control: the command line's requests, one JSON line each, answered also
//! while the daemon opens or refuses its databases.

use std::io;
use std::sync::Arc;

use schema::control::{Answer, Method, Request};
use schema::hello::ClientContext;
use schema::{Code, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::front::{Front, Stage};
use super::hello::write_line;
use super::lines::{Line, LineReader};
use super::{guarded, host_keys, leftovers, strict};
use crate::tools::{Caller, Reach};

/// Answers that wait to be written. A command line asks one thing at a time.
const ANSWERS_MAX: usize = 16;

/// Serves control until the other side closes or the daemon does. Tools that
/// run when it closes learn of it and end on their own.
pub async fn serve<R, W>(
    front: &Arc<Front>,
    context: ClientContext,
    mut lines: LineReader<R>,
    mut write: W,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let gone = CancellationToken::new();
    let _tell = gone.clone().drop_guard();
    let (answers, mut ready) = mpsc::channel(ANSWERS_MAX);
    loop {
        let line = tokio::select! {
            line = lines.next() => line?,
            Some(answer) = ready.recv() => {
                write_line(&mut write, &answer).await?;
                continue;
            }
            () = front.close.cancelled() => Line::End,
        };
        match request(line) {
            None => return Ok(()),
            Some(Err(refused)) => write_line(&mut write, &refused).await?,
            Some(Ok(Request { id, method })) => match method {
                Method::About => write_line(&mut write, &done(id, front.about())).await?,
                Method::Stop { stay_down } => {
                    write_line(&mut write, &stop(front, id, stay_down)).await?;
                }
                Method::HostKeys => {
                    let asked = host_keys::list(front.identity.accepted_keys.clone());
                    write_line(&mut write, &answer(id, asked.await)).await?;
                }
                Method::ForgetHostKeys { name } => {
                    let asked = host_keys::forget(front.identity.accepted_keys.clone(), name);
                    write_line(&mut write, &answer(id, asked.await)).await?;
                }
                Method::Leftovers { session_id } => {
                    let asked = leftovers::list(front, &session_id);
                    write_line(&mut write, &answer(id, asked.await)).await?;
                }
                Method::EndLeftover { session_id, mark } => {
                    let asked = leftovers::end(front, &session_id, &mark);
                    write_line(&mut write, &answer(id, asked.await)).await?;
                }
                Method::Tool { name, arguments } => {
                    let caller = caller(front, &context, &gone);
                    let (front, answers) = (Arc::clone(front), answers.clone());
                    let tasks = front.tasks.clone();
                    tasks.spawn(async move {
                        let answer = tool(&front, caller, id, &name, arguments).await;
                        // Nobody hears it when the other side is gone.
                        answers.send(answer).await.ok();
                    });
                }
            },
        }
    }
}

/// The request of a line; `None` at the end.
fn request(line: Line) -> Option<Result<Request, Answer>> {
    let text = match line {
        Line::End => return None,
        Line::TooLong(_) => {
            let fault = Fault::new(Code::TooLarge, "the request is too long");
            return Some(Err(failed(0, fault)));
        }
        Line::Whole(text) => text,
    };
    let value = match strict::parse(&text) {
        Ok(value) => value,
        Err(odd) => return Some(Err(failed(0, invalid(odd.to_string())))),
    };
    let id = value.get("id").and_then(Value::as_u64).unwrap_or(0);
    Some(serde_json::from_value(value).map_err(|error| {
        let words = format!("the daemon does not know this request: {error}");
        let fault = invalid(words).next("use a bridge of the daemon's version");
        failed(id, fault)
    }))
}

fn stop(front: &Front, id: u64, stay_down: bool) -> Answer {
    if stay_down && let Err(error) = std::fs::write(&front.identity.stopped_marker, "") {
        let words = format!(
            "cannot write {}: {error}",
            front.identity.stopped_marker.display()
        );
        return failed(id, Fault::new(Code::Unavailable, words));
    }
    tracing::info!(stay_down, "asked to stop");
    front.stop.cancel();
    done(id, json!({}))
}

fn caller(front: &Front, context: &ClientContext, gone: &CancellationToken) -> Caller {
    Caller {
        client: "command line".into(),
        reach: Reach::CommandLine,
        context: context.clone(),
        format: context.format.unwrap_or(front.identity.format),
        cancelled: CancellationToken::new(),
        vanished: gone.clone(),
        progress: None,
        takes_tasks: false,
        seq: None,
    }
}

async fn tool(front: &Front, caller: Caller, id: u64, name: &str, arguments: Value) -> Answer {
    let arguments = match arguments {
        Value::Object(arguments) => arguments,
        Value::Null => serde_json::Map::new(),
        _ => return failed(id, invalid("a tool's arguments are an object".into())),
    };
    match front.settled_stage().await {
        Stage::Ready(tools) => {
            let reply = guarded::guarded(name, tools.call(caller, name, arguments)).await;
            done(id, json!({"text": reply.text, "is_error": reply.is_error}))
        }
        stage => {
            let reason = front.hello(&stage).reason;
            failed(id, Fault::new(Code::Unavailable, reason))
        }
    }
}

fn invalid(words: String) -> Fault {
    Fault::new(Code::InvalidArgument, words)
}

fn answer(id: u64, outcome: Result<impl serde::Serialize, Fault>) -> Answer {
    match outcome {
        Ok(result) => done(id, result),
        Err(fault) => failed(id, fault),
    }
}

fn done(id: u64, result: impl serde::Serialize) -> Answer {
    match serde_json::to_value(result) {
        Ok(result) => Answer {
            id,
            result: Some(result),
            error: None,
        },
        Err(error) => failed(id, Fault::new(Code::Internal, error.to_string())),
    }
}

fn failed(id: u64, fault: Fault) -> Answer {
    Answer {
        id,
        result: None,
        error: Some(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::front::Identity;
    use crate::serve::token::Token;
    use schema::hello::Format;
    use schema::limits::LINE_MAX_BYTES;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex, split};

    fn front(stage: Stage, marker: &std::path::Path) -> Arc<Front> {
        let identity = Identity {
            version: "1.2.3".into(),
            instance: "i".into(),
            pid: 7,
            state_path: "/s".into(),
            stopped_marker: marker.into(),
            accepted_keys: marker.with_file_name("known_hosts"),
            instructions: String::new(),
            format: Format::Json,
            toolsets: Vec::new(),
        };
        let front = Front::new(identity, Token::generate().unwrap());
        front.set_stage(stage);
        front
    }

    /// What the daemon answers to each of the lines, one after the other.
    async fn answers(front: &Arc<Front>, lines: &[&str]) -> Vec<Value> {
        let (client, server) = duplex(1 << 20);
        let (read, write) = split(server);
        let serving = {
            let front = Arc::clone(front);
            let lines = LineReader::new(read, LINE_MAX_BYTES);
            let context = ClientContext::default();
            let tasks = front.tasks.clone();
            tasks.spawn(async move { serve(&front, context, lines, write).await })
        };
        let (read, mut write) = split(client);
        let mut read = BufReader::new(read).lines();
        let mut answers = Vec::new();
        for line in lines {
            write
                .write_all(format!("{line}\n").as_bytes())
                .await
                .unwrap();
            let answer = read.next_line().await.unwrap().unwrap();
            answers.push(serde_json::from_str(&answer).unwrap());
        }
        write.shutdown().await.unwrap();
        serving.await.unwrap().unwrap();
        answers
    }

    #[tokio::test]
    async fn a_refusing_daemon_tells_why_and_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("daemon.stopped");
        let front = front(Stage::Refusing("newer database".into()), &marker);
        let answers = answers(
            &front,
            &[
                r#"{"id":1,"method":"about"}"#,
                r#"{"id":2,"method":"tool","params":{"name":"status","arguments":{}}}"#,
                r#"{"id":7,"method":"host_keys"}"#,
                r#"{"id":8,"method":"forget_host_keys","params":{"name":"web"}}"#,
                r#"{"id":3,"method":"stop","params":{"stay_down":false}}"#,
            ],
        )
        .await;
        assert_eq!(answers[0]["result"]["state"], "refusing");
        assert_eq!(answers[0]["result"]["reason"], "newer database");
        assert_eq!(answers[1]["error"]["code"], "unavailable");
        assert_eq!(answers[1]["error"]["message"], "newer database");
        assert_eq!(answers[2]["result"]["keys"], json!([]));
        assert_eq!(answers[3]["error"]["code"], "not_found");
        assert_eq!(answers[4]["result"], json!({}));
        assert!(front.stop.is_cancelled() && !marker.exists());
    }

    #[tokio::test]
    async fn what_is_no_request_is_answered_and_the_next_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let tools = crate::tools::Tools::in_folder(folder.path());
        let front = front(Stage::Ready(tools), "/m".as_ref());
        let answers = answers(
            &front,
            &[
                "{nope",
                r#"{"id":4,"method":"dance"}"#,
                r#"{"id":5,"method":"tool","params":{"name":"x","arguments":[]}}"#,
                r#"{"id":6,"method":"tool","params":{"name":"no_such","arguments":{}}}"#,
            ],
        )
        .await;
        for answer in &answers[..3] {
            assert_eq!(answer["error"]["code"], "invalid_argument", "{answer}");
        }
        assert_eq!(answers[1]["id"], 4);
        assert_eq!(answers[3]["result"]["is_error"], true);
    }
}
