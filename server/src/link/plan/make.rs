//! Making a plan: every default filled in, from the spec and from
//! `ssh_config`. Nothing below reads the environment.

use schema::spec::SshSpec;

use super::error::PlanError;
use super::hop::{Hop, Plan, ProxyCommand, Surroundings, Through};
use crate::link::address::Written;
use crate::link::ssh_config::{Asked, HostConfig, JumpHost, Proxy};

impl Plan {
    /// What `spec` means for the session `id`, beside the `ssh_config` of this
    /// moment. Paths in the spec are absolute.
    pub async fn new(
        id: &str,
        spec: &SshSpec,
        secret_gone: bool,
        around: &Surroundings,
        note: String,
    ) -> Result<Self, PlanError> {
        let (id, spec, around) = (id.to_owned(), spec.clone(), around.clone());
        let making = tokio::task::spawn_blocking(move || {
            Self::make(&id, &spec, secret_gone, &around, &note)
        });
        match making.await {
            Ok(plan) => plan,
            Err(panic) => Err(PlanError::Defect(panic.to_string())),
        }
    }

    fn make(
        id: &str,
        spec: &SshSpec,
        secret_gone: bool,
        around: &Surroundings,
        note: &str,
    ) -> Result<Self, PlanError> {
        refuse_what_comes_later(spec)?;
        refuse_too_many(spec)?;
        let maker = Maker {
            spec,
            secret_gone,
            around,
            note,
        };
        let before = maker.jump_hosts()?;
        let mut hops = Vec::new();
        for place in places(id, spec)? {
            hops.push(maker.hop(&place, spec, before.as_ref(), 0)?);
        }
        Ok(Self { hops })
    }
}

/// Ways to one host: the product of the addresses on the way.
const WAYS_MAX: usize = 64;

/// Jump hosts that lead through each other; more are a circle.
const JUMPS_MAX: usize = 16;

/// What all hops of a plan are made from.
struct Maker<'a> {
    /// Of the whole session.
    spec: &'a SshSpec,
    secret_gone: bool,
    around: &'a Surroundings,
    note: &'a str,
}

impl Maker<'_> {
    /// The plan of the last of the spec's jump hosts.
    fn jump_hosts(&self) -> Result<Option<Plan>, PlanError> {
        let mut before = None;
        for jump in &self.spec.jump_hosts {
            if jump.addresses.is_empty() {
                return Err(PlanError::JumpWithoutAddress);
            }
            let spec = SshSpec {
                user: jump.user.clone(),
                auth: jump.auth.clone(),
                known_hosts_path: jump.known_hosts_path.clone(),
                insecure: jump.insecure,
                timeout: jump.timeout.or(self.spec.timeout),
                ..self.of_all_hops()
            };
            let mut hops = Vec::new();
            for text in &jump.addresses {
                hops.push(self.hop(&text.parse()?, &spec, before.as_ref(), 0)?);
            }
            before = Some(Plan { hops });
        }
        Ok(before)
    }

    /// What holds for each host on the way as for the last.
    fn of_all_hops(&self) -> SshSpec {
        SshSpec {
            host_key: self.spec.host_key.clone(),
            timeout: self.spec.timeout,
            keepalive: self.spec.keepalive,
            disable_ssh_config: self.spec.disable_ssh_config,
            ..SshSpec::default()
        }
    }

    /// The hop to `place`, through `before` when that is given, else through
    /// what `ssh_config` says.
    fn hop(
        &self,
        place: &Written,
        spec: &SshSpec,
        before: Option<&Plan>,
        depth: usize,
    ) -> Result<Hop, PlanError> {
        if depth > JUMPS_MAX {
            return Err(PlanError::JumpCircle(place.host.clone()));
        }
        let config = configured(place, spec, self.around)?;
        let gone = self.secret_gone && spec.auth.is_some();
        let mut hop = Hop::new(&config, spec, gone, self.around, self.note)?;
        hop.through = match (before, &config.proxy) {
            (Some(before), _) => Through::Jump(Box::new(before.clone())),
            (None, Proxy::Jump(jumps)) => self.configured_jumps(jumps, depth)?,
            (None, Proxy::Command(text)) => {
                let (asked, around) = (place.host.as_str(), self.around);
                Through::Command(ProxyCommand::new(text, asked, &config, around)?)
            }
            (None, Proxy::None) => Through::Nothing,
        };
        Ok(hop)
    }

    fn configured_jumps(&self, jumps: &[JumpHost], depth: usize) -> Result<Through, PlanError> {
        let mut before = None;
        for jump in jumps {
            let place = Written {
                host: jump.host.clone(),
                port: jump.port,
            };
            let spec = SshSpec {
                user: jump.user.clone(),
                ..self.of_all_hops()
            };
            let hop = self.hop(&place, &spec, before.as_ref(), depth + 1)?;
            before = Some(Plan { hops: vec![hop] });
        }
        Ok(before.map_or(Through::Nothing, |plan| Through::Jump(Box::new(plan))))
    }
}

