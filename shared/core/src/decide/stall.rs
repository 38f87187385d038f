//! When a stream is not getting on: how long a failing source is left in peace, what of a wait is worth
//! telling, and when an operator is told that it lasts.

use super::backoff_ms;
use crate::model::{
    DeliverState, EpochMs, FetchState, Later, PageNumber, RetryPolicy, Stall, StallOn, Wait, WaitOn,
};

/// A source that fails without saying for how long is asked again after this, in ms.
const SOURCE_AGAIN_MS: u64 = 1_000;
/// At the latest after this: no schedule is shorter.
const SOURCE_AGAIN_MS_MAX: u64 = 60_000;
/// No wait that the other side asks for is longer; a moment further off is a clock that was set.
const ASKED_MS_MAX: EpochMs = 86_400_000;
/// A source that fails for so long is no hiccup: an error is logged.
const FAILING_MS: EpochMs = 300_000;
/// And again after so long.
const TELL_AGAIN_MS: EpochMs = 3_600_000;
/// A wait of the processors' that is shorter than this is how limits are kept.
const SHORT_MS: EpochMs = 5_000;
/// Unless it has gone on for so long.
const LASTING_MS: EpochMs = 30_000;
/// Waits of this kind begin again no sooner than so long after the last one ended.
const CALM_MS: EpochMs = 60_000;
/// That the end of a wait moved is noted where it moved by more than this.
const MOVED_MS: EpochMs = 60_000;

/// No invocation lasts longer.
const INVOCATION_MS_MAX: EpochMs = 900_000;

/// The source failed, or asked to wait for `after_ms`. What there was before goes on.
pub fn source_failed(
    before: Option<&Stall>,
    reason: &str,
    after_ms: Option<u64>,
    now_ms: EpochMs,
) -> Stall {
    let before = before.filter(|stall| stall.on == StallOn::Source);
    let tries = before.map_or(0, |stall| stall.tries);
    let policy = RetryPolicy {
        base_ms: SOURCE_AGAIN_MS,
        cap_ms: SOURCE_AGAIN_MS_MAX,
        ..RetryPolicy::default()
    };
    let wait_ms = after_ms.unwrap_or_else(|| backoff_ms(&policy, tries));
    let until_ms = now_ms.saturating_add_unsigned(wait_ms).min(now_ms + ASKED_MS_MAX);
    let since_ms = before.map_or(now_ms, |stall| stall.since_ms.min(now_ms));
    let mut stall = Stall::new(StallOn::Source, reason, since_ms, Some(until_ms));
    stall.asked = after_ms.is_some();
    stall.tries = tries.saturating_add(1);
    stall.told_ms = before.map_or(0, |stall| stall.told_ms);
    stall
}

/// The source cannot be read before an operator acts.
pub fn source_halted(before: Option<&Stall>, reason: &str, now_ms: EpochMs) -> Stall {
    let before = before.filter(|stall| stall.on == StallOn::Halt);
    let since_ms = before.map_or(now_ms, |stall| stall.since_ms.min(now_ms));
    let mut stall = Stall::new(StallOn::Halt, reason, since_ms, None);
    stall.tries = before.map_or(0, |stall| stall.tries).saturating_add(1);
    stall
}

/// Records were seen that are not to be read yet, since others may still come before them. Every moment at
/// which some of them may be read is a wait of its own.
pub fn records_held(before: Option<&Stall>, until_ms: EpochMs, now_ms: EpochMs) -> Stall {
    let until_ms = Some(until_ms);
    let is_same = |stall: &&Stall| stall.on == StallOn::SettleLag && stall.until_ms == until_ms;
    let since_ms = before.filter(is_same).map_or(now_ms, |stall| stall.since_ms.min(now_ms));
    let why = "records were seen that are too young: others with the same timestamp, or an earlier \
               one, may still come";
    Stall::new(StallOn::SettleLag, why, since_ms, until_ms)
}

/// What is kept of the source's side after a run that found `now`, and was `answered` by the source or not:
/// one that never asked says nothing of it, and what there was before stays.
pub fn source_stands(before: Option<&Stall>, now: Option<&Stall>, answered: bool) -> Option<Stall> {
    now.or(before.filter(|_| !answered)).cloned()
}

