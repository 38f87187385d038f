//! A page's attempts are counted by what failed, and never by waiting.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tidegate_core::{
    app::ProcessReport,
    model::{
        Blame, EpochMs, FlowSettings, Later, Ordering, Outcome, PageMessage, PageNumber, Quota,
        Reset,
    },
    ports::{BoxFuture, CursorStore, Found, LookedUp, Lookup, ParkedStore},
};
use tidegate_testkit::{ManualClock, World, arrival, run};

const INVOCATION_MS: EpochMs = 60_000;
const DAY_MS: EpochMs = 86_400_000;
const ATTEMPTS_MAX: u32 = 3;

/// Nine pages of one record each, the record's id the page's number. The first one's record fails.
struct Pages {
    world: World,
    pages: Vec<PageMessage>,
    /// What the destination answers for record 1, request by request; the others it takes.
    answers: Arc<Mutex<VecDeque<Outcome>>>,
    receives: u32,
}

impl Pages {
    fn new() -> Self {
        let mut settings = FlowSettings::default();
        settings.retry.attempts_max = ATTEMPTS_MAX;
        let world = World { invocation_ms: INVOCATION_MS, ..World::new(settings) };
        let answers: Arc<Mutex<VecDeque<Outcome>>> = Arc::default();
        let scripted = Arc::clone(&answers);
        world.api.answers(move |id| match id {
            1 => scripted.lock().unwrap().pop_front().expect("an answer for record 1"),
            _ => Outcome::Delivered,
        });
        let pages = (1..=9).map(|id| world.page([id])).collect();
        Self { world, pages, answers, receives: 0 }
    }

    /// Processes these pages in one invocation, `later_ms` after the last.
    fn process(&mut self, numbers: &[PageNumber], later_ms: EpochMs) -> ProcessReport {
        self.world.ports.clock.advance(later_ms);
        self.receives += 1;
        let message = |number| self.pages.iter().find(|page| page.number == number);
        let message = |number: &PageNumber| message(*number).expect("one of nine").clone();
        let arrivals = numbers.iter().map(|number| arrival(message(number), self.receives));
        self.world.process(arrivals.collect())
    }

    fn attempts(&self) -> u32 {
        let pages = run(self.world.ports.store.pages_after(&self.world.flow.stream, 0, 1));
        pages.expect("memory answers")[0].attempts
    }

    /// What record 1 is answered next.
    fn answers(&self, outcome: Outcome) {
        self.answers.lock().unwrap().push_back(outcome);
    }
}

fn later(blame: Blame, unknown: bool) -> Outcome {
    Outcome::Later(Later { blame, after_ms: None, unknown, reason: "not now".into() })
}

/// A look-up that takes all the time that there is.
struct Slow(ManualClock);

impl Lookup for Slow {
    fn keys_max(&self) -> usize {
        10
    }

    fn key(&self, _: &[u8]) -> Result<Option<Box<str>>, Box<str>> {
        Ok(Some("key".into()))
    }

    fn look_up<'a>(&'a self, keys: &'a [Box<str>], _: u64) -> BoxFuture<'a, LookedUp> {
        self.0.advance(INVOCATION_MS - 1_000);
        let found: Vec<Found> = vec![None; keys.len()];
        Box::pin(async { LookedUp { found: Ok(found), allowance: None } })
    }
}

#[test]
fn repro_a_used_up_quota_is_no_failed_attempt() {
    let mut pages = Pages::new();
    let reset = Reset::Daily { zone: "UTC".into(), minute: 0 };
    pages.world.flow.settings.quotas = vec![Quota { count: 1_000, reset }];
    for _ in 0..ATTEMPTS_MAX + 1 {
        pages.answers(later(Blame::Quota, false));
        let report = pages.process(&[1], DAY_MS);
        assert!(report.quota_until_ms.is_some(), "{report:?}");
        assert_eq!(pages.attempts(), 0);
    }
    // Then one failure, while others get through.
    pages.answers(later(Blame::Request, false));
    let report = pages.process(&[1, 2], DAY_MS);
    assert_eq!((report.tally.parked, report.tally.delivered), (0, 1), "{report:?}");
    assert_eq!(pages.attempts(), 1);
}

#[test]
fn repro_a_look_up_that_leaves_no_time_to_send_is_no_failed_attempt() {
    let mut pages = Pages::new();
    pages.world.flow.lookup = Some(Box::new(Slow(pages.world.ports.clock.clone())));
    for _ in 0..ATTEMPTS_MAX + 1 {
        let report = pages.process(&[1], INVOCATION_MS);
        assert_eq!((report.tally.requests, report.tally.parked), (1, 0), "{report:?}");
        assert_eq!(pages.attempts(), 0);
    }
}

#[test]
fn limits_are_no_failed_attempt() {
    let mut pages = Pages::new();
    for _ in 0..ATTEMPTS_MAX + 1 {
        pages.answers(later(Blame::Limit, false));
        pages.process(&[1], INVOCATION_MS);
        assert_eq!(pages.attempts(), 0);
    }
}

#[test]
fn what_fails_while_others_get_through_is_given_up_after_its_attempts() {
    for failure in [later(Blame::Request, false), later(Blame::Request, true)] {
        let mut pages = Pages::new();
        pages.world.flow.settings.ordering = Ordering::None;
        for attempt in 1..ATTEMPTS_MAX {
            pages.answers(failure.clone());
            pages.process(&[1, PageNumber::from(attempt) + 1], INVOCATION_MS);
            assert_eq!(pages.attempts(), attempt);
        }
        pages.answers(failure);
        let report = pages.process(&[1, PageNumber::from(ATTEMPTS_MAX) + 1], INVOCATION_MS);
        assert_eq!((report.tally.parked, report.tally.delivered), (1, 1), "{report:?}");
        let parked =
            run(pages.world.ports.store.parked(&pages.world.flow.stream, None, 9)).unwrap();
        assert!(parked[0].reason.starts_with("gave up"), "{parked:?}");
    }
}

/// It was tried for ever: no others were there that could get through meanwhile.
#[test]
fn repro_the_last_record_of_a_stream_is_given_up_after_its_attempts() {
    for failure in
        [later(Blame::Request, true), later(Blame::Record, true), later(Blame::Rights, false)]
    {
        let mut pages = Pages::new();
        pages.world.flow.settings.ordering = Ordering::None;
        pages.process(&[2, 3, 4, 5, 6, 7, 8, 9], INVOCATION_MS);
        for attempt in 1..ATTEMPTS_MAX {
            pages.answers(failure.clone());
            pages.process(&[1], INVOCATION_MS);
            assert_eq!(pages.attempts(), attempt);
        }
        pages.answers(failure);
        let report = pages.process(&[1], INVOCATION_MS);
        assert_eq!((report.tally.parked, report.tally.delivered), (1, 0), "{report:?}");
    }
}

/// Where nothing was taken at all, it may as well be the destination.
#[test]
fn the_first_record_of_a_stream_is_not_given_up() {
    let mut pages = Pages::new();
    pages.world.flow.settings.ordering = Ordering::None;
    for _ in 0..3 * ATTEMPTS_MAX {
        pages.answers(later(Blame::Request, true));
        let report = pages.process(&[1], INVOCATION_MS);
        assert_eq!(report.tally.parked, 0, "{report:?}");
    }
    // What the destination answered, though it is not understood, is of the record.
    pages.answers(later(Blame::Record, true));
    assert_eq!(pages.process(&[1], INVOCATION_MS).tally.parked, 1);
}
