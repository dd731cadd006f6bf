//! Sends a signal to all processes of a durable job's group; its holder is in
//! another, so that the end is still written down.

use super::super::remote_script::{Preamble, fed};
use super::{IDENTITY, Mark, Unsendable};

const SIGNAL: &str = include_str!("signal.sh");

/// A signal's name is no longer than this, in bytes: `RTMAX-14` is the longest.
const NAME_MAX_BYTES: usize = 8;

/// What to send. `signal` is a name without `SIG`. The answer is one to
/// [`super::Errand::Signal`].
pub(in crate::link) fn signal_script(mark: &Mark, signal: &str) -> Result<Preamble, Unsendable> {
    let is_letter = |b: u8| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-');
    let is_name = signal.starts_with(|c: char| c.is_ascii_uppercase())
        && signal.len() <= NAME_MAX_BYTES
        && signal.bytes().all(is_letter);
    if !is_name {
        return Err(Unsendable::Signal(signal.chars().take(32).collect()));
    }
    Ok(fed(format!(
        "job_mark={mark} job_signal={signal}\n{IDENTITY}{SIGNAL}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_signals_name_stands_in_the_script() {
        let mark = Mark::fresh();
        assert!(signal_script(&mark, "RTMIN+1").is_ok());
        for bad in ["", "9", "TERM;id", "term", "TERM 1", "AAAAAAAAA"] {
            assert_eq!(
                signal_script(&mark, bad),
                Err(Unsendable::Signal(bad.into()))
            );
        }
    }
}
