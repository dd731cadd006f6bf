//! HTTP as a client on a raw TCP connection sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use schema::hello::Format;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::serve::front::{Front, Identity, Stage};
use crate::serve::token::Token;
use crate::tools::Tools;

const ACCEPT: &str = "Accept: application/json, text/event-stream\r\n";

async fn world() -> (Arc<Front>, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity {
        version: "1.2.3".into(),
        instance: "i".into(),
        pid: 1,
        state_path: "/s".into(),
        stopped_marker: "/m".into(),
        accepted_keys: "/k".into(),
        instructions: "how".into(),
        format: Format::Json,
        toolsets: Vec::new(),
    };
    let front = Front::new(identity, Token::generate().unwrap());
    front.set_stage(Stage::Ready(Tools::in_folder(folder.path())));
    // The folder goes with the runtime that owns this task.
    front.tasks.spawn(async move {
        let _folder = folder;
        std::future::pending::<()>().await;
    });
    let listener = super::listen(Some("127.0.0.1:0".parse().unwrap()), None)
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    front
        .tasks
        .spawn(super::serve(Arc::clone(&front), listener));
    (front, address)
}

/// Sends one request and reads the answer to its end.
async fn send(address: SocketAddr, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn ours(front: &Front) -> String {
    format!(
        "Host: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\n{ACCEPT}",
        front.token.secret().expose()
    )
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"curl","version":"8"}}}"#;

#[tokio::test]
async fn a_known_session_without_the_token_gets_401() {
    let (front, address) = world().await;
    let answer = send(address, "/mcp", &ours(&front), INITIALIZE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains(r#""protocolVersion":"2025-06-18""#),
        "{answer}"
    );
    let session = answer
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id:"))
        .unwrap();
    let stolen =
        format!("Host: 127.0.0.1\r\nContent-Type: application/json\r\n{ACCEPT}{session}\r\n");
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    let answer = send(address, "/mcp", &stolen, list).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let answer = send(
        address,
        "/mcp",
        &format!("{}{session}\r\n", ours(&front)),
        list,
    )
    .await;
    assert!(answer.contains(r#""inputSchema""#), "{answer}");
    assert!(!answer.contains("ttlMs"), "{answer}");
}

#[tokio::test]
async fn foreign_hosts_origins_and_content_types_are_refused() {
    let (front, address) = world().await;
    let ours = ours(&front);
    for (headers, status) in [
        (ours.replace("127.0.0.1", "evil.example"), 403),
        (format!("{ours}Origin: https://evil.example\r\n"), 403),
        (format!("{ours}Origin: http://127.0.0.1\r\n"), 403),
        (ours.replace("application/json\r", "text/plain\r"), 415),
        (ours.replace("Bearer ", "Bearer x"), 401),
    ] {
        for path in ["/mcp", "/rpc"] {
            let answer = send(address, path, &headers, INITIALIZE).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{answer}"
            );
        }
    }
}

#[tokio::test]
async fn the_newer_era_is_served_without_a_handshake_and_with_cache_hints() {
    let (front, address) = world().await;
    let list = r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"_meta":{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"new","version":"1"},
        "io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let headers = format!(
        "{}MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n",
        ours(&front)
    );
    let answer = send(address, "/mcp", &headers, list).await;
    assert!(answer.contains(r#""ttlMs":3600000"#), "{answer}");
    assert!(answer.contains(r#""cacheScope":"private""#), "{answer}");
}

#[tokio::test]
async fn rpc_answers_one_request_and_odd_bodies_are_told() {
    let (front, address) = world().await;
    let ours = ours(&front);
    let answer = send(address, "/rpc", &ours, r#"{"id":9,"method":"no_such"}"#).await;
    assert!(answer.contains(r#""is_error":true"#), "{answer}");
    assert!(answer.contains(r#""id":9"#), "{answer}");
    let twice = r#"{"id":9,"method":"a","method":"b"}"#;
    for path in ["/mcp", "/rpc"] {
        let answer = send(address, path, &ours, twice).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("-32600"), "{answer}");
        let answer = send(address, path, &ours, "{nope").await;
        assert!(answer.contains("-32700"), "{answer}");
        let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#;
        let answer = send(address, path, &ours, batch).await;
        assert!(answer.contains("-32600"), "{answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_there_is_room() {
    let (front, address) = world().await;
    let mut silent = Vec::new();
    for _ in 0..super::connections::CONNECTIONS_MAX {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let (headers, body) = (ours(&front), r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let mut asked = Box::pin(send(address, "/rpc", &headers, body));
    let short = std::time::Duration::from_millis(200);
    assert!(tokio::time::timeout(short, &mut asked).await.is_err());
    drop(silent);
    assert!(asked.await.starts_with("HTTP/1.1 200"));
}