/// The wait that the source is still to be left in peace for. A moment further off than such a wait can
/// be is not believed: a clock was set back. Our own patience is a minute at the most.
pub fn source_waits(kept: &FetchState, now_ms: EpochMs) -> Option<&Stall> {
    let stall = kept.stall.as_ref().filter(|stall| stall.on == StallOn::Source)?;
    let until_ms = stall.until_ms?;
    let longest_ms = if stall.asked { ASKED_MS_MAX } else { SOURCE_AGAIN_MS_MAX.cast_signed() };
    (until_ms > now_ms && until_ms <= now_ms + longest_ms).then_some(stall)
}

/// Whether an error is due for a wait that lasts: after some minutes, and then once an hour.
pub fn is_error_due(stall: &Stall, now_ms: EpochMs) -> bool {
    stall.on == StallOn::Source
        && now_ms - stall.since_ms >= FAILING_MS
        && now_ms - stall.told_ms >= TELL_AGAIN_MS
}

/// How far a stream is settled in time, after a run that began with `committed` and ended with `last` as
/// the last page emitted. `read_until_ms` is the moment up to which the run read the source to its end.
pub fn settled_until(
    kept: &FetchState,
    committed: PageNumber,
    last: PageNumber,
    read_until_ms: Option<EpochMs>,
) -> FetchState {
    let mut state = FetchState { stall: None, ..kept.clone() };
    if let Some((until_ms, page)) = state.read_to
        && committed >= page
    {
        state.settled_until_ms = Some(until_ms);
        state.read_to = None;
    }
    let Some(read_until_ms) = read_until_ms else { return state };
    if committed >= last {
        state.settled_until_ms = Some(read_until_ms);
        state.read_to = None;
    } else if state.read_to.is_none() {
        state.read_to = Some((read_until_ms, last));
    }
    state
}

/// What an invocation of a processor came to, as far as waiting goes.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// Why nothing more was sent.
    pub wait: Option<Wait>,
    /// The wait of a record that counts most, with its reason.
    pub later: Option<Later>,
    /// When the first of what is left comes back.
    pub back_ms: Option<EpochMs>,
    /// Something was settled.
    pub settled: bool,
    /// Since when the oldest of its pages got no further.
    pub oldest_ms: EpochMs,
    /// Records that were refused in a row.
    pub refused: u32,
    /// Nothing more is sent before an operator acts.
    pub stopped: bool,
}

/// Why a processor's invocation got no further, if it did not. What is only a limit kept is no stall.
pub fn delivery_stalls(kept: &DeliverState, delivery: &Delivery, now_ms: EpochMs) -> Option<Stall> {
    let Delivery { wait, later, back_ms, settled, oldest_ms, .. } = delivery;
    let reason = later.as_ref().map(|later| &*later.reason);
    let (on, until_ms, generic) = match (wait, later) {
        (Some(Wait { on, until_ms }), _) => {
            let (on, generic) = match on {
                WaitOn::Circuit => {
                    (StallOn::Destination, "the destination fails, or asked to wait")
                }
                WaitOn::Quota => (StallOn::Quota, "a quota is used up"),
                WaitOn::Rate => (StallOn::Rate, "the rate has no send slot for it yet"),
                WaitOn::Concurrency => {
                    (StallOn::Concurrency, "as many requests as are permitted are in flight")
                }
            };
            (on, *until_ms, generic)
        }
        (None, Some(later)) => {
            let on = if later.is_failure() { StallOn::Backoff } else { StallOn::Lock };
            (on, (*back_ms)?, "")
        }
        (None, None) => return None,
    };
    let is_of_all = matches!(on, StallOn::Destination | StallOn::Quota);
    let is_of_some = matches!(on, StallOn::Lock | StallOn::Backoff);
    if is_of_some && *settled {
        return None;
    }
    // What was settled shows that the wait before was over: this one begins after it.
    let same = kept.stall.as_ref().filter(|stall| stall.on == on);
    let before = same.filter(|_| !*settled);
    let since_ms = match before {
        Some(stall) => stall.since_ms,
        None if is_of_all || *settled => now_ms,
        None => (*oldest_ms).min(now_ms),
    };
    let is_long = until_ms - now_ms >= SHORT_MS;
    let lasts = now_ms - since_ms >= LASTING_MS && now_ms - kept.ended_ms >= CALM_MS;
    let is_told = match on {
        StallOn::Quota => true,
        // The limits that a flow sets keep others from getting on, too, and are how it is meant to go.
        StallOn::Rate | StallOn::Concurrency => lasts || until_ms - now_ms >= LASTING_MS,
        _ => is_long || lasts,
    };
    if !is_told && before.is_none() {
        return None;
    }
    let limits = [StallOn::Rate, StallOn::Concurrency, StallOn::Quota];
    let reason = match reason.filter(|_| !limits.contains(&on)) {
        Some(reason) => reason,
        None => same.map_or(generic, |stall| &stall.reason),
    };
    let mut stall = Stall::new(on, reason, since_ms, Some(until_ms));
    stall.tries = before.map_or(0, |stall| stall.tries).saturating_add(1);
    Some(stall)
}

