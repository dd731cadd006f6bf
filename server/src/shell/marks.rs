//! What a shell's prompt hook says in its output: OSC 133, the marks that
//! terminals know for where a command's output begins and ends, with a number
//! that no program prints by itself.

/// A mark of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// What kind of shell there is, by the name of its program.
    Program(String),
    /// The hook is in place, of this kind.
    Ready(String),
    /// The shell's line editor has heard that a line follows.
    Armed,
    /// A line is about to run; its output begins behind the mark.
    Begun,
    /// A prompt is about to be shown: what ran has ended, before the mark.
    Ended {
        /// The exit status.
        status: i32,
        /// The shell's folder.
        cwd: String,
    },
}

/// The mark that the text of an OSC sequence is, for the hook `id`.
pub(super) fn mark(text: &[u8], id: &str) -> Option<Mark> {
    let text = String::from_utf8_lossy(text);
    if let Some(own) = text.strip_prefix("7717;") {
        let (name, said) = own.strip_prefix(id)?.strip_prefix(';')?.split_once(';')?;
        return match name {
            "shell" => Some(Mark::Program(said.to_owned())),
            "ready" => Some(Mark::Ready(said.to_owned())),
            "armed" => Some(Mark::Armed),
            _ => None,
        };
    }
    let mut parts = text.strip_prefix("133;")?.splitn(2, ';');
    let (letter, rest) = (parts.next()?, parts.next()?);
    let named = format!("rsmcp={id}");
    match letter {
        "C" => (rest == named).then_some(Mark::Begun),
        "D" => {
            let (status, rest) = rest.split_once(';')?;
            let cwd = rest.strip_prefix(&named)?.strip_prefix(";cwd=")?;
            Some(Mark::Ended {
                status: status.parse().ok()?,
                cwd: cwd.to_owned(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_with_the_hooks_own_number_count() {
        let ended = Mark::Ended {
            status: 130,
            cwd: "/srv/a;b".into(),
        };
        for (text, wanted) in [
            ("133;C;rsmcp=ab12", Some(Mark::Begun)),
            ("133;D;130;rsmcp=ab12;cwd=/srv/a;b", Some(ended)),
            ("7717;ab12;ready;bash", Some(Mark::Ready("bash".into()))),
            ("7717;ab12;armed;", Some(Mark::Armed)),
            (
                "7717;ab12;shell;/usr/bin/zsh",
                Some(Mark::Program("/usr/bin/zsh".into())),
            ),
            ("133;D;0", None),
            ("133;C", None),
            ("133;A;rsmcp=ab12", None),
            ("133;D;0;rsmcp=ffff;cwd=/", None),
            ("133;D;zero;rsmcp=ab12;cwd=/", None),
            ("7717;ffff;armed;", None),
            ("0;title", None),
        ] {
            assert_eq!(mark(text.as_bytes(), "ab12"), wanted, "{text}");
        }
    }
}
