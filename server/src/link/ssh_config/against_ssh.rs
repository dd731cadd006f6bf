//! Our reading of generated files beside that of the real `ssh -G`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::asked::{Asked, Local, Source};
use super::generated::{Generator, HOSTS, USERS};
use super::host_config::{AgentName, HostConfig};
use super::read::read;
use super::settings::{Proxy, Settings, StrictHostKeyChecking};

/// Files that are compared.
const FILES: u64 = 500;

/// What `ssh -G` prints of the directives that are honoured here.
const COMPARED: [&str; 16] = [
    "hostname",
    "user",
    "port",
    "identityfile",
    "certificatefile",
    "identitiesonly",
    "identityagent",
    "forwardagent",
    "proxyjump",
    "proxycommand",
    "hostkeyalias",
    "userknownhostsfile",
    "globalknownhostsfile",
    "stricthostkeychecking",
    "connecttimeout",
    "serveraliveinterval",
];

type Printed = BTreeMap<String, Vec<String>>;

#[test]
fn generated_files_mean_to_us_what_they_mean_to_ssh() {
    let seed = fastrand::u64(..);
    let newer = a_command_counts_after_jump_none();
    let (mut equal, mut refused) = (0, 0);
    for at in 0..FILES {
        let mut rng = Rng::with_seed(seed.wrapping_add(at));
        let folder = tempfile::tempdir().unwrap();
        let config = Generator::new(&mut rng, folder.path()).write();
        let host = HOSTS[rng.usize(..HOSTS.len())];
        let user = rng.bool().then(|| USERS[rng.usize(..USERS.len())]);
        let port = (rng.u8(..4) == 0).then_some(2022);
        let theirs = ssh_says(&config, host, user, port);
        let ours = we_say(&config, host, user, port);
        let text = || {
            let file = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
            let parts = ["config", "part-0", "part-1"].map(|name| file(&folder.path().join(name)));
            format!(
                "seed {seed} + {at}, host {host}, user {user:?}\n{}",
                parts.join("\n--\n")
            )
        };
        match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => {
                let older = !newer && text().to_lowercase().contains("proxyjump");
                for name in COMPARED {
                    if older && name == "proxycommand" {
                        continue;
                    }
                    assert_eq!(ours.get(name), theirs.get(name), "{name}\n{}", text());
                }
                equal += 1;
            }
            (Err(_), Err(_)) => refused += 1,
            (Ok(_), Err(error)) => panic!("ssh takes what we refuse: {error}\n{}", text()),
            (Err(said), Ok(_)) => panic!("ssh refuses what we take: {said}\n{}", text()),
        }
    }
    assert!(
        equal > FILES / 2,
        "too few of {FILES} files were sound: {equal}, {refused} refused"
    );
    assert!(refused > 0, "no generated file was broken");
}

/// Whether this ssh lets `ProxyCommand` count after `ProxyJump none`.
fn a_command_counts_after_jump_none() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, "ProxyJump none\nProxyCommand nc\n").unwrap();
    let said = ssh_says(&config, "web", None, None).unwrap();
    said.contains_key("proxycommand")
}

/// `%C` also hashes the jump host since OpenSSH 9.6, so that generated files
/// cannot be compared by it with every version.
#[test]
fn the_hash_of_a_connection_is_that_of_ssh() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, "UserKnownHostsFile /kh/%C\n").unwrap();
    let name = "userknownhostsfile";
    let theirs = ssh_says(&config, "web", Some("ann"), Some(2222)).unwrap();
    let ours = we_say(&config, "web", Some("ann"), Some(2222)).unwrap();
    assert_eq!(ours.get(name), theirs.get(name));
}

fn ssh_says(
    config: &Path,
    host: &str,
    user: Option<&str>,
    port: Option<u16>,
) -> Result<Printed, String> {
    let mut ssh = tests::programs::command("ssh");
    ssh.env("STORY", "from-environment")
        .arg("-G")
        .arg("-F")
        .arg(config);
    if let Some(user) = user {
        ssh.args(["-l", user]);
    }
    if let Some(port) = port {
        ssh.args(["-p", &port.to_string()]);
    }
    let output = ssh.arg(host).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut printed = Printed::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        printed
            .entry(name.to_owned())
            .or_default()
            .push(value.to_owned());
    }
    Ok(printed)
}

