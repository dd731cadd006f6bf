//! The `Mcp-Session-Id` of the older era. It authenticates nothing and names
//! nothing that lives: it carries the client's own name from `initialize` to
//! its calls, so that a restart of the daemon loses no session, and none is
//! kept or reaped.

use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::model::Extensions;

use crate::serve::token::random_hex;
use crate::words::one_line;

/// The header.
pub const HEADER: &str = "mcp-session-id";

/// Longest client name that is kept; it goes into every audit record.
const NAME_MAX_CHARS: usize = 100;

/// `NAME VERSION` of a client, without control characters.
pub fn client_name(name: &str, version: &str) -> String {
    let words = format!("{name} {version}");
    one_line(&words, NAME_MAX_CHARS)
}

/// A new id that carries `client`.
pub fn id_for(client: &str) -> Option<String> {
    let random = random_hex::<16>().ok()?;
    Some(format!("{random}.{}", URL_SAFE_NO_PAD.encode(client)))
}

/// The client that the request's session id names.
pub fn named_in(extensions: &Extensions) -> Option<String> {
    let id = extensions.get::<Parts>()?.headers.get(HEADER)?;
    name_in(id.to_str().ok()?)
}

fn name_in(id: &str) -> Option<String> {
    let (_random, name) = id.split_once('.')?;
    let name = String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok()?;
    Some(client_name(&name, "")).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_the_name_back_and_a_foreign_one_gives_none() {
        let name = client_name("claude\n-code", "2.1");
        assert_eq!(name, "claude -code 2.1");
        assert_eq!(name_in(&id_for(&name).unwrap()).unwrap(), name);
        for foreign in ["", "abc", "abc.", "abc.???", "5f.//8"] {
            assert_eq!(name_in(foreign), None, "{foreign}");
        }
    }
}
