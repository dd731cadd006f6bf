//! Who has a port, for a person.

/// The program that listens on `port` here, as far as this user may see; none where
/// that cannot be known.
pub(super) async fn of(port: u16) -> Option<String> {
    tokio::task::spawn_blocking(move || look(port)).await.ok()?
}

#[cfg(target_os = "linux")]
fn look(port: u16) -> Option<String> {
    use procfs::net::TcpState;
    use procfs::process::FDTarget;

    let listens = |one: &procfs::net::TcpNetEntry| {
        one.state == TcpState::Listen && one.local_address.port() == port
    };
    let inodes: Vec<u64> = [procfs::net::tcp(), procfs::net::tcp6()]
        .into_iter()
        .flatten()
        .flatten()
        .filter(listens)
        .map(|one| one.inode)
        .collect();
    if inodes.is_empty() {
        return None;
    }
    for process in procfs::process::all_processes().ok()?.flatten() {
        let has_it =
            process.fd().into_iter().flatten().flatten().any(
                |open| matches!(open.target, FDTarget::Socket(inode) if inodes.contains(&inode)),
            );
        if has_it {
            if u32::try_from(process.pid()).is_ok_and(|pid| pid == std::process::id()) {
                return Some("this daemon".into());
            }
            let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
            let name: String = name.chars().filter(|c| !c.is_control()).collect();
            return Some(format!("{name} (pid {})", process.pid()));
        }
    }
    Some("a program of another user".into())
}

#[cfg(not(target_os = "linux"))]
fn look(_port: u16) -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn who_listens_is_named_and_who_does_not_is_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(super::look(port).as_deref(), Some("this daemon"));
        drop(listener);
        assert_eq!(super::look(port), None);
    }
}
