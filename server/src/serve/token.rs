//! The bearer token: 32 random bytes in hex, new at each start.

use schema::Secret;
use sha2::{Digest, Sha256};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// A token and the comparison with what a caller presents.
#[derive(Debug, Clone)]
pub struct Token(Secret);

impl Token {
    /// A new random token.
    pub fn generate() -> Result<Self, getrandom::Error> {
        random_hex::<TOKEN_BYTES>().map(|text| Self(Secret::new(text)))
    }

    /// The text, for the handle.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// Whether `presented` is this token. Digests are compared, all bytes of
    /// them, so that the time tells nothing about the token.
    pub fn matches(&self, presented: &str) -> bool {
        let ours = Sha256::digest(self.0.expose());
        let theirs = Sha256::digest(presented);
        let difference = ours
            .iter()
            .zip(theirs.iter())
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

/// `N` random bytes in hex.
pub fn random_hex<const N: usize>() -> Result<String, getrandom::Error> {
    use std::fmt::Write as _;
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes
        .iter()
        .fold(String::with_capacity(2 * N), |mut text, byte| {
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").unwrap_or_default();
            text
        }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_matches() {
        let token = Token::generate().unwrap();
        let text = token.secret().expose().to_owned();
        assert_eq!(text.len(), 64);
        assert!(token.matches(&text));
        assert!(!token.matches(""));
        assert!(!token.matches(text.trim_end_matches(|_| true)));
        assert!(!Token::generate().unwrap().matches(&text));
        assert!(!format!("{token:?}").contains(&text));
    }
}
