//! Requests over HTTP that can be cancelled: those of the older era that carry
//! the session id of their client, since only with it is a request's id one
//! client's own. Nothing else is known of a session, and none is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::request::Parts;
use rmcp::model::Extensions;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::session;

/// A session id, and a request's id as JSON: `7` and `"7"` are two.
type Key = (String, String);

/// Every such request that is open.
#[derive(Debug, Clone, Default)]
pub struct OpenRequests(Arc<Mutex<HashMap<Key, CancellationToken>>>);

/// One of them; it is closed with its last copy.
#[derive(Debug, Clone)]
pub struct OpenRequest(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    key: Key,
    token: CancellationToken,
    all: OpenRequests,
}

impl OpenRequests {
    /// Notes the request `message`. None when nobody could cancel it: it has no
    /// session, or an id that is open already.
    pub fn begin(&self, headers: &HeaderMap, message: &Value) -> Option<OpenRequest> {
        message.get("method")?;
        let key = key(headers, message.get("id")?)?;
        let token = CancellationToken::new();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains_key(&key) {
            return None;
        }
        open.insert(key.clone(), token.clone());
        drop(open);
        let all = self.clone();
        Some(OpenRequest(Arc::new(Entry { key, token, all })))
    }

    /// Cancels what `message` names, when it is a cancel of an open request.
    pub fn hear(&self, headers: &HeaderMap, message: &Value) {
        if message.get("method").and_then(Value::as_str) != Some("notifications/cancelled") {
            return;
        }
        let id = message.pointer("/params/requestId");
        let Some(key) = id.and_then(|id| key(headers, id)) else {
            return;
        };
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = open.get(&key) {
            token.cancel();
        }
    }
}

impl OpenRequest {
    /// Cancelled when its client cancels it.
    pub fn cancelled(&self) -> CancellationToken {
        self.0.token.clone()
    }

    /// That of the request which these came with.
    pub fn among(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Parts>()?.extensions.get()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.key);
    }
}

fn key(headers: &HeaderMap, id: &Value) -> Option<Key> {
    if !id.is_number() && !id.is_string() {
        return None;
    }
    let session = headers.get(session::HEADER)?.to_str().ok()?;
    Some((session.to_owned(), id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(session: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(session::HEADER, session.parse().unwrap());
        headers
    }

    fn call(id: &Value) -> Value {
        json!({"id": id, "method": "tools/call"})
    }

    fn cancel(id: &Value) -> Value {
        json!({"method": "notifications/cancelled", "params": {"requestId": id}})
    }

    #[test]
    fn only_the_same_session_cancels_and_only_the_same_id() {
        let open = OpenRequests::default();
        let request = open.begin(&of("a"), &call(&json!(7))).unwrap();
        for (headers, word) in [
            (of("b"), cancel(&json!(7))),
            (of("a"), cancel(&json!("7"))),
            (of("a"), cancel(&json!(null))),
            (of("a"), call(&json!(7))),
            (HeaderMap::new(), cancel(&json!(7))),
        ] {
            open.hear(&headers, &word);
            assert!(!request.cancelled().is_cancelled(), "{word}");
        }
        open.hear(&of("a"), &cancel(&json!(7)));
        assert!(request.cancelled().is_cancelled());
    }

    #[test]
    fn an_id_is_free_after_its_request_and_not_before() {
        let open = OpenRequests::default();
        let request = open.begin(&of("a"), &call(&json!("x"))).unwrap();
        assert!(open.begin(&of("a"), &call(&json!("x"))).is_none());
        drop(request.clone());
        assert!(open.begin(&of("a"), &call(&json!("x"))).is_none());
        drop(request);
        assert!(open.begin(&of("a"), &call(&json!("x"))).is_some());
        assert!(
            open.begin(&HeaderMap::new(), &call(&json!("x"))).is_none(),
            "without a session"
        );
    }
}
