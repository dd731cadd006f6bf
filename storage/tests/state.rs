//! The state as the daemon uses it: opened, changed, opened again.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use schema::spec::{Auth, DockerSpec, ForwardKind, ForwardSpec, SshSpec};
use schema::{Id, Secret};
use storage::state::{
    Change, CommitError, OpenError, Opened, Picture, SavedDockerHost, SavedDurableJob,
    SavedForward, SavedSession, StateOptions, StateStore,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn options(home: &Path) -> StateOptions {
    StateOptions {
        path: home.join("data/state.redb"),
        backups_folder: home.join("data/backups"),
        go_state: Some(home.join("state.json")),
        program_version: "0.1.0".into(),
        now_ms: 1_700_000_000_000,
    }
}

fn open(home: &Path) -> (StateStore, Opened) {
    StateStore::open(options(home)).unwrap()
}

fn session(id: &str) -> SavedSession {
    SavedSession {
        id: Id::new(id).unwrap(),
        spec: SshSpec {
            addresses: vec!["web:22".into()],
            persistent: true,
            ..SshSpec::default()
        },
        lacks_inline_secret: false,
        agent_socket: Some("/run/agent".into()),
        cwd: None,
        opened_by: "tester".into(),
        created_at_ms: 5,
    }
}

fn forward(session_id: &str, id: &str) -> SavedForward {
    SavedForward {
        session_id: Id::new(session_id).unwrap(),
        id: Id::new(id).unwrap(),
        spec: ForwardSpec {
            bind_addr: "127.0.0.1".into(),
            bind_port: 0,
            kind: ForwardKind::Dynamic,
        },
        created_at_ms: 6,
    }
}

fn docker_host(id: &str) -> SavedDockerHost {
    SavedDockerHost {
        id: Id::new(id).unwrap(),
        spec: DockerSpec {
            host: Some("ssh://web".into()),
            password: Some(Secret::new("canary-docker".into())),
            ..DockerSpec::default()
        },
        lacks_inline_secret: false,
        created_at_ms: 7,
    }
}

fn durable_job(id: &str) -> SavedDurableJob {
    SavedDurableJob {
        id: id.into(),
        session_id: Id::new("a").unwrap(),
        host: "ann@SHA256:abc".into(),
        command: "backup --all".into(),
        raw: false,
        mark: "00ff00ff00ff00ff".into(),
        started_at_ms: 8,
        seq: 9,
    }
}

fn put(session: SavedSession) -> Change {
    Change::PutSession(Box::new(session))
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let (store, opened) = open(home.path());
    assert!(opened.created && opened.picture.sessions.is_empty());
    let changes = vec![
        put(session("a")),
        put(session("b")),
        Change::PutForward(forward("a", "f")),
        Change::PutForward(forward("b", "f")),
        Change::PutForward(forward("b", "g")),
        Change::PutDockerHost(Box::new(docker_host("d"))),
    ];
    store.commit(changes).await.unwrap();
    let remove = Change::RemoveForward {
        session_id: Id::new("b").unwrap(),
        id: Id::new("g").unwrap(),
    };
    let removals = vec![Change::RemoveSession(Id::new("a").unwrap()), remove];
    store.commit(removals).await.unwrap();
    store.close().await;

    let (store, opened) = open(home.path());
    assert!(!opened.created && opened.migrated_from.is_none());
    assert_eq!(opened.picture.sessions, [session("b")]);
    assert_eq!(opened.picture.forwards, [forward("b", "f")]);
    let host = &opened.picture.docker_hosts[0];
    assert!(host.lacks_inline_secret && host.spec.password.is_none());
    assert_eq!(store.picture().await.unwrap(), opened.picture);
}

#[tokio::test]
async fn a_durable_job_outlives_its_session_until_it_is_removed_itself() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let jobs = [durable_job("job-1-1"), durable_job("job-1-2")];
    let mut changes = vec![put(session("a"))];
    changes.extend(jobs.clone().map(|job| Change::PutDurableJob(Box::new(job))));
    store.commit(changes).await.unwrap();
    let gone = Change::RemoveSession(Id::new("a").unwrap());
    store.commit(vec![gone]).await.unwrap();
    store.close().await;

    let (store, opened) = open(home.path());
    assert_eq!(opened.picture.durable_jobs, jobs, "the command is whole");
    let removed = Change::RemoveDurableJob("job-1-1".into());
    store.commit(vec![removed]).await.unwrap();
    assert_eq!(store.picture().await.unwrap().durable_jobs, jobs[1..]);
}

#[tokio::test]
async fn a_durable_job_whose_mark_is_no_mark_is_not_stored() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let odd = SavedDurableJob {
        mark: "../../etc; reboot".into(),
        ..durable_job("job-1-1")
    };
    let refused = store.commit(vec![Change::PutDurableJob(Box::new(odd))]);
    assert!(matches!(refused.await, Err(CommitError::Unfit(_))));
    assert_eq!(store.picture().await.unwrap(), Picture::default());
}

