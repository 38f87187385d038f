//! Permits as requests begin and end.

use super::*;
use crate::model::{Leased, RateLimit};

fn permits(settings: &FlowSettings, processors: u32) -> Permits {
    Permits::new(settings, &Budget::default(), Deadline::new(0, 60_000), processors)
}

fn grant(slots: u32, count: u32) -> Result<Grant, Unavailable> {
    let leased = Leased { first_us: 0, spacing_us: 0, count, until_us: 60_000_000 };
    Ok(Grant { slots, leased, wait: None })
}

#[test]
fn a_share_of_the_concurrency_is_kept_without_asking() {
    let mut permits = permits(&FlowSettings::default(), 5);
    for _ in 0..2 {
        assert_eq!(permits.next(0), Next::Go(None));
        permits.started();
    }
    assert_eq!(permits.next(0), Next::Wait);
    permits.ended(RequestKind::Deliver, None, Some(20), false, 20);
    assert_eq!(permits.next(20), Next::Go(None));
    assert!(!permits.holds_anything());
}

#[test]
fn more_processors_than_concurrency_lease_it() {
    let mut permits = permits(&FlowSettings::default(), 50);
    assert_eq!(permits.next(0), Next::Lease);
    assert_eq!(permits.wanted(7, 55_000, 0, false).requests, 7);
    assert_eq!(permits.next(0), Next::Wait, "the lease is awaited");
    permits.leased(grant(1, 2), 0);
    assert!(matches!(permits.next(0), Next::Go(Some(_))));
    permits.started();
    assert_eq!(permits.next(0), Next::Wait, "one at a time");
}

#[test]
fn an_abandoned_request_holds_its_slot_until_it_has_landed() {
    let settings = FlowSettings { landing_ms: 5_000, ..FlowSettings::default() };
    let mut permits = permits(&settings, 50);
    let _ = permits.wanted(7, 55_000, 0, false);
    permits.leased(grant(1, 7), 0);
    let Next::Go(slot) = permits.next(0) else { panic!("it was leased") };
    permits.started();
    permits.ended(RequestKind::Deliver, slot, Some(30_000), true, 30_000);
    assert_eq!(permits.in_flight_after(30_000), Some((1, 35_000)));
    assert_eq!(permits.next(34_999), Next::Wait);
    assert!(matches!(permits.next(35_000), Next::Go(Some(_))));
    assert_eq!(permits.unused(), Some(vec![(60_000, 6)]));
}

/// Permits under 50 requests a second and 10 at once, with a lease of so many.
fn paced(processors: u32, slots: u32, count: u32) -> Permits {
    let rates = vec![RateLimit { count: 50, window_ms: 1_000 }];
    let settings = FlowSettings { rates, concurrency_max: 10, ..FlowSettings::default() };
    let mut permits = permits(&settings, processors);
    let _ = permits.wanted(1_000, 60_000, 0, false);
    let leased = Leased { first_us: 0, spacing_us: 20_250, count, until_us: 60_000_000 };
    permits.leased(Ok(Grant { slots, leased, wait: None }), 0);
    permits
}

#[test]
fn the_next_send_slots_are_leased_before_the_last_ones_are_used() {
    let mut permits = paced(4, 10, 6);
    assert!(!permits.runs_short(100, 0));
    assert!((0..2).all(|_| matches!(permits.next(0), Next::Go(Some(_)))));
    assert!(permits.runs_short(5, 0) && !permits.runs_short(4, 0), "there is more to send");
    // What there is to wait for then counts when the last one is used.
    let _ = permits.wanted(98, 60_000, 0, false);
    let wait = Wait { on: WaitOn::Rate, until_ms: 900 };
    let (leased, wait) = (Leased::default(), Some(wait));
    permits.leased(Ok(Grant { slots: 10, leased, wait }), 0);
    assert!((0..4).all(|_| matches!(permits.next(0), Next::Go(Some(_)))));
    assert_eq!((permits.next(0), permits.wait()), (Next::Wait, wait));
}

#[test]
fn all_of_the_concurrency_is_asked_for_until_it_is_known_what_it_takes() {
    let mut permits = paced(4, 2, 10);
    for ended in 1..=16 {
        assert_eq!(
            permits.slots_needed(),
            10,
            "the first {ended} that end are quicker than others"
        );
        permits.started();
        permits.ended(RequestKind::Deliver, None, Some(40), false, 40);
    }
    assert_eq!(permits.wanted(100, 60_000, 40, false).slots, 4, "3 and a little more");
    // Where fewer are to be had, more are asked for in a while.
    permits.leased(grant(2, 0), 40);
    (0..2).for_each(|_| permits.started());
    assert!(!permits.runs_short(100, 130) && permits.runs_short(100, 140));
}

#[test]
fn it_is_known_of_those_before_how_many_it_takes_at_once() {
    let rates = vec![RateLimit { count: 50, window_ms: 1_000 }];
    let settings = FlowSettings { rates, concurrency_max: 10, ..FlowSettings::default() };
    let budget = Budget { mean_us: 40_000, ..Budget::default() };
    let mut permits = Permits::new(&settings, &budget, Deadline::new(0, 60_000), 4);
    let wanted = permits.wanted(1_000, 60_000, 0, false);
    assert_eq!((wanted.slots, wanted.requests, wanted.done_ms), (4, 49, 20_250));
    // What is leased and in hand is not leased again; and it is done when the last of it was sent.
    let leased = Leased { first_us: 0, spacing_us: 20_250, count: 4, until_us: 60_000_000 };
    permits.leased(Ok(Grant { slots: 4, leased, wait: None }), 0);
    let wanted = permits.wanted(14, 60_000, 0, false);
    assert_eq!((wanted.requests, wanted.done_ms), (10, 283));
}

#[test]
fn repro_nothing_is_leased_again_and_again_where_requests_take_longer_than_all_that_is_permitted() {
    let mut permits = paced(4, 10, 40);
    permits.started();
    permits.ended(RequestKind::Deliver, None, Some(5_000), false, 5_000);
    (0..10).for_each(|_| permits.started());
    assert!(!permits.runs_short(100, 9_000));
}

#[test]
fn with_nothing_left_to_send_the_others_get_the_concurrency() {
    let mut alone = paced(1, 10, 10);
    assert_eq!(alone.keeps_too_many(0), None, "there are no others");
    let mut permits = paced(4, 10, 10);
    (0..3).for_each(|_| permits.started());
    assert_eq!(permits.keeps_too_many(0), Some(3));
    assert!(!permits.is_idle(), "nothing is leased before that is written");
    permits.kept();
    assert_eq!((permits.next(0), permits.keeps_too_many(0)), (Next::Wait, None));
}

#[test]
fn a_budget_that_gives_no_answer_is_waited_for() {
    let mut permits = permits(&FlowSettings::default(), 50);
    let _ = permits.wanted(7, 55_000, 0, false);
    permits.leased(Err(Unavailable("lost".into())), 400);
    assert_eq!(permits.wait(), Some(Wait { on: WaitOn::Rate, until_ms: 1_400 }));
    assert_eq!((permits.next(9_000), permits.is_idle()), (Next::Wait, true));
}
