//! File attributes: section 5 of the draft.

use std::fmt;

use super::wire::{Fields, Packet, Short};

const SIZE: u32 = 0x1;
const OWNER: u32 = 0x2;
const PERMISSIONS: u32 = 0x4;
const TIMES: u32 = 0x8;
const EXTENDED: u32 = 0x8000_0000;

/// The part of a mode that says what a file is, as in stat(2).
const KIND_BITS: u32 = 0o170_000;

/// What is known of a file, or is to be set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// In bytes.
    pub size: Option<u64>,
    /// User and group, by number.
    pub owner: Option<(u32, u32)>,
    /// As in stat(2), the kind of file included.
    pub permissions: Option<u32>,
    /// Of the last access and the last change, Unix time in seconds.
    pub times: Option<(u32, u32)>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a socket, a pipe.
    Other,
    /// The server does not say.
    Unknown,
}

impl Attributes {
    /// What it is.
    pub fn kind(&self) -> FileKind {
        match self.permissions.map(|mode| mode & KIND_BITS) {
            None | Some(0) => FileKind::Unknown,
            Some(0o100_000) => FileKind::File,
            Some(0o040_000) => FileKind::Folder,
            Some(0o120_000) => FileKind::Link,
            Some(_) => FileKind::Other,
        }
    }

    /// The bits that chmod(2) sets; none where the server does not say.
    pub fn mode(&self) -> Option<u32> {
        self.permissions.map(|mode| mode & 0o7777)
    }

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Short> {
        let flags = fields.u32()?;
        let has = |flag| flags & flag != 0;
        let mut attributes = Self::default();
        if has(SIZE) {
            attributes.size = Some(fields.u64()?);
        }
        if has(OWNER) {
            attributes.owner = Some((fields.u32()?, fields.u32()?));
        }
        if has(PERMISSIONS) {
            attributes.permissions = Some(fields.u32()?);
        }
        if has(TIMES) {
            attributes.times = Some((fields.u32()?, fields.u32()?));
        }
        if has(EXTENDED) {
            for _ in 0..fields.u32()? {
                fields.string()?;
                fields.string()?;
            }
        }
        Ok(attributes)
    }

    pub(super) fn write(&self, packet: Packet) -> Packet {
        let flag = |is_there, flag| if is_there { flag } else { 0 };
        let flags = flag(self.size.is_some(), SIZE)
            | flag(self.owner.is_some(), OWNER)
            | flag(self.permissions.is_some(), PERMISSIONS)
            | flag(self.times.is_some(), TIMES);
        let mut packet = packet.u32(flags);
        if let Some(size) = self.size {
            packet = packet.u64(size);
        }
        if let Some((user, group)) = self.owner {
            packet = packet.u32(user).u32(group);
        }
        if let Some(permissions) = self.permissions {
            packet = packet.u32(permissions);
        }
        if let Some((accessed, changed)) = self.times {
            packet = packet.u32(accessed).u32(changed);
        }
        packet
    }
}

impl fmt::Display for Attributes {
    /// The mode as `ls -l` writes it: `-rw-r--r--`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = self.permissions.unwrap_or_default();
        f.write_str(match mode & KIND_BITS {
            0o040_000 => "d",
            0o120_000 => "l",
            0o020_000 => "c",
            0o060_000 => "b",
            0o010_000 => "p",
            0o140_000 => "s",
            0o100_000 => "-",
            _ => "?",
        })?;
        for (shift, special, letters) in [(6, 0o4000, "sS"), (3, 0o2000, "sS"), (0, 0o1000, "tT")] {
            let bits = mode >> shift;
            let may = |bit, letter| if bits & bit != 0 { letter } else { "-" };
            let last = match (mode & special != 0, bits & 1 != 0) {
                (true, true) => letters.get(..1).unwrap_or_default(),
                (true, false) => letters.get(1..).unwrap_or_default(),
                (false, true) => "x",
                (false, false) => "-",
            };
            write!(f, "{}{}{last}", may(4, "r"), may(2, "w"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_reads_as_ls_writes_it() {
        for (mode, shown, kind) in [
            (0o100_644, "-rw-r--r--", FileKind::File),
            (0o040_755, "drwxr-xr-x", FileKind::Folder),
            (0o120_777, "lrwxrwxrwx", FileKind::Link),
            (0o104_755, "-rwsr-xr-x", FileKind::File),
            (0o102_644, "-rw-r-Sr--", FileKind::File),
            (0o041_777, "drwxrwxrwt", FileKind::Folder),
            (0o140_600, "srw-------", FileKind::Other),
            (0o644, "?rw-r--r--", FileKind::Unknown),
        ] {
            let attributes = Attributes {
                permissions: Some(mode),
                ..Attributes::default()
            };
            assert_eq!(
                (attributes.to_string().as_str(), attributes.kind()),
                (shown, kind)
            );
        }
    }

    #[test]
    fn attributes_are_read_as_they_were_written_with_and_without_each() {
        for bits in 0..16 {
            let has = |bit: u32| bits & bit != 0;
            let attributes = Attributes {
                size: has(1).then_some(u64::MAX),
                owner: has(2).then_some((1, 2)),
                permissions: has(4).then_some(0o100_600),
                times: has(8).then_some((3, 4)),
            };
            let packet = attributes.write(Packet::new(0, 0, 0)).done();
            let mut fields = Fields::new(packet.slice(9..));
            assert_eq!(Attributes::read(&mut fields), Ok(attributes));
            assert!(fields.is_empty());
        }
    }
}
