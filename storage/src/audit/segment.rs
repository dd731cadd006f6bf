//! One segment's tables: the chained entries, and where each call's stand.

use std::path::Path;
use std::sync::Arc;

use redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    WriteTransaction,
};

use super::chain::Code;
use super::entry::{Content, EndV1, Entry};
use crate::database::{Cause, DatabaseFault, create};

/// The version of these tables.
pub(super) const SEGMENT_VERSION: u64 = 1;

/// By entry number: its code, then its body.
pub(super) const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");
/// By call number: the number of its intent's or its read's entry.
pub(super) const CALLS: TableDefinition<u64, u64> = TableDefinition::new("calls");
/// By call number: the number of its outcome's entry, wherever its intent is.
pub(super) const OUTCOMES: TableDefinition<u64, u64> = TableDefinition::new("outcomes");
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("meta");
const CODES: TableDefinition<&str, &[u8]> = TableDefinition::new("codes");

const CODE_BYTES: usize = 32;

/// Where a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) version: u64,
    /// The number of its first entry.
    pub(super) first_entry: u64,
    /// The code of the entry before that.
    pub(super) before: Code,
    /// The newest call number that was given out before.
    pub(super) last_seq: u64,
    /// Which key chains it.
    pub(super) key_id: u64,
}

/// Makes an empty segment.
pub(super) fn make(path: &Path, beginning: &Beginning) -> Result<(), DatabaseFault> {
    let fill = |write: &WriteTransaction| -> Result<(), DatabaseFault> {
        fill(write, beginning).map_err(|cause| DatabaseFault::Damaged(cause.to_string()))
    };
    create(path, fill)
}

fn fill(write: &WriteTransaction, beginning: &Beginning) -> Result<(), Cause> {
    write.open_table(ENTRIES)?;
    write.open_table(CALLS)?;
    write.open_table(OUTCOMES)?;
    let mut numbers = write.open_table(NUMBERS)?;
    numbers.insert("schema_version", beginning.version)?;
    numbers.insert("first_entry", beginning.first_entry)?;
    numbers.insert("last_seq", beginning.last_seq)?;
    numbers.insert("key_id", beginning.key_id)?;
    let mut codes = write.open_table(CODES)?;
    codes.insert("before", beginning.before.as_slice())?;
    Ok(())
}

/// Where it begins.
pub(super) fn beginning(read: &ReadTransaction) -> Result<Beginning, DatabaseFault> {
    let numbers = read.open_table(NUMBERS)?;
    let number = |name: &'static str| {
        let value = numbers.get(name)?.map(|value| value.value());
        value.ok_or_else(|| DatabaseFault::Damaged(format!("it does not say its {name}")))
    };
    let codes = read.open_table(CODES)?;
    let before = codes
        .get("before")?
        .and_then(|code| Code::try_from(code.value()).ok());
    Ok(Beginning {
        version: number("schema_version")?,
        first_entry: number("first_entry")?,
        before: before.ok_or_else(|| DatabaseFault::Damaged("its chain has no start".into()))?,
        last_seq: number("last_seq")?,
        key_id: number("key_id")?,
    })
}

/// The number and the code of the newest entry, here or before this segment.
pub(super) fn newest(read: &ReadTransaction) -> Result<(u64, Code), DatabaseFault> {
    if let Some((number, value)) = read.open_table(ENTRIES)?.last()? {
        return Ok((number.value(), split(number.value(), value.value())?.code));
    }
    let beginning = beginning(read)?;
    Ok((beginning.first_entry.saturating_sub(1), beginning.before))
}

/// The newest call number, here or before this segment. From the entries: the
/// list of calls is not chained.
pub(super) fn last_seq(read: &ReadTransaction) -> Result<u64, DatabaseFault> {
    for row in read.open_table(ENTRIES)?.iter()?.rev() {
        let (number, value) = row?;
        let entry = split(number.value(), value.value())?;
        let content = Content::from_body(&entry.body).ok();
        if let Some(seq) = content
            .as_ref()
            .and_then(Content::call)
            .map(|call| call.seq)
        {
            return Ok(seq);
        }
    }
    Ok(beginning(read)?.last_seq)
}

/// One entry.
pub(super) fn entry(read: &ReadTransaction, number: u64) -> Result<Option<Entry>, DatabaseFault> {
    let table = read.open_table(ENTRIES)?;
    let Some(value) = table.get(number)? else {
        return Ok(None);
    };
    split(number, value.value()).map(Some)
}

/// The outcome of call `seq`, if that is what entry `number` is. The list of
/// outcomes is not chained.
pub(super) fn outcome(
    read: &ReadTransaction,
    seq: u64,
    number: u64,
) -> Result<Option<EndV1>, DatabaseFault> {
    let entry = entry(read, number)?;
    let content = entry.and_then(|entry| Content::from_body(&entry.body).ok());
    Ok(match content {
        Some(Content::Outcome(end)) if end.seq == seq => Some(end),
        _ => None,
    })
}

/// An entry from its stored value.
pub(super) fn split(number: u64, value: &[u8]) -> Result<Entry, DatabaseFault> {
    let (code, body) = value
        .split_first_chunk::<CODE_BYTES>()
        .ok_or_else(|| DatabaseFault::Damaged(format!("entry {number} is too short")))?;
    Ok(Entry {
        number,
        body: body.to_vec(),
        code: *code,
    })
}

/// Adds entries; those that are there already stay as they are.
pub(super) fn append(database: &WriteTransaction, entries: &[Arc<Entry>]) -> Result<(), Cause> {
    let mut table = database.open_table(ENTRIES)?;
    let mut calls = database.open_table(CALLS)?;
    let mut outcomes = database.open_table(OUTCOMES)?;
    let newest = table.last()?.map_or(0, |(number, _)| number.value());
    for entry in entries.iter().filter(|entry| entry.number > newest) {
        match Content::from_body(&entry.body)? {
            Content::Intent(call) => calls.insert(call.seq, entry.number)?,
            Content::Read(read) => calls.insert(read.call.seq, entry.number)?,
            Content::Outcome(end) => outcomes.insert(end.seq, entry.number)?,
            Content::Start(_) => None,
        };
        let value = [entry.code.as_slice(), &entry.body].concat();
        table.insert(entry.number, value.as_slice())?;
    }
    Ok(())
}

/// A read transaction.
pub(super) fn read(database: &Database) -> Result<ReadTransaction, DatabaseFault> {
    Ok(database.begin_read()?)
}
