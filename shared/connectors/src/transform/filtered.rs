//! `transform.filter`: records are left out before they are shaped.

use tidegate_core::ports::{Transform, Transformed};

use super::jq::{Jq, Verdict};

/// A shape behind a filter.
pub(super) struct Filtered {
    filter: Jq,
    shape: Box<dyn Transform>,
}

impl Filtered {
    /// Shapes what the filter lets through.
    pub(super) fn new(filter: Jq, shape: Box<dyn Transform>) -> Self {
        Self { filter, shape }
    }
}

impl Transform for Filtered {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        match self.admits(record) {
            Transformed::Written => self.shape.apply(record, found, out),
            left_out => left_out,
        }
    }

    fn admits(&self, record: &[u8]) -> Transformed {
        match self.filter.holds(record) {
            Ok(Verdict::Holds) => Transformed::Written,
            Ok(Verdict::Fails) => Transformed::Filtered,
            Err(trouble) => trouble.into(),
        }
    }
}
