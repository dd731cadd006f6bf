//! Damaged files (FAULTS 4): refused with a reason and left as they are, or
//! opened with the right content; never wrong, never a panic.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::fs;
use std::path::Path;

use schema::Id;
use schema::spec::SshSpec;
use storage::state::{Change, OpenError, Picture, SavedSession, StateOptions, StateStore};

fn options(home: &Path) -> StateOptions {
    StateOptions {
        path: home.join("state.redb"),
        backups_folder: home.join("backups"),
        go_state: None,
        program_version: "0".into(),
        now_ms: 0,
    }
}

/// A state of 60 sessions in several commits, closed, with a backup.
async fn filled(home: &Path) -> (Vec<u8>, Picture) {
    for part in 0..3 {
        let (store, _) = StateStore::open(options(home)).unwrap();
        let put = |number: u32| {
            Change::PutSession(Box::new(SavedSession {
                id: Id::new(format!("{number:08}")).unwrap(),
                spec: SshSpec {
                    addresses: vec![format!("host-{number}.example")],
                    ..SshSpec::default()
                },
                lacks_inline_secret: false,
                agent_socket: None,
                cwd: Some("/home/ann".into()),
                opened_by: "test".into(),
                created_at_ms: 1,
            }))
        };
        let changes = (part * 20..part * 20 + 20).map(put).collect();
        store.commit(changes).await.unwrap();
        store.close().await;
    }
    let (store, opened) = StateStore::open(options(home)).unwrap();
    store.close().await;
    (fs::read(home.join("state.redb")).unwrap(), opened.picture)
}

/// Whether it was refused.
async fn refused_or_right(home: &Path, bytes: &[u8], expected: &Picture, what: &str) -> bool {
    let path = home.join("state.redb");
    fs::write(&path, bytes).unwrap();
    match StateStore::open(options(home)) {
        Ok((store, opened)) => {
            assert_eq!(&opened.picture, expected, "{what}");
            assert!(!opened.created, "{what}");
            store.close().await;
            false
        }
        Err(OpenError::Damaged { backup, .. }) => {
            assert!(
                fs::read(&path).unwrap() == bytes,
                "{what}: the file was changed"
            );
            assert!(backup.is_some(), "{what}");
            true
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

#[tokio::test]
async fn a_file_that_is_no_state_is_refused_and_a_backup_is_named() {
    let home = tempfile::tempdir().unwrap();
    let (good, expected) = filled(home.path()).await;
    let table: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        ("one byte", vec![0]),
        ("another program's", b"SQLite format 3\0".repeat(600)),
        ("wrong magic", [b"x", &good[1..]].concat()),
        ("zeros", vec![0; good.len()]),
    ];
    for (what, bytes) in table {
        assert!(
            refused_or_right(home.path(), &bytes, &expected, what).await,
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_truncated_state_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (good, expected) = filled(home.path()).await;
    for eighth in 0..8 {
        let bytes = &good[..good.len() / 8 * eighth];
        refused_or_right(home.path(), bytes, &expected, &format!("{eighth}/8")).await;
    }
}

#[tokio::test]
async fn a_zeroed_page_is_refused_or_was_not_in_use() {
    let home = tempfile::tempdir().unwrap();
    let (good, expected) = filled(home.path()).await;
    let mut refused = 0;
    let pages: Vec<usize> = used_pages(&good);
    for page in &pages {
        let mut bytes = good.clone();
        bytes[*page..page + 4096].fill(0);
        let what = format!("page at {page}");
        refused += usize::from(refused_or_right(home.path(), &bytes, &expected, &what).await);
    }
    assert!(refused > 3, "{refused} of {} pages", pages.len());
}

#[tokio::test]
async fn a_flipped_bit_is_refused_or_was_not_in_use() {
    let home = tempfile::tempdir().unwrap();
    let (good, expected) = filled(home.path()).await;
    let header = (0..320).step_by(3);
    let pages = used_pages(&good);
    let data = pages
        .iter()
        .flat_map(|page| (0..4096).step_by(509).map(move |at| page + at));
    let mut refused = 0;
    for (turn, at) in header.chain(data).enumerate() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (turn % 8);
        let what = format!("bit {} of byte {at}", turn % 8);
        refused += usize::from(refused_or_right(home.path(), &bytes, &expected, &what).await);
    }
    assert!(refused > 20, "{refused}");
}

fn used_pages(bytes: &[u8]) -> Vec<usize> {
    let pages = bytes.chunks(4096).enumerate();
    let used = pages.filter(|(_, page)| page.len() == 4096 && page.iter().any(|byte| *byte != 0));
    used.map(|(number, _)| number * 4096).collect()
}
