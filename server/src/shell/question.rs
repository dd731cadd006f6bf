//! What programs ask a terminal, and what an xterm of no special kind answers. A
//! program that waits for that would otherwise start late, or not at all.

/// A VT220 with colours: what `TERM=xterm-256color` promises.
const PRIMARY: &[u8] = b"\x1b[?62;22c";
const SECONDARY: &[u8] = b"\x1b[>1;10;0c";
const GOOD: &[u8] = b"\x1b[0n";

/// The answer to a control sequence, if it is a question. `cursor` is asked for
/// the cursor's row and column, from 1.
pub(super) fn answer(parameters: &[u8], last: u8, cursor: impl FnOnce() -> (u16, u16)) -> Vec<u8> {
    match (parameters, last) {
        (b"" | b"0", b'c') => PRIMARY.to_vec(),
        (b">" | b">0", b'c') => SECONDARY.to_vec(),
        (b"5", b'n') => GOOD.to_vec(),
        (b"6", b'n') => {
            let (row, col) = cursor();
            format!("\x1b[{row};{col}R").into_bytes()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_answered_and_nothing_else_is() {
        let at = || (3, 7);
        assert_eq!(answer(b"6", b'n', at), b"\x1b[3;7R");
        assert_eq!(answer(b"", b'c', at), PRIMARY);
        assert_eq!(answer(b">", b'c', at), SECONDARY);
        for (parameters, last) in [(&b"?62;22"[..], b'c'), (b"1", b'm'), (b"?6", b'n')] {
            assert!(answer(parameters, last, at).is_empty());
        }
    }
}
