//! The request of a record that follows the answer to its first one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::compose::Composer;

/// As many answers are kept for the next request.
const KEPT_MAX: usize = 10_000;

/// What the answer to a record's first request asks for.
pub(super) trait Second: Send + Sync {
    /// What of an answer to the first request the second one goes by, if it asks for it.
    fn asked_for<'a>(&self, status: u16, body: &'a [u8]) -> Option<&'a [u8]>;

    /// What composes the second request, by the answer that asked for it.
    fn composer(&self, answer: &[u8]) -> &Composer;

    /// Whether an answer to the second request contradicts the one to the first: then both are made anew.
    fn is_contrary(&self, answer: &[u8], status: u16) -> bool;

    /// Whether the first request writes, so that without an answer it may have been applied.
    fn writes_first(&self) -> bool;
}

/// The request that follows the first one where its answer asks for it.
pub(super) struct Follow {
    pub(super) second: Box<dyn Second>,
    /// What asked for it, by the keys of the first requests.
    kept: Mutex<HashMap<String, Bytes>>,
}

impl Follow {
    pub(super) fn new(second: impl Second + 'static) -> Self {
        Self { second: Box::new(second), kept: Mutex::default() }
    }

    /// Keeps an answer to the first request, if it asks for the second.
    pub(super) fn asks(&self, key: &str, status: u16, body: &Bytes) -> bool {
        let Some(answer) = self.second.asked_for(status, body) else { return false };
        self.keep(key.to_owned(), Bytes::copy_from_slice(answer));
        true
    }

    /// Keeps the answer to a record's first request for its second.
    pub(super) fn keep(&self, key: String, answer: Bytes) {
        let mut kept = self.kept();
        // What is left of records that were given up meanwhile.
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, answer);
    }

    /// The answer to a record's first request, where it asked for the second.
    pub(super) fn take(&self, key: &str) -> Option<Bytes> {
        self.kept().remove(key)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
