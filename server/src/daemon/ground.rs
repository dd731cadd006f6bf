//! The ground: opens the databases and brings up what they remember.

use std::path::PathBuf;
use std::sync::Arc;

use schema::Fault;
use schema::limits::RESULT_MAX_BYTES;
use storage::audit::{AuditLog, AuditOptions};
use storage::spool::{Limits, Spool};
use storage::state::{OpenError, Opened, Picture, StateOptions, StateStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::config_file::Rule;
use super::exit::{EXIT_CONFIG, EXIT_OTHER_DAEMON};
use crate::clock::Clock;
use crate::files::{FileHosts, LocalGuard};
use crate::forward::{ForwardRoom, Forwards};
use crate::job::{DurableJobs, Jobs, upkeep};
use crate::link::Surroundings;
use crate::link::ssh_config::{Local, Source};
use crate::serve::token::random_hex;
use crate::sessions::{Around, Followers, Sessions};
use crate::shell::{HeldShells, Shells};
use crate::tools::{Mode, Parts, Pattern, Rules, Tools};

/// Why there are no tools.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// The databases must not be touched; hello and control say why.
    #[error("{reason}")]
    Refusing {
        /// In words, with the next step.
        reason: String,
    },
    /// The daemon cannot live.
    #[error("{reason}")]
    Fatal {
        /// In words, with the next step.
        reason: String,
        /// The exit code.
        exit: u8,
    },
}

/// Opens the ground: what was persistent is dialled from here on, and nobody
/// waits for that.
pub async fn open(config: &Config) -> Result<Arc<Tools>, GroundError> {
    let clock = Clock::system();
    let (state, audit) = (
        state_options(config, &clock),
        audit_options(config, &clock)?,
    );
    let opening = tokio::task::spawn_blocking(move || {
        let (store, opened) = StateStore::open(state).map_err(|error| state_refused(&error))?;
        let audit = AuditLog::open(&audit).map_err(|error| {
            let reason = format!("the audit log cannot be opened: {}", Fault::chain(&error));
            GroundError::Refusing { reason }
        })?;
        Ok((store, opened, audit))
    });
    let (store, opened, (audit, found)) = match opening.await {
        Ok(opened) => opened?,
        Err(panic) => return Err(fatal(format!("opening the databases failed: {panic}"))),
    };
    tell(&opened);
    for finding in &found.findings {
        tracing::error!("the audit log: {finding}");
    }
    if found.cut_records > 0 {
        tracing::warn!(
            records = found.cut_records,
            "a power cut cost the end of the audit log"
        );
    }
    let around = (TaskTracker::new(), CancellationToken::new());
    let jobs = jobs(config, &clock).await?;
    around
        .0
        .spawn(upkeep(jobs.clone(), clock.clone(), around.1.clone()));
    let living = Living::new(
        config,
        (&store, &clock),
        jobs,
        around.clone(),
        opened.picture,
    );
    let (tasks, stopping) = around;
    let tools = Tools::new(Parts {
        sessions: living.sessions,
        jobs: living.jobs,
        durable_jobs: living.durable_jobs,
        forwards: living.forwards,
        shells: living.shells,
        held_shells: living.held_shells,
        audit,
        store,
        clock,
        rules: rules(config)?,
        user: config.user.clone(),
        home: config.home.clone(),
        local_guard: local_guard(config),
        file_hosts: FileHosts::default(),
        state_path: config.place.state.clone(),
        result_limit: config.file.result_limit_bytes.unwrap_or(RESULT_MAX_BYTES),
        tasks,
        stopping,
    });
    tools.record_resumed();
    Ok(tools)
}

/// What lives in the daemon, brought back from what the state remembers.
struct Living {
    sessions: Sessions,
    jobs: Jobs,
    durable_jobs: DurableJobs,
    forwards: Forwards,
    shells: Shells,
    held_shells: HeldShells,
}

impl Living {
    fn new(
        config: &Config,
        (store, clock): (&StateStore, &Clock),
        jobs: Jobs,
        around: (TaskTracker, CancellationToken),
        picture: Picture,
    ) -> Self {
        let (tasks, stopping) = around.clone();
        let left = picture.durable_jobs;
        let durable_jobs = DurableJobs::new(jobs.clone(), store.clone(), tasks.clone(), left);
        let shells = Shells::default();
        let left = picture.durable_shells;
        let held_shells = HeldShells::new(shells.clone(), store.clone(), around.clone(), left);
        let overflow = config.place.data_folder().to_path_buf();
        let room = ForwardRoom::new(store.clone(), clock.clone(), around, overflow);
        let forwards = Forwards::new(room);
        let sessions = Sessions::new(Around {
            surroundings: surroundings(config),
            store: store.clone(),
            clock: clock.clone(),
            tasks,
            stopping,
            followers: Followers {
                durable_jobs: durable_jobs.clone(),
                held_shells: held_shells.clone(),
                forwards: forwards.clone(),
            },
        });
        sessions.rehydrate(picture.sessions);
        for saved in picture.forwards {
            match sessions.get(&saved.session_id) {
                Ok(session) => forwards.restore(saved, session.links()),
                Err(error) => tracing::warn!(%error, forward = %saved.id, "it has no session"),
            }
        }
        Self {
            sessions,
            jobs,
            durable_jobs,
            forwards,
            shells,
            held_shells,
        }
    }
}

