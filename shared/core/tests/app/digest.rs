//! The digest of new errors: every error is told of, and in order of time; told twice after a crash at
//! the most.

use std::{
    collections::BTreeMap,
    future::{Future, pending},
    pin::pin,
    sync::Mutex,
    task::{Context, Waker},
};

use tidegate_core::{
    app::{DigestReport, Ports, digest, preview},
    model::{Digest, DigestState, Parked, ParkedError, RecordId, RecordKey, StreamId, Version},
    ports::{Digests, Notifier, ParkedStore, Unavailable},
};
use tidegate_testkit::{ManualClock, MemoryStore, drive, run, yield_once};

/// The longest from an error's stamp to its write.
const LAG_MS: i64 = 60_000;

/// What befalls one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    CrashBefore,
    CrashAfter,
    LostBefore,
    LostAfter,
}
const FATES: [Fate; 4] = [Fate::CrashBefore, Fate::CrashAfter, Fate::LostBefore, Fate::LostAfter];

/// A table, a clock, a reader, and what goes wrong at which call.
struct World {
    store: MemoryStore,
    clock: ManualClock,
    calls: Mutex<u64>,
    fates: Mutex<BTreeMap<u64, Fate>>,
    sent: Mutex<Vec<Digest>>,
}

/// The world as a digest sees it: every call yields, and may crash it or lose its answer.
struct Hand<'a>(&'a World);

impl World {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            clock: ManualClock::at(1_000_000_000),
            calls: Mutex::default(),
            fates: Mutex::default(),
            sent: Mutex::default(),
        }
    }

    /// Parks a record of this id just now.
    fn park(&self, stream: &str, id: i64) {
        self.park_at(stream, id, self.now_ms());
    }

    fn park_at(&self, stream: &str, id: i64, parked_at_ms: i64) {
        let parked = Parked {
            stream: stream.parse().unwrap(),
            key: RecordKey { id: RecordId::Number(id), version: Version(1) },
            status: Some(422),
            reason: format!("no such shop: {id}").into(),
            page: 1,
            deleted: false,
            parked_at_ms,
            data: "{}".into(),
        };
        run(self.store.park(&[parked])).unwrap();
    }

    fn now_ms(&self) -> i64 {
        tidegate_core::ports::Clock::now_ms(&self.clock)
    }

    async fn digest(&self) -> Result<DigestReport, Unavailable> {
        let (store, clock) = (Hand(self), self.clock.clone());
        let ports = Ports { store, queue: (), clock, entropy: () };
        digest(&ports, &Hand(self), LAG_MS).await
    }

    /// The digest of some time later; `None` where it died.
    fn later(&self) -> Option<Result<DigestReport, Unavailable>> {
        self.clock.advance(LAG_MS + 1);
        driven(self.digest())
    }

    /// How many errors each digest had, since it was last asked.
    fn told(&self) -> Vec<u64> {
        self.sent.lock().unwrap().drain(..).map(|digest| digest.errors).collect()
    }
}

impl Hand<'_> {
    async fn call<T>(&self, act: impl Future<Output = T>) -> Result<T, Unavailable> {
        yield_once().await;
        let number = {
            let mut calls = self.0.calls.lock().unwrap();
            *calls += 1;
            *calls
        };
        let fate = self.0.fates.lock().unwrap().remove(&number);
        match fate {
            Some(Fate::CrashBefore) => pending().await,
            Some(Fate::LostBefore) => Err(Unavailable("lost".into())),
            Some(Fate::CrashAfter) => {
                act.await;
                pending().await
            }
            Some(Fate::LostAfter) => {
                act.await;
                Err(Unavailable("lost".into()))
            }
            None => Ok(act.await),
        }
    }
}

