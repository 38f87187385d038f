//! What a walk must remember that is too much for its position: notes by key, in the key-value store.
//!
//! A position carries [`Noted`]: the names of chunks, which never change once they are written, and the few
//! notes since the last of them. So wherever a walk goes on, be it after a crash, a void or a rewind, it finds
//! the notes of just that position. A chunk that has expired is as good as never written: what it
//! noted is read again.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_core::{
    model::{EpochMs, Stored, StoredKey},
    ports::{KeyValueStore, Random, SourceError},
};

use crate::{Now, options::Options};

/// Most bytes of notes that a position carries itself.
const RECENT_BYTES_MAX: usize = 1_200;
/// Most bytes of them where no more are to come for long.
const SETTLED_BYTES_MAX: usize = 200;
/// Chunks that small beside those that are full.
const SMALL_CHUNKS_MAX: usize = 12;
/// Most bytes of one chunk: an item of DynamoDB holds 400 kB.
const CHUNK_BYTES_MAX: usize = 100_000;
/// For how long a chunk is kept.
const KEPT_MS: EpochMs = 35 * DAY_MS;
/// A chunk is written anew when it has less than this left, so a rewind of so long finds its notes.
const KEPT_MS_MIN: EpochMs = 28 * DAY_MS;
const DAY_MS: EpochMs = 24 * 3_600_000;

/// Where notes are kept.
#[derive(Clone)]
pub(super) struct NoteStore {
    store: Arc<dyn KeyValueStore>,
    random: Arc<dyn Random>,
    now: Now,
}

/// What a position says of its notes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noted {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chunks: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    recent: Recent,
}

type Recent = BTreeMap<Box<str>, Value>;

/// The notes of a position, and those that are added to them.
pub(super) struct Notes {
    store: NoteStore,
    noted: Noted,
    all: Recent,
    /// Bytes of all notes, and of the recent ones.
    bytes: (usize, usize),
    /// A chunk will expire before long.
    is_old: bool,
}

impl NoteStore {
    pub(super) fn new(options: &Options) -> Self {
        let (store, random) = (options.shelf.clone(), options.random.clone());
        Self { store, random, now: options.now.clone() }
    }

    /// Reads the notes of a position.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn open(&self, noted: Noted) -> Result<Notes, SourceError> {
        let keys: Vec<StoredKey> = noted.chunks.iter().map(|name| key(name)).collect();
        let stored = match keys.is_empty() {
            true => Vec::new(),
            false => self.store.get(&keys).await.map_err(unanswered)?,
        };
        let (mut all, now_ms, mut is_old) = (Recent::new(), (self.now)(), false);
        for chunk in stored {
            let chunk = chunk.filter(|chunk| chunk.expires_ms > now_ms);
            is_old |= chunk.as_ref().is_none_or(|chunk| chunk.expires_ms - now_ms < KEPT_MS_MIN);
            let notes = chunk.and_then(|chunk| serde_json::from_slice::<Recent>(&chunk.value).ok());
            all.extend(notes.unwrap_or_default());
        }
        all.extend(noted.recent.iter().map(|(key, note)| (key.clone(), note.clone())));
        let bytes = (bytes_of(&all), bytes_of(&noted.recent));
        Ok(Notes { store: self.clone(), noted, all, bytes, is_old })
    }
}

impl Notes {
    /// What a position says of them.
    pub(super) fn noted(&self) -> &Noted {
        &self.noted
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// What was noted under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.all.get(key)
    }

    /// Notes something under a key, unless just that is noted there.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn set(&mut self, key: &str, note: Value) -> Result<(), SourceError> {
        if self.all.get(key) == Some(&note) {
            return Ok(());
        }
        let bytes = bytes_of_note(key, &note);
        self.bytes = (self.bytes.0 + bytes, self.bytes.1 + bytes);
        self.all.insert(key.into(), note.clone());
        self.noted.recent.insert(key.into(), note);
        if self.bytes.1 <= RECENT_BYTES_MAX {
            return Ok(());
        }
        self.write_recent().await
    }

    async fn write_recent(&mut self) -> Result<(), SourceError> {
        let full = self.bytes.0 / CHUNK_BYTES_MAX + 1;
        if self.noted.chunks.len() >= full + SMALL_CHUNKS_MAX {
            return self.write_anew().await;
        }
        let name = self.write(&self.noted.recent).await?;
        self.noted.chunks.push(name);
        self.forget_recent();
        Ok(())
    }

    /// Has a position carry no more than a few of them. Called where no more are to come for long.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn settle(&mut self) -> Result<(), SourceError> {
        if self.bytes.1 > SETTLED_BYTES_MAX { self.write_recent().await } else { Ok(()) }
    }

    /// Sees to it that no chunk expires before long. Called where a walk ends.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn keep(&mut self) -> Result<(), SourceError> {
        if self.is_old { self.write_anew().await } else { Ok(()) }
    }

    /// Writes all of them, in as few chunks as can be.
    async fn write_anew(&mut self) -> Result<(), SourceError> {
        let (mut chunks, mut part, mut bytes) = (Vec::new(), Recent::new(), 0);
        for (key, note) in &self.all {
            let more = bytes_of_note(key, note);
            if bytes + more > CHUNK_BYTES_MAX && !part.is_empty() {
                chunks.push(self.write(&std::mem::take(&mut part)).await?);
                bytes = 0;
            }
            bytes += more;
            part.insert(key.clone(), note.clone());
        }
        if !part.is_empty() {
            chunks.push(self.write(&part).await?);
        }
        self.noted.chunks = chunks;
        self.is_old = false;
        self.bytes.0 = bytes_of(&self.all);
        self.forget_recent();
        Ok(())
    }

    fn forget_recent(&mut self) {
        self.noted.recent.clear();
        self.bytes.1 = 0;
    }

    /// Writes a chunk under a name that no other has.
    async fn write(&self, notes: &Recent) -> Result<Box<str>, SourceError> {
        let store = &self.store;
        let name: Box<str> = format!("{:016x}", store.random.next_u64()).into();
        let value = serde_json::to_vec(notes).expect("notes are plain data");
        let stored = Stored { value: value.into(), expires_ms: (store.now)() + KEPT_MS };
        store.store.put(&[(key(&name), stored)]).await.map_err(unanswered)?;
        Ok(name)
    }
}

fn key(chunk: &str) -> StoredKey {
    StoredKey::new("notes", chunk)
}

fn bytes_of(notes: &Recent) -> usize {
    notes.iter().map(|(key, note)| bytes_of_note(key, note)).sum()
}

/// As JSON, with what stands between notes.
fn bytes_of_note(key: &str, note: &Value) -> usize {
    key.len() + note.to_string().len() + 4
}

fn unanswered(error: tidegate_core::ports::Unavailable) -> SourceError {
    SourceError::Later { reason: format!("what the walk noted: {error}"), after_ms: None }
}
