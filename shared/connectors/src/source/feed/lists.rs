//! What a file held: the ids of its records with a digest of each, so that of the next file only what is new or
//! changed is delivered, and what is gone is known.
//!
//! A list is kept in chunks that never change once they are written, each under a name that no other has; a chunk
//! names those before it. A position names the last chunk and says how many of its entries count. So wherever a walk
//! goes on, be it after a crash, a void or a rewind, it finds the list of just that position, and a list that a position
//! names holds nothing that this position has not passed: what was passed is settled, or is read again.

use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use tidegate_core::{
    model::{EpochMs, RecordId, Stored, StoredKey},
    ports::{KeyValueStore, Random, SourceError, Unavailable},
};

use crate::{Now, options::Options};

/// For how long a chunk is kept. A file that does not change for longer is delivered once more.
const KEPT_MS: EpochMs = 400 * 86_400_000;
/// Chunks that are read at a time: some megabytes at the most.
const READ_TOGETHER: usize = 16;
/// A list of more chunks is too long for the item that names them.
const CHUNKS_MAX: usize = 20_000;
/// A name and a number of entries.
const PART_BYTES: usize = 12;

/// Where lists are kept.
#[derive(Clone)]
pub(super) struct Lists {
    store: Arc<dyn KeyValueStore>,
    random: Arc<dyn Random>,
    now: Now,
}

/// What a position says of a list: its last chunk, and how many of its entries count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed(Box<str>, u32);

/// One record of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: RecordId,
    /// Of the record's JSON.
    pub(super) digest: u64,
}

/// A part of a list: a chunk, and how many of its entries count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    name: u64,
    entries: u32,
}

/// A list that is added to.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    parts: Vec<Part>,
}

/// A chunk as it is kept.
struct Chunk {
    before: Vec<Part>,
    entries: Bytes,
}

impl Entry {
    pub(super) fn of(id: RecordId, data: &[u8]) -> Self {
        let digest = digest(&SHA256, data);
        let first = digest.as_ref().first_chunk().expect("it has 32 bytes");
        Self { id, digest: u64::from_be_bytes(*first) }
    }
}

impl Listed {
    /// The list that ends with so many entries of a chunk.
    pub(super) fn at(chunk: u64, entries: usize) -> Self {
        let entries = u32::try_from(entries).expect("a chunk's entries are few");
        Self(format!("{chunk:016x}").into(), entries)
    }

    fn part(&self) -> Result<Part, SourceError> {
        let name = u64::from_str_radix(&self.0, 16).map_err(|_| damaged())?;
        Ok(Part { name, entries: self.1 })
    }
}

impl Lists {
    pub(super) fn new(options: &Options) -> Self {
        let (store, random) = (options.shelf.clone(), options.random.clone());
        Self { store, random, now: options.now.clone() }
    }

    /// The list that a position names; `None` where a part of it has expired.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn open(&self, listed: Option<&Listed>) -> Result<Option<List>, SourceError> {
        let Some(listed) = listed else { return Ok(Some(List::default())) };
        let last = listed.part()?;
        let mut chunks = self.read(&[last]).await?;
        let Some(Some(chunk)) = chunks.pop() else { return Ok(None) };
        let mut parts = chunk.before;
        parts.push(last);
        Ok(Some(List { parts }))
    }

    /// Adds entries to a list, as a chunk of their own. Answers with its name.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn add(&self, list: &mut List, entries: &[Entry]) -> Result<u64, SourceError> {
        if list.parts.len() >= CHUNKS_MAX {
            return Err(SourceError::Halt(format!(
                "the list of what the file holds has {CHUNKS_MAX} parts: leave `changed_only` and `deletions` out \
                 for a file of so many records"
            )));
        }
        let name = self.random.next_u64();
        let value = encode(&list.parts, entries);
        let stored = Stored { value, expires_ms: (self.now)() + KEPT_MS };
        self.store.put(&[(key(name), stored)]).await.map_err(unanswered)?;
        let entries = u32::try_from(entries.len()).expect("a chunk's entries are few");
        list.parts.push(Part { name, entries });
        Ok(name)
    }

    /// Both lists as one.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn join(&self, first: List, then: &List) -> Result<Listed, SourceError> {
        let mut both = first;
        both.parts.extend(&then.parts);
        let name = self.add(&mut both, &[]).await?;
        Ok(Listed::at(name, 0))
    }

    /// Shows all entries of a list, in their order. Answers whether all were there: a part may have expired.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn each(
        &self,
        list: &List,
        mut show: impl FnMut(Entry),
    ) -> Result<bool, SourceError> {
        for parts in list.parts.chunks(READ_TOGETHER) {
            for (part, chunk) in parts.iter().zip(self.read(parts).await?) {
                let Some(chunk) = chunk else { return Ok(false) };
                let mut rest = &chunk.entries[..];
                for _ in 0..part.entries {
                    show(decode_entry(&mut rest).ok_or_else(damaged)?);
                }
            }
        }
        Ok(true)
    }

    async fn read(&self, parts: &[Part]) -> Result<Vec<Option<Chunk>>, SourceError> {
        let keys: Vec<StoredKey> = parts.iter().map(|part| key(part.name)).collect();
        let now_ms = (self.now)();
        let stored = self.store.get(&keys).await.map_err(unanswered)?;
        let lives = stored.into_iter().map(|stored| stored.filter(|it| it.expires_ms > now_ms));
        lives
            .map(|stored| stored.map(|it| decode(&it.value).ok_or_else(damaged)).transpose())
            .collect()
    }
}