/// What the files say of one place; without them what is given alone.
fn configured(
    place: &Written,
    spec: &SshSpec,
    around: &Surroundings,
) -> Result<HostConfig, PlanError> {
    let asked = Asked {
        host: &place.host,
        user: spec.user.as_deref(),
        port: place.port,
    };
    let mut local = around.local.clone();
    if spec.disable_ssh_config {
        local.files.clear();
    }
    Ok(HostConfig::read(&asked, &local)?)
}

fn refuse_what_comes_later(spec: &SshSpec) -> Result<(), PlanError> {
    let jumps = spec.jump_hosts.iter().map(|jump| &jump.auth);
    let mut auths = jumps.chain([&spec.auth]).flatten();
    if auths.any(|auth| auth.secret.is_some()) {
        return Err(PlanError::NotYet("spec.auth.secret"));
    }
    Ok(())
}

/// Each address of a host on the way has a plan of its own for what lies
/// before it, so the ways multiply.
fn refuse_too_many(spec: &SshSpec) -> Result<(), PlanError> {
    let jumps = spec.jump_hosts.iter().map(|jump| jump.addresses.len());
    let ways = jumps.fold(spec.addresses.len().max(1), usize::saturating_mul);
    if ways > WAYS_MAX || spec.jump_hosts.len() > JUMPS_MAX {
        return Err(PlanError::TooManyWays {
            jumps_max: JUMPS_MAX,
            ways_max: WAYS_MAX,
        });
    }
    Ok(())
}

