//! The configuration of the stories' sshd, and how it is started without
//! changing the machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs;

/// The line that asks for passwords.
pub(crate) const PASSWORDS: &str = "PasswordAuthentication yes";

/// The lines that ask for the password by keyboard-interactive.
pub(crate) const QUESTIONS: &str = "KbdInteractiveAuthentication yes\nUsePAM yes";

/// The same, and then for a second factor.
pub(crate) const SECOND_FACTOR: &str =
    "KbdInteractiveAuthentication yes\nUsePAM yes\nLoginGraceTime 60";

/// The lines that let in the users of a story, each with keys of their own.
pub(crate) const WITH_USERS: &str = "AllowUsers root alice bob carol\n\
                                     AuthorizedKeysCommand /usr/bin/cat {folder}/keys-%u\n\
                                     AuthorizedKeysCommandUser root";

/// Users of a story's own, beside root.
const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// Root's password in a story with passwords.
pub(crate) const PASSWORD: &str = "story-password-4f1c9a";

/// The same as crypt(3) has it, from `openssl passwd -6`.
const PASSWORD_HASH: &str = "$6$story$2vl69btLD68G9U1Er2W0q2R5cFSBcMnXyXJhuX93EACRgAd.\
                             ruwTnFAm.45nbS5y6FNVdiaNWNyICXZAm9z1X1";

/// Options that an older sshd does not know; each is left out when it says so.
const NEWER: [&str; 1] = ["PerSourcePenalties no"];

/// Writes the configuration into `folder`; `extra` lines win over ours.
/// `SHLVL` is 2 so that bash does not read the start-up files of whoever runs
/// the tests, as it does for a first shell below sshd: they may take longer
/// than what is measured.
pub(crate) fn write(folder: &Path, address: &str, extra: &[String]) -> PathBuf {
    let shown = folder.display();
    let base = format!(
        "{}\n\
         ListenAddress {address}\n\
         HostKey {shown}/host_key\n\
         AuthorizedKeysFile {shown}/authorized_keys\n\
         PidFile none\n\
         UsePAM no\n\
         StrictModes no\n\
         PermitRootLogin yes\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         MaxSessions 200\n\
         MaxStartups 500\n\
         UseDNS no\n\
         PrintMotd no\n\
         SetEnv SHLVL=2\n\
         AcceptEnv LANG LC_* STORY_*\n\
         LogLevel VERBOSE\n",
        extra.join("\n").replace("{folder}", &shown.to_string()),
    ) + &split_programs()
        + sftp(extra);
    let path = folder.join("sshd_config");
    let mut text = base;
    for option in NEWER {
        let longer = format!("{text}{option}\n");
        std::fs::write(&path, &longer).expect("sshd's configuration");
        if known(&path) {
            text = longer;
        }
    }
    std::fs::write(&path, text).expect("sshd's configuration");
    path
}

/// sshd takes no second line for a subsystem.
fn sftp(extra: &[String]) -> &'static str {
    if extra.iter().any(|line| line.starts_with("Subsystem ")) {
        ""
    } else {
        "Subsystem sftp internal-sftp\n"
    }
}

/// From 9.8 on sshd starts programs beside it; unpacked ones lie elsewhere.
fn split_programs() -> String {
    let root = programs::foreign("sshd");
    let root = root
        .ancestors()
        .nth(3)
        .unwrap_or(Path::new("/"))
        .join("usr/lib/openssh");
    let mut lines = String::new();
    for (option, name) in [
        ("SshdSessionPath", "sshd-session"),
        ("SshdAuthPath", "sshd-auth"),
    ] {
        let path = root.join(name);
        if path.is_file() {
            lines.extend([option, " ", &path.to_string_lossy(), "\n"]);
        }
    }
    lines
}

/// Whether sshd accepts the configuration.
fn known(config: &Path) -> bool {
    let output = programs::command("sshd")
        .args(["-t", "-f"])
        .arg(config)
        .stderr(Stdio::piped())
        .output()
        .expect("sshd starts");
    !String::from_utf8_lossy(&output.stderr).contains("Bad configuration option")
}