/// What is to be written of it, if anything: where it begins, also anew, ends, becomes another, or is put
/// off for long.
pub fn delivery_changes(
    kept: &DeliverState,
    stall: Option<&Stall>,
    delivery: &Delivery,
    now_ms: EpochMs,
) -> Option<DeliverState> {
    let Delivery { settled, refused, .. } = *delivery;
    // An invocation that finds the circuit open knows nothing of why.
    let stopped = delivery.stopped || (kept.stopped && !settled);
    let begun = DeliverState { refused, stopped, revision: kept.revision + 1, ..kept.clone() };
    let is_other = (kept.refused, kept.stopped) != (refused, stopped);
    match (&kept.stall, stall) {
        (Some(before), None) if settled && !may_be_a_rest(before, now_ms) => {
            Some(DeliverState { stall: None, ended_ms: now_ms, ..begun })
        }
        (_, None) => is_other.then_some(begun),
        (before, Some(stall)) => {
            let goes_on = before.as_ref().is_some_and(|before| {
                let moved_ms = stall.until_ms.unwrap_or(0) - before.until_ms.unwrap_or(0);
                before.on == stall.on && before.since_ms >= stall.since_ms && moved_ms <= MOVED_MS
            });
            let stall = Some(stall.clone());
            (!goes_on || is_other).then_some(DeliverState { stall, ..begun })
        }
    }
}

