//! Reading a shell: waiting for output, and showing it in one of three views.

use std::time::Duration;

use regex_lite::Regex;
use tokio::time::{Instant, sleep_until};

use super::buffer::KEPT_BYTES;
use super::handle::Shell;
use super::paper::Paper;
use super::text::whole;

/// How far back a search for `until` begins anew, in bytes: a match that long may
/// lie across pieces.
const MATCH_MAX_BYTES: u64 = 16 << 10;

/// How output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Lines as they look in the end.
    Text,
    /// As it came.
    Raw,
    /// What a person sees now.
    Screen,
}

/// What is to be read.
#[derive(Debug)]
pub struct Wanted {
    /// From this position, repeatably; else where the last such read ended.
    pub cursor: Option<u64>,
    /// How much output at most, in bytes.
    pub most: usize,
    /// Wait for a match in what is shown.
    pub until: Option<Regex>,
    /// Wait until nothing came for so long.
    pub quiet: Option<Duration>,
    /// How it is shown.
    pub view: View,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// In the view that was asked for.
    pub data: String,
    /// Where the next read goes on.
    pub cursor: u64,
    /// What of it is no longer kept, in bytes.
    pub lost_bytes: u64,
    /// It ended, and this is the last of it.
    pub eof: bool,
    /// Present when it ended with one.
    pub exit_code: Option<i32>,
}

impl Shell {
    /// Waits until what is wanted is there, the shell has ended, or `deadline`.
    pub async fn await_output(&self, wanted: &Wanted, deadline: Instant) {
        let mut changes = self.changes();
        let from = wanted.cursor;
        let mut searched = 0;
        let begun = Instant::now();
        loop {
            changes.mark_unchanged();
            let (is_there, quiet_at) = {
                let mut paper = self.paper();
                let from = from.unwrap_or_else(|| paper.next_read());
                let is_over = paper.end().is_some();
                // Silence before the read is none of its own: what was typed just
                // now may not have been answered.
                let silent = paper.quiet().min(begun.elapsed());
                let quiet_at = wanted
                    .quiet
                    .map(|quiet| Instant::now() + quiet.saturating_sub(silent));
                let matches = is_over || matches(&mut paper, wanted, from, &mut searched);
                (matches, quiet_at)
            };
            let now = Instant::now();
            let is_quiet = quiet_at.is_some_and(|at| at <= now);
            if is_there || is_quiet || now >= deadline {
                return;
            }
            let wake = quiet_at.map_or(deadline, |at| at.min(deadline));
            tokio::select! {
                _changed = changes.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Reads what is there. `fits` says whether it can be told as a whole; what is
    /// too long is read shorter, the rest unread.
    pub fn read(&self, wanted: &Wanted, fits: impl Fn(&str) -> bool) -> Seen {
        let mut paper = self.paper();
        let seen = match wanted.view {
            View::Screen => {
                let data = paper.screen().shown();
                let cursor = paper.buffer().end();
                seen(&paper, data, cursor, 0)
            }
            View::Text | View::Raw => read(&paper, wanted, fits),
        };
        if wanted.cursor.is_none() {
            paper.set_read(seen.cursor);
        }
        seen
    }
}

/// Whether what the reader waits for is there; without a wish that is anything.
fn matches(paper: &mut Paper, wanted: &Wanted, from: u64, searched: &mut u64) -> bool {
    let end = paper.buffer().end();
    let Some(until) = &wanted.until else {
        return wanted.quiet.is_none() && end > from;
    };
    if wanted.view == View::Screen {
        return until.is_match(&paper.screen().text);
    }
    let begin = from.max(searched.saturating_sub(MATCH_MAX_BYTES));
    if end == *searched || end <= begin {
        return false;
    }
    *searched = end;
    let bytes = paper.between(begin, end).bytes;
    match wanted.view {
        View::Raw => until.is_match(&String::from_utf8_lossy(&bytes)),
        _ => until.is_match(&paper.text(&bytes)),
    }
}

fn read(paper: &Paper, wanted: &Wanted, fits: impl Fn(&str) -> bool) -> Seen {
    let from = wanted.cursor.unwrap_or_else(|| paper.next_read());
    let mut most = wanted.most.clamp(1, KEPT_BYTES);
    loop {
        let mut piece = paper.buffer().read(from, most);
        let is_last = piece.end() == paper.buffer().end();
        let is_over = is_last && paper.end().is_some();
        let mut bytes = std::mem::take(&mut piece.bytes);
        if !is_over {
            // What is not ended yet begins the next read, unless nothing else is there.
            let kept = whole(&bytes);
            if kept > 0 || is_last {
                bytes.truncate(kept);
            }
        }
        let data = match wanted.view {
            View::Raw => String::from_utf8_lossy(&bytes).into_owned(),
            _ => paper.text(&bytes),
        };
        if fits(&data) || most <= 64 {
            let cursor = piece.position(bytes.len());
            return seen(paper, data, cursor, piece.lost);
        }
        most /= 2;
    }
}

fn seen(paper: &Paper, data: String, cursor: u64, lost_bytes: u64) -> Seen {
    let end = paper.end();
    Seen {
        data,
        cursor,
        lost_bytes,
        eof: end.is_some() && cursor >= paper.buffer().end(),
        exit_code: end.and_then(|end| end.exit_code),
    }
}
