//! How a shell ended.

use crate::link::Ended;

/// What a shell does on this signal's number is added to by shells, for an exit
/// code (POSIX 2.8.2).
const SIGNALLED: i32 = 128;

/// How a shell ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct End {
    /// Present when it exited: of a signal as shells tell it, 128 and its number.
    pub exit_code: Option<i32>,
    /// Why it was lost; empty when it was not.
    pub lost_reason: String,
}

impl End {
    /// Of a terminal's channel, whether or not somebody had it end.
    pub(super) fn of(ended: &Ended, is_asked: bool) -> Self {
        let by_signal = ended.signal.as_deref().map(|name| SIGNALLED + number(name));
        let exit_code = ended
            .exit_code
            .map(|code| i32::try_from(code).unwrap_or(i32::MAX))
            .or(by_signal);
        let lost_reason = match &ended.lost {
            Some(reason) if exit_code.is_none() && !is_asked => {
                format!("{reason}; a shell ends with its link unless it is durable")
            }
            _ => String::new(),
        };
        Self {
            exit_code,
            lost_reason,
        }
    }

    /// It is not there any more, for this reason.
    pub fn lost(reason: impl Into<String>) -> Self {
        Self {
            exit_code: None,
            lost_reason: reason.into(),
        }
    }
}

/// The number of a signal, where all systems agree (POSIX kill); 0 elsewhere.
fn number(name: &str) -> i32 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ABRT" => 6,
        "KILL" => 9,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_as_shells_tell_it_and_a_close_is_no_loss() {
        let killed = Ended {
            signal: Some("KILL".into()),
            ..Ended::default()
        };
        assert_eq!(End::of(&killed, false).exit_code, Some(137));
        let cut = Ended {
            lost: Some("the link broke".into()),
            ..Ended::default()
        };
        assert!(
            End::of(&cut, false)
                .lost_reason
                .starts_with("the link broke; ")
        );
        assert_eq!(End::of(&cut, true), End::default());
    }
}
