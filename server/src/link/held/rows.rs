//! What stayed on a host, as its list script tells.

use super::super::durable::Mark;
use crate::words::one_line;

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftKind {
    /// A durable shell.
    Shell,
    /// A durable job.
    Job,
}

/// Something of ours on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What it is.
    pub kind: LeftKind,
    /// Its name there.
    pub mark: Mark,
    /// `lives`, `ended`, `lost`, or [`Self::ELSEWHERE`].
    pub state: String,
    /// The holder of a shell; empty for none.
    pub holder: String,
    /// Of a shell, its id and its session.
    pub label: String,
}

impl Left {
    /// The state of what runs on another host that shares the home.
    pub const ELSEWHERE: &str = "elsewhere";
}

/// The rows of an answer that has come whole; none of one that has not.
pub(in crate::link) fn rows(answer: &str, mark: &Mark) -> Option<Vec<Left>> {
    let greeting = format!("remote-shell-mcp list {mark}\n");
    let (_before, said) = answer.split_once(&greeting)?;
    let mut lines: Vec<&str> = said.lines().collect();
    // The last line says that it is the last.
    (lines.pop()? == "." && said.ends_with('\n'))
        .then(|| lines.into_iter().filter_map(row).collect())
}

fn row(line: &str) -> Option<Left> {
    let mut words = line.splitn(4, ' ');
    let (place, state, holder) = (words.next()?, words.next()?, words.next()?);
    let (kind, mark) = place.split_once('/')?;
    let plain = |text: &str| one_line(text, 300);
    Some(Left {
        kind: match kind {
            "shells" => LeftKind::Shell,
            "jobs" => LeftKind::Job,
            _ => return None,
        },
        mark: Mark::parse(mark)?,
        state: plain(state),
        holder: if holder == "-" {
            String::new()
        } else {
            plain(holder)
        },
        label: plain(words.next().unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_a_whole_answer_and_what_is_none_is_passed_over() {
        let mark = Mark::parse("00000000000000aa").unwrap();
        let greeting = "banner\n\nremote-shell-mcp list 00000000000000aa\n";
        let said = format!(
            "{greeting}shells/0123456789abcdef lives tmux main on web.de\n\
             jobs/fedcba9876543210 ended - \nshells/../../etc lives tmux x\n"
        );
        assert_eq!(rows(&said, &mark), None, "not whole");
        let found = rows(&format!("{said}.\n"), &mark).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (
                found[0].kind,
                found[0].label.as_str(),
                found[0].holder.as_str()
            ),
            (LeftKind::Shell, "main on web.de", "tmux")
        );
        assert_eq!(
            (found[1].kind, found[1].state.as_str()),
            (LeftKind::Job, "ended")
        );
        assert_eq!(rows(&format!("{greeting}.\n"), &mark), Some(Vec::new()));
    }
}