/// Whether what was settled may have gone by what others gave back of a quota that is used up. That is no
/// more once those that ran as it was used up have ended: a quota that an operator has raised is seen then.
fn may_be_a_rest(before: &Stall, now_ms: EpochMs) -> bool {
    let is_used_up = before.on == StallOn::Quota && before.until_ms > Some(now_ms);
    is_used_up && now_ms - before.since_ms < INVOCATION_MS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Blame;

    fn changes(
        kept: &DeliverState,
        stall: Option<&Stall>,
        settled: bool,
        now_ms: EpochMs,
    ) -> Option<DeliverState> {
        delivery_changes(kept, stall, &Delivery { settled, ..Delivery::default() }, now_ms)
    }

    fn kept(stall: Stall) -> FetchState {
        FetchState { stall: Some(stall), ..FetchState::default() }
    }

    #[test]
    fn a_source_that_asks_for_time_is_left_in_peace_for_just_that() {
        let stall = source_failed(None, "429", Some(90_000), 1_000);
        assert_eq!((stall.since_ms, stall.until_ms, stall.asked), (1_000, Some(91_000), true));
        assert!(source_waits(&kept(stall.clone()), 90_999).is_some());
        assert!(source_waits(&kept(stall.clone()), 91_000).is_none());
        // A clock that was set back by a year: nothing waits for so long.
        assert!(source_waits(&kept(stall), -31_536_000_000).is_none());
        // Nor for our own patience after a clock that was set back by ten minutes.
        let failed = source_failed(None, "500", None, 600_000);
        assert!(source_waits(&kept(failed.clone()), 600_500).is_some());
        assert!(source_waits(&kept(failed), 0).is_none());
        let long = source_failed(None, "429", Some(u64::MAX), 0);
        assert_eq!(long.until_ms, Some(ASKED_MS_MAX));
    }

    #[test]
    fn a_source_that_only_fails_is_asked_less_and_less_often_up_to_once_a_minute() {
        let mut stall = source_failed(None, "500", None, 0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let until_ms = stall.until_ms.unwrap();
            stall = source_failed(Some(&stall), "500", None, until_ms);
            waits.push((stall.until_ms.unwrap() - until_ms) / 1_000);
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!((stall.since_ms, stall.tries, stall.asked), (0, 9, false));
        let halt = source_halted(Some(&stall), "404", 300_000);
        assert_eq!((halt.since_ms, halt.tries, halt.until_ms), (300_000, 1, None));
    }

    #[test]
    fn an_error_is_logged_after_some_minutes_and_then_once_an_hour() {
        let began_ms = 1_795_766_400_000;
        let mut stall = source_failed(None, "500", None, began_ms);
        let mut told = Vec::new();
        for minute in 0..130 {
            let now_ms = began_ms + minute * 60_000;
            if is_error_due(&stall, now_ms) {
                told.push(minute);
                stall.told_ms = now_ms;
            }
        }
        assert_eq!(told, [5, 65, 125]);
    }

    #[test]
    fn what_was_read_counts_as_settled_once_its_last_page_is_committed() {
        let first = settled_until(&FetchState::default(), 0, 3, Some(1_000));
        assert_eq!((first.read_to, first.settled_until_ms), (Some((1_000, 3)), None));
        // Others were read meanwhile: the first mark stays until it is reached.
        let second = settled_until(&first, 2, 5, Some(2_000));
        assert_eq!((second.read_to, second.settled_until_ms), (Some((1_000, 3)), None));
        let third = settled_until(&second, 4, 7, Some(3_000));
        assert_eq!((third.read_to, third.settled_until_ms), (Some((3_000, 7)), Some(1_000)));
        let idle = settled_until(&third, 7, 7, Some(4_000));
        assert_eq!((idle.read_to, idle.settled_until_ms), (None, Some(4_000)));
        let cut_off = settled_until(&idle, 7, 9, None);
        assert_eq!(cut_off, idle);
    }

    fn later(blame: Blame) -> Later {
        Later { blame, after_ms: None, unknown: false, reason: "422".into() }
    }

    fn waits(on: WaitOn, until_ms: EpochMs) -> Delivery {
        let wait = Some(Wait { on, until_ms });
        Delivery { wait, oldest_ms: 100_000, ..Delivery::default() }
    }

    #[test]
    fn a_limit_that_is_kept_is_no_stall_but_an_outage_and_a_quota_are() {
        let none = DeliverState::default();
        for on in [WaitOn::Rate, WaitOn::Concurrency] {
            assert_eq!(delivery_stalls(&none, &waits(on, 129_000), 100_000), None);
            let long = delivery_stalls(&none, &waits(on, 3_700_000), 100_000).unwrap();
            assert_eq!((long.since_ms, long.until_ms), (100_000, Some(3_700_000)));
            // Also behind what was sent.
            let sent = Delivery { settled: true, oldest_ms: 0, ..waits(on, 3_700_000) };
            assert_eq!(delivery_stalls(&none, &sent, 100_000), Some(long));
            let lasting = delivery_stalls(&none, &waits(on, 150_000), 140_000).unwrap();
            assert_eq!((lasting.since_ms, lasting.until_ms), (100_000, Some(150_000)));
        }
        let quota = delivery_stalls(&none, &waits(WaitOn::Quota, 101_000), 100_000).unwrap();
        assert_eq!((quota.on, &*quota.reason), (StallOn::Quota, "a quota is used up"));
        assert_eq!(delivery_stalls(&none, &waits(WaitOn::Circuit, 101_000), 100_000), None);
        let outage = Delivery {
            later: Some(later(Blame::Destination)),
            settled: true,
            ..waits(WaitOn::Circuit, 130_000)
        };
        let outage = delivery_stalls(&none, &outage, 100_000).unwrap();
        assert_eq!((outage.on, &*outage.reason), (StallOn::Destination, "422"));
        // Those that only find it open keep its reason and its beginning.
        let open = DeliverState { stall: Some(outage), ..none };
        let again = delivery_stalls(&open, &waits(WaitOn::Circuit, 160_000), 130_000).unwrap();
        assert_eq!((&*again.reason, again.since_ms), ("422", 100_000));
    }

    #[test]
    fn an_outage_after_something_was_settled_is_a_new_one() {
        let since_ms = |kept: &DeliverState, settled, now_ms| {
            let outage = Delivery { settled, ..waits(WaitOn::Circuit, now_ms + 30_000) };
            delivery_stalls(kept, &outage, now_ms).unwrap().since_ms
        };
        let stall = Stall::new(StallOn::Destination, "503", 100_000, Some(130_000));
        let kept = DeliverState { stall: Some(stall.clone()), ..DeliverState::default() };
        assert_eq!(since_ms(&kept, false, 140_000), 100_000);
        assert_eq!(since_ms(&kept, true, 140_000), 140_000);
        let anew = Stall { since_ms: 140_000, ..stall };
        let changed = changes(&kept, Some(&anew), true, 140_000).unwrap();
        assert_eq!((changed.stall, changed.revision), (Some(anew), 1));
    }

    #[test]
    fn held_records_are_waited_for_since_they_were_first_seen() {
        let first = records_held(None, 900_000, 1_000);
        assert_eq!((first.on, first.until_ms), (StallOn::SettleLag, Some(900_000)));
        assert_eq!(records_held(Some(&first), 900_000, 5_000).since_ms, 1_000);
        assert_eq!(records_held(Some(&first), 990_000, 5_000).since_ms, 5_000);
        assert_eq!(source_waits(&kept(first), 2_000), None, "the source is read all the same");
    }

    #[test]
    fn what_waits_for_another_write_or_its_next_try_is_told_where_it_is_long() {
        let left = |blame, back_ms| Delivery {
            later: Some(later(blame)),
            back_ms: Some(back_ms),
            oldest_ms: 100_000,
            ..Delivery::default()
        };
        let none = DeliverState::default();
        let on = |blame, back_ms, now_ms| {
            delivery_stalls(&none, &left(blame, back_ms), now_ms).map(|stall| stall.on)
        };
        assert_eq!(on(Blame::NotAttempted, 130_000, 100_000), Some(StallOn::Lock));
        assert_eq!(on(Blame::Request, 130_000, 100_000), Some(StallOn::Backoff));
        assert_eq!(on(Blame::Request, 102_000, 100_000), None);
        assert_eq!(on(Blame::Request, 142_000, 140_000), Some(StallOn::Backoff));
        let settled = Delivery { settled: true, ..left(Blame::Request, 130_000) };
        assert_eq!(delivery_stalls(&none, &settled, 100_000), None);
    }

    #[test]
    fn it_is_written_where_it_begins_ends_or_is_put_off_for_long() {
        let none = DeliverState::default();
        assert_eq!(changes(&none, None, true, 5), None);
        let stall = |until_ms| Stall::new(StallOn::Destination, "503", 0, Some(until_ms));
        let begun = changes(&none, Some(&stall(30_000)), false, 5).unwrap();
        assert_eq!(changes(&begun, Some(&stall(60_000)), false, 5), None);
        assert!(changes(&begun, Some(&stall(90_001)), false, 5).is_some());
        assert_eq!(changes(&begun, None, false, 5), None, "it settled nothing");
        let ended = changes(&begun, None, true, 5);
        assert_eq!(
            ended,
            Some(DeliverState { ended_ms: 5, revision: 2, ..DeliverState::default() })
        );
        let other = Stall::new(StallOn::Quota, "used up", 0, Some(30_000));
        assert!(changes(&begun, Some(&other), false, 5).is_some());
    }

    #[test]
    fn a_quota_is_used_up_until_its_reset_or_until_no_other_can_have_given_some_back() {
        let used_up = Stall::new(StallOn::Quota, "used up", 0, Some(3_600_000));
        let begun = DeliverState { stall: Some(used_up), ..DeliverState::default() };
        assert_eq!(changes(&begun, None, true, 899_999), None);
        assert!(changes(&begun, None, true, 900_000).unwrap().stall.is_none());
        let resets = Stall { until_ms: Some(10), ..begun.stall.unwrap() };
        let begun = DeliverState { stall: Some(resets), ..DeliverState::default() };
        assert!(changes(&begun, None, true, 10).unwrap().stall.is_none());
    }
}
