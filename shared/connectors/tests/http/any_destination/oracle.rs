//! What has to be true of a case in the end.
//!
//! How often a record may take effect, the strongest that each combination promises:
//!
//! | the flow and the server | promise |
//! |---|---|
//! | `on_unknown: park` or `lookup`, with the ledger | at most once, whatever fails |
//! | a key for each record (in the header or body of a single request, or by `key_field`), and a server that keeps its answer to a key; not with `upsert`, whose two requests have two keys | once |
//! | a key for the whole bulk, a server that keeps it, requests that are never cut or answered in part, and no crash | once |
//! | a server that refuses a version that it has | once |
//! | any other, with the ledger | at least once: again only after an effect whose answer did not say so |
//! | any other, with `ordering: none` | the same, for each time that the source lists the record |

use std::collections::{HashMap, HashSet};

use tidegate_core::model::Parked;

use super::{
    habits::{Body, Habits, Key, Knows, Order, Results, Unknown},
    records::{Fate, Name, Record},
    server::Model,
    watched::name_of,
};

/// Notes what is not as it has to be, of what was sent so far.
pub fn judge(habits: &Habits, pages: &[Vec<Record>], parked: &[Parked], server: &mut Model) {
    let parked: HashMap<Name, &Parked> =
        parked.iter().map(|parked| (name_of(&parked.key), parked)).collect();
    let records: Vec<&Record> = pages.iter().flatten().collect();
    for (name, parked) in &parked {
        if parked.reason.trim().is_empty() {
            server.accuse(format_args!("{name:?} is parked, and nothing says why"));
        }
        let record = records.iter().find(|record| record.name() == *name).expect("it was sent");
        may_be_parked(habits, record, parked, server);
    }
    for record in &records {
        let name = record.name();
        let has_newer = || {
            let newer = |other: &&Record| other.name().0 == name.0 && other.version > name.1;
            records.iter().any(newer)
        };
        let is_settled = server.took(&name) || parked.contains_key(&name);
        if !(is_settled || habits.by_entity() && has_newer()) {
            server.accuse(format_args!("{name:?} is lost"));
        }
        let never_passes = record.is_unfit(habits)
            || record.fate == Fate::Forbidden
            || record.fate == Fate::Poison
            || record.fate == Fate::Huge && habits.bytes_max.is_some()
            || record.fate == Fate::Bad && !server.mended;
        if server.took(&name) && never_passes {
            server.accuse(format_args!("{name:?} was taken, which cannot be"));
        }
    }
    if habits.by_entity() {
        newest_stands(&records, server);
    }
    not_too_often(habits, &records, server);
}

/// A record that nothing was wrong with is not parked.
fn may_be_parked(habits: &Habits, record: &Record, parked: &Parked, server: &mut Model) {
    let name = record.name();
    let failed = server.failed.get(&name).copied().unwrap_or(0);
    let all_failed: u64 = server.kinds.values().sum::<u64>() + failed;
    let for_good = record.fate != Fate::Taken || record.is_unfit(habits);
    let was_slammed = server.kinds.contains_key("closed unread");
    let by_tries = (failed > 0 || was_slammed) && all_failed >= habits.attempts
        || (server.mended || has_poison(server) && habits.order != Order::Serial) && failed >= 1
        || record.is_unnameable(habits);
    let as_unknown = habits.unknown == Unknown::Park && parked.is_unknown();
    let is_unread = !habits.stated;
    if !(for_good || by_tries || as_unknown || is_unread) {
        server.accuse(format_args!("{name:?} is parked: {}", parked.reason));
    }
}

fn has_poison(server: &Model) -> bool {
    server.records.values().any(|record| record.fate == Fate::Poison)
}

fn newest_stands(records: &[&Record], server: &mut Model) {
    let ids: HashSet<String> = records.iter().map(|record| record.name().0).collect();
    for id in ids {
        let taken = records.iter().map(|record| record.name()).filter(|name| name.0 == id);
        let newest = taken.filter(|name| server.took(name)).map(|(_, version)| version).max();
        let stands = server.version_of(&id);
        if stands != newest {
            server.accuse(format_args!("{id} is at {stands:?}, and {newest:?} was taken"));
        }
    }
}

fn not_too_often(habits: &Habits, records: &[&Record], server: &mut Model) {
    if !habits.stated {
        // What the flow does not read it cannot go by.
        return;
    }
    let is_once = is_once(habits, records);
    for name in records.iter().map(|record| record.name()).collect::<HashSet<_>>() {
        let record = server.records[&name].clone();
        let listed = records.iter().filter(|record| record.name() == name).count();
        let changes: Vec<bool> = server
            .changes
            .iter()
            .filter(|change| change.name == name)
            .map(|change| change.clear)
            .collect();
        let is_removal = record.gone && habits.removes;
        if is_once && !is_removal && changes.len() > 1 {
            server.accuse(format_args!("{name:?} took effect {} times", changes.len()));
        }
        if record.is_unnameable(habits) {
            // An answer that cannot name it is clear to no flow.
            continue;
        }
        let clear = changes.iter().filter(|clear| **clear).count();
        let clear_max = if habits.by_entity() { 1 } else { listed };
        if clear > clear_max {
            server.accuse(format_args!("{name:?} was sent again after an answer, {clear} times"));
        }
    }
}

/// Whether a record takes effect once at the most.
pub fn is_once(habits: &Habits, records: &[&Record]) -> bool {
    if habits.unknown != Unknown::Retry || habits.knows == Knows::Versions {
        return true;
    }
    let Knows::Keys { .. } = habits.knows else { return false };
    if habits.keys_each() {
        // Creating and updating are two requests, each with its key.
        return habits.upsert.is_none();
    }
    let Some(bulk) = habits.bulk.as_ref().filter(|_| habits.key == Key::Header) else {
        return false;
    };
    let ids: HashSet<String> = records.iter().map(|record| record.name().0).collect();
    let is_uncut = bulk.taken_max == bulk.size
        && habits.bytes_max.is_none()
        && bulk.results == Results::Whole
        && ids.len() == records.len()
        && records.iter().all(|record| record.fate == Fate::Taken)
        && habits.body != Body::Xml;
    is_uncut && habits.crashes == 0 && !habits.repeats_messages
}
