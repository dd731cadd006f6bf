//! Who has a port, for a person.

use std::net::SocketAddr;

/// The program that listens where it keeps us from `addresses`, as far as this user
/// may see; none where that cannot be known.
pub(super) async fn of(addresses: Vec<SocketAddr>) -> Option<String> {
    tokio::task::spawn_blocking(move || look(&addresses))
        .await
        .ok()?
}

/// Whether who listens on `theirs` keeps us from `ours`.
#[cfg(any(target_os = "linux", test))]
fn is_in_the_way(theirs: SocketAddr, ours: SocketAddr) -> bool {
    // An IPv4 address may be written as one of IPv6.
    let (their_ip, our_ip) = (theirs.ip().to_canonical(), ours.ip().to_canonical());
    let is_one_of_all = their_ip.is_unspecified() || our_ip.is_unspecified();
    theirs.port() == ours.port() && (their_ip == our_ip || is_one_of_all)
}

#[cfg(target_os = "linux")]
fn look(addresses: &[SocketAddr]) -> Option<String> {
    use procfs::net::TcpState;
    use procfs::process::FDTarget;

    let listens = |one: &procfs::net::TcpNetEntry| {
        let is_there = |ours: &SocketAddr| is_in_the_way(one.local_address, *ours);
        one.state == TcpState::Listen && addresses.iter().any(is_there)
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
fn look(_addresses: &[SocketAddr]) -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn who_listens_on_another_address_is_not_in_the_way() {
        let is_in_the_way = |theirs: &str, ours: &str| {
            super::is_in_the_way(theirs.parse().unwrap(), ours.parse().unwrap())
        };
        assert!(is_in_the_way("127.0.0.1:80", "127.0.0.1:80"));
        assert!(is_in_the_way("0.0.0.0:80", "127.0.0.1:80"));
        assert!(is_in_the_way("[::]:80", "127.0.0.1:80"));
        assert!(is_in_the_way("10.0.0.1:80", "0.0.0.0:80"));
        assert!(is_in_the_way("[::ffff:127.0.0.1]:80", "127.0.0.1:80"));
        assert!(!is_in_the_way("127.0.0.2:80", "127.0.0.1:80"));
        assert!(!is_in_the_way("[::1]:80", "127.0.0.1:80"));
        assert!(!is_in_the_way("127.0.0.1:81", "127.0.0.1:80"));
    }

    #[test]
    fn who_listens_is_named_and_who_does_not_is_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(look(&[address]).as_deref(), Some("this daemon"));
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], address.port()));
        assert_eq!(look(&[elsewhere]), None);
        drop(listener);
        assert_eq!(look(&[address]), None);
    }
}
