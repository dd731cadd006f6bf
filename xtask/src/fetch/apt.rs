//! Debian's packages: unpacked aside, or, for whole language runtimes as root,
//! installed. Neither starts a service.

use std::path::{Path, PathBuf};

use crate::command::{Outcome, find, output, program, run};

/// Whether this process may change the machine.
pub(super) fn is_root() -> bool {
    output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Downloads `packages` and unpacks them below `folder`.
pub(super) fn unpack(packages: &[&str], folder: &Path) -> Outcome {
    if find("apt-get").is_none() || find("dpkg-deb").is_none() {
        return Err(format!(
            "no apt-get here: install {} with this system's own tool (no service need run)",
            packages.join(" and ")
        ));
    }
    let debs = folder.join("debs");
    std::fs::create_dir_all(&debs).map_err(|error| format!("{}: {error}", debs.display()))?;
    download(packages, &debs).or_else(|first| {
        // The lists may be missing or older than the archive; only root can renew them.
        if is_root() {
            run(program("apt-get").args(["update", "-qq"]))?;
            download(packages, &debs)
        } else {
            Err(format!(
                "{first} (the package lists may be missing: `sudo apt-get update`)"
            ))
        }
    })?;
    let listing = std::fs::read_dir(&debs).map_err(|error| error.to_string())?;
    for deb in listing.flatten().map(|entry| entry.path()) {
        run(program("dpkg-deb").arg("-x").arg(&deb).arg(folder))?;
    }
    Ok(())
}

fn download(packages: &[&str], debs: &Path) -> Outcome {
    output(
        program("apt-get")
            .args(["download", "-qq"])
            .args(packages)
            .current_dir(debs),
    )
    .map(|_| ())
}

/// The folders of unpacked shared libraries below `folder`, joined by `:`.
pub(super) fn libraries(folder: &Path) -> Option<PathBuf> {
    let roots = [folder.join("usr/lib"), folder.join("lib")];
    let folders: Vec<String> = roots
        .iter()
        .filter_map(|root| std::fs::read_dir(root).ok())
        .flat_map(|listing| listing.flatten().map(|entry| entry.path()))
        .filter(|path| path.is_dir() && path.to_string_lossy().ends_with("-linux-gnu"))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    (!folders.is_empty()).then(|| PathBuf::from(folders.join(":")))
}

/// Installs language runtimes; only as root, only where apt is.
pub(super) fn install(packages: &[&str]) -> Outcome {
    let what = packages.join(" ");
    if find("apt-get").is_none() || !is_root() {
        return Err(format!("{what} not found: install it and run this again"));
    }
    let install = || {
        run(program("apt-get")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    install().or_else(|_| {
        run(program("apt-get").args(["update", "-qq"]))?;
        install()
    })
}
