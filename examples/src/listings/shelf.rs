//! The listings that the portal has. One lock; nothing is awaited under it.

use std::collections::HashMap;
use std::sync::Mutex;

use super::audit::{Audit, note};
use super::catalogue::Catalogue;
use super::config::PortalConfig;
use super::listing::Listing;
use super::offer;
use crate::lock;

/// What became of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    Created,
    Replaced,
    /// 503, for a while.
    Failed,
    /// 422, with the reason.
    Refused(String),
}

/// The portal's memory.
#[derive(Debug)]
pub(crate) struct Shelf {
    keeps_contents: bool,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// By the offer's number.
    listings: HashMap<u64, Entry>,
    /// Requests that the failing listing still fails.
    fails: Option<(u64, u32)>,
    refuse_every: Option<u64>,
    /// Its counts are kept here, too; the rest is filled in when it is asked for.
    counts: Audit,
}

/// One listing, also after it was deleted.
#[derive(Debug, Default)]
struct Entry {
    /// None after a deletion.
    digest: Option<u64>,
    puts: u32,
    deletions: u32,
    content: Option<Box<Listing>>,
}

impl Shelf {
    pub(crate) fn new(config: &PortalConfig) -> Self {
        let fails = config.failing.map(|failing| (failing.number, failing.times));
        let refuse_every = config.refuse_every.filter(|every| *every > 0);
        let entries = Mutex::new(Entries { fails, refuse_every, ..Entries::default() });
        Self { keeps_contents: config.keeps_contents, entries }
    }

    /// Takes a listing, unless it fails or is refused.
    pub(crate) fn put(&self, number: u64, read: Result<Listing, String>) -> Put {
        let mut entries = lock(&self.entries);
        let Entries { listings, fails, refuse_every, counts } = &mut *entries;
        if let Some((_, times)) = fails.as_mut().filter(|it| it.0 == number && it.1 > 0) {
            *times -= 1;
            counts.failed_503 += 1;
            return Put::Failed;
        }
        let is_refused = refuse_every.is_some_and(|every| number.is_multiple_of(every));
        let unwanted = || "category: this seller may not offer in it".to_owned();
        let listing = match read {
            Ok(listing) if !is_refused => listing,
            read => {
                let reason = read.err().unwrap_or_else(unwanted);
                let example = || format!("{}: {reason}", offer::id(number));
                note(&mut counts.refused_422, &mut counts.refused_examples, example);
                return Put::Refused(reason);
            }
        };
        let (entry, digest) = (listings.entry(number).or_default(), listing.digest());
        let before = entry.digest.replace(digest);
        entry.puts += 1;
        entry.content = self.keeps_contents.then(|| Box::new(listing));
        counts.puts += 1;
        counts.repeated += u64::from(before == Some(digest));
        counts.listings += u64::from(before.is_none());
        if before.is_none() { Put::Created } else { Put::Replaced }
    }

    /// Takes a listing away. Answers whether it was there.
    pub(crate) fn delete(&self, number: u64) -> bool {
        let mut entries = lock(&self.entries);
        let Entries { listings, counts, .. } = &mut *entries;
        let entry = listings.get_mut(&number).filter(|entry| entry.digest.is_some());
        let Some(entry) = entry else {
            counts.deleted_in_vain += 1;
            return false;
        };
        entry.deletions += 1;
        (entry.digest, entry.content) = (None, None);
        counts.deleted += 1;
        counts.listings -= 1;
        true
    }

    /// A listing's content, where it is there and kept.
    pub(crate) fn content(&self, number: u64) -> Option<Listing> {
        let entries = lock(&self.entries);
        entries.listings.get(&number)?.content.as_deref().cloned()
    }

    /// How often a listing was put and deleted.
    pub(crate) fn times(&self, number: u64) -> (u32, u32) {
        let entries = lock(&self.entries);
        entries.listings.get(&number).map_or((0, 0), |entry| (entry.puts, entry.deletions))
    }

    /// From now on nothing fails and nothing is refused.
    pub(crate) fn accept_all(&self) {
        let mut entries = lock(&self.entries);
        (entries.fails, entries.refuse_every) = (None, None);
    }

    /// Puts that were taken so far.
    pub(crate) fn puts(&self) -> u64 {
        lock(&self.entries).counts.puts
    }

    /// All but the traffic.
    pub(crate) fn audit(&self, catalogue: &Catalogue) -> Audit {
        let entries = lock(&self.entries);
        let mut audit = entries.counts.clone();
        for one in catalogue.offers() {
            audit.offers += 1;
            if one.fault.is_some() {
                audit.invalid += 1;
                continue;
            }
            let id = || offer::id(one.number);
            match entries.listings.get(&one.number).and_then(|entry| entry.digest) {
                None => note(&mut audit.missing, &mut audit.missing_ids, id),
                Some(digest) if digest != one.listing().digest() => {
                    note(&mut audit.wrong, &mut audit.wrong_ids, id);
                }
                Some(_) => {}
            }
        }
        let mut there: Vec<u64> = entries
            .listings
            .iter()
            .filter(|(number, entry)| entry.digest.is_some() && catalogue.offer(**number).is_none())
            .map(|(number, _)| *number)
            .collect();
        there.sort_unstable();
        for number in there {
            note(&mut audit.surplus, &mut audit.surplus_ids, || offer::id(number));
        }
        audit
    }
}
