//! Which jobs' output goes when time or room is up.

use super::layout::Bounds;

/// How much of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of each stream that is made.
    pub bounds: Bounds,
    /// How long a job stays after its end, in milliseconds.
    pub keep_ms: i64,
    /// What all jobs together take of the disk, in bytes.
    pub bytes_max: u64,
    /// How many jobs there are.
    pub jobs_max: usize,
}

/// A week, 512 MiB (half of what all data may use), and as many jobs as can be
/// listed at a start without being noticed.
impl Default for Limits {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            keep_ms: 7 * 24 * 60 * 60 * 1000,
            bytes_max: 512 << 20,
            jobs_max: 1000,
        }
    }
}

/// What retention asks of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aged {
    /// None if it must stay; `i64::MIN` if it is of no use.
    pub(super) ended_at_ms: Option<i64>,
    pub(super) bytes: u64,
}

/// The places in `jobs` of those that go: all that ended too long ago, then
/// the longest ended until the rest is within the limits.
pub(super) fn expired(jobs: &[Aged], limits: Limits, now_ms: i64) -> Vec<usize> {
    let mut ended: Vec<(i64, usize, u64)> = jobs
        .iter()
        .enumerate()
        .filter_map(|(place, job)| Some((job.ended_at_ms?, place, job.bytes)))
        .collect();
    ended.sort_unstable();
    let mut left_bytes: u64 = jobs.iter().map(|job| job.bytes).sum();
    let mut left_jobs = jobs.len();
    let mut gone = Vec::new();
    for (ended_at_ms, place, bytes) in ended {
        let too_old = now_ms.saturating_sub(ended_at_ms) > limits.keep_ms;
        if !too_old && left_bytes <= limits.bytes_max && left_jobs <= limits.jobs_max {
            break;
        }
        left_bytes = left_bytes.saturating_sub(bytes);
        left_jobs -= 1;
        gone.push(place);
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    type Job = (Option<i64>, u64);

    #[test]
    fn the_too_old_go_then_the_oldest_until_the_rest_fits_and_none_that_runs() {
        let limits = Limits {
            keep_ms: 100,
            bytes_max: 50,
            jobs_max: 3,
            ..Limits::default()
        };
        let now_ms = 1000;
        let table: [(&str, &[Job], &[usize]); 8] = [
            ("none", &[], &[]),
            ("young", &[(Some(900), 9), (Some(999), 9)], &[]),
            ("too old", &[(Some(899), 9), (Some(900), 9)], &[0]),
            ("of no use", &[(Some(i64::MIN), 9)], &[0]),
            (
                "too many",
                &[(Some(950), 1), (Some(930), 1), (Some(940), 1), (None, 1)],
                &[1],
            ),
            (
                "too large",
                &[(Some(950), 30), (Some(930), 30), (Some(940), 10)],
                &[1],
            ),
            ("what runs stays, however large", &[(None, 99)], &[]),
            (
                "and takes room from others",
                &[(None, 99), (Some(999), 1)],
                &[1],
            ),
        ];
        for (what, jobs, expected) in table {
            let jobs: Vec<Aged> = jobs
                .iter()
                .map(|&(ended_at_ms, bytes)| Aged { ended_at_ms, bytes })
                .collect();
            assert_eq!(expired(&jobs, limits, now_ms), expected, "{what}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_removes_nothing() {
        let job = Aged {
            ended_at_ms: Some(i64::MAX),
            bytes: 1,
        };
        assert!(expired(&[job], Limits::default(), i64::MIN).is_empty());
    }
}
