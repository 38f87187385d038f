//! What keeps a stream from getting on, and telling operators' logs when that begins, lasts and ends.

use super::{
    Flow, Ports,
    fetch_report::{End, FetchReport},
};
use crate::{
    decide::{
        Delivery, delivery_changes, delivery_stalls, is_error_due, settled_until, source_stands,
    },
    model::{
        Cursor, DeliverState, EpochMs, FetchState, FlowSettings, Ordering, Page, PageNumber, Stall,
        StallOn, StreamId,
    },
    ports::{Clock, CursorStore, Platform, Unavailable},
};

/// What begins, lasts and ends is logged under this name, so that a filter can let just that through.
pub const LOG: &str = "tidegate::waiting";

/// Keeps how the run got on, and tells of what changed. `pages` are the last one committed as it began,
/// and the last one emitted as it ended; the source answered in between, or was never asked.
pub(super) fn keep(
    stream: &StreamId,
    fetching: &mut FetchState,
    report: &mut FetchReport,
    pages: (PageNumber, PageNumber),
    answered: bool,
    now_ms: EpochMs,
) {
    let read_until_ms = (report.end == End::Source).then_some(report.until_ms);
    let before = fetching.stall.take();
    *fetching = settled_until(fetching, pages.0, pages.1, read_until_ms);
    report.settled_until_ms = fetching.settled_until_ms;
    // A run that was overtaken leaves everything to the one that overtook it.
    if report.end == End::Fenced {
        fetching.stall = before;
        return;
    }
    report.stall = source_stands(before.as_ref(), report.stall.as_ref(), answered);
    fetching.stall = report.stall.clone();
    tell(stream, before.as_ref(), fetching.stall.as_mut(), now_ms);
}

/// How often it is looked again at what others noted meanwhile, before the next invocation is left to note it.
const NOTED_TRIES: u32 = 4;

/// Keeps why delivery does not get on, where that changed. Answers with it.
pub(super) async fn note<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    kept: &DeliverState,
    delivery: &Delivery,
) -> Option<Stall> {
    let now_ms = ports.clock.now_ms();
    let mut kept = kept.clone();
    let mut stall = delivery_stalls(&kept, delivery, now_ms);
    for _ in 0..NOTED_TRIES {
        let Some(changed) = delivery_changes(&kept, stall.as_ref(), delivery, now_ms) else {
            break;
        };
        match ports.store.note_delivering(&flow.stream, &changed).await {
            Ok(true) => tell(&flow.stream, kept.stall.as_ref(), stall.as_mut(), now_ms),
            // Another invocation noted something meanwhile. That it waits is to be known all the same: perhaps
            // no other one comes before the wait is over. What ended is for those that saw it begin.
            Ok(false) if stall.is_some() => match ports.store.cursor(&flow.stream).await {
                Ok(Some(cursor)) => {
                    kept = cursor.delivering;
                    stall = delivery_stalls(&kept, delivery, now_ms);
                    continue;
                }
                Ok(None) => {}
                Err(error) => not_noted(&flow.stream, &error),
            },
            Ok(false) => {}
            Err(error) => {
                not_noted(&flow.stream, &error);
                tell(&flow.stream, kept.stall.as_ref(), stall.as_mut(), now_ms);
            }
        }
        break;
    }
    stall
}

fn not_noted(stream: &StreamId, error: &Unavailable) {
    tracing::debug!(%stream, %error, "that it waits was not noted");
}

