//! What changes nothing: listing, stat and reading.

use std::time::{Duration, SystemTime};

use schema::limits::RESULT_UNBOUNDED_BYTES;
use schema::tools::file::{FileEntry, FilePath, FileRead, FileText};
use schema::{Code, Fault};

use super::open::sftp_at;
use crate::clock::rfc3339;
use crate::files::{self, Entry, FileError};
use crate::link::{Attributes, FileKind};
use crate::tools::answer::{Answer, More};
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;
use crate::tools::families::connect::or_cancelled;
use crate::tools::families::finish::room;

/// What `length` may be, in bytes.
const LENGTH_MAX: u64 = 64 << 20;

/// For the other fields of a result, in bytes.
const FIELDS_ROOM: usize = 600;

pub(super) async fn list(tools: &Tools, ask: FilePath, caller: &Caller) -> Result<Answer, Fault> {
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let listing = async { Ok(files::list(&sftp, &path).await?) };
    let (entries, more) = or_cancelled(caller, listing).await?;
    let rows: Vec<FileEntry> = entries.into_iter().map(entry).collect();
    let mut answer = Answer::rows(rows)?;
    let further = if more {
        "; the folder has more entries than are listed"
    } else {
        ""
    };
    answer.more = More::call(format!("ssh_exec with ls and a pattern{further}"));
    Ok(answer)
}

pub(super) async fn stat(tools: &Tools, ask: FilePath, caller: &Caller) -> Result<Answer, Fault> {
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let looking = async { Ok(files::stat(&sftp, &path).await?) };
    Answer::record(&entry(or_cancelled(caller, looking).await?))
}

fn entry(entry: Entry) -> FileEntry {
    FileEntry {
        name: entry.name,
        size: entry.attributes.size.unwrap_or_default(),
        mode: entry.attributes.to_string(),
        mod_time: changed(&entry.attributes),
        is_dir: entry.attributes.kind() == FileKind::Folder,
        target: entry.target,
    }
}

fn changed(attributes: &Attributes) -> String {
    let seconds = attributes.times.map(|(_, changed)| u64::from(changed));
    let at = seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    at.map(rfc3339).unwrap_or_default()
}

pub(super) async fn read(tools: &Tools, ask: FileRead, caller: &Caller) -> Result<Answer, Fault> {
    // Asked for, it may be as long as a result can be; else the usual limit counts.
    let limit = match ask.length {
        Some(_) => RESULT_UNBOUNDED_BYTES,
        None => room(tools, caller, None),
    };
    let room = limit.saturating_sub(FIELDS_ROOM);
    let length = ask.length.unwrap_or(room as u64).min(LENGTH_MAX);
    if length == 0 {
        let words = "ssh_file_read: length is 0";
        return Err(Fault::new(Code::InvalidArgument, words));
    }
    // More than fits a result would only be cut.
    let length = length.min(room as u64);
    let offset = ask.offset.unwrap_or_default();
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let reading = async { Ok(files::read(&sftp, &path, offset, length).await?) };
    let piece = or_cancelled(caller, reading).await?;
    let came = piece.bytes.len();
    let text = text(piece.bytes, piece.is_end).map_err(|at| FileError::NotText {
        path: path.to_string(),
        at: offset + at,
    })?;
    let text = fitting(text, room);
    let next_offset = offset + text.len() as u64;
    let is_all = text.len() == came && piece.is_end;
    let told = piece.attributes.size.unwrap_or_default();
    let mut answer = Answer::record(&FileText {
        bytes: text.len() as u64,
        // It may have grown meanwhile; files of /proc say that they have nothing.
        size: if text.is_empty() {
            told
        } else {
            told.max(next_offset)
        },
        data: text,
        next_offset,
        eof: is_all,
    })?;
    answer.max_bytes = Some(limit);
    Ok(answer)
}

/// The bytes as text, less a character that they end within; else where they are none.
fn text(mut bytes: Vec<u8>, is_end: bool) -> Result<String, u64> {
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
        && error.valid_up_to() > 0
        && !is_end
    {
        bytes.truncate(error.valid_up_to());
    }
    String::from_utf8(bytes).map_err(|error| error.utf8_error().valid_up_to() as u64)
}

/// As much of the beginning as surely fits `room` bytes once it is encoded.
fn fitting(mut text: String, room: usize) -> String {
    let mut used = 0;
    let past = text.char_indices().find(|(_, letter)| {
        used += match letter {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            letter if letter.is_control() => 6,
            letter => letter.len_utf8(),
        };
        used > room
    });
    if let Some((at, _)) = past {
        text.truncate(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_between_characters() {
        assert_eq!(text(b"a\xc3\xa4\xc3".to_vec(), false).unwrap(), "aä");
        assert_eq!(text(b"a\xc3".to_vec(), true), Err(1));
        assert_eq!(text(b"a\xffb".to_vec(), false), Err(1));
        // A part that begins within one.
        assert_eq!(text(b"\xa4b".to_vec(), false), Err(0));
    }

    #[test]
    fn what_grows_when_it_is_encoded_is_cut_before_that() {
        for letter in ["a", "ä", "\n", "\u{1}"] {
            let text = fitting(letter.repeat(1000), 500);
            let encoded = serde_json::to_string(&text).unwrap();
            assert!(
                (490..=502).contains(&encoded.len()),
                "{letter:?} {}",
                encoded.len()
            );
        }
        assert_eq!(fitting("short".into(), 5), "short");
    }
}
