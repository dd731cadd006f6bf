//! A value's outer form: one version byte, then a postcard body, then nothing.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of every record there is today. A changed type is a new version
/// with its own struct; this one's structs are never edited, for postcard has
/// no field names: an appended field already misreads.
const VERSION: u8 = 1;

/// Why a stored value is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("the value is empty")]
    Empty,
    #[error("the value has version {0}, this program knows up to {VERSION}")]
    Newer(u8),
    #[error("the value does not fit its type")]
    Body(#[source] postcard::Error),
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    #[error("the value breaks a rule of its type")]
    Rule(#[from] schema::id::IdError),
    #[error("the mark of a durable job or shell is 16 hex digits in lower case, not `{0}`")]
    Mark(String),
}

/// The bytes to store.
pub(crate) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, RecordError> {
    postcard::to_extend(record, vec![VERSION]).map_err(RecordError::Body)
}

/// The record that `encode` was given.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RecordError> {
    match bytes.split_first() {
        None => Err(RecordError::Empty),
        Some((&VERSION, body)) => {
            let (record, rest) = postcard::take_from_bytes(body).map_err(RecordError::Body)?;
            if rest.is_empty() {
                return Ok(record);
            }
            Err(RecordError::Trailing(rest.len()))
        }
        Some((&other, _)) => Err(RecordError::Newer(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_value_of_a_known_version_is_read() {
        let bytes = encode(&(7u32, "x".to_owned())).unwrap();
        assert_eq!(
            decode::<(u32, String)>(&bytes).unwrap(),
            (7, "x".to_owned())
        );
        for cut in 0..bytes.len() {
            assert!(decode::<(u32, String)>(&bytes[..cut]).is_err());
        }
        let longer = [bytes.as_slice(), b"!"].concat();
        assert!(matches!(
            decode::<(u32, String)>(&longer),
            Err(RecordError::Trailing(1))
        ));
        let newer = [&[2], &bytes[1..]].concat();
        assert!(matches!(
            decode::<(u32, String)>(&newer),
            Err(RecordError::Newer(2))
        ));
    }
}
