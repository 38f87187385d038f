//! A file for one connection: what a walk along it needs to know.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value};
use tidegate_core::{
    model::{EpochMs, RecordId},
    ports::{KeyValueStore, SourceError},
};
use tidegate_feed::{Limits, Record, text::Encoding};
use tidegate_transfer::{Answer, Ask, RemoteFile};
use tokio::time::Instant;

use super::{errors, format::Records, lists::Lists};
use crate::{
    Now,
    json::{Picker, fault},
    source::ids::{ID_BYTES_MAX, record_id, unreadable_id},
};

/// A file for one connection.
pub(super) struct FeedSource {
    pub(super) file: Box<dyn RemoteFile>,
    /// Its address, for messages.
    pub(super) shown: String,
    /// The stream's, for what is kept of it.
    pub(super) name: String,
    pub(super) format: Box<dyn Records>,
    pub(super) id: Picker,
    pub(super) id_keys: Vec<String>,
    pub(super) encoding: Option<&'static Encoding>,
    pub(super) limits: Limits,
    pub(super) changed_only: bool,
    /// How much may be gone at once, in thousandths.
    pub(super) share_max: Option<u32>,
    pub(super) settle_ms: EpochMs,
    pub(super) lists: Lists,
    pub(super) shelf: Arc<dyn KeyValueStore>,
    pub(super) now: Now,
}

/// What is known of a record.
pub(super) struct Known {
    pub(super) id: RecordId,
    pub(super) refused: Option<Box<str>>,
    /// The id could not be read.
    pub(super) is_unread: bool,
}

impl FeedSource {
    /// The moment of a deadline.
    pub(super) fn until(&self, deadline_ms: EpochMs) -> Instant {
        let left_ms = u64::try_from(deadline_ms - (self.now)()).unwrap_or(0);
        Instant::now() + Duration::from_millis(left_ms.min(3_600_000))
    }

    pub(super) async fn open(&self, ask: Ask<'_>, until: Instant) -> Result<Answer, SourceError> {
        self.file.open(ask, until).await.map_err(errors::of_transfer)
    }

    /// Whether it is kept what a file held.
    pub(super) fn lists_what_is_there(&self) -> bool {
        self.changed_only || self.share_max.is_some()
    }

    /// How much may be gone at once, in thousandths; `None` where nothing is deleted.
    pub(super) fn share_max(&self) -> Option<u32> {
        self.share_max
    }

    /// Whether so much may be deleted, in thousandths of what there was.
    pub(super) fn permits(&self, thousandths: u32) -> bool {
        self.share_max.is_some_and(|most| thousandths <= most)
    }

    /// A record's id, or why it is parked.
    pub(super) fn identify(&self, record: &Record) -> Known {
        let unread = |refused: Box<str>| {
            let id = unreadable_id(&record.data);
            Known { id, refused: Some(refused), is_unread: true }
        };
        if let Some(fault) = &record.fault {
            return unread(fault.clone());
        }
        let picks = match self.id.pick_all(&record.data) {
            Ok(picks) => picks,
            Err(error) => return unread(fault(&error, &record.data).into()),
        };
        let id = picks.json(0).and_then(record_id);
        match id.filter(|id| !matches!(id, RecordId::Text(text) if text.len() > ID_BYTES_MAX)) {
            Some(id) => Known { id, refused: None, is_unread: false },
            None => unread(format!("it has no id at `{}`", self.id_keys.join(".")).into()),
        }
    }

    /// What a deletion says: the record's id, where its records have it.
    pub(super) fn deletion(&self, id: &RecordId) -> Bytes {
        let text = || Value::String(id.to_string());
        let id = match id {
            RecordId::Number(number) if !self.format.has_texts_alone() => Value::from(*number),
            _ => text(),
        };
        let within =
            |value: Value, key: &String| Value::Object(Map::from_iter([(key.clone(), value)]));
        self.id_keys.iter().rev().fold(id, within).to_string().into()
    }

    /// Why the run fails where so much is gone.
    pub(super) fn too_much_is_gone(&self, thousandths: u32) -> SourceError {
        errors::too_much_is_gone(&self.shown, thousandths, self.share_max.unwrap_or(0))
    }
}
