//! What every format of timestamps says: how they are read, written and sent.

use std::fmt;

use tidegate_core::model::{EpochMs, Moment};

use crate::json::Scalar;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// How a source writes its timestamps.
pub(crate) trait Timestamps: fmt::Debug + Send + Sync {
    /// Its key in a flow file, for a sentence.
    fn name(&self) -> &'static str;

    /// A timestamp in nanoseconds since 1970; `None` if the text is none in this format, or beyond
    /// what 64 bits hold.
    fn ns(&self, text: &str) -> Option<i64>;

    /// A moment as a request carries it.
    fn write(&self, ms: EpochMs) -> String;

    /// What [`Timestamps::write`] gave, or the source did, as JSON.
    fn json(&self, text: &str) -> String;

    /// Checks the `start` that stands in a flow file; the error says what to write instead. A source
    /// may take more there than it writes itself, like a date alone.
    fn check_start(&self, text: &str) -> Result<(), &'static str>;

    /// Reads a record's timestamp from its JSON; `None` if it is none in this format. The text is kept
    /// as the source wrote it, and only the number is compared: a rounded cursor loses records.
    fn read(&self, json: &[u8]) -> Option<Moment> {
        let text = match Scalar::read(json)? {
            Scalar::Bool(_) => return None,
            scalar => scalar.into_text(),
        };
        let ns = self.ns(&text)?;
        Some(Moment { text: text.into(), ns })
    }

    /// The whole second before a moment, as a request carries it, and as a number: from there, a source
    /// whose `since` leaves its own moment out still gives every record of it.
    fn second_before(&self, ns: i64) -> (String, i64) {
        let second = ns.div_euclid(NS_PER_S).saturating_sub(1);
        let earlier_ns = second.saturating_mul(NS_PER_S);
        (self.write(earlier_ns / NS_PER_MS), earlier_ns)
    }
}
