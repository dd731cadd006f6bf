//! The configuration of the stories' sshd, and how it is started without
//! changing the machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs;

/// Options that an older sshd does not know; each is left out when it says so.
const NEWER: [&str; 1] = ["PerSourcePenalties no"];

/// Writes the configuration into `folder`; `extra` lines win over ours.
/// `SHLVL` is 2 so that bash does not read the start-up files of whoever runs
/// the tests, as it does for a first shell below sshd: they may take longer
/// than what is measured.
pub(crate) fn write(folder: &Path, port: u16, extra: &[String]) -> PathBuf {
    let shown = folder.display();
    let base = format!(
        "{}\n\
         ListenAddress 127.0.0.1:{port}\n\
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
         Subsystem sftp internal-sftp\n\
         LogLevel VERBOSE\n",
        extra.join("\n"),
    ) + &split_programs();
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

/// The command that runs sshd in the foreground.
///
/// As root sshd wants a user `sshd` and a folder `/run/sshd`. Where they are
/// missing it gets them in a mount namespace of its own: a passwd file with
/// one more line, and an empty `/run`.
pub(crate) fn command(folder: &Path, config: &Path, log: &Path) -> Command {
    let mut sshd = if wants_namespace() {
        std::fs::write(folder.join("passwd"), passwd_with_sshd()).expect("a passwd file");
        let script = "mount --bind \"$0\" /etc/passwd && mount -t tmpfs tmpfs /run \
                      && mkdir -m 755 /run/sshd && exec \"$@\"";
        let mut unshare = programs::command("unshare");
        unshare.args(["--mount", "sh", "-c", script]);
        unshare
            .arg(folder.join("passwd"))
            .arg(programs::foreign("sshd"));
        unshare
    } else {
        if is_root() && cfg!(target_os = "linux") {
            std::fs::create_dir_all("/run/sshd").expect("sshd's folder");
        }
        programs::command("sshd")
    };
    sshd.args(["-D", "-f"]).arg(config).arg("-E").arg(log);
    sshd.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    sshd
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn wants_namespace() -> bool {
    is_root()
        && cfg!(target_os = "linux")
        && !passwd().lines().any(|line| line.starts_with("sshd:"))
}

fn passwd() -> String {
    std::fs::read_to_string("/etc/passwd").unwrap_or_default()
}

fn passwd_with_sshd() -> String {
    format!(
        "{}\nsshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n",
        passwd().trim_end()
    )
}
