//! The id of a request.

/// An id is echoed and compared, so it is short. A UUID has 36 bytes.
const ID_MAX_BYTES: usize = 1024;

/// A request's id: compared by value, echoed as it was written.
#[derive(Debug, Clone)]
pub(crate) struct RequestId {
    raw: String,
    key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Number(i128),
    Text(String),
}

impl RequestId {
    /// The id in that JSON text; none when it is neither an integer nor a
    /// string.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        if raw.len() > ID_MAX_BYTES {
            return None;
        }
        let key = if raw.starts_with('"') {
            Key::Text(serde_json::from_str(raw).ok()?)
        } else {
            let signed = raw.parse::<i64>().ok().map(i128::from);
            Key::Number(signed.or_else(|| raw.parse::<u64>().ok().map(i128::from))?)
        };
        Some(Self {
            raw: raw.to_owned(),
            key,
        })
    }

    /// The JSON text as it came.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