fn places(id: &str, spec: &SshSpec) -> Result<Vec<Written>, PlanError> {
    if spec.addresses.is_empty() {
        let place = id
            .parse()
            .map_err(|error| PlanError::NoAddress(id.to_owned(), error))?;
        return Ok(vec![place]);
    }
    Ok(spec
        .addresses
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::link::known_hosts::Policy;
    use crate::link::ssh_config::{Local, Source};

    fn around() -> Surroundings {
        Surroundings {
            local: Local::bare(Path::new("/home/ann")),
            accepted_keys: "/c/known_hosts".into(),
            allow_accept_new: true,
            allow_proxy_command: vec!["b".into()],
        }
    }

    /// The first way of the plan that a spec makes beside an `ssh_config`.
    fn beside(config: &str, json: &str) -> Result<Hop, PlanError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        let mut around = around();
        around.local.files.push(Source {
            path: file.path().to_owned(),
            is_user: true,
            is_checked: true,
        });
        let spec: SshSpec = serde_json::from_str(json).unwrap();
        let plan = Plan::make("web", &spec, false, &around, "")?;
        Ok(plan.hops.into_iter().next().unwrap())
    }

    fn hop(json: &str) -> Result<Hop, PlanError> {
        beside("", json)
    }

    #[test]
    fn an_empty_spec_is_the_id_as_host_with_agent_and_default_keys() {
        let hop = hop("{}").unwrap();
        assert_eq!(hop.address.to_string(), "web:22");
        assert_eq!(hop.user, "ann");
        assert!(hop.credentials.use_agent);
        assert_eq!(hop.credentials.default_keys.len(), 3);
        assert_eq!(hop.policy, Policy::Strict);
        assert_eq!(hop.keepalive, Some(Duration::from_secs(15)));
        assert_eq!(hop.known_as.entry(), "web");
    }

    #[test]
    fn ssh_config_gives_what_the_spec_leaves_out() {
        let config = "Host web\n HostName 10.0.0.1\n Port 2222\n User deploy\n\
                      IdentityFile ~/.ssh/%r\n IdentitiesOnly yes\n HostKeyAlias webkey\n\
                      UserKnownHostsFile /kh\n StrictHostKeyChecking accept-new\n\
                      ConnectTimeout 3\n ServerAliveInterval 0\n ControlMaster auto\n";
        let hop = beside(config, "{}").unwrap();
        assert_eq!(hop.address.to_string(), "10.0.0.1:2222");
        assert_eq!(
            (hop.user.as_str(), hop.known_as.entry()),
            ("deploy", "webkey")
        );
        let credentials = &hop.credentials;
        assert_eq!(credentials.identities, [Path::new("/home/ann/.ssh/deploy")]);
        assert!(credentials.identities_only && credentials.default_keys.is_empty());
        assert_eq!(hop.known_hosts.read[0], Path::new("/kh"));
        assert_eq!(hop.policy, Policy::AcceptNew);
        assert_eq!((hop.timeout.as_secs(), hop.keepalive), (3, None));
        assert_eq!(hop.ignored.len(), 1);
        assert!(
            hop.ignored[0].starts_with("ControlMaster ("),
            "{:?}",
            hop.ignored
        );
    }

    #[test]
    fn the_spec_wins_over_ssh_config() {
        let config = "Host *\n HostName 10.0.0.1\n Port 2222\n User deploy\n\
                      ConnectTimeout 3\n StrictHostKeyChecking no\n";
        let json = r#"{"user":"eve","addresses":["db:22"],"timeout":"9s","insecure":true,
                       "auth":{"password":"p"},"keepalive":"7s"}"#;
        let hop = beside(config, json).unwrap();
        assert_eq!(hop.address.to_string(), "10.0.0.1:22");
        assert_eq!(hop.user, "eve");
        assert_eq!(hop.timeout.as_secs(), 9);
        assert_eq!(hop.keepalive, Some(Duration::from_secs(7)));
        assert_eq!(hop.policy, Policy::Unchecked);
        assert!(hop.credentials.identities.is_empty());
        let alone = beside(config, r#"{"disable_ssh_config":true}"#).unwrap();
        assert_eq!(alone.address.to_string(), "web:22");
    }

    /// The hosts on the way, the last first.
    fn way(hop: &Hop) -> Vec<String> {
        let mut way = vec![format!("{}@{}", hop.user, hop.address)];
        if let Through::Command(command) = &hop.through {
            way.push(format!(
                "{} {}",
                command.program,
                command.arguments.join(" ")
            ));
        }
        if let Through::Jump(before) = &hop.through {
            way.extend(before.hops.iter().flat_map(self::way));
        }
        way
    }

    #[test]
    fn every_hop_has_its_own_user_and_its_own_way() {
        let config = "Host web\n ProxyJump b,eve@c:23\nHost c\n ProxyJump nowhere\n\
                      Host b\n User bob\n ProxyJump a\nHost a\n HostName 10.0.0.1\n";
        let by_config = beside(config, "{}").unwrap();
        let wanted = ["ann@web:22", "eve@c:23", "bob@b:22", "ann@10.0.0.1:22"];
        assert_eq!(way(&by_config), wanted);
        let json = r#"{"jump_hosts":[{"addresses":["b"]},{"addresses":["d"],"user":"dan"}]}"#;
        let by_spec = beside(config, json).unwrap();
        let wanted = ["ann@web:22", "dan@d:22", "bob@b:22", "ann@10.0.0.1:22"];
        assert_eq!(way(&by_spec), wanted);
    }

    #[test]
    fn a_way_without_end_and_a_program_that_is_not_listed_are_refused() {
        for (config, word) in [
            ("Host web\n ProxyJump b\nHost b\n ProxyJump web\n", "circle"),
            ("ProxyCommand nc %h %p\n", "ProxyCommand"),
        ] {
            let said = beside(config, "{}").unwrap_err().to_string();
            assert!(said.contains(word), "{said}");
        }
        let config = "Host b\n ProxyCommand nc %h %p\nHost web\n ProxyJump b:23\n";
        let by_program = beside(config, "{}").unwrap();
        assert_eq!(way(&by_program), ["ann@web:22", "ann@b:23", "nc b 23"]);
        let said = hop(r#"{"jump_hosts":[{}]}"#).unwrap_err().to_string();
        assert!(said.contains("jump_hosts"), "{said}");
    }

    #[test]
    fn more_ways_than_anybody_has_are_refused() {
        let jump = r#"{"addresses": ["a", "b"]}"#;
        let spec = |count: usize| {
            let jumps = vec![jump; count].join(",");
            format!(r#"{{"addresses": ["web"], "jump_hosts": [{jumps}]}}"#)
        };
        assert!(hop(&spec(6)).is_ok());
        for count in [7, 100] {
            let refused = hop(&spec(count)).unwrap_err();
            assert!(
                matches!(refused, PlanError::TooManyWays { .. }),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_jump_host_has_the_time_that_the_session_has() {
        let json = r#"{"addresses": ["web"], "timeout": "60s",
            "jump_hosts": [{"addresses": ["a"]}, {"addresses": ["b"], "timeout": "5s"}]}"#;
        let mut hop = hop(json).unwrap();
        let mut times = vec![hop.timeout.as_secs()];
        while let Through::Jump(plan) = hop.through {
            hop = plan.hops.into_iter().next().unwrap();
            times.push(hop.timeout.as_secs());
        }
        assert_eq!(times, [60, 5, 60]);
    }

    #[test]
    fn an_explicit_key_goes_alone() {
        let hop = hop(r#"{"auth":{"key_path":"/k","use_agent":true}}"#).unwrap();
        assert!(!hop.credentials.use_agent);
        assert!(hop.credentials.default_keys.is_empty());
    }

    #[test]
    fn a_password_alone_tries_no_key() {
        let hop = hop(r#"{"auth":{"password":"p"}}"#).unwrap();
        assert!(!hop.credentials.use_agent && hop.credentials.default_keys.is_empty());
    }

    #[test]
    fn a_bad_spec_names_the_field() {
        for (json, word) in [
            (r#"{"addresses":["-x"]}"#, "addresses"),
            (r#"{"user":"-l"}"#, "user name"),
            (r#"{"host_key":"md5:x"}"#, "host_key"),
            (r#"{"jump_hosts":[{"addresses":["-b"]}]}"#, "host name"),
        ] {
            let error = hop(json).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn keepalive_zero_is_off() {
        assert_eq!(hop(r#"{"keepalive":"0s"}"#).unwrap().keepalive, None);
    }
}
