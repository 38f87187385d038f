//! The source's order: which order stands at which place, and what moment it has.
//!
//! All of it is arithmetic, so a source of any size takes no memory.

use std::ops::Range;

use super::arrivals::Arrivals;
use super::config::{OrdersConfig, TieOrder, Ties};
use super::query::Sort;

/// The orders in a row, by id or by `updated_at`. Places count from 0.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) arrivals: Arrivals,
    tie: u64,
    tie_order: TieOrder,
    base_ms: i64,
    step_ms: i64,
}

impl Line {
    pub(crate) fn new(config: &OrdersConfig) -> Self {
        let source = &config.source;
        let tie = match source.ties {
            Ties::Unique => 1,
            Ties::Every(size) => size.max(1),
            Ties::AllEqual => config.records.max(1),
        };
        let step_ms = i64::try_from(source.step_ms).unwrap_or(i64::MAX);
        let last_tie = (config.records.saturating_sub(1) / tie) as i64;
        let floor_ms = source.base_ms.saturating_add(last_tie.saturating_mul(step_ms));
        Self {
            arrivals: Arrivals::new(config, floor_ms),
            tie,
            tie_order: source.tie_order,
            base_ms: source.base_ms,
            step_ms,
        }
    }

    /// The order's `updated_at`.
    pub(crate) fn updated_ms(&self, id: u64) -> i64 {
        let index = id - 1;
        match index.checked_sub(self.arrivals.initial()) {
            Some(growing) => self.arrivals.moment_ms(growing),
            None => self.base_ms + (index / self.tie) as i64 * self.step_ms,
        }
    }

    /// The id at a place.
    pub(crate) fn id_at(&self, place: u64, sort: Sort) -> u64 {
        1 + self.swap(place, sort)
    }

    /// The place of an id.
    pub(crate) fn place_of(&self, id: u64, sort: Sort) -> u64 {
        self.swap(id - 1, sort)
    }

    /// The first of `count` places whose moment is not before `ms`.
    pub(crate) fn first_not_before(&self, ms: i64, count: u64) -> u64 {
        // Ids rise with the moment, and the shuffle stays within one moment.
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.updated_ms(middle + 1) < ms {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Place to index and back: reversing a rotated tie is its own inverse.
    fn swap(&self, index: u64, sort: Sort) -> u64 {
        let beyond = index >= self.arrivals.count_max();
        if beyond || sort == Sort::Id || self.tie_order == TieOrder::ById {
            return index;
        }
        let tie = self.tie_around(index);
        let size = tie.end - tie.start;
        let turn = 2 * size / 3;
        tie.start + (turn + size - (index - tie.start)) % size
    }

    /// The indices that share this one's moment.
    fn tie_around(&self, index: u64) -> Range<u64> {
        let initial = self.arrivals.initial();
        let (offset, size, end) = if index < initial {
            (0, self.tie, initial)
        } else {
            (initial, self.arrivals.batch(), self.arrivals.count_max())
        };
        let start = offset + (index - offset) / size * size;
        start..(start + size).min(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::config::{Growth, SourceConfig};

    fn line(records: u64, ties: Ties, tie_order: TieOrder) -> Line {
        let growth = Some(Growth { per_second: 3.0, total: 10 });
        let source = SourceConfig { ties, tie_order, growth, ..SourceConfig::default() };
        let line = Line::new(&OrdersConfig { records, source, ..OrdersConfig::default() });
        line.arrivals.start();
        line
    }

    #[test]
    fn every_order_stands_at_one_place_and_moments_rise() {
        for ties in [Ties::Unique, Ties::Every(7), Ties::AllEqual] {
            for tie_order in [TieOrder::ById, TieOrder::Shuffled] {
                let line = line(100, ties, tie_order);
                let ids: Vec<_> =
                    (0..110).map(|place| line.id_at(place, Sort::UpdatedAt)).collect();
                let mut sorted = ids.clone();
                sorted.sort_unstable();
                assert!(sorted.iter().copied().eq(1..=110));
                assert!(ids.iter().map(|id| line.updated_ms(*id)).is_sorted());
                assert!((0..110).all(|p| line.place_of(ids[p as usize], Sort::UpdatedAt) == p));
                assert_eq!(
                    ids.is_sorted(),
                    tie_order == TieOrder::ById || ties == Ties::Unique,
                    "{ties:?} {tie_order:?}"
                );
            }
        }
    }

    #[test]
    fn a_bound_falls_between_ties() {
        let line = line(100, Ties::Every(7), TieOrder::Shuffled);
        let second = line.updated_ms(8);
        assert_eq!(line.first_not_before(second, 100), 7);
        assert_eq!(line.first_not_before(second + 1, 100), 14);
        assert_eq!(line.first_not_before(i64::MAX, 100), 100);
    }
}
