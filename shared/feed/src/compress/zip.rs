//! The directory of a zip file (PKWARE's APPNOTE 6.3), read from the file's end.
//!
//! Only the directory says where entries are and how long: what stands before an entry's bytes may leave its
//! sizes out. Everything it says may be a lie, and is held against the file's length and the other entries.

mod bytes;
mod directory;
mod names;

use crate::Damage;
use bytes::{index, u32_at, u64_at};
pub(super) use bytes::{lie, u16_at};
pub use directory::{Directory, Entry};
pub(super) use directory::{LOCAL_HEADER, Method};

/// How many bytes of a file's end hold the end of its directory for certain: its own 22 bytes, a comment of at most
/// 65,535, and the 20 bytes that lead to the large form of it.
pub const TAIL_BYTES: u64 = 22 + 65_535 + 20;
/// Most bytes of a directory: that is enough for some 80,000 pictures.
const DIRECTORY_BYTES_MAX: u64 = 8 << 20;
/// Most bytes of the large form of a directory's end.
const LARGE_END_BYTES_MAX: u64 = 64 << 10;

const LARGE_END: &[u8] = b"PK\x06\x06";

/// What came of a zip file's last bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// The directory.
    Directory(Directory),
    /// The directory begins before them: it is asked for again with the bytes from here to the end of the file.
    Needs {
        /// The offset in the file.
        from: u64,
        /// How many bytes there are from it to the file's end.
        length: u64,
    },
}

/// Reads the directory of a zip file of `total` bytes from its last `bytes`: [`TAIL_BYTES`] of them, or all, at
/// first; and again from where it [needs](Tail::Needs) them.
///
/// # Errors
/// It is no zip file, was cut, or says of itself what cannot be.
pub fn tail(bytes: &[u8], total: u64) -> Result<Tail, Damage> {
    let held = bytes.len() as u64;
    let Some(before) = total.checked_sub(held) else {
        return Err(Damage(format!("{held} bytes of a zip file were given, which has {total}")));
    };
    let Some(at) = find_end(bytes) else {
        if before > 0 && held < TAIL_BYTES {
            let length = TAIL_BYTES.min(total);
            return Ok(Tail::Needs { from: total - length, length });
        }
        return Err(Damage(
            "the zip file has no directory at its end: it is no zip file, or was cut".to_owned(),
        ));
    };
    let end = match End::read(bytes, before, at)? {
        Ok(end) => end,
        Err(from) => return Ok(Tail::Needs { from, length: total - from }),
    };
    if end.length > DIRECTORY_BYTES_MAX {
        return Err(Damage(format!(
            "the zip file's directory has {} bytes; at most {DIRECTORY_BYTES_MAX} are read",
            end.length
        )));
    }
    // What stands before the archive, a program that unpacks it for instance, moves all of its offsets.
    let Some(from) = end.behind.checked_sub(end.length) else {
        return Err(lie("its directory is longer than the file"));
    };
    let Some(moved) = from.checked_sub(end.offset) else {
        return Err(lie("its directory does not fit between where it begins and where it ends"));
    };
    if from < before {
        return Ok(Tail::Needs { from, length: total - from });
    }
    let start = index(from - before)?;
    let stop = index(end.behind - before)?;
    let directory =
        bytes.get(start..stop).ok_or_else(|| lie("its directory lies outside of it"))?;
    Directory::read(directory, end.count, moved, from).map(Tail::Directory)
}

/// Where the directory's end stands in `bytes`: the last place that looks like one and whose comment reaches to the
/// end exactly.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(22)?;
    let first = last.saturating_sub(65_535);
    memchr::memmem::rfind_iter(&bytes[first..], b"PK\x05\x06").map(|at| first + at).find(|at| {
        *at <= last
            && at + 22 + usize::from(u16_at(&bytes[*at..], 20).unwrap_or(u16::MAX)) == bytes.len()
    })
}

/// What the end of a directory says.
struct End {
    count: u64,
    length: u64,
    offset: u64,
    /// Where in the file the directory must end.
    behind: u64,
}

impl End {
    /// Reads it; the inner error is the offset from which on bytes are missing for that.
    fn read(bytes: &[u8], before: u64, at: usize) -> Result<Result<Self, u64>, Damage> {
        let short = &bytes[at..];
        let field = |offset| u16_at(short, offset).map_or(0, u64::from);
        let long = |offset| u32_at(short, offset).map_or(0, u64::from);
        let end = Self {
            count: field(10),
            length: long(12),
            offset: long(16),
            behind: before + at as u64,
        };
        let (disk, of_directory, here) = (field(4), field(6), field(8));
        let is_large = [end.count, here, disk, of_directory].contains(&u64::from(u16::MAX))
            || [end.length, end.offset].contains(&u64::from(u32::MAX));
        let locator = at
            .checked_sub(20)
            .map(|from| &bytes[from..at])
            .filter(|it| it.starts_with(b"PK\x06\x07"));
        if is_large && locator.is_none() && at < 20 && before > 0 {
            return Ok(Err(before.saturating_sub(TAIL_BYTES)));
        }
        let Some(locator) = locator.filter(|_| is_large) else {
            if disk != 0 || of_directory != 0 || here != end.count {
                return Err(lie("it is one part of several, which are not put together"));
            }
            return Ok(Ok(end));
        };
        Self::read_large(bytes, before, at, locator)
    }

    /// Reads the zip64 form of it, which the `locator` before the short form leads to.
    fn read_large(
        bytes: &[u8],
        before: u64,
        at: usize,
        locator: &[u8],
    ) -> Result<Result<Self, u64>, Damage> {
        let behind = before + at as u64 - 20;
        // It stands right before its locator, as a rule, even where what the locator says was moved.
        let usual = at.checked_sub(20 + 56).filter(|from| bytes[*from..].starts_with(LARGE_END));
        let from = match usual {
            Some(from) => before + from as u64,
            None => u64_at(locator, 8).unwrap_or(u64::MAX),
        };
        let length = behind.checked_sub(from).unwrap_or(u64::MAX);
        if !(56..=LARGE_END_BYTES_MAX).contains(&length) {
            return Err(lie("its zip64 directory's end is not where it should be"));
        }
        if from < before {
            return Ok(Err(from));
        }
        let large = &bytes[index(from - before)?..];
        if !large.starts_with(LARGE_END) {
            return Err(lie("its zip64 directory's end is not where it should be"));
        }
        let field = |offset| u64_at(large, offset).unwrap_or(u64::MAX);
        if u32_at(large, 16) != Some(0) || u32_at(large, 20) != Some(0) || field(24) != field(32) {
            return Err(lie("it is one part of several, which are not put together"));
        }
        Ok(Ok(Self { count: field(32), length: field(40), offset: field(48), behind: from }))
    }
}
