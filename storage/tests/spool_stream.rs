//! One stream of a job: what is kept of it, whatever is done with its file.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use storage::spool::{Bounds, Card, Limits, Part, Spool, StreamFile, StreamName};

const JOB: &str = "job-1-1";

/// A spool with one job, whose streams have these bounds.
fn spool(home: &Path, bounds: Bounds) -> Spool {
    let limits = Limits {
        bounds,
        ..Limits::default()
    };
    let (spool, found) = Spool::open(&home.join("spool"), limits, 0).unwrap();
    if found.is_empty() {
        let card = Card {
            job_id: JOB.into(),
            tool: "ssh_exec".into(),
            target: "web".into(),
            command: "yes".into(),
            raw: false,
            started_at_ms: 0,
            seq: None,
            end: None,
        };
        spool.begin(&card).unwrap();
    }
    spool
}

fn create(home: &Path, bounds: Bounds) -> StreamFile {
    let stream = spool(home, bounds).create_stream(JOB, StreamName::Stdout);
    stream.unwrap()
}

fn reopen(home: &Path) -> io::Result<StreamFile> {
    let stream = spool(home, Bounds::default()).open_stream(JOB, StreamName::Stdout);
    Ok(stream?)
}

fn path(home: &Path) -> PathBuf {
    home.join("spool").join(JOB).join("stdout")
}

/// Bytes of which each says where it is.
fn bytes(from: u64, length: usize) -> Vec<u8> {
    let byte = |at: u64| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
    (from..).take(length).map(byte).collect()
}

/// All that was ever appended, and what must be kept of it.
struct Model {
    bounds: Bounds,
    all: Vec<u8>,
}

