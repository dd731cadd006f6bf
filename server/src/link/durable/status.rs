//! What an exit status above 128 may mean.

/// The signal that a shell's status stands for, by Linux's usual numbers.
///
/// It is a guess and no more: `exit 143` and a death by TERM are one number to
/// every POSIX sh, and what waits for the command has nothing else to ask (the
/// words that some shells print are not said for every signal). So a status
/// stays an exit code, and only who sent that very signal may call it one.
pub fn signal_of_status(status: u32) -> Option<&'static str> {
    Some(match status.checked_sub(128)? {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_above_128_may_stand_for_a_signal() {
        assert_eq!(signal_of_status(143), Some("TERM"));
        assert_eq!(signal_of_status(137), Some("KILL"));
        for plain in [0, 1, 15, 127, 128, 200, 255, u32::MAX] {
            assert_eq!(signal_of_status(plain), None, "{plain}");
        }
    }
}
