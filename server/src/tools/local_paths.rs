//! Local paths in arguments: resolved against the calling client's working
//! folder, so that they mean the same file from then on.

use std::path::{Component, Path, PathBuf};

use schema::tools::Tool;
use schema::{Code, Fault};
use serde_json::Value;

use super::caller::{Caller, Reach};
use super::desk::Parts;

/// Names of arguments, at any depth, that are paths on this machine.
const NAMES: [&str; 7] = [
    "key_path",
    "known_hosts_path",
    "agent_socket",
    "local_path",
    "tls_cert_path",
    "tls_key_path",
    "tls_ca_path",
];

/// Makes every local path in `arguments` absolute.
pub(super) fn resolve(
    tool: Tool,
    mut arguments: Value,
    caller: &Caller,
    parts: &Parts,
) -> Result<Value, Fault> {
    let base = Base {
        tool,
        home: &parts.home,
        cwd: &caller.context.cwd,
        reach: caller.reach,
    };
    base.walk(&mut arguments)?;
    Ok(arguments)
}

struct Base<'a> {
    tool: Tool,
    home: &'a Path,
    cwd: &'a str,
    reach: Reach,
}

impl Base<'_> {
    fn walk(&self, value: &mut Value) -> Result<(), Fault> {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    match field {
                        Value::String(path) if NAMES.contains(&name.as_str()) => {
                            *path = self.absolute(name, path)?;
                        }
                        // Variables of the remote side, whatever their names.
                        _ if name == "env" => {}
                        other => self.walk(other)?,
                    }
                }
                Ok(())
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.walk(item)),
            _ => Ok(()),
        }
    }

    fn absolute(&self, name: &str, path: &str) -> Result<String, Fault> {
        let joined = if let Some(below) = path.strip_prefix("~/") {
            self.home.join(below)
        } else if Path::new(path).is_absolute() {
            PathBuf::from(path)
        } else if !self.cwd.is_empty() && !matches!(self.reach, Reach::Http | Reach::Rpc) {
            Path::new(self.cwd).join(path)
        } else {
            let words = format!(
                "{}: {name} `{}` is relative, and this client has no working folder",
                self.tool,
                path.escape_debug()
            );
            return Err(Fault::new(Code::InvalidArgument, words).next("give an absolute path"));
        };
        Ok(without_dots(&joined).display().to_string())
    }
}

/// The same path without `.` and `..`, as text: links are left to the file
/// system, and nothing is looked up.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(cwd: &str, reach: Reach) -> Base<'_> {
        Base {
            tool: Tool::SshConnect,
            home: Path::new("/home/ann"),
            cwd,
            reach,
        }
    }

    #[test]
    fn a_path_is_the_calling_clients() {
        let client = base("/srv/app", Reach::Socket);
        for (path, absolute) in [
            ("~/.ssh/id", "/home/ann/.ssh/id"),
            ("keys/../id", "/srv/app/id"),
            ("./id", "/srv/app/id"),
            ("/etc/id", "/etc/id"),
        ] {
            assert_eq!(client.absolute("key_path", path).unwrap(), absolute);
        }
    }

    #[test]
    fn over_http_a_relative_path_is_refused() {
        assert!(
            base("/srv", Reach::Http)
                .absolute("key_path", "id")
                .is_err()
        );
        assert!(base("", Reach::Socket).absolute("key_path", "id").is_err());
    }

    #[test]
    fn paths_are_found_at_any_depth() {
        let mut value = serde_json::json!({"spec": {"jump_hosts": [{"auth": {"key_path": "k"}}]}});
        base("/c", Reach::Socket).walk(&mut value).unwrap();
        assert_eq!(value["spec"]["jump_hosts"][0]["auth"]["key_path"], "/c/k");
    }
}
