//! `--reason` and `--since`: which of a stream's parked records a command is about.

use clap::Args;
use jiff::{Span, Timestamp};
use tidegate_core::app::ReplayRequest;

use crate::failure::Failure;

/// Which parked records. Those that match all of what is given.
#[derive(Debug, Clone, Args)]
pub struct ParkedOptions {
    /// Those whose reason contains this text.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Those parked at or after this moment: `2026-11-27T08:00:00Z`, or how long ago: `2h`.
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
}

impl ParkedOptions {
    /// The same as the core asks for it. A usage error where `--since` is no moment.
    pub fn request(&self) -> Result<ReplayRequest, Failure> {
        let since_ms = self.since.as_deref().map(since).transpose()?;
        Ok(ReplayRequest { reason: self.reason.clone(), since_ms })
    }
}

/// A moment, in ms since 1970, written as a timestamp or as how long ago it was.
fn since(text: &str) -> Result<i64, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let now = Timestamp::now();
    let ago = text
        .parse::<Span>()
        .ok()
        .and_then(|span| span.to_duration(now.to_zoned(jiff::tz::TimeZone::UTC).date()).ok());
    let moment = ago.and_then(|ago| now.checked_sub(ago).ok());
    moment.map(|moment| moment.as_millisecond()).ok_or_else(|| {
        Failure::usage(format!(
            "error: `{text}` is no moment\n   = help: write it as 2026-11-27T08:00:00Z, or how long ago: 2h, 30m, 1d"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn a_moment_is_a_timestamp_or_how_long_ago() {
        assert_eq!(since("1970-01-01T00:00:01Z").unwrap(), 1_000);
        let hour_ago = since("1h").unwrap();
        assert!((since("60m").unwrap() - hour_ago).abs() < 1_000);
        assert!(since("yesterday").unwrap_err().report.contains("2h"));
    }
}