impl Digests for Hand<'_> {
    async fn parking_streams(&self) -> Result<Vec<StreamId>, Unavailable> {
        self.call(self.0.store.parking_streams()).await?
    }

    async fn errors(
        &self,
        stream: &StreamId,
        from_ms: i64,
        until_ms: i64,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<ParkedError>, Unavailable> {
        self.call(self.0.store.errors(stream, from_ms, until_ms, after, limit)).await?
    }

    async fn digest_state(&self) -> Result<DigestState, Unavailable> {
        self.call(self.0.store.digest_state()).await?
    }

    async fn swap_digest_state(
        &self,
        seen: DigestState,
        to: DigestState,
    ) -> Result<bool, Unavailable> {
        self.call(self.0.store.swap_digest_state(seen, to)).await?
    }
}

impl Notifier for Hand<'_> {
    async fn notify(&self, digest: &Digest) -> Result<(), Unavailable> {
        self.call(async { self.0.sent.lock().unwrap().push(digest.clone()) }).await
    }
}

/// More polls than any digest needs.
const POLLS_MAX: u64 = 1_000;

/// Polls to the end; `None` where there is none, for it crashed.
fn driven<T>(future: impl Future<Output = T>) -> Option<T> {
    drive(future, POLLS_MAX)
}

#[test]
fn a_thousand_new_errors_make_one_digest_and_the_next_has_none() {
    let world = World::new();
    for id in 0..1_000 {
        world.park(if id < 700 { "orders/shop" } else { "leads/crm" }, id);
    }
    assert_eq!(world.later(), Some(Ok(DigestReport { sent: 1, errors: 1_000 })));
    let sent = world.sent.lock().unwrap().pop().unwrap();
    assert_eq!((sent.flows, sent.groups.len(), sent.ungrouped), (2, 2, 0));
    assert_eq!(sent.groups.iter().map(|group| group.count).collect::<Vec<_>>(), [300, 700]);
    for _ in 0..3 {
        assert_eq!(world.later(), Some(Ok(DigestReport::default())));
    }
    assert!(world.told().is_empty());
}

#[test]
fn a_record_that_is_refused_again_is_a_new_error() {
    let world = World::new();
    world.park("orders/shop", 1);
    world.park("orders/shop", 2);
    world.later();
    world.park("orders/shop", 2);
    world.later();
    world.later();
    assert_eq!(world.told(), [2, 1]);
}

#[test]
fn an_error_whose_write_takes_long_is_in_the_next_digest() {
    let world = World::new();
    world.park("orders/shop", 1);
    let stamped_ms = world.now_ms() + LAG_MS + 1;
    world.later();
    world.clock.advance(LAG_MS - 1);
    // Stamped just then, and written after another digest had gone by.
    assert_eq!(driven(world.digest()), Some(Ok(DigestReport::default())));
    world.park_at("orders/shop", 2, stamped_ms);
    world.later();
    assert_eq!(world.told(), [1, 1]);
}

#[test]
fn of_errors_in_one_moment_with_a_digest_none_is_left_out() {
    let world = World::new();
    for id in 1..=3 {
        world.park("orders/shop", id);
        world.park("orders/shop", 10 + id);
        // The clock stands still but for the lag.
        world.clock.advance(LAG_MS);
        driven(world.digest());
    }
    world.later();
    assert_eq!(world.told().iter().sum::<u64>(), 6);
}

#[test]
fn a_clock_that_goes_back_moves_nothing() {
    let world = World::new();
    world.park("orders/shop", 1);
    world.later();
    let back = World { clock: ManualClock::at(5), ..world };
    assert_eq!(driven(back.digest()), Some(Ok(DigestReport::default())));
    assert_eq!(back.told(), [1]);
}

#[test]
fn a_look_ahead_sends_and_moves_nothing() {
    let world = World::new();
    world.park("orders/shop", 1);
    world.clock.advance(1);
    for _ in 0..2 {
        let ports =
            Ports { store: Hand(&world), queue: (), clock: world.clock.clone(), entropy: () };
        let digest = driven(preview(&ports, 0)).unwrap().unwrap();
        assert_eq!(digest.errors, 1);
    }
    assert!(world.told().is_empty());
    world.later();
    assert_eq!(world.told(), [1]);
}

