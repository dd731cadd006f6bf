//! The transport on a pipe: what is handed on, what is answered, and which
//! signal a request gets.

use serde_json::json;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use super::*;

struct World {
    client: DuplexStream,
    transport: LineTransport<DuplexStream>,
    answers: mpsc::Receiver<Vec<u8>>,
}

fn world() -> World {
    let (client, server) = duplex(64 << 20);
    let (out, answers) = mpsc::channel(OUTGOING_MAX);
    let lines = LineReader::new(server, schema::limits::LINE_MAX_BYTES);
    World {
        client,
        transport: LineTransport::new(lines, out, CancellationToken::new()),
        answers,
    }
}

fn done(id: i64) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::response(rmcp::model::ServerResult::empty(()), RequestId::Number(id))
}

impl World {
    async fn write(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
        self.client.write_all(b"\n").await.unwrap();
    }

    async fn call(&mut self, id: u32) -> Signals {
        let params = json!({"name": "exec", "arguments": {}});
        let call = json!({"jsonrpc":"2.0","id":id,"method":"tools/call","params":params});
        self.write(&call.to_string()).await;
        match self.transport.receive().await {
            Some(ClientJsonRpcMessage::Request(request)) => request
                .request
                .extensions()
                .get::<Signals>()
                .unwrap()
                .clone(),
            other => panic!("{other:?}"),
        }
    }

    /// The answer that the transport gives by itself to the text.
    async fn answered(&mut self, text: &str) -> Value {
        self.write(text).await;
        tokio::select! {
            message = self.transport.receive() => panic!("handed on: {message:?}"),
            line = self.answers.recv() => serde_json::from_slice(&line.unwrap()).unwrap(),
        }
    }
}

#[tokio::test]
async fn a_cancelled_request_and_a_vanished_client_are_told_apart() {
    let mut world = world();
    let first = world.call(1).await;
    let second = world.call(2).await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    world.write(cancel).await;
    world.call(3).await;
    assert!(first.cancelled.is_cancelled() && !first.vanished.is_cancelled());
    assert!(!second.cancelled.is_cancelled());
    world.client.shutdown().await.unwrap();
    assert!(world.transport.receive().await.is_none());
    assert!(second.vanished.is_cancelled() && !second.cancelled.is_cancelled());
}

#[tokio::test]
async fn a_cancelled_request_gets_no_answer_and_keeps_its_id_until_its_call_has_ended() {
    let mut world = world();
    let first = world.call(1).await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    world.write(cancel).await;
    let again = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let answer = world.answered(again).await;
    assert_eq!(answer["error"]["code"], INVALID_REQUEST);
    assert!(first.cancelled.is_cancelled());
    world.transport.send(done(1)).await.unwrap();
    assert!(world.answers.try_recv().is_err());
    let second = world.call(1).await;
    assert!(!second.cancelled.is_cancelled());
    world.transport.send(done(1)).await.unwrap();
    assert!(world.answers.try_recv().is_ok());
    // Too late, and so of no effect.
    world.write(cancel).await;
    world.call(1).await;
    assert!(!second.cancelled.is_cancelled());
}

#[tokio::test]
async fn what_cannot_be_served_is_answered_and_the_connection_goes_on() {
    let mut world = world();
    let _open = world.call(7).await;
    let huge = format!(r#"{{"id":5,"x":"{}"}}"#, "x".repeat(17 << 20));
    for (text, id, code) in [
        ("{nope", Value::Null, -32700),
        ("[[[[", Value::Null, -32700),
        ("7", Value::Null, INVALID_REQUEST),
        (r#"{"id":1,"id":2,"method":"x"}"#, json!(1), INVALID_REQUEST),
        (
            r#"{"jsonrpc":"1.0","id":3,"method":"ping"}"#,
            json!(3),
            INVALID_REQUEST,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            json!(1.5),
            INVALID_REQUEST,
        ),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":3}}"#,
            json!(4),
            INVALID_PARAMS,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#,
            json!(7),
            INVALID_REQUEST,
        ),
        (huge.as_str(), json!(5), INVALID_REQUEST),
    ] {
        let answer = world.answered(text).await;
        let shown: String = text.chars().take(60).collect();
        assert_eq!(answer["id"], id, "{shown}");
        assert_eq!(answer["error"]["code"], code, "{shown}");
    }
    world.call(8).await;
}

#[tokio::test]
async fn one_client_has_so_many_requests_open_and_the_next_is_busy() {
    let mut world = world();
    for id in 0..u32::try_from(IN_FLIGHT_MAX).unwrap() {
        world.call(id).await;
    }
    let next = r#"{"jsonrpc":"2.0","id":"next","method":"tools/list"}"#;
    let answer = world.answered(next).await;
    assert_eq!(answer["error"]["data"]["code"], "busy");
    world.transport.send(done(0)).await.unwrap();
    world.call(0).await;
}

#[tokio::test]
async fn a_batch_is_answered_one_by_one_and_arguments_in_a_string_are_read() {
    let mut world = world();
    let call = |id| {
        json!({"jsonrpc":"2.0","id":id,"method":"tools/call",
            "params":{"name":"exec","arguments":"{\"a\":1}"}})
    };
    world.write(&json!([call(1), call(2)]).to_string()).await;
    for _ in 0..2 {
        let Some(ClientJsonRpcMessage::Request(request)) = world.transport.receive().await else {
            panic!("no request");
        };
        let ClientRequest::CallToolRequest(call) = request.request else {
            panic!("no call");
        };
        assert_eq!(call.params.arguments.unwrap()["a"], 1);
    }
}
