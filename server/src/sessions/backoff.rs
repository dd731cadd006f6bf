//! How long to wait before the next dial: 1, 2, 5, 10, then 30 s, with jitter
//! so that many sessions to one host do not come all at once.

use std::time::Duration;

const STEPS_MS: [u64; 5] = [1_000, 2_000, 5_000, 10_000, 30_000];

/// The wait after `failures` dials that failed in a row (1 is the first),
/// spread by `random` over three quarters to five quarters of its step.
pub(super) fn wait(failures: u32, random: u8) -> Duration {
    let at = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let step = STEPS_MS
        .get(at)
        .or(STEPS_MS.last())
        .copied()
        .unwrap_or(30_000);
    Duration::from_millis(step * 3 / 4 + step * u64::from(random) / 510)
}

/// A random byte for [`wait`]; without a random source, no jitter.
pub(super) fn random() -> u8 {
    let mut byte = [127_u8];
    match getrandom::fill(&mut byte) {
        Ok(()) => byte[0],
        Err(error) => {
            tracing::warn!(%error, "no random bytes; dialling without jitter");
            127
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_half_a_minute_and_no_further() {
        let middle: Vec<u64> = (1..8)
            .map(|n| u64::try_from(wait(n, 127).as_millis()).unwrap() / 100)
            .collect();
        assert_eq!(middle, [9, 19, 49, 99, 299, 299, 299]);
        assert_eq!(wait(1, 0).as_millis(), 750);
        assert_eq!(wait(1, 255).as_millis(), 1_250);
    }
}
