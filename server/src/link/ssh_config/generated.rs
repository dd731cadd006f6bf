//! Configuration files by chance, mostly sound.

use std::path::{Path, PathBuf};

use fastrand::Rng;

/// Hosts that are asked about.
pub(super) const HOSTS: [&str; 6] = [
    "web",
    "db.example",
    "WEB",
    "10.0.0.7",
    "a.b.example",
    "bastion",
];
const PATTERNS: [&str; 12] = [
    "*",
    "web",
    "w?b",
    "*.example",
    "!web",
    "10.0.0.*",
    "db*",
    "!*.example",
    "bastion",
    "W*",
    "a.*.example",
    "nobody",
];
/// Users that are given.
pub(super) const USERS: [&str; 3] = ["root", "deploy", "ann"];

/// Writes a file and two that it may include.
pub(super) struct Generator<'a> {
    rng: &'a mut Rng,
    folder: &'a Path,
}

impl<'a> Generator<'a> {
    pub(super) fn new(rng: &'a mut Rng, folder: &'a Path) -> Self {
        Self { rng, folder }
    }

    /// The path of the file.
    pub(super) fn write(&mut self) -> PathBuf {
        for name in ["part-0", "part-1"] {
            let lines = self.rng.usize(1..8);
            self.file(name, lines, false);
        }
        let lines = self.rng.usize(3..24);
        self.file("config", lines, true)
    }

    fn file(&mut self, name: &str, lines: usize, may_include: bool) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let mut text = String::new();
        for _ in 0..lines {
            text += &self.line(may_include);
            text += if self.rng.u8(..12) == 0 { "\r\n" } else { "\n" };
        }
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from[self.rng.usize(..from.len())].to_owned()
    }

    fn line(&mut self, may_include: bool) -> String {
        match self.rng.u8(..20) {
            0..4 => self.host(),
            4..7 => self.condition(),
            7 if may_include => {
                let file = self.pick(&["part-0", "part-?", "part-1", "missing", "part-[01]"]);
                format!("Include {}/{file}", self.folder.display())
            }
            8 => self.pick(&["", "  ", "# a comment", "\t# Port 1", " \r"]),
            9 if self.rng.u8(..12) == 0 => self.pick(&[
                "Port 0",
                "Port",
                "User a b",
                "IdentitiesOnly maybe",
                "Match",
                "Host",
                "User \"open",
                "ProxyJump a,,b",
                "ConnectTimeout x",
                "UserKnownHostsFile none x",
                "Match host",
                "HostName %z",
                "ProxyJump @x",
            ]),
            _ => self.directive(),
        }
    }

    fn host(&mut self) -> String {
        let patterns: Vec<String> = (0..self.rng.usize(1..4))
            .map(|_| self.pick(&PATTERNS))
            .collect();
        format!(
            "{} {}",
            self.pick(&["Host", "host", "HOST =", "  Host"]),
            patterns.join(" ")
        )
    }

    fn condition(&mut self) -> String {
        let mut criteria = Vec::new();
        for _ in 0..self.rng.usize(1..3) {
            let negated = if self.rng.u8(..4) == 0 { "!" } else { "" };
            let criterion = match self.rng.u8(..6) {
                0 => format!("host {}", self.list()),
                1 => format!("originalhost {}", self.list()),
                2 => format!(
                    "user {}",
                    self.pick(&["root", "deploy,ann", "*", "!root,*", "\"ann\""])
                ),
                3 => "localuser root,*".to_owned(),
                4 => self.pick(&["final", "canonical"]),
                _ => format!("Host={}", self.list()),
            };
            criteria.push(format!("{negated}{criterion}"));
        }
        if self.rng.u8(..5) == 0 {
            criteria = vec![self.pick(&["all", "!all", "final all", "canonical all"])];
        }
        format!("Match {}", criteria.join(" "))
    }

    fn list(&mut self) -> String {
        let patterns: Vec<String> = (0..self.rng.usize(1..3))
            .map(|_| self.pick(&PATTERNS))
            .collect();
        patterns.join(",")
    }

    fn directive(&mut self) -> String {
        let (keyword, values): (&str, &[&str]) = DIRECTIVES[self.rng.usize(..DIRECTIVES.len())];
        let value = self.pick(values);
        let keyword = if self.rng.u8(..4) == 0 {
            keyword.to_lowercase()
        } else {
            keyword.to_owned()
        };
        let between = self.pick(&[" ", " ", "=", " = ", "\t", "  "]);
        let before = self.pick(&["", "", "  ", "\t"]);
        let after = self.pick(&["", "", "  ", "\t"]);
        format!("{before}{keyword}{between}{value}{after}")
    }
}

const DIRECTIVES: [(&str, &[&str]); 21] = [
    (
        "HostName",
        &[
            "10.1.2.3",
            "%h.example",
            "Real.Example",
            "\"quoted.example\"",
            "x%%y",
        ],
    ),
    (
        "User",
        &["deploy", "root", "\"ann\"", "a\\ b", "ann # a comment"],
    ),
    ("Port", &["22", "2222", "65535"]),
    (
        "IdentityFile",
        &[
            "~/.ssh/id_a",
            "/k/%r@%h",
            "none",
            "\"/k/with blank\"",
            "~/.ssh/id_a",
            "'/k/x'",
        ],
    ),
    (
        "CertificateFile",
        &["~/.ssh/a-cert.pub", "/k/%n-cert.pub", "/k/%n-cert.pub"],
    ),
    ("IdentitiesOnly", &["yes", "no", "TRUE", "false"]),
    (
        "IdentityAgent",
        &[
            "none",
            "SSH_AUTH_SOCK",
            "/run/%u/agent",
            "${STORY}",
            "$STORY",
        ],
    ),
    ("ForwardAgent", &["yes", "no", "/run/agent-%p", "$STORY"]),
    (
        "ProxyJump",
        &[
            "bastion",
            "ann@bastion:2222",
            "a,b@c",
            "none",
            "NONE",
            "[::1]:22",
            "x # y",
        ],
    ),
    (
        "ProxyCommand",
        &["none", "nc %h %p", "ssh -W '[%h]:%p' x", "=odd"],
    ),
    ("HostKeyAlias", &["key-of-web", "Other"]),
    (
        "UserKnownHostsFile",
        &[
            "~/kh1 ~/kh2",
            "none",
            "/kh/%k",
            "\"/kh/a b\"",
            "/kh/%L-%i-%l %%",
        ],
    ),
    (
        "GlobalKnownHostsFile",
        &["/etc/kh", "none", "/etc/a /etc/b"],
    ),
    (
        "StrictHostKeyChecking",
        &["yes", "no", "ask", "accept-new", "off", "Yes"],
    ),
    ("ConnectTimeout", &["5", "1m", "1h30m", "none", "0"]),
    ("ServerAliveInterval", &["0", "30", "2m", "none"]),
    ("ControlMaster", &["auto", "no"]),
    ("Compression", &["yes"]),
    ("SendEnv", &["LANG LC_*"]),
    ("IgnoreUnknown", &["UseKeychain,Foo*"]),
    ("LogLevel", &["ERROR"]),
];
