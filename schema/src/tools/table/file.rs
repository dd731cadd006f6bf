//! The rows of the files' tools.

use super::row::Answer::{Record, Rows, Text};
use super::row::Row;
use super::row::Toolset::Files;

pub(in crate::tools) const LIST: Row = Row::read(
    Files,
    Rows,
    "List remote folder",
    "Lists a folder on the host. A leading ~/ in any remote path is the login folder.",
);

pub(in crate::tools) const STAT: Row = Row::read(
    Files,
    Record,
    "Show remote file",
    "Size, mode, time and kind of one path; a symlink's target too.",
);

pub(in crate::tools) const READ: Row = Row::read(
    Files,
    Record,
    "Read remote file",
    "Reads text of a file on the host, in parts by offset. What is not UTF-8 is \
     refused: use ssh_download.",
);

pub(in crate::tools) const WRITE: Row = Row::change(
    Files,
    Record,
    "Write remote file",
    "Writes a whole text file, or appends. Others never see half of it, and an \
     existing file keeps owner, mode and links. To change a part use ssh_file_edit; \
     for a local file ssh_upload.",
);

pub(in crate::tools) const EDIT: Row = Row::change(
    Files,
    Record,
    "Edit remote file",
    "Replaces exact text in a file on the host and returns the diff. Shorter and \
     safer than reading and writing all of it.",
);

pub(in crate::tools) const DELETE: Row = Row::change(
    Files,
    Text,
    "Delete remote file",
    "Deletes a file or an empty folder. For a full folder run rm -r with ssh_exec.",
)
.idempotent();

pub(in crate::tools) const MKDIR: Row = Row::change(
    Files,
    Text,
    "Create remote folder",
    "Creates a folder on the host; recursive creates its parents too.",
)
.adding()
.idempotent();

pub(in crate::tools) const CHMOD: Row = Row::change(
    Files,
    Text,
    "Change remote mode",
    "Sets permission bits, given as a string of octal digits.",
)
.idempotent();

pub(in crate::tools) const RENAME: Row = Row::change(
    Files,
    Text,
    "Rename remote file",
    "Moves a file or folder within the host. An existing target is refused unless \
     overwrite.",
);

pub(in crate::tools) const UPLOAD: Row = Row::change(
    Files,
    Record,
    "Upload over SFTP",
    "Copies a file or folder from this machine to the host. A folder's contents go \
     to remote_path itself; symlinks are skipped. Long copies go on as a job. For \
     text at hand use ssh_file_write.",
)
.idempotent();

pub(in crate::tools) const DOWNLOAD: Row = Row::change(
    Files,
    Record,
    "Download over SFTP",
    "Copies a file or folder from the host to this machine. A folder's contents go \
     to local_path itself; symlinks are skipped. Long copies go on as a job. To look \
     at text use ssh_file_read.",
)
.idempotent();