/// Logs what changed: at warn where a wait begins or ends, as an error where it lasts.
pub fn tell(stream: &StreamId, before: Option<&Stall>, stall: Option<&mut Stall>, now_ms: EpochMs) {
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
    // What stood before may have ended unseen. But of new records there is always a youngest one, and under
    // a limit every record waits for the one before it.
    let recurs = matches!(stall.on, StallOn::SettleLag | StallOn::Rate | StallOn::Concurrency);
    let anew = |before: &Stall| before.since_ms < stall.since_ms && !recurs;
    let began = |before: &Stall| before.on != stall.on || anew(before);
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
/// A settle lag that is shorter is how reading goes.
const LAG_TOLD_MS: EpochMs = 5_000;

/// Why nothing of an open page is delivered, where no processor took it.
pub(super) fn unheld(oldest: &Page, settings: &FlowSettings, now_ms: EpochMs) -> Option<Stall> {
    let held_ms = oldest.last_progress_ms.max(oldest.waits_until_ms);
    let why = format!("no processor took page {}: it is read again then", oldest.number);
    let until_ms = Some(held_ms + settings.stuck_after_ms);
    let stall = || Stall::new(StallOn::Processors, &why, held_ms, until_ms);
    (now_ms - held_ms >= UNHELD_MS).then(stall)
}

/// What a process that was killed has sent may still land until then.
pub fn awaits_landing(since_ms: EpochMs, until_ms: EpochMs) -> Stall {
    let why = "the run before left pages open: what it has sent may still land, and other versions of \
               those records wait for that";
    Stall::new(StallOn::Recovery, why, since_ms, Some(until_ms))
}

/// Another invocation holds the lease.
pub(super) fn lease_is_held(since_ms: EpochMs, until_ms: EpochMs, now_ms: EpochMs) -> Stall {
    let since_ms = if since_ms == 0 { now_ms } else { since_ms };
    let why = "a fetcher's invocation reads, or was killed: no other one reads before that is over";
    Stall::new(StallOn::Lease, why, since_ms, Some(until_ms))
}

/// An operator paused the stream.
pub(super) fn is_paused(since_ms: EpochMs, now_ms: EpochMs) -> Stall {
    let since_ms = if since_ms == 0 { now_ms } else { since_ms };
    Stall::new(StallOn::Pause, "paused by an operator", since_ms, None)
}

/// What is known of a settle lag that is not over: the source was read to its end, and what is younger is
/// read once it is old enough.
fn lag(cursor: &Cursor, settings: &FlowSettings, now_ms: EpochMs) -> Option<Stall> {
    let FetchState { read_to, settled_until_ms, .. } = &cursor.fetching;
    let read_until_ms = read_to.map(|(until_ms, _)| until_ms).max(*settled_until_ms)?;
    let read_ms = read_until_ms + settings.settle_lag_ms;
    let until_ms = read_ms + settings.settle_lag_ms;
    let why = "records younger than the settle lag are not read yet";
    let stall = || Stall::new(StallOn::SettleLag, why, read_ms, Some(until_ms));
    (settings.settle_lag_ms >= LAG_TOLD_MS && until_ms > now_ms).then(stall)
}

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
        stalls.push(is_paused(cursor.paused_ms, now_ms));
    }
    if cursor.lease_until_ms > now_ms {
        let Cursor { lease_since_ms, lease_until_ms, .. } = *cursor;
        stalls.push(lease_is_held(lease_since_ms, lease_until_ms, now_ms));
    }
    stalls.extend(cursor.fetching.stall.clone().or_else(|| lag(cursor, settings, now_ms)));
    let Some(oldest) = oldest else { return stalls };
    let is_read_again = cursor.watermark < cursor.isolate_to;
    if let Some(ended) = cursor.ended.filter(|_| is_read_again)
        && settings.ordering != Ordering::None
        && ended.before_ms <= now_ms
        && ended.sent_until_ms + settings.landing_ms > now_ms
    {
        let until_ms = ended.sent_until_ms + settings.landing_ms;
        stalls.push(awaits_landing(ended.before_ms, until_ms));
    }
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
        None => stalls.extend(unheld(oldest, settings, now_ms)),
    }
    stalls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Emission, Ended, PageState, Position, Settled};

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

    #[test]
    fn a_lease_a_lag_and_what_may_land_are_told_with_their_ends() {
        let settings = FlowSettings {
            settle_lag_ms: 60_000,
            landing_ms: 30_000,
            ordering: Ordering::Entity,
            ..FlowSettings::default()
        };
        let told = |cursor: &Cursor| {
            let stalls = of(cursor, Some(&page(999_000)), &settings, 0, 1_000_000);
            let told = stalls.iter().map(|it| (it.on, it.since_ms, it.until_ms));
            told.collect::<Vec<_>>()
        };
        let held = Cursor { lease_since_ms: 7, lease_until_ms: 1_060_000, ..Cursor::new() };
        assert_eq!(told(&held), [(StallOn::Lease, 7, Some(1_060_000))]);
        let mut lags = Cursor::new();
        lags.fetching.settled_until_ms = Some(930_000);
        assert_eq!(told(&lags), [(StallOn::SettleLag, 990_000, Some(1_050_000))]);
        let ended = Some(Ended { before_ms: 999_000, sent_until_ms: 990_000 });
        let isolate_to = Position::decode(r#"{"step":1,"state":"{}"}"#).unwrap();
        let crashed = Cursor { ended, isolate_to, ..Cursor::new() };
        assert_eq!(told(&crashed), [(StallOn::Recovery, 999_000, Some(1_020_000))]);
        assert_eq!(told(&Cursor { isolate_to: Position::Start, ..crashed }), []);
    }

    #[test]
    fn processors_that_are_off_are_told_beside_a_pause() {
        let cursor = Cursor { paused: true, paused_ms: 9, ..Cursor::new() };
        assert_eq!(on(&cursor, Some(&page(0)), 0), [StallOn::Pause, StallOn::Processors]);
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
