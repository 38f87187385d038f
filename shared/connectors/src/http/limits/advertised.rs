//! What an answer says is left, as one value.

use tidegate_core::model::Allowance;

/// What an answer advertises: what is left, as far as it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Advertised {
    /// How many requests.
    pub(crate) remaining: Option<u64>,
    /// Until the count begins anew, in ms.
    pub(crate) reset_in_ms: Option<u64>,
    /// By a rolling window, how far apart requests may follow each other, in µs.
    pub(crate) steady_us: Option<u64>,
}

impl Advertised {
    /// As the protocol takes it; `None` unless all of it is said.
    pub(crate) fn allowance(self) -> Option<Allowance> {
        let (remaining, reset_in_ms) = (self.remaining?, self.reset_in_ms?);
        Some(Allowance { remaining, reset_in_ms, steady_us: self.steady_us })
    }

    /// How long to wait after a refusal for the limit's sake, in ms. While requests are left, it was
    /// another limit that was met.
    pub(crate) fn wait_ms(self) -> Option<u64> {
        self.reset_in_ms.filter(|_| self.remaining.is_none_or(|remaining| remaining == 0))
    }
}

/// What is left by a window of this length that rolls, where so many requests are permitted in all. While it is used up,
/// one is free again with every request that it leaves behind: that is looked for ten times a window.
pub(super) fn rolling(
    remaining: Option<u64>,
    window_ms: Option<u64>,
    permitted: Option<u64>,
) -> Advertised {
    let reset_in_ms = match remaining {
        Some(0) => window_ms.map(|window_ms| window_ms.div_ceil(10)),
        _ => window_ms,
    };
    let steady_us = window_ms
        .zip(permitted.filter(|permitted| *permitted > 0))
        .map(|(window_ms, permitted)| window_ms.saturating_mul(1_000) / permitted);
    Advertised { remaining, reset_in_ms, steady_us }
}

/// Of those that say all, the one with the fewest requests left, and among equals the longest wait;
/// else whatever is said.
pub(super) fn tightest(limits: impl IntoIterator<Item = Advertised>) -> Advertised {
    let mut tightest: Option<Allowance> = None;
    let mut parts = Advertised::default();
    for left in limits {
        parts.remaining = parts.remaining.or(left.remaining);
        parts.reset_in_ms = parts.reset_in_ms.max(left.reset_in_ms);
        let Some(one) = left.allowance() else { continue };
        let tighter = |other: Allowance| {
            (one.remaining, std::cmp::Reverse(one.reset_in_ms))
                < (other.remaining, std::cmp::Reverse(other.reset_in_ms))
        };
        if tightest.is_none_or(tighter) {
            tightest = Some(one);
        }
    }
    match tightest {
        Some(Allowance { remaining, reset_in_ms, steady_us }) => {
            Advertised { remaining: Some(remaining), reset_in_ms: Some(reset_in_ms), steady_us }
        }
        None => parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_refusal_the_limit_that_was_met_says_how_long_to_wait() {
        let wait = |remaining, reset_in_ms| {
            Advertised { remaining, reset_in_ms, steady_us: None }.wait_ms()
        };
        assert_eq!(wait(Some(0), Some(7)), Some(7));
        assert_eq!(wait(None, Some(7)), Some(7));
        assert_eq!(wait(Some(1), Some(7)), None);
        assert_eq!(wait(Some(0), None), None);
    }
}
