//! Reading the files: blocks that apply, includes, the second pass.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::asked::{Asked, Local, Source};
use super::condition::{Subject, evaluate, host_line};
use super::directive::{self, Taken};
use super::error::ConfigError;
use super::line::{Line, words};
use super::settings::{Ignored, Settings};
use super::tokens;
use crate::link::named_file::NamedFile;

/// ssh(1)'s limit of includes within includes.
pub(super) const DEPTH_MAX: usize = 16;

/// A configuration file is at most this long; a longer one is something else.
const FILE_MAX_BYTES: u64 = 4 << 20;

/// The settings of the host that is asked about, and its name to connect to.
pub(super) fn read(asked: &Asked<'_>, local: &Local) -> Result<(Settings, String), ConfigError> {
    let mut settings = Settings {
        user: asked.user.map(str::to_owned),
        port: asked.port,
        ..Settings::default()
    };
    let mut reader = Reader {
        asked,
        local,
        settings: &mut settings,
        is_final: false,
        wants_final: false,
    };
    reader.all()?;
    let again = reader.wants_final || reader.settings.canonicalizes;
    let host = match &settings.host_name {
        Some(text) => tokens::host_name(text, asked.host)?,
        None => asked.host.to_owned(),
    };
    let host = host.to_lowercase();
    if again {
        settings.host_name = Some(host.clone());
        settings.ignored.clear();
        let mut reader = Reader {
            asked,
            local,
            settings: &mut settings,
            is_final: true,
            wants_final: false,
        };
        reader.all()?;
    }
    Ok((settings, host))
}

struct Reader<'a> {
    asked: &'a Asked<'a>,
    local: &'a Local,
    settings: &'a mut Settings,
    is_final: bool,
    wants_final: bool,
}

/// One file as it is read.
#[derive(Clone, Copy)]
struct Open<'a> {
    path: &'a Path,
    is_user: bool,
    depth: usize,
    /// It is included by a block that does not apply: only its form counts.
    never: bool,
}

