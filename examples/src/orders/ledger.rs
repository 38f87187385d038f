//! What the destination applied. One lock; nothing is awaited under it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

use super::audit::{Audit, EXAMPLES_MAX};
use super::book::Book;
use super::fulfilment::{Fulfilment, Subject};
use crate::lock;

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Applied.
    Created(Subject),
    /// Its key was seen: as the first time.
    Replayed(Subject),
    /// Not applied, and never will be: code and reason.
    Refused(&'static str, String),
}

/// The destination's memory.
#[derive(Debug)]
pub(crate) struct Ledger {
    book: Arc<Book>,
    ignore_idempotency: bool,
    hasher: RandomState,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    refuse_every: Option<u64>,
    /// How often each order was applied; index 0 is no order.
    applications: Vec<u8>,
    /// The key's hash to the order's id. 64 bits: a collision in a million keys is one in 37 million.
    keys: HashMap<u64, u64>,
    /// Requests under way for an order.
    flying: HashMap<u64, u32>,
    newest: u64,
    scratch: Vec<u8>,
    /// Its counts are kept here, too; the rest is filled in when it is asked for.
    counts: Audit,
}

/// Orders that a request under way is about, until dropped.
#[derive(Debug)]
pub(crate) struct Flight<'a> {
    ledger: &'a Ledger,
    ids: Vec<u64>,
}

impl Ledger {
    pub(crate) fn new(
        book: Arc<Book>,
        refuse_every: Option<u64>,
        ignore_idempotency: bool,
    ) -> Self {
        let applications = vec![0; book.line.arrivals.count_max() as usize + 1];
        let entries = Entries { refuse_every, applications, ..Entries::default() };
        Self { book, ignore_idempotency, hasher: RandomState::new(), entries: Mutex::new(entries) }
    }

    /// Applies one record, unless it is refused or its key was seen.
    pub(crate) fn apply(&self, fulfilment: &Fulfilment<'_>, key: Option<&str>) -> Verdict {
        let subject = fulfilment.subject();
        let key = key.map(|key| self.hasher.hash_one(key));
        let mut entries = lock(&self.entries);
        let entries = &mut *entries;
        let id = match subject {
            Subject::Order(id) => id,
            Subject::Unknown => 0,
            Subject::Missing => {
                entries.counts.refused_422 += 1;
                return Verdict::Refused("invalid", "external_id is required".to_owned());
            }
        };
        if let Some(key) = key.filter(|_| !self.ignore_idempotency) {
            match entries.keys.get(&key) {
                Some(first) if *first == id => {
                    entries.counts.replayed += 1;
                    return Verdict::Replayed(subject);
                }
                Some(first) => {
                    entries.counts.key_conflicts += 1;
                    let reason = format!("the key was used for order {first}, this is order {id}");
                    return Verdict::Refused("idempotency_key_reused", reason);
                }
                None => {}
            }
        }
        if entries.refuse_every.is_some_and(|every| every > 0 && id > 0 && id.is_multiple_of(every))
        {
            entries.counts.refused_422 += 1;
            return Verdict::Refused(
                "not_served",
                format!("order {id}: its address is not served"),
            );
        }
        match key {
            // A refusal is not remembered: the same key may succeed later.
            Some(key) => {
                entries.keys.insert(key, id);
            }
            None => entries.counts.keyless += 1,
        }
        entries.enter(id, fulfilment, &self.book);
        Verdict::Created(subject)
    }

    /// Whether an order was applied.
    pub(crate) fn has(&self, id: u64) -> bool {
        let mut entries = lock(&self.entries);
        entries.counts.looked_up += 1;
        let place = usize::try_from(id).unwrap_or(usize::MAX);
        entries.applications.get(place).is_some_and(|applications| *applications > 0)
    }

    /// Notes that a request is under way for these orders.
    pub(crate) fn take_off<'a>(&'a self, fulfilments: &[Fulfilment<'_>]) -> Flight<'a> {
        let ids: Vec<_> = fulfilments
            .iter()
            .filter_map(|fulfilment| match fulfilment.subject() {
                Subject::Order(id) => Some(id),
                Subject::Unknown | Subject::Missing => None,
            })
            .collect();
        let mut entries = lock(&self.entries);
        for id in &ids {
            let flying = entries.flying.entry(*id).or_default();
            *flying += 1;
            let overlaps = *flying > 1;
            entries.counts.overlapped += u64::from(overlaps);
        }
        Flight { ledger: self, ids }
    }

    /// The source marked an order.
    pub(crate) fn marked(&self, id: u64) {
        let mut entries = lock(&self.entries);
        if entries.applications[id as usize] == 0 {
            entries.counts.marked_early += 1;
        }
    }

    /// From now on nothing is refused.
    pub(crate) fn accept_all(&self) {
        lock(&self.entries).refuse_every = None;
    }

    /// Counts what is not the ledger's own.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Audit)) {
        add(&mut lock(&self.entries).counts);
    }

    /// Applications so far.
    pub(crate) fn applied(&self) -> u64 {
        lock(&self.entries).counts.applied
    }

    /// Distinct orders applied so far.
    pub(crate) fn delivered(&self) -> u64 {
        lock(&self.entries).counts.delivered
    }

    /// All but the traffic.
    pub(crate) fn audit(&self) -> Audit {
        let records = self.book.count();
        let entries = lock(&self.entries);
        let mut audit = entries.counts.clone();
        audit.records = records;
        audit.marked = self.book.processed_count();
        for id in 1..=records {
            if entries.applications[id as usize] == 0 && !self.book.is_cancelled(id) {
                audit.missing += 1;
                if audit.missing_ids.len() < EXAMPLES_MAX {
                    audit.missing_ids.push(id);
                }
            }
        }
        audit
    }
}

impl Entries {
    fn enter(&mut self, id: u64, fulfilment: &Fulfilment<'_>, book: &Book) {
        let counts = &mut self.counts;
        counts.applied += 1;
        let applications = match self.applications.get_mut(id as usize) {
            Some(applications) if book.has(id) => applications,
            _ => {
                counts.unknown += 1;
                return;
            }
        };
        *applications = applications.saturating_add(1);
        if *applications > 1 {
            counts.duplicates += 1;
            if counts.duplicate_ids.len() < EXAMPLES_MAX {
                counts.duplicate_ids.push(id);
            }
        } else {
            counts.delivered += 1;
            counts.out_of_order += u64::from(id < self.newest);
            self.newest = self.newest.max(id);
        }
        if let Some(mistake) = fulfilment.mistake(id, book, &mut self.scratch) {
            counts.wrong += 1;
            if counts.wrong_examples.len() < EXAMPLES_MAX {
                counts.wrong_examples.push(mistake);
            }
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut entries = lock(&self.ledger.entries);
        for id in &self.ids {
            if let Some(flying) = entries.flying.get_mut(id) {
                *flying -= 1;
                if *flying == 0 {
                    entries.flying.remove(id);
                }
            }
        }
    }
}
