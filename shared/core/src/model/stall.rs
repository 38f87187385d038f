//! Why a stream is not getting on: the one account of waiting, kept in the cursor's item.

use std::fmt::{self, Display};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EpochMs, PageNumber};

/// The longest reason that is kept, in bytes: the cursor's item is written often, and is to stay small.
const REASON_BYTES_MAX: usize = 240;

/// What a stream waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StallOn {
    /// The source failed, or asked to be left in peace for a while.
    Source,
    /// The source cannot be read before an operator acts.
    Halt,
    /// An operator paused the stream.
    Pause,
    /// Another fetcher's invocation holds the lease.
    Lease,
    /// Records younger than the settle lag are not read yet.
    SettleLag,
    /// The destination fails, or asked to wait: the circuit breaker is open.
    Destination,
    /// A quota is used up until its reset.
    Quota,
    /// The flow's rate has no send slot for it in this invocation.
    Rate,
    /// As many requests as are permitted are in flight.
    Concurrency,
    /// Another write of the same entity is under way, or may still land.
    Lock,
    /// Records failed by themselves, and are tried again after a growing wait.
    Backoff,
    /// What a process that crashed has sent may still land at the destination.
    Recovery,
    /// No processor took the open pages.
    Processors,
}

impl StallOn {
    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Halt => "halt",
            Self::Pause => "pause",
            Self::Lease => "lease",
            Self::SettleLag => "settle_lag",
            Self::Destination => "destination",
            Self::Quota => "quota",
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
            Self::Lock => "lock",
            Self::Backoff => "backoff",
            Self::Recovery => "recovery",
            Self::Processors => "processors",
        }
    }
}

impl Display for StallOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A state in which a stream is not getting on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// What it waits for.
    pub on: StallOn,
    /// One line for an operator; no secrets.
    pub reason: Box<str>,
    /// When it began.
    pub since_ms: EpochMs,
    /// When the next try comes; `None` where it takes an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<EpochMs>,
    /// The wait was asked for by the other side, and holds whatever process comes next.
    #[serde(default, skip_serializing_if = "is_false")]
    pub asked: bool,
    /// Tries in vain since it began.
    #[serde(default)]
    pub tries: u32,
    /// When an error was last logged for it; 0 for never.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub told_ms: EpochMs,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_none(count: &u32) -> bool {
    *count == 0
}

fn is_zero(moment_ms: &EpochMs) -> bool {
    *moment_ms == 0
}

impl Stall {
    /// One that begins at `since_ms`, with its reason cut to what is kept.
    pub fn new(on: StallOn, reason: &str, since_ms: EpochMs, until_ms: Option<EpochMs>) -> Self {
        let mut end = reason.len().min(REASON_BYTES_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = reason[..end].into();
        Self { on, reason, since_ms, until_ms, asked: false, tries: 0, told_ms: 0 }
    }

    /// Since when, as text.
    pub fn since(&self) -> String {
        moment(self.since_ms)
    }

    /// Until when, as text; what has no end by itself says so.
    pub fn until(&self) -> String {
        self.until_ms.map_or_else(|| "an operator acts".to_owned(), moment)
    }
}

impl Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on, reason, .. } = self;
        write!(f, "{on}: {reason} (since {}, until {})", self.since(), self.until())
    }
}

/// A moment as an operator reads it: RFC 3339, in whole seconds.
fn moment(at_ms: EpochMs) -> String {
    let second = Timestamp::from_second(at_ms.div_euclid(1_000));
    second.map_or_else(|_| format!("{at_ms} ms"), |second| second.to_string())
}

/// A stall as reports and commands show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownStall {
    /// What the stream waits for.
    #[serde(rename = "for")]
    pub on: StallOn,
    /// One line; no secrets.
    pub reason: Box<str>,
    /// When it began, in RFC 3339.
    pub since: String,
    /// When the next try comes, likewise; `null` where it takes an operator.
    pub until: Option<String>,
    /// Tries in vain since it began.
    pub tries: u32,
}

impl From<&Stall> for ShownStall {
    fn from(stall: &Stall) -> Self {
        Self {
            on: stall.on,
            reason: stall.reason.clone(),
            since: stall.since(),
            until: stall.until_ms.map(moment),
            tries: stall.tries,
        }
    }
}

/// What the fetcher keeps of how its side of a stream gets on. Written as it lets go of its lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FetchState {
    /// Why nothing was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall: Option<Stall>,
    /// A run read the source to its end up to this moment, and this page was the last emitted then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_to: Option<(EpochMs, PageNumber)>,
    /// All that the source had at this moment is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_until_ms: Option<EpochMs>,
}

/// What processors keep of how their side gets on. Written only where it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliverState {
    /// Why nothing was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall: Option<Stall>,
    /// When the last one ended; 0 for never.
    #[serde(skip_serializing_if = "is_zero")]
    pub ended_ms: EpochMs,
    /// Records that were refused in a row, since one was taken or a run began.
    #[serde(skip_serializing_if = "is_none")]
    pub refused: u32,
    /// Nothing is sent before an operator acts: a new run begins anew.
    #[serde(skip_serializing_if = "is_false")]
    pub stopped: bool,
    /// How often it was written. It replaces the one before, and no other. Kept beside it.
    #[serde(skip)]
    pub revision: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_letters_and_moments_are_readable() {
        let stall = Stall::new(StallOn::Source, &"ä".repeat(300), 1_999, Some(90_000));
        assert_eq!(stall.reason.len(), REASON_BYTES_MAX);
        let stall = Stall { reason: "503".into(), ..stall };
        let text = "source: 503 (since 1970-01-01T00:00:01Z, until 1970-01-01T00:01:30Z)";
        assert_eq!(stall.to_string(), text);
        let halt = Stall::new(StallOn::Halt, "404", 0, None);
        assert!(halt.to_string().ends_with("until an operator acts)"), "{halt}");
    }

    #[test]
    fn what_is_kept_is_small_and_read_again() {
        let stall = Stall::new(StallOn::Destination, &"x".repeat(500), 1, Some(2));
        let kept =
            serde_json::to_string(&DeliverState { stall: Some(stall), ..DeliverState::default() })
                .unwrap();
        assert!(kept.len() < 400, "{}", kept.len());
        assert!(serde_json::from_str::<DeliverState>(&kept).unwrap().stall.is_some());
        assert_eq!(serde_json::to_string(&FetchState::default()).unwrap(), "{}");
    }
}
