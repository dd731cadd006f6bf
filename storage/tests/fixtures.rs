//! Files that released versions wrote, opened by this one. A fixture is never
//! changed; a new version adds its own.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use schema::spec::{Auth, DockerSpec, ForwardKind, ForwardSpec, JumpHost, SshSpec};
use schema::{GoDuration, Id};
use serde_json::{Value, json};
use storage::audit::{AuditLog, AuditOptions, CallEnd, HistoryQuery, NewCall, Outcome};
use storage::state::{
    Change, Picture, SavedDockerHost, SavedDurableJob, SavedDurableShell, SavedForward,
    SavedSession, StateOptions, StateStore,
};

const AUDIT_FILES: [&str; 4] = ["audit-202501.redb", "audit.tail", "audit.head", "audit.key"];
const AT_MS: i64 = 1_736_000_000_000;

/// `name` is the version's folder and the file.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

fn state_options(home: &Path) -> StateOptions {
    StateOptions {
        path: home.join("state.redb"),
        backups_folder: home.join("backups"),
        go_state: None,
        program_version: "0.1.0".into(),
        now_ms: AT_MS,
    }
}

fn audit_options(home: &Path) -> AuditOptions {
    AuditOptions {
        folder: home.to_path_buf(),
        key_path: home.join("audit.key"),
        boot_id: "fixture".into(),
        now_ms: AT_MS,
        sync_always: false,
    }
}

fn picture_json(picture: &Picture) -> Value {
    let sessions = picture.sessions.iter().map(|s| {
        json!({ "id": s.id, "spec": s.spec, "lacks_inline_secret": s.lacks_inline_secret,
            "agent_socket": s.agent_socket, "cwd": s.cwd, "opened_by": s.opened_by,
            "created_at_ms": s.created_at_ms })
    });
    let forwards = picture.forwards.iter().map(|f| {
        json!({ "session_id": f.session_id, "id": f.id, "spec": f.spec,
            "created_at_ms": f.created_at_ms })
    });
    let docker_hosts = picture.docker_hosts.iter().map(|d| {
        json!({ "id": d.id, "spec": d.spec, "lacks_inline_secret": d.lacks_inline_secret,
            "created_at_ms": d.created_at_ms })
    });
    let durable_jobs = picture.durable_jobs.iter().map(|j| {
        json!({ "id": j.id, "session_id": j.session_id, "command": j.command, "raw": j.raw,
            "mark": j.mark, "started_at_ms": j.started_at_ms, "seq": j.seq })
    });
    let durable_shells = picture.durable_shells.iter().map(|s| {
        json!({ "session_id": s.session_id, "id": s.id, "host": s.host, "mark": s.mark,
            "holder": s.holder, "rows": s.rows, "cols": s.cols,
            "opened_at_ms": s.opened_at_ms })
    });
    json!({
        "sessions": sessions.collect::<Vec<_>>(),
        "forwards": forwards.collect::<Vec<_>>(),
        "docker_hosts": docker_hosts.collect::<Vec<_>>(),
        "durable_jobs": durable_jobs.collect::<Vec<_>>(),
        "durable_shells": durable_shells.collect::<Vec<_>>(),
    })
}

fn history_json(log: &AuditLog) -> Value {
    let records = log.list(&HistoryQuery::default()).unwrap();
    let rows = records.iter().map(|record| {
        json!({ "seq": record.seq, "run": record.run, "at_ms": record.call.at_ms,
            "tool": record.call.tool, "client": record.call.client,
            "target": record.call.target, "arguments": record.call.arguments_json,
            "outcome": format!("{:?}", record.outcome), "count": record.count,
            "exit_code": record.end.as_ref().and_then(|end| end.exit_code) })
    });
    Value::Array(rows.collect())
}

