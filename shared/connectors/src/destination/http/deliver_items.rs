//! The requests of a record that is split: one a call.
//!
//! The record is asked for again until all of its items are settled. A failure ends the attempt; the next one, in this
//! process, sends only what is not settled.

use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::{Delivery, Outgoing},
};
use tokio::time::Instant;

use super::{
    deliver::{HttpDestination, REASON_CHARS_MAX},
    items::{End, Items, Progress, merely_waits},
    key::fingerprint,
    split::Splitter,
};

/// So many places of refused items are listed.
const LISTED_MAX: usize = 5;

impl HttpDestination {
    /// Sends the next items of a record, in one request.
    pub(super) async fn deliver_items(
        &self,
        known: &Items,
        record: &Outgoing,
        until: Instant,
    ) -> Delivery {
        let items = match known.splitter.items(record) {
            Ok(items) => items,
            Err(outcome) => return vec![outcome].into(),
        };
        let whole = fingerprint(record);
        let records_max = self.bulk.as_ref().map_or(1, |bulk| bulk.batching(false).records_max);
        let mut progress = known.take(&whole, items.len(), records_max);
        let next = self.next_items(&items, &mut progress);
        let mut delivery = match next.as_slice() {
            [] => Delivery::from(Vec::new()),
            [at] if self.bulk.is_none() => {
                self.deliver_one(&items[*at], Some(&record.body), until).await
            }
            _ => {
                let chosen: Vec<Outgoing> = next.iter().map(|at| items[*at].clone()).collect();
                let bulk = self.bulk.as_ref().expect("only a bulk takes many");
                self.deliver_bulk(bulk, &chosen, Some(&record.body), until).await
            }
        };
        let first = delivery.outcomes.first().cloned();
        if !delivery.again {
            let before = progress.left();
            let worst = progress.take_in(&next, std::mem::take(&mut delivery.outcomes));
            // What is refused for the sake of some goes in halves, down to single items.
            let halves = worst.as_ref().is_some_and(|(_, later)| later.blame == Blame::Batch)
                && next.len() > 1;
            if halves && progress.left() == before {
                progress.at_most = next.len().div_ceil(2);
            } else if progress.left() < before {
                progress.at_most = (progress.at_most * 2).min(records_max);
            }
            let goes_on = halves
                || progress.left() < before
                    && worst.as_ref().is_none_or(|(_, later)| merely_waits(later));
            if let Some((at, later)) = worst.filter(|_| !goes_on) {
                delivery.outcomes =
                    vec![Outcome::Later(self.of_item(&known.splitter, &items, at, later))];
                known.keep(whole, progress);
                return delivery;
            }
            if progress.left() == 0 {
                delivery.outcomes = vec![self.conclude(&known.splitter, &items, &progress.ends)];
                return delivery;
            }
        }
        known.keep(whole, progress);
        // What the answer says of the destination; of the record it says nothing yet.
        let outcomes = vec![first.unwrap_or(Outcome::Delivered)];
        Delivery { outcomes, again: true, ..delivery }
    }

    /// The items of the next request: those that are left of the next piece. Pieces are cut as if nothing were settled
    /// yet, so that a repeat has the items that it had.
    fn next_items(&self, items: &[Outgoing], progress: &mut Progress) -> Vec<usize> {
        let Some(bulk) = &self.bulk else {
            return progress.ends.iter().position(Option::is_none).into_iter().collect();
        };
        let batching = bulk.batching(false);
        let mut begin = 0;
        while begin < items.len() {
            let (mut bytes, mut end) = (batching.frame_bytes, begin);
            while end < items.len() && end - begin < batching.records_max {
                bytes += batching.bytes_of(items[end].body.len(), &items[end].key);
                if bytes > batching.bytes_max {
                    break;
                }
                end += 1;
            }
            if end == begin {
                let reason =
                    format!("a request with it alone has more than {} bytes", batching.bytes_max);
                progress.ends[begin]
                    .get_or_insert(End::Refused { status: None, reason: reason.into() });
                end += 1;
            }
            let left = (begin..end).filter(|at| progress.ends[*at].is_none());
            let left: Vec<usize> = left.take(progress.at_most.max(1)).collect();
            if !left.is_empty() {
                return left;
            }
            begin = end;
        }
        Vec::new()
    }

    /// What became of a record whose items are all settled.
    fn conclude(&self, splitter: &Splitter, items: &[Outgoing], ends: &[Option<End>]) -> Outcome {
        let refused = |(at, end): (usize, &Option<End>)| match end {
            Some(End::Refused { status, reason }) => Some((at, *status, reason.clone())),
            _ => None,
        };
        let refused: Vec<_> = ends.iter().enumerate().filter_map(refused).collect();
        let Some((first, status, reason)) = refused.first() else {
            let all_there = ends.iter().all(|end| *end == Some(End::There));
            return if all_there {
                Outcome::Skipped(SkipReason::Duplicate)
            } else {
                Outcome::Delivered
            };
        };
        let (count, all) = (refused.len(), items.len());
        let places: Vec<String> =
            refused.iter().take(LISTED_MAX).map(|(at, ..)| (at + 1).to_string()).collect();
        let more = if count > LISTED_MAX {
            format!(" and {} more", count - LISTED_MAX)
        } else {
            String::new()
        };
        let which = match count {
            1 => format!("{} was refused", named(splitter, items, *first)),
            _ => format!("items {}{more} of {all} were refused", places.join(", ")),
        };
        let taken = all - count;
        let said = if count == 1 {
            reason.to_string()
        } else {
            format!("{}: {reason}", named(splitter, items, *first))
        };
        let line = format!("{which}, and {taken} taken: {said}");
        let reason = self.exchange.line(&line, REASON_CHARS_MAX);
        Outcome::Refused { status: *status, reason: reason.into() }
    }

    /// A failure of one item, which says so.
    fn of_item(&self, splitter: &Splitter, items: &[Outgoing], at: usize, later: Later) -> Later {
        let named = named(splitter, items, at);
        let reason = match later.reason.split_once(": ") {
            Some((status, said)) if status.parse::<u16>().is_ok() => {
                format!("{status}: {named}: {said}")
            }
            _ => format!("{named}: {}", later.reason),
        };
        Later { reason: self.exchange.line(&reason, REASON_CHARS_MAX).into(), ..later }
    }
}

/// An item, for people.
fn named(splitter: &Splitter, items: &[Outgoing], at: usize) -> String {
    let place = format!("item {} of {}", at + 1, items.len());
    match items[at].key.rsplit_once('/').filter(|_| splitter.has_names()) {
        Some((_, name)) => format!("{place} ({name})"),
        None => place,
    }
}