/// The same in the words of `ssh -G`.
fn we_say(
    config: &Path,
    host: &str,
    user: Option<&str>,
    port: Option<u16>,
) -> Result<Printed, String> {
    let local = local(config);
    let asked = Asked { host, user, port };
    let (settings, _) = read(&asked, &local).map_err(|error| error.to_string())?;
    let expanded = HostConfig::read(&asked, &local).map_err(|error| error.to_string())?;
    let mut printed = Printed::new();
    let mut say =
        |name: &str, value: String| printed.entry(name.to_owned()).or_default().push(value);
    say("hostname", expanded.host.clone());
    say("user", expanded.user.clone());
    say("port", expanded.port.to_string());
    for file in identities(&settings) {
        say("identityfile", file);
    }
    for file in &settings.certificate_files {
        say("certificatefile", file.clone());
    }
    say("identitiesonly", yes(expanded.identities_only));
    if let Some(agent) = agent_text(
        settings.identity_agent.as_deref(),
        expanded.identity_agent.as_ref(),
    ) {
        say("identityagent", agent);
    }
    // It prints a path also where an earlier `no` switches forwarding off.
    let forwarded = match (&expanded.forward_agent, &settings.forward_agent_socket) {
        (AgentName::None, Some(text)) => Some(text.replace("%p", &expanded.port.to_string())),
        (agent, text) => agent_text(text.as_deref(), Some(agent)),
    };
    say(
        "forwardagent",
        forwarded.unwrap_or_else(|| yes(settings.forward_agent == Some(true))),
    );
    match &settings.proxy {
        Some(Proxy::Jump(hosts)) => {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            say("proxyjump", hosts.join(","));
        }
        Some(Proxy::Command(command)) => say("proxycommand", command.clone()),
        Some(Proxy::None) | None => {}
    }
    if let Some(alias) = &expanded.host_key_alias {
        say("hostkeyalias", alias.clone());
    }
    let users = expanded.user_known_hosts.as_deref();
    say("userknownhostsfile", known_hosts(users, &local));
    say("globalknownhostsfile", raw_known_hosts(&settings));
    say(
        "stricthostkeychecking",
        strict(expanded.strict_host_key_checking).to_owned(),
    );
    let seconds =
        |length: Option<std::time::Duration>| length.map(|length| length.as_secs().to_string());
    say(
        "connecttimeout",
        seconds(expanded.connect_timeout).unwrap_or_else(|| "none".into()),
    );
    say(
        "serveraliveinterval",
        seconds(expanded.server_alive_interval).unwrap_or_else(|| "0".into()),
    );
    Ok(printed)
}

fn identities(settings: &Settings) -> Vec<String> {
    if !settings.identity_files.is_empty() {
        return settings.identity_files.clone();
    }
    let kinds = [
        "rsa",
        "ecdsa",
        "ecdsa_sk",
        "ed25519",
        "ed25519_sk",
        "xmss",
        "dsa",
    ];
    kinds.map(|kind| format!("~/.ssh/id_{kind}")).to_vec()
}

fn yes(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}

fn strict(value: Option<StrictHostKeyChecking>) -> &'static str {
    match value {
        Some(StrictHostKeyChecking::Yes) => "true",
        Some(StrictHostKeyChecking::No) => "false",
        Some(StrictHostKeyChecking::AcceptNew) => "accept-new",
        Some(StrictHostKeyChecking::Ask) | None => "ask",
    }
}

/// `ssh -G` expands an agent's path, and leaves variables and words as they are.
fn agent_text(text: Option<&str>, expanded: Option<&AgentName>) -> Option<String> {
    let text = text?;
    match expanded {
        Some(AgentName::Socket(path)) if !text.starts_with("$S") => {
            Some(path.display().to_string())
        }
        _ => Some(text.to_owned()),
    }
}

/// The user's files, which `ssh -G` shows expanded.
fn known_hosts(files: Option<&[PathBuf]>, local: &Local) -> String {
    let home = local.home.display();
    match files {
        None => format!("{home}/.ssh/known_hosts {home}/.ssh/known_hosts2"),
        Some([]) => "none".to_owned(),
        Some(files) => {
            let shown: Vec<String> = files
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            shown.join(" ")
        }
    }
}

/// The system's files, which it shows as written.
fn raw_known_hosts(settings: &Settings) -> String {
    match settings.global_known_hosts.as_slice() {
        [] => "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2".into(),
        files => files.join(" "),
    }
}

fn local(config: &Path) -> Local {
    let id = |argument| {
        let output = std::process::Command::new("id")
            .arg(argument)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let user = id("-un");
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd
        .lines()
        .find(|line| line.starts_with(&format!("{user}:")))
        .unwrap();
    Local {
        home: line.split(':').nth(5).unwrap().into(),
        user,
        uid: rustix::process::getuid().as_raw(),
        host_name: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        variable: |name| (name == "STORY").then(|| "from-environment".to_owned()),
        files: vec![Source {
            path: config.to_owned(),
            is_user: true,
            is_checked: false,
        }],
    }
}