impl Model {
    fn read(&self, offset: u64, max: usize) -> Part {
        let total = self.all.len() as u64;
        let head_to = self.bounds.head.min(total);
        let end_from = total.saturating_sub(self.bounds.ring).max(head_to);
        let asked = offset.min(total);
        let (from, to) = if asked < head_to {
            (asked, head_to)
        } else {
            (asked.max(end_from), total)
        };
        let kept = (from..to).zip(0..max);
        let data: Vec<u8> = kept
            .filter_map(|(at, _)| self.all.get(usize::try_from(at).ok()?).copied())
            .collect();
        Part {
            next_offset: from + data.len() as u64,
            data,
            offset: from,
            lost_bytes: from - asked,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Read(u64, usize),
    Seal,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..20_usize).prop_map(Step::Append),
        1 => (0..200_usize).prop_map(Step::Append),
        4 => (0..400_u64, 0..60_usize).prop_map(|(offset, max)| Step::Read(offset, max)),
        1 => Just(Step::Seal),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_stream_is_its_head_and_its_newest_bytes(
        (head, ring) in (0..40_u64, 1..40_u64),
        steps in steps(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let bounds = Bounds { head, ring };
        let mut stream = create(home.path(), bounds);
        let mut model = Model { bounds, all: Vec::new() };
        for step in steps {
            match step {
                Step::Append(length) => {
                    let next = bytes(model.all.len() as u64, length);
                    stream.append(&next).unwrap();
                    model.all.extend(next);
                }
                Step::Read(offset, max) => {
                    prop_assert_eq!(stream.read(offset, max).unwrap(), model.read(offset, max));
                }
                Step::Seal => stream.seal(),
                Step::Reopen => stream = reopen(home.path()).unwrap(),
            }
            let total = model.all.len() as u64;
            prop_assert_eq!(stream.total(), total);
            prop_assert_eq!(stream.lost(), total.saturating_sub(head + ring));
            let length = fs::metadata(path(home.path())).unwrap().len();
            prop_assert!(length <= 64 + head + ring);
        }
    }
}

#[test]
fn what_fits_is_all_there_at_its_offsets() {
    let home = tempfile::tempdir().unwrap();
    let mut stream = create(home.path(), Bounds::default());
    stream.append(b"hello ").unwrap();
    stream.append(b"world").unwrap();
    assert_eq!(stream.read(0, 100).unwrap().data, b"hello world");
    let part = |data: &[u8], offset, next_offset| Part {
        data: data.into(),
        offset,
        next_offset,
        lost_bytes: 0,
    };
    assert_eq!(stream.read(6, 3).unwrap(), part(b"wor", 6, 9));
    assert_eq!(stream.read(99, 3).unwrap(), part(b"", 11, 11));
}

#[test]
fn of_too_much_beginning_and_end_stay_and_the_middle_is_counted() {
    let home = tempfile::tempdir().unwrap();
    let mut stream = create(home.path(), Bounds::default());
    let total = 20 << 20;
    for from in (0..total).step_by(1 << 20) {
        stream.append(&bytes(from, 1 << 20)).unwrap();
    }
    assert_eq!((stream.total(), stream.lost()), (total, 4 << 20));
    let head = stream.read(0, usize::MAX).unwrap();
    assert!(head.data == bytes(0, 8 << 20) && head.next_offset == 8 << 20);
    let end = stream.read(head.next_offset, usize::MAX).unwrap();
    assert_eq!((end.lost_bytes, end.next_offset), (4 << 20, total));
    assert!(end.data == bytes(12 << 20, 8 << 20));
    let length = fs::metadata(path(home.path())).unwrap().len();
    assert_eq!(length, (16 << 20) + 64);
}

#[test]
fn a_sealed_stream_holds_no_descriptor_and_is_read_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let held = || {
        let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
        open.filter(|fd| fs::read_link(fd.path()).is_ok_and(|to| to == path(home.path())))
            .count()
    };
    let mut stream = create(home.path(), Bounds { head: 4, ring: 4 });
    stream.append(b"0123456789").unwrap();
    stream.seal();
    if Path::new("/proc/self/fd").exists() {
        assert_eq!(held(), 0);
    }
    assert_eq!(stream.read(5, 9).unwrap().data, b"6789");
    stream.append(b"ab").unwrap();
    assert_eq!(stream.read(5, 9).unwrap().data, b"89ab");
}

#[test]
fn a_reader_beside_the_writer_sees_only_bytes_that_were_written_there() {
    let home = tempfile::tempdir().unwrap();
    let (head, ring) = (1000, 64 << 10);
    let mut writer = create(home.path(), Bounds { head, ring });
    let reader = reopen(home.path()).unwrap();
    let writing = std::thread::spawn(move || {
        let total = 8 << 20;
        while writer.total() < total {
            let length = 1 + (writer.total() % 9000) as usize;
            writer.append(&bytes(writer.total(), length)).unwrap();
        }
    });
    let mut offset = 0;
    while !writing.is_finished() {
        let part = reader.read(offset, 20_000).unwrap();
        assert!(part.data == bytes(part.offset, part.data.len()), "{offset}");
        assert!(part.offset >= offset);
        offset = part.next_offset;
    }
    writing.join().unwrap();
}

#[test]
fn a_damaged_file_is_an_error_with_its_path_and_never_an_empty_stream() {
    let home = tempfile::tempdir().unwrap();
    let mut stream = create(home.path(), Bounds { head: 10, ring: 10 });
    stream.append(&bytes(0, 100)).unwrap();
    stream.seal();
    let good = fs::read(path(home.path())).unwrap();
    let mut wrong_magic = good.clone();
    wrong_magic[0] ^= 1;
    let mut newer = good.clone();
    newer[8] = 2;
    let mut table = vec![wrong_magic, newer, vec![0; good.len()]];
    table.extend((0..good.len()).map(|length| good[..length].to_vec()));
    for bytes in table {
        fs::write(path(home.path()), &bytes).unwrap();
        let refusals = [
            stream.read(0, 1).unwrap_err(),
            reopen(home.path()).unwrap_err(),
        ];
        for refused in refusals {
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
            let named = refused.to_string().contains("job-1-1/stdout");
            assert!(named, "{refused}");
        }
        assert_eq!(fs::read(path(home.path())).unwrap(), bytes, "left as it is");
    }
    fs::remove_file(path(home.path())).unwrap();
    let gone = stream.read(0, 1).unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}

/// FAULTS 5. The limit of a file's size stands for the full disk, since a test
/// may not mount one; run by hand, this works on a small tmpfs as well.
#[test]
fn a_full_disk_is_told_and_what_was_written_before_stays_readable() {
    let home = tempfile::tempdir().unwrap();
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "victim_of_a_full_disk"])
        .stdin(Stdio::piped())
        // The limit would hold for a file that ours goes to.
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", home.path().display()).unwrap();
    drop(stdin);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let mut stream = reopen(home.path()).unwrap();
    let before = stream.total();
    assert!(before > 16_000, "{before}");
    stream.append(&bytes(before, 100_000)).unwrap();
    holds_what_was_appended(&stream, before + 100_000);
}

#[test]
#[ignore = "a victim, run by the test above; its home comes on stdin"]
fn victim_of_a_full_disk() {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).unwrap();
    let home = Path::new(line.trim());
    let bounds = Bounds {
        head: 16_000,
        ring: 1 << 20,
    };
    let mut stream = create(home, bounds);
    for length in [1000, 1] {
        let refused = loop {
            let before = stream.total();
            if let Err(refused) = stream.append(&bytes(before, length)) {
                assert_eq!(stream.total(), before);
                break refused;
            }
        };
        let full = matches!(
            refused.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge
        );
        assert!(full, "{refused}");
        holds_what_was_appended(&stream, stream.total());
        let again = reopen(home).unwrap();
        holds_what_was_appended(&again, stream.total());
    }
}

fn holds_what_was_appended(stream: &StreamFile, total: u64) {
    assert_eq!((stream.total(), stream.lost()), (total, 0));
    let mut offset = 0;
    while offset < total {
        let part = stream.read(offset, usize::MAX).unwrap();
        assert!(part.data == bytes(offset, part.data.len()), "from {offset}");
        assert!(!part.data.is_empty());
        offset = part.next_offset;
    }
}
