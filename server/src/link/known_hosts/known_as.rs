//! How `known_hosts` names a host.

use crate::link::address::{Address, SSH_PORT};

/// The names under which a host stands in `known_hosts`, in lower case as
/// ssh(1) has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAs {
    /// `host`, or `[host]:port` off port 22, or the alias.
    entry: String,
    /// `host` for `[host]:port`: asked when nothing speaks of the entry.
    without_port: Option<String>,
}

impl KnownAs {
    /// The name of the host at `address`, or `alias` alone, without any port,
    /// where one is given (`ssh_config`'s `HostKeyAlias`).
    pub fn new(address: &Address, alias: Option<&str>) -> Self {
        let host = alias.unwrap_or(&address.host).to_ascii_lowercase();
        if alias.is_some() || address.port == SSH_PORT {
            return Self {
                entry: host,
                without_port: None,
            };
        }
        Self {
            entry: format!("[{host}]:{}", address.port),
            without_port: Some(host),
        }
    }

    /// The name that lines must match, and that a new line gets.
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// The name that counts when nothing speaks of [`KnownAs::entry`].
    pub(super) fn without_port(&self) -> Option<&str> {
        self.without_port.as_deref()
    }

    /// The name that a host certificate must be made for: host or alias.
    pub(super) fn principal(&self) -> &str {
        self.without_port().unwrap_or(&self.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_with_its_port_and_an_alias_without() {
        for (address, alias, entry, without_port) in [
            ("Web", None, "web", None),
            ("Web:2222", None, "[web]:2222", Some("web")),
            ("[FE80::1]:2222", None, "[fe80::1]:2222", Some("fe80::1")),
            ("::1", None, "::1", None),
            ("web:2222", Some("Prod"), "prod", None),
        ] {
            let name = KnownAs::new(&address.parse().unwrap(), alias);
            assert_eq!(name.entry(), entry);
            assert_eq!(name.without_port(), without_port, "{address}");
            assert_eq!(name.principal(), without_port.unwrap_or(entry));
        }
    }
}