/// The parts before, and then the entries: lengths and digests are big-endian, ids are texts or numbers.
fn encode(before: &[Part], entries: &[Entry]) -> Bytes {
    let mut bytes = Vec::with_capacity(4 + before.len() * PART_BYTES + entries.len() * 24);
    bytes.extend(u32::try_from(before.len()).expect("they are few").to_be_bytes());
    for part in before {
        bytes.extend(part.name.to_be_bytes());
        bytes.extend(part.entries.to_be_bytes());
    }
    for Entry { id, digest } in entries {
        match id {
            RecordId::Number(number) => {
                bytes.extend(NUMBER.to_be_bytes());
                bytes.extend(number.to_be_bytes());
            }
            RecordId::Text(text) => {
                // No id is so long.
                let length = u16::try_from(text.len()).unwrap_or(NUMBER - 1);
                bytes.extend(length.to_be_bytes());
                bytes.extend(&text.as_bytes()[..usize::from(length)]);
            }
        }
        bytes.extend(digest.to_be_bytes());
    }
    bytes.into()
}

/// In the place of a text's length: the id is a number.
const NUMBER: u16 = u16::MAX;

fn decode(value: &Bytes) -> Option<Chunk> {
    let mut rest = &value[..];
    let before = u32::from_be_bytes(take(&mut rest)?);
    let before = (0..before).map(|_| {
        let name = u64::from_be_bytes(take(&mut rest)?);
        Some(Part { name, entries: u32::from_be_bytes(take(&mut rest)?) })
    });
    let before = before.collect::<Option<_>>()?;
    Some(Chunk { before, entries: value.slice_ref(rest) })
}

fn decode_entry(rest: &mut &[u8]) -> Option<Entry> {
    let length = u16::from_be_bytes(take(rest)?);
    let id = if length == NUMBER {
        RecordId::Number(i64::from_be_bytes(take(rest)?))
    } else {
        let (text, others) = rest.split_at_checked(usize::from(length))?;
        *rest = others;
        RecordId::Text(str::from_utf8(text).ok()?.into())
    };
    Some(Entry { id, digest: u64::from_be_bytes(take(rest)?) })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

fn key(name: u64) -> StoredKey {
    StoredKey::new("list", &format!("{name:016x}"))
}

fn damaged() -> SourceError {
    let message = "a list of what a file held cannot be read: rewind to the start, and all of the file is delivered";
    SourceError::Halt(message.into())
}

fn unanswered(error: Unavailable) -> SourceError {
    SourceError::Later {
        reason: format!("the list of what the file held: {error}"),
        after_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use tidegate_testkit::{MemoryStore, Seeded};

    use super::*;
    use crate::HttpClient;

    fn options() -> Options {
        let (store, random) = (MemoryStore::new(), Seeded::new(1));
        Options::new(HttpClient::new().unwrap(), Arc::new(store), Arc::new(random))
    }

    async fn all(lists: &Lists, list: &List) -> Vec<Entry> {
        let mut all = Vec::new();
        assert!(lists.each(list, |entry| all.push(entry)).await.unwrap());
        all
    }

    fn some(from: i64, to: i64) -> Vec<Entry> {
        let id = |n: i64| match n % 2 {
            0 => RecordId::Number(-n),
            _ => RecordId::Text(format!("é{n}").into()),
        };
        let entry = |n: i64| Entry { id: id(n), digest: n.unsigned_abs() * 7 };
        (from..to).map(entry).collect()
    }

    #[tokio::test]
    async fn a_position_finds_the_list_as_it_was_there() {
        let lists = Lists::new(&options());
        let mut list = lists.open(None).await.unwrap().unwrap();
        lists.add(&mut list, &some(0, 5)).await.unwrap();
        let second = lists.add(&mut list, &some(5, 9)).await.unwrap();
        let there = Listed::at(second, 2);
        // Another walk goes on from within the second chunk, and this one does not notice.
        let mut other = lists.open(Some(&there)).await.unwrap().unwrap();
        lists.add(&mut other, &some(20, 22)).await.unwrap();
        lists.add(&mut list, &some(9, 10)).await.unwrap();
        assert_eq!(all(&lists, &list).await, some(0, 10));
        assert_eq!(all(&lists, &other).await, [some(0, 7), some(20, 22)].concat());
        let written = serde_json::to_string(&there).unwrap();
        assert_eq!(serde_json::from_str::<Listed>(&written).unwrap(), there);
    }

    #[tokio::test]
    async fn two_lists_are_read_as_one() {
        let lists = Lists::new(&options());
        let (mut first, mut then) = (List::default(), List::default());
        lists.add(&mut first, &some(0, 40)).await.unwrap();
        for n in 40..80 {
            lists.add(&mut then, &some(n, n + 1)).await.unwrap();
        }
        let both = lists.join(first, &then).await.unwrap();
        let both = lists.open(Some(&both)).await.unwrap().unwrap();
        assert_eq!(all(&lists, &both).await, some(0, 80));
    }

    #[tokio::test]
    async fn a_list_that_has_expired_is_none() {
        let mut options = options();
        let lists = Lists::new(&options);
        let mut list = List::default();
        let name = lists.add(&mut list, &some(0, 3)).await.unwrap();
        let now_ms = (options.now)();
        options.now = Arc::new(move || now_ms + KEPT_MS + 1);
        let later = Lists::new(&options);
        assert!(later.open(Some(&Listed::at(name, 3))).await.unwrap().is_none());
        assert!(!later.each(&list, |_| panic!("it is gone")).await.unwrap());
    }

    #[test]
    fn a_digest_tells_one_record_from_another() {
        let of = |data: &[u8]| Entry::of(RecordId::Number(1), data).digest;
        assert_eq!(of(b"{}"), of(b"{}"));
        assert_ne!(of(b"{}"), of(b"{ }"));
    }
}
