//! What keeps a stream from getting on, and telling operators' logs when that begins, lasts and ends.

use crate::{
    decide::is_error_due,
    model::{Cursor, EpochMs, FlowSettings, Page, Stall, StallOn, StreamId},
};

/// What begins, lasts and ends is logged under this name, so that a filter can let just that through.
pub const LOG: &str = "tidegate::waiting";

/// Logs what changed: at warn where a wait begins or ends, as an error where it lasts.
pub(super) fn tell(
    stream: &StreamId,
    before: Option<&Stall>,
    stall: Option<&mut Stall>,
    now_ms: EpochMs,
) {
    let ended = before.filter(|before| stall.as_ref().is_none_or(|stall| stall.on != before.on));
    if let Some(ended) = ended {
        let waited_s = (now_ms - ended.since_ms).max(0) / 1_000;
        tracing::warn!(
            target: LOG, %stream, waits_for = %ended.on, since = ended.since(), waited_s, reason = %ended.reason,
            "the stream goes on: it waits no more"
        );
    }
    let Some(stall) = stall else { return };
    let (since, until, reason) = (stall.since(), stall.until(), &stall.reason);
    // What stood before may have ended unseen.
    let began = |before: &Stall| before.on != stall.on || before.since_ms < stall.since_ms;
    if before.is_none_or(began) {
        tracing::warn!(
            target: LOG, %stream, waits_for = %stall.on, since, until, %reason, "the stream waits"
        );
    }
    if is_error_due(stall, now_ms) {
        tracing::error!(
            target: LOG, %stream, waits_for = %stall.on, since, until, %reason, tries = stall.tries,
            "the source keeps failing: nothing was read since then"
        );
        stall.told_ms = now_ms;
    }
}

/// An open page that no processor held for so long, and that none hid on purpose, waits for one.
const UNHELD_MS: EpochMs = 300_000;

/// Everything that keeps a stream from getting on, by its cursor and its oldest open page. The circuit
/// before the destination is open until `circuit_until_ms`.
pub(super) fn of(
    cursor: &Cursor,
    oldest: Option<&Page>,
    settings: &FlowSettings,
    circuit_until_ms: EpochMs,
    now_ms: EpochMs,
) -> Vec<Stall> {
    let mut stalls = Vec::new();
    if cursor.paused {
        let since_ms = if cursor.paused_ms == 0 { now_ms } else { cursor.paused_ms };
        stalls.push(Stall::new(StallOn::Pause, "paused by an operator", since_ms, None));
    }
    stalls.extend(cursor.fetching.stall.clone());
    let Some(oldest) = oldest else { return stalls };
    match &cursor.delivering.stall {
        Some(stall) if stall.on == StallOn::Destination => {
            let until_ms = stall.until_ms.max(Some(circuit_until_ms));
            stalls.push(Stall { until_ms, ..stall.clone() });
        }
        Some(stall) => stalls.push(stall.clone()),
        None if circuit_until_ms > now_ms => {
            let why = "the destination fails, or asked to wait";
            stalls.push(Stall::new(StallOn::Destination, why, now_ms, Some(circuit_until_ms)));
        }
        None => {}
    }
    let held_ms = oldest.last_progress_ms.max(oldest.waits_until_ms);
    if now_ms - held_ms >= UNHELD_MS && stalls.is_empty() {
        let why = format!("no processor took page {}: it is read again then", oldest.number);
        let until_ms = Some(held_ms + settings.stuck_after_ms);
        stalls.push(Stall::new(StallOn::Processors, &why, held_ms, until_ms));
    }
    stalls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Emission, PageState, Position, Settled};

    fn page(last_progress_ms: EpochMs) -> Page {
        Page {
            number: 7,
            emission: Emission("e".into()),
            from: Position::Start,
            to: Position::Start,
            count: 1,
            settled: Settled::default(),
            state: PageState::Open,
            last_progress_ms,
            waits_until_ms: 0,
            attempts: 0,
            receives_at_clean_exit: 0,
        }
    }

    fn on(cursor: &Cursor, oldest: Option<&Page>, circuit_until_ms: EpochMs) -> Vec<StallOn> {
        let settings = FlowSettings::default();
        let stalls = of(cursor, oldest, &settings, circuit_until_ms, 1_000_000);
        stalls.iter().map(|stall| stall.on).collect()
    }

    #[test]
    fn a_pause_and_a_failing_source_are_told_side_by_side() {
        let stall = Stall::new(StallOn::Source, "503", 5, Some(2_000_000));
        let mut cursor = Cursor { paused: true, paused_ms: 9, ..Cursor::new() };
        cursor.fetching.stall = Some(stall);
        assert_eq!(on(&cursor, None, 0), [StallOn::Pause, StallOn::Source]);
        assert_eq!(on(&Cursor::new(), None, 2_000_000), [], "nothing is to be delivered");
    }

    #[test]
    fn what_delivery_waits_for_is_told_while_pages_are_open() {
        let mut cursor = Cursor::new();
        let fresh = page(999_000);
        assert_eq!(on(&cursor, Some(&fresh), 0), []);
        assert_eq!(on(&cursor, Some(&fresh), 1_030_000), [StallOn::Destination]);
        assert_eq!(on(&cursor, Some(&page(0)), 0), [StallOn::Processors]);
        let stall = Stall::new(StallOn::Destination, "503", 5, Some(900_000));
        cursor.delivering.stall = Some(stall);
        assert_eq!(on(&cursor, None, 0), []);
        let settings = FlowSettings::default();
        let told = of(&cursor, Some(&fresh), &settings, 1_030_000, 1_000_000);
        assert_eq!((told[0].since_ms, told[0].until_ms), (5, Some(1_030_000)));
    }
}
