//! Reading a request's body.

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schema::limits::LINE_MAX_BYTES;
use serde_json::Value;

use crate::serve::framer::{self, INVALID_REQUEST};
use crate::serve::strict;

/// Reads a JSON body for `/rpc`.
pub(super) async fn read_json(body: Body) -> Result<Value, Response> {
    read(body).await.map(|(_, message)| message)
}

/// The body in bounded memory, and what it says. An empty body is null.
pub(super) async fn read(body: Body) -> Result<(Bytes, Value), Response> {
    let bytes = to_bytes(body, LINE_MAX_BYTES).await.map_err(|_too_long| {
        let words = format!("the body is longer than {} MiB", LINE_MAX_BYTES >> 20);
        let answer = framer::error(Value::Null, INVALID_REQUEST, &words);
        (StatusCode::PAYLOAD_TOO_LARGE, Json(answer)).into_response()
    })?;
    if bytes.is_empty() {
        return Ok((bytes, Value::Null));
    }
    match strict::parse(&bytes) {
        Ok(message) => Ok((bytes, message)),
        Err(odd) => {
            let answer = framer::answer_to_odd(&bytes, &odd);
            Err((StatusCode::BAD_REQUEST, Json(answer)).into_response())
        }
    }
}