/// Opens a copy of the version's state, twice; the schema version that it had
/// the first time, if an older one.
async fn opened_twice(version: &str) -> (Option<u32>, Picture) {
    let home = tempfile::tempdir().unwrap();
    let file = fixture(version).join("state.redb");
    fs::copy(file, home.path().join("state.redb")).unwrap();
    let (store, opened) = StateStore::open(state_options(home.path())).unwrap();
    store.close().await;
    let (store, again) = StateStore::open(state_options(home.path())).unwrap();
    assert_eq!(
        (again.migrated_from, &again.picture),
        (None, &opened.picture)
    );
    store.close().await;
    (opened.migrated_from, opened.picture)
}

fn written_then(version: &str) -> Value {
    let text = fs::read_to_string(fixture(version).join("state.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_state_of_version_1_comes_out_as_it_was_written_and_with_no_durable_job() {
    let (migrated_from, picture) = opened_twice("v1").await;
    assert_eq!(migrated_from, Some(1));
    let mut expected = written_then("v1");
    expected["durable_jobs"] = json!([]);
    expected["durable_shells"] = json!([]);
    assert_eq!(picture_json(&picture), expected);
}

#[tokio::test]
async fn a_state_of_version_2_comes_out_as_it_was_written_and_with_no_durable_shell() {
    let (migrated_from, picture) = opened_twice("v2").await;
    assert_eq!(migrated_from, Some(2));
    let mut expected = written_then("v2");
    expected["durable_shells"] = json!([]);
    assert_eq!(picture_json(&picture), expected);
}

#[tokio::test]
async fn a_state_of_version_3_is_read_as_it_was_written() {
    let (migrated_from, picture) = opened_twice("v3").await;
    assert_eq!(migrated_from, None);
    assert_eq!(picture_json(&picture), written_then("v3"));
}

#[test]
fn an_audit_log_of_version_1_is_read_and_its_chain_holds() {
    let home = tempfile::tempdir().unwrap();
    for name in AUDIT_FILES {
        fs::copy(fixture("v1").join(name), home.path().join(name)).unwrap();
    }
    let (log, opened) = AuditLog::open(&audit_options(home.path())).unwrap();
    assert!(opened.findings.is_empty(), "{opened:?}");
    let expected = fs::read_to_string(fixture("v1/audit.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(history_json(&log), expected);
    let report = log.verify(None).unwrap();
    assert!(report.ok && report.records == 3, "{report:?}");
}

fn every_field() -> Vec<Change> {
    let mut changes = vec![
        Change::PutSession(Box::new(session())),
        Change::PutDockerHost(Box::new(docker_host())),
        Change::PutDurableJob(Box::new(durable_job())),
        Change::PutDurableShell(Box::new(durable_shell())),
    ];
    changes.extend(forwards().map(Change::PutForward));
    changes
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn session() -> SavedSession {
    let auth = Auth {
        key_path: Some("~/.ssh/id".into()),
        use_agent: Some(false),
        agent_socket: Some("/run/a".into()),
        secret: Some("web-key".into()),
        ..Auth::default()
    };
    let hop = JumpHost {
        user: Some("bob".into()),
        addresses: vec!["bastion".into()],
        auth: Some(auth.clone()),
        known_hosts_path: Some("/kh1".into()),
        insecure: true,
        timeout: Some(GoDuration::from_secs(7)),
    };
    let spec = SshSpec {
        user: Some("ann".into()),
        addresses: vec!["web:22".into(), "[::1]:2222".into()],
        auth: Some(auth),
        jump_hosts: vec![hop],
        insecure: true,
        known_hosts_path: Some("/kh".into()),
        host_key: Some("accept-new".into()),
        timeout: Some(GoDuration::from_secs(15)),
        keepalive: Some(GoDuration::from_secs(0)),
        auto_reconnect: true,
        persistent: true,
        forward_agent: true,
        disable_ssh_config: true,
    };
    SavedSession {
        id: id("web"),
        spec,
        lacks_inline_secret: true,
        agent_socket: Some("/run/b".into()),
        cwd: Some("/home/ann".into()),
        opened_by: "agent".into(),
        created_at_ms: AT_MS,
    }
}

fn docker_host() -> SavedDockerHost {
    SavedDockerHost {
        id: id("engine"),
        spec: DockerSpec {
            host: Some("ssh://web".into()),
            secret: Some("engine".into()),
            use_agent: Some(true),
            persistent: true,
            ..DockerSpec::default()
        },
        lacks_inline_secret: false,
        created_at_ms: AT_MS,
    }
}

fn durable_job() -> SavedDurableJob {
    SavedDurableJob {
        id: "job-1a2b-17".into(),
        session_id: id("web"),
        host: "ann@SHA256:abc".into(),
        command: "make -C /srv all".into(),
        raw: true,
        mark: "0123456789abcdef".into(),
        started_at_ms: AT_MS,
        seq: 4711,
    }
}

fn durable_shell() -> SavedDurableShell {
    SavedDurableShell {
        session_id: id("web"),
        id: id("main"),
        host: "ann@SHA256:abc".into(),
        mark: "fedcba9876543210".into(),
        holder: "tmux rsmcp-fedcba9876543210".into(),
        rows: 50,
        cols: 132,
        opened_at_ms: AT_MS,
    }
}

fn forwards() -> impl Iterator<Item = SavedForward> {
    let (host, port) = ("db".to_owned(), 5432);
    let kinds = [
        ForwardKind::Local {
            remote_host: host.clone(),
            remote_port: port,
        },
        ForwardKind::LocalSocket {
            remote_socket: "/run/s".into(),
        },
        ForwardKind::Remote {
            local_host: host,
            local_port: port,
        },
        ForwardKind::Dynamic,
    ];
    kinds
        .into_iter()
        .enumerate()
        .map(|(number, kind)| SavedForward {
            session_id: id("web"),
            id: id(&format!("f{number}")),
            spec: ForwardSpec {
                bind_addr: "127.0.0.1".into(),
                bind_port: 0,
                kind,
            },
            created_at_ms: AT_MS,
        })
}

#[tokio::test]
#[ignore = "writes the state's fixture of the version in the source; run it once a version"]
async fn write_the_fixture_of_the_state() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = StateStore::open(state_options(home.path())).unwrap();
    store.commit(every_field()).await.unwrap();
    let picture = picture_json(&store.picture().await.unwrap());
    store.close().await;
    let path = home.path().join("state.redb");
    fs::copy(path, fixture("v3/state.redb")).unwrap();
    fs::write(fixture("v3/state.json"), format!("{picture:#}\n")).unwrap();
}

#[test]
#[ignore = "writes the audit's fixture of the version in the source; run it once a version"]
fn write_the_fixture_of_the_audit() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = AuditLog::open(&audit_options(home.path())).unwrap();
    let call = |tool: &str| NewCall {
        at_ms: AT_MS,
        client: "agent".into(),
        tool: tool.into(),
        target: Some("ann@web".into()),
        arguments_json: r#"{"session_id":"web"}"#.into(),
        ..NewCall::default()
    };
    let end = CallEnd {
        outcome: Outcome::Error,
        exit_code: Some(2),
        ..CallEnd::default()
    };
    let seq = log.intent(&call("ssh_exec")).unwrap();
    log.outcome(seq, &end).unwrap();
    log.intent(&call("ssh_upload")).unwrap();
    log.read(call("status"), CallEnd::default());
    log.close().unwrap();
    let (log, _) = AuditLog::open(&audit_options(home.path())).unwrap();
    let history = history_json(&log);
    log.close().unwrap();
    for name in AUDIT_FILES {
        fs::copy(home.path().join(name), fixture("v1").join(name)).unwrap();
    }
    fs::write(fixture("v1/audit.json"), format!("{history:#}\n")).unwrap();
}
