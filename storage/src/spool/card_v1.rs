//! The card on disk: JSON with a version. Its fields of version 1 are never
//! renamed and never get another meaning.

use serde::{Deserialize, Serialize};

use super::card::{Card, CardEnd};
use super::error::SpoolError;
use crate::redact;

const VERSION: u64 = 1;

/// A card's length; [`TEXT_MAX_BYTES`] of a command, six bytes each as JSON,
/// and as much for the rest.
pub(super) const CARD_MAX_BYTES: usize = 1 << 20;

/// Of a command, and of each other text: as much as history keeps of arguments.
const TEXT_MAX_BYTES: usize = 64 << 10;

/// What a card's file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadCard {
    Known(Box<Card>),
    /// A newer program's, of that version.
    Newer(u64),
    /// Torn, or nothing of ours.
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
struct CardV1 {
    version: u64,
    job_id: String,
    tool: String,
    target: String,
    command: String,
    raw: bool,
    started_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<CardEndV1>,
}

#[derive(Serialize, Deserialize)]
struct CardEndV1 {
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(default)]
    signal: String,
    #[serde(default)]
    lost_reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed_code: Option<String>,
    #[serde(default)]
    env_refused: Vec<String>,
    #[serde(default)]
    survived: bool,
    took_ms: u64,
}

#[derive(Deserialize)]
struct AnyVersion {
    version: u64,
}

/// The card's bytes, less the secrets in its texts.
pub(super) fn encode(card: &Card) -> Result<Vec<u8>, SpoolError> {
    let bytes = serde_json::to_vec(&CardV1::from(card)).unwrap_or_default();
    if bytes.is_empty() || bytes.len() > CARD_MAX_BYTES {
        return Err(SpoolError::CardTooLong {
            job_id: card.job_id.clone(),
            bytes: bytes.len(),
            limit_bytes: CARD_MAX_BYTES,
        });
    }
    Ok(bytes)
}

/// What the bytes say about the job `id`.
pub(super) fn decode(bytes: &[u8], id: &str) -> ReadCard {
    let version = serde_json::from_slice::<AnyVersion>(bytes).map(|any| any.version);
    match version {
        Ok(VERSION) => {}
        Ok(newer) if newer > VERSION => return ReadCard::Newer(newer),
        Ok(odd) => return ReadCard::Unreadable(format!("there is no version {odd}")),
        Err(error) => return ReadCard::Unreadable(error.to_string()),
    }
    match serde_json::from_slice::<CardV1>(bytes) {
        Ok(card) if card.job_id == id => ReadCard::Known(Box::new(card.into())),
        Ok(card) => ReadCard::Unreadable(format!("it is the card of `{}`", card.job_id)),
        Err(error) => ReadCard::Unreadable(error.to_string()),
    }
}

impl From<&Card> for CardV1 {
    fn from(card: &Card) -> Self {
        let Card {
            job_id,
            tool,
            target,
            command,
            raw,
            started_at_ms,
            seq,
            end,
        } = card;
        Self {
            version: VERSION,
            job_id: job_id.clone(),
            tool: tool.clone(),
            target: without_secrets(target),
            command: without_secrets(command),
            raw: *raw,
            started_at_ms: *started_at_ms,
            seq: *seq,
            end: end.as_ref().map(Into::into),
        }
    }
}

impl From<CardV1> for Card {
    fn from(card: CardV1) -> Self {
        Self {
            job_id: card.job_id,
            tool: card.tool,
            target: card.target,
            command: card.command,
            raw: card.raw,
            started_at_ms: card.started_at_ms,
            seq: card.seq,
            end: card.end.map(Into::into),
        }
    }
}

impl From<&CardEnd> for CardEndV1 {
    fn from(end: &CardEnd) -> Self {
        let CardEnd {
            state,
            exit_code,
            signal,
            lost_reason,
            failed_code,
            env_refused,
            survived,
            took_ms,
        } = end;
        Self {
            state: state.clone(),
            exit_code: *exit_code,
            signal: signal.clone(),
            lost_reason: without_secrets(lost_reason),
            failed_code: failed_code.clone(),
            env_refused: env_refused.clone(),
            survived: *survived,
            took_ms: *took_ms,
        }
    }
}

impl From<CardEndV1> for CardEnd {
    fn from(end: CardEndV1) -> Self {
        Self {
            state: end.state,
            exit_code: end.exit_code,
            signal: end.signal,
            lost_reason: end.lost_reason,
            failed_code: end.failed_code,
            env_refused: end.env_refused,
            survived: end.survived,
            took_ms: end.took_ms,
        }
    }
}

