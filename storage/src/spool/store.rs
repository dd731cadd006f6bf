//! The handle to the spool: jobs begin in it, end in it, and go when their
//! time is up.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::card::Card;
use super::card_v1::{ReadCard, encode};
use super::error::SpoolError;
use super::found::{Entry, Found, entries, measure, remove_all, remove_leftovers};
use super::job_folder::{CARD, JobFolder, StreamName};
use super::retention::{Limits, expired};
use super::stream::StreamFile;
use super::usage::{Usage, rounded};
use crate::private_files::{
    PrivateFileError, create_file, io_error, make_folder, replace_without_sync,
};

/// The spool. Cheap to clone. Every call but [`Spool::disk_bytes`] is blocking
/// file work: what makes or replaces files takes milliseconds on a busy disk,
/// [`Spool::open`] and [`Spool::tidy`] look at every job.
///
/// Its folder belongs to one process, which the daemon's lock sees to.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: Arc<Path>,
    limits: Limits,
    usage: Usage,
}

impl Spool {
    /// Opens the spool, made if it is not there; what earlier runs left in it,
    /// the newest started first. Jobs whose time is up are gone by then, but
    /// none without an end: whether it still runs on its host is not known
    /// here. `now_ms` is Unix time in milliseconds.
    pub fn open(
        folder: &Path,
        limits: Limits,
        now_ms: i64,
    ) -> Result<(Self, Vec<Found>), SpoolError> {
        if folder.is_symlink() {
            let (path, expected) = (folder.to_path_buf(), "folder");
            return Err(PrivateFileError::WrongKind { path, expected }.into());
        }
        make_folder(folder)?;
        remove_leftovers(folder)?;
        let spool = Self {
            folder: Arc::from(folder),
            limits,
            usage: Usage::default(),
        };
        let has_no_end =
            |entry: &Entry| matches!(&entry.card, ReadCard::Known(card) if card.end.is_none());
        let (kept, _) = spool.sweep(now_ms, has_no_end)?;
        let mut found: Vec<Found> = kept.into_iter().filter_map(Entry::into_found).collect();
        found.sort_by(|a, b| {
            let newest = |found: &Found| (found.card.started_at_ms, found.card.job_id.clone());
            newest(b).cmp(&newest(a))
        });
        Ok((spool, found))
    }

    /// Makes the job's folder with its card; it must not be there yet. A kill
    /// leaves all of it or nothing.
    pub fn begin(&self, card: &Card) -> Result<(), SpoolError> {
        let job = self.job(&card.job_id)?;
        let (path, made) = (job.path(), job.path_while_made());
        let bytes = encode(card)?;
        if path.symlink_metadata().is_ok() {
            return Err(SpoolError::Exists { path });
        }
        remove_all(&made)?;
        make_folder(&made)?;
        let named = create_file(&made.join(CARD))
            .and_then(|mut file| file.write_all(&bytes).map_err(io_error("write", &made)))
            .and_then(|()| fs::rename(&made, &path).map_err(io_error("rename", &made)));
        if let Err(error) = named {
            remove_all(&made)?;
            return Err(error.into());
        }
        self.usage
            .add(rounded(1) + rounded(u64::try_from(bytes.len()).unwrap_or(0)));
        Ok(())
    }

    /// Replaces the card of a job that is there, in one step.
    pub fn write_card(&self, card: &Card) -> Result<(), SpoolError> {
        let job = self.job(&card.job_id)?;
        let bytes = encode(card)?;
        job.check()?;
        replace_without_sync(&job.card(), &bytes)?;
        Ok(())
    }

    /// Makes the job's stream, which must not be there yet.
    pub fn create_stream(&self, job: &str, name: StreamName) -> Result<StreamFile, SpoolError> {
        let job = self.job(job)?;
        job.check()?;
        StreamFile::create(job.stream(name), self.limits.bounds, self.usage.clone())
    }

    /// Opens a stream that is there, to append to it or to read it.
    pub fn open_stream(&self, job: &str, name: StreamName) -> Result<StreamFile, SpoolError> {
        let job = self.job(job)?;
        job.check()?;
        StreamFile::open(job.stream(name), self.usage.clone())
    }

    /// Removes the job with all of its output; one that is not there is fine.
    /// It goes in one step: no kill leaves a job with half of its output.
    pub fn remove(&self, job: &str) -> Result<(), SpoolError> {
        let job = self.job(job)?;
        let (path, gone) = (job.path(), job.path_while_removed());
        match job.check() {
            Err(error) if error.is_not_found() => return Ok(()),
            checked => checked?,
        }
        let measured = measure(&path);
        remove_all(&gone)?;
        fs::rename(&path, &gone).map_err(io_error("rename", &path))?;
        remove_all(&gone)?;
        self.usage.subtract(measured.map_or(0, |(bytes, _)| bytes));
        Ok(())
    }

    /// Removes the jobs whose time is up, and answers their ids: those that
    /// ended too long ago, then the longest ended until the rest is within the
    /// limits. One without an end stays if `runs` says that it runs; else it
    /// ended when it was written to last. One whose card cannot be read goes.
    pub fn tidy(
        &self,
        now_ms: i64,
        runs: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, SpoolError> {
        let (_, gone) = self.sweep(now_ms, |entry| runs(entry.folder.id()))?;
        Ok(gone)
    }

    /// What it takes of the disk in bytes, without looking: measured by the
    /// last [`Spool::open`] or [`Spool::tidy`], and counted since.
    pub fn disk_bytes(&self) -> u64 {
        self.usage.bytes()
    }

    /// What stays, and the ids of what went.
    fn sweep(
        &self,
        now_ms: i64,
        runs: impl Fn(&Entry) -> bool,
    ) -> Result<(Vec<Entry>, Vec<String>), SpoolError> {
        let found = entries(&self.folder)?;
        self.usage.set(found.iter().map(|entry| entry.bytes).sum());
        let aged: Vec<_> = found.iter().map(|entry| entry.aged(runs(entry))).collect();
        let expired: HashSet<usize> = expired(&aged, self.limits, now_ms).into_iter().collect();
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for (place, entry) in found.into_iter().enumerate() {
            if !expired.contains(&place) {
                kept.push(entry);
                continue;
            }
            let id = entry.folder.id();
            match self.remove(id) {
                Ok(()) => gone.push(id.to_owned()),
                Err(error) => {
                    let reason = schema::Fault::chain(&error);
                    tracing::warn!(id, reason, "old output could not be removed");
                    kept.push(entry);
                }
            }
        }
        Ok((kept, gone))
    }

    fn job(&self, id: &str) -> Result<JobFolder, SpoolError> {
        JobFolder::new(&self.folder, id)
    }
}

const _: fn() = || {
    fn handle<T: Clone + Send + Sync>() {}
    handle::<Spool>();
};
