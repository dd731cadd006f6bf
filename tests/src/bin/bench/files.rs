//! Files beside `sftp` with the same cipher, in memory: one large file, on loopback and
//! over a line, and many small ones.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tests::{Agent, World, programs};

use crate::line::over_the_line;
use crate::peer::options;
use crate::table::{Bound, Table, medians};

/// The large file, in bytes.
const SIZE: u64 = 1 << 30;

/// The small files: so many folders with so many files of so many bytes.
const FOLDERS: usize = 100;
const FILES: usize = 100;
const BYTES: usize = 2_000;

/// Copies on loopback that a median is of.
const ROUNDS: usize = 3;

/// The cipher that ours takes first where the CPU has AES.
const CIPHER: &str = "aes128-gcm@openssh.com";

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let agent = world.connected("far");
    let place = Place::new(&world, &agent, world.sshd.port());
    let small = place.small();
    place.both(
        table,
        "10 000 small files in 100 folders",
        &small,
        (3.0, 2.0),
    );
    let large = place.large();
    place.both(table, "1 GiB in one file", &large, (1.0, 1.0));
    let world = World::new();
    let (agent, port) = over_the_line(&world);
    let place = Place::new(&world, &agent, port);
    let large = place.large();
    for (way, shown, least) in [(Way::Up, "up", 1.1), (Way::Down, "down", 2.0)] {
        let (ours, theirs) = place.rounds(way, &large, 1);
        let what = format!("1 GiB in one file, 40 ms of round trip, {shown}");
        table.speeds(&what, ours, ("sftp", theirs), Bound::Least(least));
    }
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

/// Where files are copied from and to; the host is this machine.
struct Place<'a> {
    world: &'a World,
    agent: &'a Agent,
    port: u16,
    folder: TempDir,
}

impl<'a> Place<'a> {
    fn new(world: &'a World, agent: &'a Agent, port: u16) -> Self {
        let info = agent.call("ssh_info", json!({"id": "far"})).ok();
        assert_eq!(info["cipher"], CIPHER, "another cipher than the peer's");
        Self {
            world,
            agent,
            port,
            folder: folder(),
        }
    }

    fn large(&self) -> PathBuf {
        let path = self.folder.path().join("large");
        let mut file = fs::File::create(&path).expect("a file");
        let piece: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();
        for _ in 0..SIZE >> 20 {
            file.write_all(&piece).expect("room on the disk");
        }
        path
    }

    fn small(&self) -> PathBuf {
        let root = self.folder.path().join("small");
        for folder in 0..FOLDERS {
            let folder = root.join(format!("folder-{folder}"));
            fs::create_dir_all(&folder).expect("a folder");
            for file in 0..FILES {
                fs::write(folder.join(format!("file-{file}")), [7; BYTES]).expect("a file");
            }
        }
        root
    }

    /// Both ways, on loopback.
    fn both(&self, table: &mut Table, what: &str, from: &Path, (up, down): (f64, f64)) {
        for (way, shown, least) in [(Way::Up, "up", up), (Way::Down, "down", down)] {
            let (ours, theirs) = self.rounds(way, from, ROUNDS);
            let what = format!("{what}, {shown} (median of {ROUNDS})");
            table.speeds(&what, ours, ("sftp", theirs), Bound::Least(least));
        }
    }

    /// The medians of both, in turn, each into a place of its own that is new.
    fn rounds(&self, way: Way, from: &Path, rounds: usize) -> (Duration, Duration) {
        let to = self.folder.path().join("copy");
        let copied = |copy: &dyn Fn()| {
            let start = Instant::now();
            copy();
            let length = start.elapsed();
            assert_eq!(size(&to), size(from), "it is not the whole");
            let removed = if to.is_dir() {
                fs::remove_dir_all(&to)
            } else {
                fs::remove_file(&to)
            };
            removed.expect("the copy goes");
            length
        };
        let pairs: Vec<_> = (0..rounds)
            .map(|_| {
                (
                    copied(&|| self.ours(way, from, &to)),
                    copied(&|| self.theirs(way, from, &to)),
                )
            })
            .collect();
        medians(&pairs)
    }

    fn ours(&self, way: Way, from: &Path, to: &Path) {
        let (tool, local, remote) = match way {
            Way::Up => ("ssh_upload", from, to),
            Way::Down => ("ssh_download", to, from),
        };
        let call = json!({"session_id": "far", "local_path": local, "remote_path": remote,
            "timeout_ms": 600_000});
        let copied = self.agent.call(tool, call).ok();
        assert_eq!(copied["skipped"], json!([]), "{copied}");
    }

    fn theirs(&self, way: Way, from: &Path, to: &Path) {
        let verb = match way {
            Way::Up => "put",
            Way::Down => "get",
        };
        let mut sftp: Command = programs::command("sftp");
        sftp.args(options(self.world))
            .args(["-q", "-r", "-c", CIPHER]);
        sftp.args(["-P", &self.port.to_string(), "-b", "-", "127.0.0.1"]);
        sftp.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = sftp.spawn().expect("sftp starts");
        // It makes no folder that the contents of another are to be in.
        let make = match way {
            Way::Up if from.is_dir() => format!("mkdir {}\n", to.display()),
            _ => String::new(),
        };
        let all = if from.is_dir() { "/*" } else { "" };
        if matches!(way, Way::Down) && from.is_dir() {
            fs::create_dir(to).expect("a folder");
        }
        let words = format!("{make}{verb} {}{all} {}\n", from.display(), to.display());
        let mut stdin = child.stdin.take().expect("its stdin");
        stdin.write_all(words.as_bytes()).expect("its command");
        drop(stdin);
        assert!(child.wait().expect("sftp ends").success(), "{words}");
    }
}

/// In memory where that is to be had: a disk that is behind would be all that is
/// measured.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    };
    made.expect("a folder")
}

/// Bytes and files below a path.
fn size(path: &Path) -> (u64, u64) {
    let found = fs::metadata(path).expect("it is there");
    if found.is_file() {
        return (found.len(), 1);
    }
    let entries = fs::read_dir(path).expect("a folder").flatten();
    entries.fold((0, 0), |(bytes, files), entry| {
        let (more, of) = size(&entry.path());
        (bytes + more, files + of)
    })
}