/// Cut only after it was cleaned: half a secret is no longer known as one.
fn without_secrets(text: &str) -> String {
    let clean = redact::text(text);
    if clean.len() <= TEXT_MAX_BYTES {
        return clean.into_owned();
    }
    let end = clean.floor_char_boundary(TEXT_MAX_BYTES);
    format!("{} [cut]", clean.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        Card {
            job_id: "job-1-2".into(),
            tool: "ssh_exec".into(),
            target: "web".into(),
            command: "make all".into(),
            raw: true,
            started_at_ms: 1_736_000_000_000,
            seq: Some(9),
            end: Some(CardEnd {
                state: "exited".into(),
                exit_code: Some(2),
                signal: "TERM".into(),
                lost_reason: "the link broke".into(),
                failed_code: Some("busy".into()),
                env_refused: vec!["LANG".into()],
                survived: true,
                took_ms: 1500,
            }),
        }
    }

    #[test]
    fn what_was_written_is_read_with_an_end_and_without() {
        let running = Card {
            end: None,
            seq: None,
            ..card()
        };
        for card in [card(), running] {
            let bytes = encode(&card).unwrap();
            assert_eq!(decode(&bytes, "job-1-2"), ReadCard::Known(Box::new(card)));
        }
        assert_eq!(card().ended_at_ms(), Some(1_736_000_001_500));
    }

    /// The form that every later program must read.
    #[test]
    fn a_card_of_version_1_is_read_by_its_names() {
        let written = br#"{"version":1,"job_id":"job-1-2","tool":"ssh_exec","target":"web",
            "command":"make all","raw":true,"started_at_ms":1736000000000,"seq":9,
            "end":{"state":"exited","exit_code":2,"signal":"TERM",
            "lost_reason":"the link broke","failed_code":"busy","env_refused":["LANG"],"survived":true,
            "took_ms":1500,"later":1},"later":{}}"#;
        assert_eq!(
            decode(written, "job-1-2"),
            ReadCard::Known(Box::new(card()))
        );
        let least = br#"{"version":1,"job_id":"a","tool":"","target":"","command":"","raw":false,
            "started_at_ms":0}"#;
        assert!(matches!(decode(least, "a"), ReadCard::Known(_)));
    }

    #[test]
    fn a_newer_card_is_known_as_newer_and_a_torn_one_as_unreadable() {
        assert_eq!(
            decode(br#"{"version":2,"all":"else"}"#, "a"),
            ReadCard::Newer(2)
        );
        let bytes = encode(&card()).unwrap();
        for length in 0..bytes.len() {
            let torn = decode(&bytes[..length], "job-1-2");
            assert!(matches!(torn, ReadCard::Unreadable(_)), "{length}");
        }
        let zeros = decode(&[0; 300], "job-1-2");
        assert!(matches!(zeros, ReadCard::Unreadable(_)));
        let anothers = decode(&bytes, "job-9-9");
        assert!(matches!(anothers, ReadCard::Unreadable(_)));
    }

    #[test]
    fn no_secret_of_a_command_is_in_its_card_not_even_where_it_is_cut() {
        let secret = "canary-password";
        for before in [0, TEXT_MAX_BYTES - 20, TEXT_MAX_BYTES - 8, TEXT_MAX_BYTES] {
            let long = Card {
                command: format!("{} --password {secret}", "x".repeat(before)),
                ..card()
            };
            let text = String::from_utf8(encode(&long).unwrap()).unwrap();
            assert!(!text.contains("canary"), "{before}");
        }
    }

    #[test]
    fn a_long_command_is_cut_at_a_whole_letter_and_still_read() {
        let long = Card {
            command: "\u{1}é".repeat(TEXT_MAX_BYTES),
            ..card()
        };
        let bytes = encode(&long).unwrap();
        let ReadCard::Known(read) = decode(&bytes, "job-1-2") else {
            panic!("{} bytes", bytes.len());
        };
        assert!(read.command.ends_with(" [cut]") && read.command.len() <= TEXT_MAX_BYTES + 6);
        let many = Card {
            end: Some(CardEnd {
                env_refused: vec!["x".repeat(CARD_MAX_BYTES)],
                ..CardEnd::default()
            }),
            ..card()
        };
        assert!(matches!(encode(&many), Err(SpoolError::CardTooLong { .. })));
    }
}