/// The jobs of earlier runs, and room for this one's. Without a place on disk
/// output is kept in memory alone.
async fn jobs(config: &Config, clock: &Clock) -> Result<Jobs, GroundError> {
    let (folder, now_ms) = (config.place.data_folder().join("spool"), clock.now_ms());
    let opening =
        tokio::task::spawn_blocking(move || Spool::open(&folder, Limits::default(), now_ms));
    let (spool, found) = match opening.await {
        Ok(Ok((spool, found))) => (Some(spool), found),
        Ok(Err(error)) => {
            let why = Fault::chain(&error);
            tracing::error!(why, "output of jobs is not kept beyond this run");
            (None, Vec::new())
        }
        Err(panic) => return Err(fatal(format!("opening the spool failed: {panic}"))),
    };
    let names = |run: &str| {
        let prefix = format!("job-{run}-");
        found
            .iter()
            .any(|left| left.card.job_id.starts_with(&prefix))
    };
    let run = loop {
        let run = random_hex::<2>().map_err(|error| fatal(error.to_string()))?;
        if !names(&run) {
            break run;
        }
    };
    Ok(Jobs::new(&run, spool, &found))
}

fn state_options(config: &Config, clock: &Clock) -> StateOptions {
    StateOptions {
        path: config.place.state.clone(),
        backups_folder: config.place.data_folder().join("backups"),
        go_state: config.place.go_state.clone(),
        program_version: env!("CARGO_PKG_VERSION").into(),
        now_ms: clock.now_ms(),
    }
}

fn audit_options(config: &Config, clock: &Clock) -> Result<AuditOptions, GroundError> {
    let sync_always = match config.file.audit_sync.as_deref() {
        None | Some("batched") => false,
        Some("always") => true,
        Some(other) => {
            let reason =
                format!("config.toml: audit_sync is {other:?}, and can be always or batched");
            return Err(fatal(reason));
        }
    };
    let folder = config.place.data_folder().to_path_buf();
    Ok(AuditOptions {
        key_path: folder.join("audit.key"),
        folder,
        boot_id: boot_id(),
        now_ms: clock.now_ms(),
        sync_always,
    })
}

/// The kernel's name for this boot. Where there is none, each start counts as
/// a boot of its own: a torn end is then counted, never called a finding.
fn boot_id() -> String {
    let from_kernel = std::fs::read_to_string(PathBuf::from("/proc/sys/kernel/random/boot_id"));
    match from_kernel {
        Ok(id) => id.trim().to_owned(),
        Err(_none) => random_hex::<8>().unwrap_or_default(),
    }
}

/// Keys and our own folders, and what a person says (SECURITY 11).
fn local_guard(config: &Config) -> LocalGuard {
    let own = [config.place.config_folder(), config.place.data_folder()];
    let keys = [".ssh", ".gnupg"].map(|name| config.home.join(name));
    let own = own.map(std::path::Path::to_path_buf);
    let said = &config.file.local_deny;
    let said = said.iter().map(|path| path.below(&config.home));
    LocalGuard::new(own.into_iter().chain(keys).chain(said))
}

fn surroundings(config: &Config) -> Surroundings {
    let source = |path: PathBuf, is_user| Source {
        path,
        is_user,
        is_checked: is_user,
    };
    Surroundings {
        local: Local {
            home: config.home.clone(),
            user: config.user.clone(),
            uid: rustix::process::getuid().as_raw(),
            host_name: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            variable,
            files: vec![
                source(config.home.join(".ssh/config"), true),
                source("/etc/ssh/ssh_config".into(), false),
            ],
        },
        accepted_keys: config.place.known_hosts.clone(),
        allow_accept_new: config.file.allow_accept_new.unwrap_or(true),
        allow_proxy_command: config.file.allow_proxy_command.clone(),
    }
}

/// A variable of the daemon's environment, for a `${}` in ssh_config.
fn variable(name: &str) -> Option<String> {
    let found = std::env::vars_os().find(|(other, _)| other == name);
    found.and_then(|(_, value)| value.into_string().ok())
}

fn rules(config: &Config) -> Result<Rules, GroundError> {
    let mode = match config.file.mode.as_deref() {
        None | Some("full") => Mode::Full,
        Some("read-only") => Mode::ReadOnly,
        Some(other) => {
            let reason = format!("config.toml: mode is {other:?}, and can be full or read-only");
            return Err(fatal(reason));
        }
    };
    let patterns = |rules: &[Rule]| rules.iter().map(pattern).collect();
    Ok(Rules {
        mode,
        allow: patterns(&config.file.allow),
        deny: patterns(&config.file.deny),
    })
}

fn pattern(rule: &Rule) -> Pattern {
    Pattern {
        tool: rule.tool.clone(),
        host: rule.host.clone(),
        client: rule.client.clone(),
    }
}

fn fatal(reason: String) -> GroundError {
    GroundError::Fatal {
        reason,
        exit: EXIT_CONFIG,
    }
}

fn state_refused(error: &OpenError) -> GroundError {
    let words = Fault::chain(error);
    match error {
        OpenError::Locked { .. } => GroundError::Fatal {
            reason: words,
            exit: EXIT_OTHER_DAEMON,
        },
        OpenError::Damaged { backup, .. } | OpenError::Newer { backup, .. } => {
            let way_on = match backup {
                Some(backup) => format!("the newest good backup is {}", backup.display()),
                None => "there is no backup".into(),
            };
            GroundError::Refusing {
                reason: format!("{words}; {way_on}; the file was left as it is"),
            }
        }
        OpenError::Import { .. } | OpenError::Migrate { .. } | OpenError::Backup { .. } => {
            GroundError::Refusing { reason: words }
        }
        OpenError::File(_) | OpenError::Disk { .. } => fatal(words),
    }
}

fn tell(opened: &Opened) {
    let sessions = opened.picture.sessions.len();
    tracing::info!(sessions, created = opened.created, "the state is open");
    if let Some(version) = opened.migrated_from {
        tracing::info!(version, backup = ?opened.backup, "the state was brought to this version");
    }
    if let Some(report) = &opened.imported {
        tracing::info!(?report, "the Go program's state was imported");
    }
}