#[tokio::test]
async fn no_inline_secret_reaches_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let mut with_secret = session("a");
    with_secret.spec.auth = Some(Auth {
        password: Some(Secret::new("canary-ssh".into())),
        secret: Some("keyring-name".into()),
        ..Auth::default()
    });
    let host = Change::PutDockerHost(Box::new(docker_host("d")));
    store.commit(vec![put(with_secret), host]).await.unwrap();
    let picture = store.picture().await.unwrap();
    assert!(picture.sessions[0].lacks_inline_secret);
    store.close().await;
    let bytes = fs::read(options(home.path()).path).unwrap();
    let found = |needle: &str| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
    assert!(!found("canary") && found("keyring-name"));
}

#[tokio::test]
async fn files_are_their_owners_alone_and_nothing_is_left_beside() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    store.close().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path().join("data")), 0o700);
    assert_eq!(mode(&options(home.path()).path), 0o600);
    let entries = fs::read_dir(home.path().join("data")).unwrap();
    assert_eq!(entries.count(), 1);
}

#[tokio::test]
async fn a_second_process_is_told_that_the_state_is_open() {
    let home = tempfile::tempdir().unwrap();
    let (_store, _) = open(home.path());
    let refused = StateStore::open(options(home.path())).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
}

#[tokio::test]
async fn a_closed_state_takes_no_more_changes() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    store.clone().close().await;
    store.close().await;
    let refused = store.commit(vec![put(session("a"))]).await;
    assert!(matches!(refused, Err(CommitError::Closed)));
    open(home.path());
}

#[tokio::test]
async fn a_day_without_a_backup_makes_one_and_three_are_kept() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).0.close().await;
    let mut made = Vec::new();
    for day in 0..5 {
        let at = StateOptions {
            now_ms: 1_700_000_000_000 + day * DAY_MS,
            ..options(home.path())
        };
        for _ in 0..2 {
            let (store, opened) = StateStore::open(at.clone()).unwrap();
            made.extend(opened.backup);
            store.close().await;
        }
    }
    assert_eq!(made.len(), 5);
    let kept = storage::backup::Backups::new(home.path().join("data/backups")).list();
    let kept: Vec<_> = kept.into_iter().rev().map(|backup| backup.path).collect();
    assert_eq!(kept, made[2..]);
}

#[tokio::test]
async fn a_go_programs_state_is_imported_once_and_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let json = r#"{"version":1,"ssh_sessions":[
        {"id":"web","spec":{"addresses":["web"],"timeout":15000000000,"auth":{"password":"canary"},"persistent":true}},
        {"id":"","spec":{"addresses":["x"]}}, {"id":"bad","spec":{"addresses":7}}, 5],
        "forwards":[
        {"id":"l","session_id":"web","kind":"local","local_spec":{"bind_addr":"","bind_port":8080,"remote_host":"db","remote_port":5432}},
        {"id":"r","session_id":"web","kind":"remote","remote_spec":{"bind_addr":"0.0.0.0","bind_port":1,"local_host":"h","local_port":2}},
        {"id":"d","session_id":"web","kind":"dynamic","dynamic_spec":{"bind_addr":"127.0.0.1","bind_port":1080}},
        {"id":"odd","session_id":"web","kind":"sideways"}],
        "docker_hosts":[{"id":"local","spec":{"host":"unix:///var/run/docker.sock"}}]}"#;
    fs::write(home.path().join("state.json"), json).unwrap();
    let (store, opened) = open(home.path());
    let report = opened.imported.unwrap();
    assert_eq!(
        (report.sessions, report.forwards, report.docker_hosts),
        (1, 3, 1)
    );
    assert_eq!(report.sessions_without_secret, [Id::new("web").unwrap()]);
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|r| (r.kind, r.id.as_str()))
        .collect();
    let expected = [
        ("session", ""),
        ("session", "bad"),
        ("session", "#4"),
        ("forward", "odd"),
    ];
    assert_eq!(refused, expected);
    let web = &opened.picture.sessions[0];
    assert!(web.lacks_inline_secret && web.spec.timeout == Some(schema::GoDuration::from_secs(15)));
    assert_eq!(opened.picture.forwards.len(), 3);
    assert_eq!(opened.picture.forwards[1].spec.bind_addr, "127.0.0.1");
    store.close().await;
    assert_eq!(
        fs::read_to_string(home.path().join("state.json")).unwrap(),
        json
    );
    assert!(open(home.path()).1.imported.is_none());
}

#[test]
fn a_go_state_that_cannot_be_read_makes_no_empty_one() {
    for json in ["", "{", "[]", r#"{"version":2}"#] {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("state.json"), json).unwrap();
        let refused = StateStore::open(options(home.path())).unwrap_err();
        assert!(matches!(refused, OpenError::Import { .. }), "{refused}");
        assert!(!options(home.path()).path.exists());
    }
}
