//! The hosts that a person's files name: what `ssh_hosts` lists.

use std::collections::BTreeSet;
use std::path::Path;

use super::asked::{Asked, Local};
use super::error::ConfigError;
use super::host_config::HostConfig;
use super::line::{Line, words};
use super::read;
use super::settings::Proxy;

/// One name that a `Host` line gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAlias {
    /// The name.
    pub alias: String,
    /// What it stands for.
    pub host: String,
    /// The user that the files name; empty for none.
    pub user: String,
    /// The port.
    pub port: u16,
    /// The hosts on the way, nearest first, apart by commas; empty for none.
    pub jump: String,
}

/// Every name without a wildcard that a `Host` line of the files gives, sorted,
/// with what the files say of it. Blocking.
pub fn aliases(local: &Local) -> Result<Vec<HostAlias>, ConfigError> {
    let mut names = BTreeSet::new();
    for source in &local.files {
        let owner = source.is_checked.then_some(local.uid);
        gather(&source.path, source.is_user, owner, local, 0, &mut names)?;
    }
    names.iter().map(|alias| describe(alias, local)).collect()
}

/// The hosts that `name` leads to by the files: the one it stands for and all
/// on the way. Empty where the files cannot be followed, since then nothing is
/// dialled. Blocking; for rules by host.
pub fn hosts_behind(name: &str, local: &Local) -> Vec<String> {
    let (mut hosts, mut seen) = (Vec::new(), BTreeSet::new());
    let mut names = vec![name.to_owned()];
    while let Some(name) = names.pop() {
        let asked = Asked {
            host: &name,
            user: None,
            port: None,
        };
        let Ok(config) = HostConfig::read(&asked, local) else {
            continue;
        };
        hosts.push(config.host);
        if let Proxy::Jump(jumps) = config.proxy
            && seen.insert(name)
        {
            hosts.extend(jumps.iter().map(|jump| jump.host.clone()));
            names.extend(jumps.into_iter().map(|jump| jump.host));
        }
    }
    hosts
}

fn describe(alias: &str, local: &Local) -> Result<HostAlias, ConfigError> {
    let asked = Asked {
        host: alias,
        user: None,
        port: None,
    };
    let (settings, _) = read::read(&asked, local)?;
    let user = settings.user.clone().unwrap_or_default();
    let config = HostConfig::read(&asked, local)?;
    let jump = match &config.proxy {
        Proxy::Jump(hosts) => {
            let shown: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            shown.join(",")
        }
        Proxy::None | Proxy::Command(_) => String::new(),
    };
    Ok(HostAlias {
        alias: alias.to_owned(),
        host: config.host,
        user,
        port: config.port,
        jump,
    })
}

fn gather(
    path: &Path,
    is_user: bool,
    owner: Option<u32>,
    local: &Local,
    depth: usize,
    names: &mut BTreeSet<String>,
) -> Result<(), ConfigError> {
    if depth > read::DEPTH_MAX {
        return Ok(());
    }
    let text = read::text(path, owner)?.unwrap_or_default();
    for line in text.lines().filter_map(Line::parse) {
        let Some(arguments) = words(line.rest) else {
            continue;
        };
        match line.keyword.as_str() {
            "host" => names.extend(arguments.into_iter().filter(|name| is_name(name))),
            "include" => {
                for pattern in arguments {
                    let found = read::found(&pattern, is_user, local);
                    for path in found.unwrap_or_default() {
                        gather(&path, is_user, Some(local.uid), local, depth + 1, names)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_name(pattern: &str) -> bool {
    !pattern.is_empty() && !pattern.contains(['*', '?', '!']) && !pattern.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::super::asked::Source;
    use super::*;

    #[test]
    fn every_name_is_listed_once_with_what_the_files_say_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        std::fs::create_dir(folder.path().join(".ssh")).unwrap();
        write(".ssh/more", "Host db web\n Port 2222\n");
        let path = write(
            "config",
            "Include more\nHost web *.example !x\n HostName 10.0.0.1\n User deploy\n\
             Host db\n ProxyJump ann@bastion:22,web\n",
        );
        let local = Local {
            home: folder.path().to_owned(),
            user: "me".into(),
            uid: rustix::process::getuid().as_raw(),
            host_name: "desk".into(),
            variable: |_| None,
            files: vec![Source {
                path,
                is_user: true,
                is_checked: false,
            }],
        };
        let found = aliases(&local).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|one| {
                format!(
                    "{} {} {} {} {}",
                    one.alias, one.host, one.user, one.port, one.jump
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "db db  2222 ann@bastion:22,web",
                "web 10.0.0.1 deploy 2222 "
            ]
        );
    }
}
