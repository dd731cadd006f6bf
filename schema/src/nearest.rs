//! The known name that a caller most likely meant.

/// What a character costs that the caller left out. Callers shorten names more
/// often than they misspell them: `docker_logs` is `docker_container_logs`.
const LEFT_OUT: usize = 1;

/// What a character costs that the caller added or wrote wrongly.
const WRONG: usize = 4;

/// The candidate that takes least to come to from `name`; of equals the first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = plain(name);
    candidates
        .into_iter()
        .min_by_key(|candidate| cost(&name, &plain(candidate)))
}

/// Case, and what stands between words, is no edit.
fn plain(name: &str) -> Vec<char> {
    name.chars()
        .take(crate::limits::ID_MAX_BYTES)
        .map(|c| match c {
            '-' | '.' | '/' | ' ' => '_',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

/// The weighted edit distance from the one to the other (Wagner and Fischer).
fn cost(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).map(|left_out| left_out * LEFT_OUT).collect();
    for (added, a) in (1..).zip(from) {
        let first = added * WRONG;
        let mut next = vec![first];
        let mut left = first;
        for ((b, above), corner) in to.iter().zip(row.iter().skip(1)).zip(&row) {
            let same = if a == b { *corner } else { corner + WRONG };
            left = same.min(above + WRONG).min(left + LEFT_OUT);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        let names = ["timeout_ms", "command", "cwd", "env"];
        for (slip, meant) in [
            ("timeout", "timeout_ms"),
            ("Timeout-MS", "timeout_ms"),
            ("comand", "command"),
            ("cdw", "cwd"),
            ("cmd", "command"),
            ("envs", "env"),
        ] {
            assert_eq!(nearest(slip, names), Some(meant), "{slip}");
        }
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn what_was_left_out_costs_less_than_what_is_wrong() {
        let cost = |a, b| cost(&plain(a), &plain(b));
        assert_eq!(cost("same", "same"), 0);
        assert_eq!(cost("", "abc"), 3 * LEFT_OUT);
        assert_eq!(cost("abc", ""), 3 * WRONG);
        assert_eq!(cost("kitten", "sitting"), 2 * WRONG + LEFT_OUT);
    }
}
