//! What a destination permits, shared by all who send to it.

use serde::{Deserialize, Serialize};

use super::StreamId;

/// Names a budget in the table: a stream's own, or one that several flows and connections share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BudgetId(Box<str>);

impl BudgetId {
    /// The stream's own.
    pub fn of_stream(stream: &StreamId) -> Self {
        Self(format!("stream/{stream}").into())
    }

    /// One that is shared by its name.
    pub fn shared(name: &str) -> Self {
        Self(format!("shared/{name}").into())
    }

    /// As it stands in the table.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Moments in time that are asked of a budget, evenly spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Now, in µs since 1970: none is earlier.
    pub now_us: i64,
    /// From one to the next, in µs.
    pub spacing_us: i64,
    /// How many; at least 1.
    pub want: u32,
    /// None is later.
    pub until_us: i64,
}

impl Ask {
    /// What a budget leases that gives away this moment next; and the moment after that. Of none, the
    /// budget stays as it is.
    pub fn lease(self, next_us: Option<i64>) -> (Leased, i64) {
        // Moments that nobody took are gone, and make no burst.
        let first_us = next_us.map_or(self.now_us, |next_us| next_us.max(self.now_us));
        let spacing_us = self.spacing_us.max(1);
        let fit = (self.until_us - first_us).div_euclid(spacing_us).saturating_add(1).max(0);
        let count = u32::try_from(fit).unwrap_or(u32::MAX).min(self.want);
        (Leased { first_us, count }, first_us + i64::from(count) * spacing_us)
    }
}

/// Moments that a budget leased. Whoever does not use one lets it pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    /// The first of them; of none, when the next one would be.
    pub first_us: i64,
    /// How many.
    pub count: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_follows_the_one_before_and_ends_in_time() {
        let ask = |now_us, want, until_us| Ask { now_us, spacing_us: 100, want, until_us };
        let of = |next_us, ask: Ask| ask.lease(next_us);
        assert_eq!(of(None, ask(1_000, 3, 9_000)), (Leased { first_us: 1_000, count: 3 }, 1_300));
        assert_eq!(of(Some(1_300), ask(1_000, 3, 9_000)).0.first_us, 1_300);
        // Nobody asked for a while: no burst.
        assert_eq!(of(Some(1_300), ask(5_000, 3, 9_000)).0.first_us, 5_000);
        assert_eq!(of(Some(1_300), ask(1_000, 9, 1_500)).0.count, 3);
        assert_eq!(
            of(Some(1_600), ask(1_000, 9, 1_500)),
            (Leased { first_us: 1_600, count: 0 }, 1_600)
        );
    }
}