/// Writes what PAM asks for into `folder`, as these lines of the configuration
/// want it; false when they want no PAM.
fn write_questions(folder: &Path, extra: &[String]) -> bool {
    let has = |lines: &str| extra.iter().any(|line| line == lines);
    let mut lines = vec!["auth required pam_unix.so".to_owned()];
    if has(SECOND_FACTOR) {
        let secret = folder.join("second_factor");
        std::fs::write(&secret, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\" TOTP_AUTH\n")
            .expect("a secret");
        let module = programs::fetched("pam_second_factor").expect("the PAM module is fetched");
        lines.push(format!(
            "auth required {} secret={} user=root no_strict_owner allowed_perm=0644",
            module.display(),
            secret.display()
        ));
    } else if !has(QUESTIONS) {
        return false;
    }
    let others = ["account", "session", "password"];
    lines.extend(others.map(|kind| format!("{kind} required pam_permit.so")));
    let text = lines.join("\n") + "\n";
    std::fs::write(folder.join("pam"), text).expect("a PAM service");
    true
}

/// The command that runs sshd in the foreground.
///
/// As root sshd wants a user `sshd` and a folder `/run/sshd`, and for a story
/// with passwords root has one that the story knows. What is missing it gets
/// in a mount namespace of its own: a passwd file with one more line, a shadow
/// file, an empty `/run`, and the one PAM service that the story wants.
pub(crate) fn command(folder: &Path, config: &Path, log: &Path, extra: &[String]) -> Command {
    let asks = write_questions(folder, extra);
    let has = |wanted: &str| extra.iter().any(|line| line == wanted);
    let passwords = asks || has(PASSWORDS);
    let aside = passwords || has(WITH_USERS) || !has_sshd_user();
    let mut sshd = if is_root() && cfg!(target_os = "linux") && aside {
        std::fs::write(folder.join("passwd"), passwd_with_sshd()).expect("a passwd file");
        std::fs::write(folder.join("shadow"), shadow(passwords)).expect("a shadow file");
        let script = "cd \"$0\" && if [ -e pam ]; then mount -t tmpfs tmpfs /etc/pam.d \
                      && cp pam /etc/pam.d/sshd; fi && mount --bind passwd /etc/passwd \
                      && mount --bind shadow /etc/shadow && mount -t tmpfs tmpfs /run \
                      && mkdir -m 755 /run/sshd && exec \"$@\"";
        let mut unshare = programs::command("unshare");
        unshare.args(["--mount", "sh", "-c", script]).arg(folder);
        unshare.arg(programs::foreign("sshd"));
        unshare
    } else {
        if is_root() && cfg!(target_os = "linux") {
            std::fs::create_dir_all("/run/sshd").expect("sshd's folder");
        }
        programs::command("sshd")
    };
    sshd.args(["-D", "-f"]).arg(config).arg("-E").arg(log);
    sshd
}

/// Whether this sshd can check a password at all: that takes root.
pub(crate) fn can_check_passwords() -> bool {
    is_root() && cfg!(target_os = "linux")
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn has_sshd_user() -> bool {
    passwd().lines().any(|line| line.starts_with("sshd:"))
}

fn passwd() -> String {
    std::fs::read_to_string("/etc/passwd").unwrap_or_default()
}

fn passwd_with_sshd() -> String {
    let mut lines = vec![passwd().trim_end().to_owned()];
    if !has_sshd_user() {
        lines.push("sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin".to_owned());
    }
    let ids = 60_001..;
    lines.extend(
        ids.zip(USERS)
            .map(|(id, user)| format!("{user}:x:{id}:{id}::/:/bin/sh")),
    );
    lines.join("\n") + "\n"
}

/// The machine's shadow file with the stories' users, and root's password
/// replaced by theirs.
fn shadow(passwords: bool) -> String {
    let there = std::fs::read_to_string("/etc/shadow").unwrap_or_default();
    let is_kept = |line: &&str| !(passwords && line.starts_with("root:"));
    let mut lines: Vec<String> = there.lines().filter(is_kept).map(str::to_owned).collect();
    let users = USERS.iter().chain(passwords.then_some(&"root"));
    lines.extend(users.map(|user| format!("{user}:{PASSWORD_HASH}:19000:0:99999:7:::")));
    lines.join("\n") + "\n"
}
