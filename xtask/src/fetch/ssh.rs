//! OpenSSH: this machine's where it has one, else unpacked from the
//! distribution's package, with no service and no user made.

use std::path::{Path, PathBuf};

use super::apt;
use super::places::Places;
use crate::command::{deps, find, output, program};
use crate::pins::{SECOND_FACTOR_PACKAGES, SSH_PACKAGES, SSHD_PACKAGES};

/// Programs of the client package that the stories use.
const CLIENTS: [(&str, &str); 4] = [
    ("ssh", "ssh"),
    ("ssh-keygen", "ssh_keygen"),
    ("ssh-agent", "ssh_agent"),
    ("ssh-add", "ssh_add"),
];

/// Finds or unpacks server and clients.
pub(super) fn gather() -> Result<Places, String> {
    let folder = deps().join("openssh");
    let mut places = vec![("sshd", server(&folder)?)];
    places.extend(clients(&folder)?);
    if cfg!(target_os = "linux") {
        places.push(("pam_second_factor", second_factor()?));
    }
    let libraries = apt::libraries(&folder);
    let sshd = places
        .first()
        .map(|(_, path)| path.clone())
        .unwrap_or_default();
    complete(&sshd, libraries.as_deref())?;
    if let Some(libraries) = libraries {
        places.push(("library_path", libraries));
    }
    Ok(places)
}

fn server(folder: &Path) -> Result<PathBuf, String> {
    if let Some(sshd) = find("sshd") {
        return Ok(sshd);
    }
    let unpacked = folder.join("usr/sbin/sshd");
    if !unpacked.is_file() {
        apt::unpack(&SSHD_PACKAGES, folder)?;
    }
    if unpacked.is_file() {
        Ok(unpacked)
    } else {
        Err(format!("{} is not in the package", unpacked.display()))
    }
}

/// The PAM module that asks for a second factor.
fn second_factor() -> Result<PathBuf, String> {
    const MODULE: &str = "pam_google_authenticator.so";
    let folder = deps().join("pam");
    let installed =
        ["/", &folder.to_string_lossy()].map(|root| module_below(Path::new(root), MODULE));
    if let Some(module) = installed.into_iter().flatten().next() {
        return Ok(module);
    }
    apt::unpack(&SECOND_FACTOR_PACKAGES, &folder)?;
    module_below(&folder, MODULE).ok_or_else(|| format!("{MODULE} is not in its package"))
}

/// Where PAM modules lie below `root`: in a folder of the library folders.
fn module_below(root: &Path, module: &str) -> Option<PathBuf> {
    let roots = ["lib", "lib64", "usr/lib", "usr/lib64"].map(|name| root.join(name));
    let direct = roots
        .iter()
        .map(|folder| folder.join("security").join(module));
    let listed = roots
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(Iterator::flatten)
        .map(|entry| entry.path().join("security").join(module));
    direct.chain(listed).find(|path| path.is_file())
}

fn clients(folder: &Path) -> Result<Places, String> {
    let lacking = CLIENTS.iter().any(|(name, _)| find(name).is_none());
    if lacking && !folder.join("usr/bin/ssh").is_file() {
        apt::unpack(&SSH_PACKAGES, folder)?;
    }
    let place = |(name, key): &(&'static str, &'static str)| {
        let unpacked = folder.join("usr/bin").join(name);
        find(name)
            .or_else(|| unpacked.is_file().then_some(unpacked))
            .map(|path| (*key, path))
            .ok_or_else(|| format!("no {name} here"))
    };
    CLIENTS.iter().map(place).collect()
}

/// Fails naming the shared libraries that `sshd` would not find.
fn complete(sshd: &Path, libraries: Option<&Path>) -> Result<(), String> {
    if find("ldd").is_none() {
        return Ok(());
    }
    let mut ldd = program("ldd");
    ldd.arg(sshd);
    if let Some(libraries) = libraries {
        ldd.env("LD_LIBRARY_PATH", libraries);
    }
    let needed = output(&mut ldd)?;
    let lacking: Vec<&str> = needed
        .lines()
        .filter(|line| line.contains("not found"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(format!("{} lacks {}", sshd.display(), lacking.join(", ")))
    }
}
