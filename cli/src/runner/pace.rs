//! When a run reads the source again.

use tidegate_core::{
    app::{End, FetchReport},
    model::EpochMs,
};
use tidegate_local::Next;

/// A stream that cannot be read just now is looked at so often, in ms.
const LOOK_AGAIN_MS: EpochMs = 1_000;
/// A settle lag up to this is waited out: then all that was there when the run began is settled. In ms.
const LAG_WAITED_MS: EpochMs = 10_000;

/// How often the source is read once it has been read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Every {
    /// As often as scheduled runs come: for a demo.
    Tick,
    /// Every so many ms.
    Ms(u64),
    /// By a schedule, as a flow file has it.
    Schedule(String),
}

impl Every {
    /// When it is due after `now_ms`; `None` at every tick.
    pub fn due_ms(&self, now_ms: EpochMs) -> Option<EpochMs> {
        match self {
            Self::Tick => None,
            Self::Ms(ms) => Some(now_ms.saturating_add_unsigned(*ms)),
            Self::Schedule(schedule) => tidegate_flow::next_run_ms(schedule, now_ms),
        }
    }
}

/// What a run goes by.
pub struct Pace {
    /// How often the source is read.
    pub every: Every,
    /// When the run began: what was there then is to be settled.
    pub began_ms: EpochMs,
    /// The flow's settle lag, in ms.
    pub lag_ms: EpochMs,
    /// The run ends once it is caught up.
    pub ends: bool,
    /// Records that are held back for longer than this are not waited for, in ms.
    pub give_up_ms: u64,
}

impl Pace {
    /// Whether this run read all that it was to read, and all of it is settled. What a long settle lag
    /// holds back, or a timestamp that says no more than the day, is a later run's.
    pub fn reached(&self, report: &FetchReport, now_ms: EpochMs) -> bool {
        let latest_ms = now_ms.saturating_add_unsigned(self.give_up_ms);
        let holds_for_long = report.held_until_ms.is_some_and(|until_ms| until_ms > latest_ms);
        let waits = self.lag_ms <= LAG_WAITED_MS && !holds_for_long;
        report.caught_up && (!waits || report.until_ms >= self.began_ms)
    }

    /// When the first may be read of what was there as the run began, and is held back by its end.
    pub fn held_until_ms(&self, report: &FetchReport) -> Option<EpochMs> {
        report.held_until_ms.filter(|_| report.until_ms < self.began_ms)
    }

    /// Until when a short settle lag is waited out, if it is.
    pub fn lag_until_ms(&self, report: &FetchReport, now_ms: EpochMs) -> Option<EpochMs> {
        let waits = self.ends && report.caught_up && !self.reached(report, now_ms);
        let until_ms = self.began_ms + self.lag_ms;
        // Records that are held back have a moment of their own.
        waits.then(|| until_ms.max(report.held_until_ms.unwrap_or(until_ms)))
    }

    /// When the source is read again after this run, while no message is about where `is_idle`.
    pub fn next(&self, report: &FetchReport, is_idle: bool, now_ms: EpochMs) -> Next {
        let stalled_until_ms = report.stall.as_ref().and_then(|stall| stall.until_ms);
        match &report.end {
            End::Window => Next::Soon,
            End::Held | End::Paused => Next::At(now_ms + LOOK_AGAIN_MS),
            End::SourceLater(_) => stalled_until_ms.map_or(Next::Tick, Next::At),
            End::Source => {
                if let Some(until_ms) = self.lag_until_ms(report, now_ms) {
                    return Next::At(until_ms.max(now_ms + LOOK_AGAIN_MS));
                }
                match self.every.due_ms(now_ms) {
                    None => Next::Tick,
                    Some(due_ms) if !self.ends => Next::At(due_ms),
                    // Nothing is left to settle, and yet it is not caught up: it is looked why.
                    Some(_) if is_idle && report.pages == 0 => Next::At(now_ms + LOOK_AGAIN_MS),
                    Some(due_ms) => Next::Settled(due_ms),
                }
            }
            _ => Next::Tick,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_until_midnight_is_a_later_runs_and_for_a_moment_is_waited_for() {
        let (began_ms, hour_ms) = (1_000_000, 3_600_000);
        let pace =
            Pace { every: Every::Tick, began_ms, lag_ms: 0, ends: true, give_up_ms: 300_000 };
        let held = |until_ms| FetchReport {
            caught_up: true,
            held_until_ms: Some(until_ms),
            ..FetchReport::new(End::Source, began_ms - hour_ms)
        };
        let midnight = held(began_ms + hour_ms);
        assert!(pace.reached(&midnight, began_ms));
        assert_eq!(pace.held_until_ms(&midnight), Some(began_ms + hour_ms));
        let moment = held(began_ms + 60_000);
        assert!(!pace.reached(&moment, began_ms));
        assert_eq!(pace.lag_until_ms(&moment, began_ms), Some(began_ms + 60_000));
        let at = Next::At(began_ms + 60_000);
        assert_eq!(pace.next(&moment, true, began_ms), at);
    }
}