#[test]
fn a_reader_who_cannot_be_reached_is_sent_the_same_digest_later() {
    let world = World::new();
    world.park("orders/shop", 1);
    world.clock.advance(LAG_MS + 1);
    // The fifth call sends.
    world.fates.lock().unwrap().insert(5, Fate::LostAfter);
    assert!(driven(world.digest()).unwrap().is_err());
    world.park("orders/shop", 2);
    assert_eq!(world.later(), Some(Ok(DigestReport { sent: 2, errors: 2 })));
    let sent = world.sent.lock().unwrap();
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[0], sent[1], "told twice, it is the same one");
    assert_eq!((sent[1].until_ms, sent[2].errors), (sent[2].from_ms, 1));
}

/// After whatever went wrong: each of these errors was told of, in ranges without a gap, and then
/// there is silence.
fn assert_all_told(world: &World, errors: &[i64], what: &str) {
    for _ in 0..2 {
        assert!(matches!(world.later(), Some(Ok(_))), "{what}");
    }
    let sent: Vec<Digest> = std::mem::take(&mut world.sent.lock().unwrap());
    for id in errors {
        let has = |digest: &Digest| {
            digest.groups.iter().any(|group| group.examples.contains(&RecordId::Number(*id)))
        };
        assert!(sent.iter().any(has), "{what}: no digest tells of {id}");
    }
    // A copy may come late, from a slow invocation; what comes for the first time comes in order.
    let mut until_ms = 0;
    let ranges: Vec<_> = sent.iter().map(|digest| (digest.from_ms, digest.until_ms)).collect();
    for (at, range) in ranges.iter().enumerate().filter(|(at, it)| !ranges[..*at].contains(it)) {
        assert!(range.0 >= until_ms, "{what}: {at} of {ranges:?}");
        until_ms = range.1;
    }
    assert_eq!(world.later(), Some(Ok(DigestReport::default())), "{what}");
    assert!(world.told().is_empty(), "{what}: silence");
}

#[test]
fn two_faults_at_any_two_awaits_leave_every_error_told() {
    let mut runs = 0;
    for first in 1..=14 {
        for second in first..=20 {
            for (one, other) in FATES.iter().flat_map(|one| FATES.map(|other| (*one, other))) {
                let world = World::new();
                // The later entry wins where both are the same call: that is a single fault.
                world.fates.lock().unwrap().extend([(first, one), (second, other)]);
                world.park("leads/crm", 1);
                world.park("orders/shop", 2);
                world.later();
                world.park("orders/shop", 3);
                world.later();
                world.park("orders/shop", 4);
                world.later();
                world.fates.lock().unwrap().clear();
                let what = format!("{one:?} at {first}, {other:?} at {second}");
                assert_all_told(&world, &[1, 2, 3, 4], &what);
                runs += 1;
            }
        }
    }
    assert!(runs > 3_000, "{runs}");
}

#[test]
fn two_digests_at_once_leave_every_error_told_in_any_order_of_their_calls() {
    for order in 0u32..1 << 14 {
        let world = World::new();
        world.park("orders/shop", 1);
        world.clock.advance(LAG_MS + 1);
        world.park("orders/shop", 2);
        let (mut one, mut other) = (pin!(world.digest()), pin!(world.digest()));
        let (mut one_done, mut other_done) = (false, false);
        let mut context = Context::from_waker(Waker::noop());
        for turn in 0..100 {
            // What is not given by the order takes turns.
            let first = if turn < 14 { order >> turn & 1 == 0 } else { turn % 2 == 0 };
            if (first || other_done) && !one_done {
                one_done = one.as_mut().poll(&mut context).is_ready();
            } else if !other_done {
                other_done = other.as_mut().poll(&mut context).is_ready();
            }
            if turn == 6 {
                // So that they would claim different ranges.
                world.clock.advance(LAG_MS + 1);
            }
        }
        assert!(one_done && other_done);
        assert_all_told(&world, &[1, 2], &format!("order {order:b}"));
    }
}
