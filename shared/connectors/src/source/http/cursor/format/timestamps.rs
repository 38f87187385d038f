//! What every format of timestamps says: how they are read, written and sent.

use std::{borrow::Cow, fmt};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use tidegate_core::model::{EpochMs, Moment};

use crate::json::Scalar;

/// Longer ones are none: a position is kept and sent as it is.
const TEXT_BYTES_MAX: usize = 1_024;
/// As much of an unreadable one is shown.
const SHOWN_CHARS_MAX: usize = 60;

const NS_PER_MS: i64 = 1_000_000;
pub(super) const NS_PER_S: i64 = 1_000_000_000;

/// What stands in the place of a timestamp that can be compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoMoment {
    /// For a sentence that begins with "it is".
    pub(crate) text: String,
    /// It is a timestamp, and too far away.
    pub(crate) is_timestamp: bool,
}

/// How a source writes its timestamps.
pub(crate) trait Timestamps: fmt::Debug + Send + Sync {
    /// Its key in a flow file, for a sentence.
    fn name(&self) -> &'static str;

    /// A timestamp in nanoseconds since 1970; `None` if the text is none in this format. `zone` is where
    /// one without a zone was written.
    fn ns(&self, text: &str, zone: &TimeZone) -> Option<i128>;

    /// A moment as a request carries it; in a zone, where the source's timestamps say none and are of
    /// that zone.
    fn write(&self, ms: EpochMs, zone: Option<&TimeZone>) -> String;

    /// What [`Timestamps::write`] gave, or the source did, as JSON.
    fn json(&self, text: &str) -> String;

    /// Checks the `start` that stands in a flow file; the error says what to write instead. A source
    /// may take more there than it writes itself, like a date alone.
    fn check_start(&self, text: &str) -> Result<(), &'static str>;

    /// Whether a text says which zone it is of, or needs none.
    fn says_zone(&self, _text: &str) -> bool {
        true
    }

    /// Whether texts of this format may say no zone.
    fn may_lack_zone(&self) -> bool {
        false
    }

    /// How far apart two texts of this format are at least, in ns, as far as the format alone tells.
    fn step_ns(&self) -> i64 {
        1
    }

    /// Reads a record's timestamp from its JSON. The text is kept as the source wrote it, and only the
    /// number is compared: a rounded cursor loses records.
    ///
    /// # Errors
    /// What stands there instead.
    fn read(&self, json: &[u8], zone: &TimeZone) -> Result<Moment, NoMoment> {
        let other = |text: String| NoMoment { text, is_timestamp: false };
        let text = match Scalar::read(json) {
            None | Some(Scalar::Bool(_)) => {
                return Err(other(shown(&String::from_utf8_lossy(json))));
            }
            Some(scalar) => scalar.into_text(),
        };
        if text.len() > TEXT_BYTES_MAX {
            return Err(other(format!("a text of {} bytes", text.len())));
        }
        let ns = self.ns(&text, zone).ok_or_else(|| other(shown(&text)))?;
        let ns = i64::try_from(ns).map_err(|_| NoMoment {
            text: format!("{}, outside of the years 1678 to 2261", shown(&text)),
            is_timestamp: true,
        })?;
        Ok(Moment { text: text.into(), ns })
    }

    /// The whole second before a moment, as a request carries it, and as a number: from there, a source
    /// whose `since` leaves its own moment out still gives every record of it.
    fn second_before(&self, ns: i64, zone: Option<&TimeZone>) -> (String, i64) {
        let step = self.step_ns().max(NS_PER_S);
        let earlier_ns = ns.div_euclid(NS_PER_S).saturating_mul(NS_PER_S).saturating_sub(step);
        (self.write(earlier_ns / NS_PER_MS, zone), earlier_ns)
    }
}

/// A local time as a moment. Where clocks are set back an hour comes twice: it is taken as the later one,
/// so that nothing is read before all of both has been written.
pub(super) fn local_ns(local: DateTime, zone: &TimeZone) -> Option<i128> {
    match zone.to_ambiguous_timestamp(local).later() {
        Ok(moment) => Some(moment.as_nanosecond()),
        // Beyond what a moment can be; so far off, the year is enough to say so.
        Err(_) => Some(far_ns(local)),
    }
}

/// About when a time is that is beyond what a moment can be.
pub(super) fn far_ns(local: DateTime) -> i128 {
    i128::from(local.year() - 1_970) * 31_556_952 * i128::from(NS_PER_S)
}

/// A moment on the clock of a zone.
pub(super) fn on_clock(ms: EpochMs, zone: &TimeZone) -> Option<DateTime> {
    let moment = Timestamp::from_millisecond(ms).ok()?;
    Some(zone.to_datetime(moment))
}

fn shown(text: &str) -> String {
    let end = text.char_indices().nth(SHOWN_CHARS_MAX);
    let text: Cow<'_, str> = match end {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    };
    format!("`{text}`")
}
