//! The name that a durable job or shell has on its host. It becomes part of
//! commands there.

use super::RecordError;

/// Hex digits of a mark: 64 random bits, so that no two of a host meet.
const MARK_DIGITS: usize = 16;

/// Refuses what a host's shell might read as anything but a name.
pub(super) fn checked(mark: String) -> Result<String, RecordError> {
    let digits = mark.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if digits && mark.len() == MARK_DIGITS {
        return Ok(mark);
    }
    Err(RecordError::Mark(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_sixteen_hex_digits_and_nothing_else() {
        let table = [
            ("0123456789abcdef", true),
            ("", false),
            ("0123456789abcde", false),
            ("0123456789abcdef0", false),
            ("0123456789ABCDEF", false),
            ("../../etc/passwd", false),
            ("$(reboot)1234567", false),
        ];
        for (mark, good) in table {
            assert_eq!(checked(mark.to_owned()).is_ok(), good, "{mark}");
        }
    }
}
