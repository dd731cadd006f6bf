//! What every HTTP request passes first: Host, Origin, token, content type, in
//! this order (SECURITY 1 to 3).

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::serve::token::Token;

/// The path that answers without a token: whether the daemon serves.
pub(super) const OPEN_PATH: &str = "/healthz";

/// Refuses a request before its body is read.
#[expect(clippy::result_large_err, reason = "made once for a refused request")]
pub(super) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    token: &Token,
) -> Result<(), Response> {
    if !host_is_ours(uri, headers) {
        return Err((StatusCode::FORBIDDEN, "this Host is not served\n").into_response());
    }
    // No page has business here: a browser sends an Origin, our clients none.
    if headers.contains_key(ORIGIN) {
        return Err((StatusCode::FORBIDDEN, "requests of web pages are refused\n").into_response());
    }
    if uri.path() == OPEN_PATH {
        return Ok(());
    }
    if !bearer(headers).is_some_and(|presented| token.matches(presented)) {
        let mut response = (
            StatusCode::UNAUTHORIZED,
            "the bearer token is missing or not this daemon's: it is in daemon.json, new at each start\n",
        )
            .into_response();
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        return Err(response);
    }
    if method == Method::POST && !is_json(headers) {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the Content-Type must be application/json\n",
        )
            .into_response());
    }
    Ok(())
}

/// Whether the request names a loopback host: a page that made its name
/// resolve to 127.0.0.1 still sends that name.
fn host_is_ours(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    is_loopback_name(host) && uri.host().is_none_or(is_loopback_name)
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("127.0.0.1" | "::1"))
        || name.is_some_and(|name| name.eq_ignore_ascii_case("localhost"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case = (Vec<(&'static str, String)>, Option<u16>);

    fn status(token: &Token, headers: &[(&'static str, String)]) -> Option<StatusCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let uri = Uri::from_static("/mcp");
        check(&Method::POST, &uri, &map, token)
            .err()
            .map(|r| r.status())
    }

    #[test]
    fn what_is_foreign_is_refused_before_the_token_is_looked_at() {
        let token = Token::generate().unwrap();
        let bearer = || {
            (
                "authorization",
                format!("Bearer {}", token.secret().expose()),
            )
        };
        let json = || ("content-type", "application/json; charset=utf-8".to_owned());
        let host = |name: &str| ("host", name.to_owned());
        let cases: Vec<Case> = vec![
            (vec![host("127.0.0.1:7800"), bearer(), json()], None),
            (vec![host("[::1]:7800"), bearer(), json()], None),
            (vec![host("LocalHost"), bearer(), json()], None),
            (vec![host("evil.example"), bearer(), json()], Some(403)),
            (
                vec![host("127.0.0.1.evil.example"), bearer(), json()],
                Some(403),
            ),
            (
                vec![host("localhost"), host("evil"), bearer(), json()],
                Some(403),
            ),
            (vec![bearer(), json()], Some(403)),
            (
                vec![
                    host("localhost"),
                    ("origin", "null".into()),
                    bearer(),
                    json(),
                ],
                Some(403),
            ),
            (vec![host("localhost"), json()], Some(401)),
            (
                vec![
                    host("localhost"),
                    ("authorization", "Bearer x".into()),
                    json(),
                ],
                Some(401),
            ),
            (vec![host("localhost"), bearer()], Some(415)),
            (
                vec![
                    host("localhost"),
                    bearer(),
                    ("content-type", "text/plain".into()),
                ],
                Some(415),
            ),
        ];
        for (headers, expected) in cases {
            let got = status(&token, &headers).map(|status| status.as_u16());
            assert_eq!(got, expected, "{headers:?}");
        }
    }
}