impl Reader<'_> {
    fn all(&mut self) -> Result<(), ConfigError> {
        let local = self.local;
        for Source {
            path,
            is_user,
            is_checked,
        } in &local.files
        {
            let open = Open {
                path,
                is_user: *is_user,
                depth: 0,
                never: false,
            };
            self.file(open, *is_checked, &mut true)?;
        }
        Ok(())
    }

    fn file(
        &mut self,
        open: Open<'_>,
        checked: bool,
        active: &mut bool,
    ) -> Result<(), ConfigError> {
        if open.depth > DEPTH_MAX {
            return Err(ConfigError::TooDeep {
                path: open.path.to_owned(),
                max: DEPTH_MAX,
            });
        }
        let Some(text) = text(open.path, checked.then_some(self.local.uid))? else {
            return Ok(());
        };
        for (at, raw) in text.lines().enumerate() {
            let Some(line) = Line::parse(raw) else {
                continue;
            };
            let bad = |what| ConfigError::Line {
                path: open.path.to_owned(),
                line: at + 1,
                what,
            };
            match line.keyword.as_str() {
                "host" => *active = self.host(&line, open).map_err(bad)?,
                "match" => *active = self.condition(&line, open, at + 1).map_err(bad)?,
                "include" => self.include(&line, open, at + 1, active)?,
                keyword => {
                    let taken = directive::take(self.settings, keyword, line.rest, *active);
                    if taken.map_err(bad)? == Taken::NotHonoured && *active {
                        self.ignore(raw, open, at + 1);
                    }
                }
            }
        }
        Ok(())
    }

    fn host(&self, line: &Line<'_>, open: Open<'_>) -> Result<bool, String> {
        let patterns = words(line.rest).ok_or("a quote is not closed")?;
        if patterns.is_empty() || patterns.iter().any(String::is_empty) {
            return Err("Host has no pattern, or an empty one".into());
        }
        // The second time, blocks are about the host that the first time found.
        let host = match &self.settings.host_name {
            Some(found) if self.is_final => found,
            _ => self.asked.host,
        };
        Ok(!open.never && host_line(&patterns, host))
    }

    fn condition(&mut self, line: &Line<'_>, open: Open<'_>, at: usize) -> Result<bool, String> {
        if words(line.rest).is_none() {
            return Err("a quote is not closed".into());
        }
        let tell = |error: ConfigError| error.to_string();
        let host = match &self.settings.host_name {
            Some(name) if self.is_final => name.clone(),
            Some(text) => tokens::host_name(text, self.asked.host).map_err(tell)?,
            None => self.asked.host.to_owned(),
        };
        let subject = Subject {
            host: &host,
            original_host: self.asked.host,
            user: self.settings.user.as_deref().unwrap_or(&self.local.user),
            local_user: &self.local.user,
            is_final: self.is_final,
        };
        let outcome = evaluate(line.rest, &subject)?;
        self.wants_final |= outcome.wants_final;
        if let Some(criterion) = outcome.unknown.filter(|_| !open.never) {
            self.ignore(&format!("Match\u{a0}{criterion}"), open, at);
        }
        Ok(outcome.holds && !open.never)
    }

    fn include(
        &mut self,
        line: &Line<'_>,
        open: Open<'_>,
        at: usize,
        active: &mut bool,
    ) -> Result<(), ConfigError> {
        let bad = |what: String| ConfigError::Line {
            path: open.path.to_owned(),
            line: at,
            what,
        };
        let patterns = words(line.rest).ok_or_else(|| bad("a quote is not closed".into()))?;
        if patterns.is_empty() {
            return Err(bad("Include names no file".into()));
        }
        let outer = *active;
        for pattern in patterns {
            let found = found(&pattern, open.is_user, self.local).map_err(bad)?;
            for path in found {
                let inner = Open {
                    path: &path,
                    is_user: open.is_user,
                    depth: open.depth + 1,
                    never: open.never || !outer,
                };
                self.file(inner, true, active)?;
                // A block within the file ends with it.
                *active = outer;
            }
        }
        Ok(())
    }

    fn ignore(&mut self, raw: &str, open: Open<'_>, at: usize) {
        let keyword = raw
            .trim()
            .split([' ', '\t', '=', '"'])
            .next()
            .unwrap_or_default();
        let keyword = keyword.replace('\u{a0}', " ");
        let known = |other: &Ignored| other.keyword.eq_ignore_ascii_case(&keyword);
        if self.settings.ignored.iter().any(known) {
            return;
        }
        let path = match open.path.strip_prefix(&self.local.home) {
            Ok(below) => format!("~/{}", below.display()),
            Err(_elsewhere) => open.path.display().to_string(),
        };
        self.settings.ignored.push(Ignored {
            keyword,
            place: format!("{path}:{at}"),
        });
    }
}

/// The files of an Include, which is relative to `~/.ssh` or `/etc/ssh`.
pub(super) fn found(pattern: &str, is_user: bool, local: &Local) -> Result<Vec<PathBuf>, String> {
    if pattern.is_empty() {
        return Err("an argument is empty".into());
    }
    let anchored = match pattern.strip_prefix("~/") {
        Some(below) if is_user => local.home.join(below),
        _ if pattern.starts_with('~') => return Err(format!("`{pattern}` cannot be included")),
        _ if is_user => local.home.join(".ssh").join(pattern),
        _ => Path::new("/etc/ssh").join(pattern),
    };
    let anchored = anchored.to_string_lossy();
    let as_glob_does = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let found = glob::glob_with(&anchored, as_glob_does).map_err(|error| error.to_string())?;
    let found: Result<Vec<PathBuf>, glob::GlobError> = found.collect();
    found.map_err(|error| error.to_string())
}

/// A file's text; none when there is no such file. `owner` is who else than
/// root may own it, where that is checked.
pub(super) fn text(path: &Path, owner: Option<u32>) -> Result<Option<String>, ConfigError> {
    let tell = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match NamedFile::open(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Err(tell(io::Error::other("it is no configuration file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(tell(error)),
    };
    let found = file.metadata();
    if let Some(uid) = owner
        && ((found.uid() != 0 && found.uid() != uid) || found.mode() & 0o022 != 0)
    {
        return Err(ConfigError::Permissions(path.to_owned()));
    }
    let bytes = file.read(FILE_MAX_BYTES).map_err(tell)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
