//! The entries of a zip file.

use super::bytes::{lie, u16_at, u32_at, u64_at};
use super::names::{decode, matches};
use crate::Damage;
use crate::format::told;

/// Most names that an error lists.
const NAMES_TOLD: usize = 5;
/// Bytes of the header before an entry's own, without its name and extra field.
pub(in crate::compress) const LOCAL_HEADER: u64 = 30;

/// The entries of a zip file, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    entries: Vec<Entry>,
}

/// One entry of a zip file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name. It is a name alone, not a path to write to, whatever it begins with.
    pub name: String,
    /// Where in the file its header begins: bytes from there on are what an [`Unpacker`](super::super::Unpacker)
    /// for it is given.
    pub from: u64,
    /// Where in the file it ends at the latest: the next entry begins there, or the directory.
    pub to: u64,
    /// How many bytes it has in the file, without its header.
    pub packed: u64,
    /// How many bytes it unpacks to.
    pub unpacked: u64,
    pub(in crate::compress) crc: u32,
    pub(in crate::compress) method: Method,
    /// The bytes of its name, as they must stand in its header again.
    pub(in crate::compress) raw_name: Box<[u8]>,
}

/// What an entry is packed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::compress) enum Method {
    Stored,
    Deflated,
    /// Another: the number that the standard gives it.
    Unknown(u16),
    Encrypted,
}

impl Directory {
    /// Reads the `count` entries of a directory that begins at `directory_from` in the file, and whose offsets are
    /// `moved` by as much.
    pub(super) fn read(
        mut bytes: &[u8],
        count: u64,
        moved: u64,
        directory_from: u64,
    ) -> Result<Self, Damage> {
        // The count is not believed: what is there is counted.
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let (entry, length) = Entry::read(bytes, moved).ok_or_else(|| {
                lie(&format!("entry {} of its directory is no entry", entries.len() + 1))
            })?;
            entries.push(entry);
            bytes = &bytes[length..];
        }
        if entries.len() as u64 != count {
            return Err(lie(&format!(
                "its directory has {} entries and should have {count}",
                entries.len()
            )));
        }
        entries.sort_by_key(|entry| entry.from);
        let mut behind = directory_from;
        for entry in entries.iter_mut().rev() {
            let length = LOCAL_HEADER + entry.raw_name.len() as u64;
            let end =
                entry.from.checked_add(length).and_then(|from| from.checked_add(entry.packed));
            if end.is_none_or(|end| end > behind) {
                return Err(lie(&format!(
                    "entry {} overlaps with what follows it at byte {behind}",
                    told(&entry.name)
                )));
            }
            entry.to = behind;
            behind = entry.from;
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { entries })
    }

    /// All entries, folders among them, in the order of their names.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this name exactly.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The files among the entries whose names match `pattern`, in the order of their names. In a pattern `*` stands
    /// for any characters but `/`, `**` for any, `?` for one that is not `/`. Without a pattern there must be one
    /// file only; what macOS adds for itself does not count.
    ///
    /// # Errors
    /// None matches; there are several, and no pattern to choose by; or one cannot be unpacked.
    pub fn select(&self, pattern: Option<&str>) -> Result<Vec<&Entry>, Damage> {
        let files = self
            .entries
            .iter()
            .filter(|entry| !entry.name.ends_with('/') && !entry.name.starts_with("__MACOSX/"));
        let chosen: Vec<&Entry> = files
            .clone()
            .filter(|entry| pattern.is_none_or(|it| matches(it, &entry.name)))
            .collect();
        match (pattern, chosen.len()) {
            (Some(pattern), 0) => Err(Damage(format!(
                "no entry of the zip file matches {pattern:?}; there are {}",
                list(files)
            ))),
            (None, 0) => Err(Damage("the zip file has no files in it".to_owned())),
            (None, 2..) => Err(Damage(format!(
                "the zip file has several entries, and none was chosen (entry): {}",
                list(files)
            ))),
            _ => {
                for entry in &chosen {
                    entry.check()?;
                }
                Ok(chosen)
            }
        }
    }
}

fn list<'a>(mut entries: impl Iterator<Item = &'a Entry>) -> String {
    let told: Vec<String> =
        entries.by_ref().take(NAMES_TOLD).map(|entry| told(&entry.name)).collect();
    match entries.count() {
        _ if told.is_empty() => "none".to_owned(),
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

impl Entry {
    /// Reads the entry that `bytes` begin with, and its length there.
    fn read(bytes: &[u8], moved: u64) -> Option<(Self, usize)> {
        if !bytes.starts_with(b"PK\x01\x02") {
            return None;
        }
        let field = |at| u16_at(bytes, at);
        let long = |at| u32_at(bytes, at).map(u64::from);
        let (name_end, extra_end) = {
            let name_end = 46 + usize::from(field(28)?);
            (name_end, name_end + usize::from(field(30)?))
        };
        let length = extra_end + usize::from(field(32)?);
        let raw_name = bytes.get(46..name_end)?;
        let extra = bytes.get(name_end..extra_end)?;
        bytes.get(..length)?;
        let (flags, method) = (field(8)?, field(10)?);
        let (mut packed, mut unpacked, mut from) = (long(20)?, long(24)?, long(42)?);
        widen([&mut unpacked, &mut packed, &mut from], extra)?;
        let method = match method {
            // Bit 0: encrypted; bit 6: strongly so; bit 13: what the directory says is masked.
            _ if flags & (1 | 1 << 6 | 1 << 13) != 0 => Method::Encrypted,
            0 => Method::Stored,
            8 => Method::Deflated,
            other => Method::Unknown(other),
        };
        let entry = Self {
            name: decode(raw_name),
            from: from.checked_add(moved)?,
            to: 0,
            packed,
            unpacked,
            crc: u32_at(bytes, 16)?,
            method,
            raw_name: raw_name.into(),
        };
        Some((entry, length))
    }

    /// # Errors
    /// It cannot be unpacked.
    pub(crate) fn check(&self) -> Result<(), Damage> {
        let why = match self.method {
            Method::Encrypted => "is encrypted".to_owned(),
            Method::Unknown(method) => {
                format!(
                    "is packed by method {method}; stored (0) and deflated (8) ones are unpacked"
                )
            }
            Method::Stored if self.packed != self.unpacked => {
                "is stored as it is, and has two different lengths".to_owned()
            }
            Method::Stored | Method::Deflated => return Ok(()),
        };
        Err(Damage(format!("entry {} of the zip file {why}", told(&self.name))))
    }
}

/// Reads the fields that are too large for their place from the zip64 part of `extra`, in their order.
fn widen(fields: [&mut u64; 3], mut extra: &[u8]) -> Option<()> {
    let mut large: &[u8] = &[];
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let end = 4 + usize::from(length);
        // Some writers leave an extra field too short for what it says. It matters in this one only.
        let Some(value) = extra.get(4..end) else { break };
        if id == 1 {
            large = value;
            break;
        }
        extra = &extra[end..];
    }
    for field in fields {
        if *field == u64::from(u32::MAX) {
            // A file may truly be as long as that, if it says nothing else.
            if large.is_empty() {
                continue;
            }
            *field = u64_at(large, 0)?;
            large = &large[8..];
        }
    }
    Some(())
}
