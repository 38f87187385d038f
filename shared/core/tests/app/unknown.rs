//! What may have been applied is sent again only where an operator, or the destination when it is asked, says
//! that it was not.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tidegate_core::{
    app::process_replay,
    model::{Blame, FlowSettings, Later, OnUnknown, Ordering, Outcome, Parked, ReplayMessage},
    ports::{Around, BoxFuture, Delivery, Destination, Outgoing, ParkedStore, Receipt},
};
use tidegate_testkit::{Api, World, arrival, run};

/// A destination that can be asked what it has, and says this each time.
struct Asked {
    api: Api,
    says: Arc<Mutex<VecDeque<Result<bool, Later>>>>,
}

impl Around for Asked {
    fn inner(&self) -> &dyn Destination {
        &self.api
    }

    fn deliver_around<'a>(&'a self, records: &'a [Outgoing], ms: u64) -> BoxFuture<'a, Delivery> {
        self.api.deliver(records, ms)
    }

    fn has_around<'a>(&'a self, _: &'a Outgoing, _: u64) -> BoxFuture<'a, Result<bool, Later>> {
        let says = self.says.lock().unwrap().pop_front().expect("it is asked no more");
        Box::pin(async { says })
    }
}

fn later(unknown: bool) -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Request,
        after_ms: None,
        unknown,
        reason: "no answer".into(),
    })
}

/// A destination that takes a repeat for a new order: it answers so, request by request.
fn world(answers: impl IntoIterator<Item = Outcome>) -> World {
    let settings = FlowSettings {
        ordering: Ordering::Entity,
        on_unknown: OnUnknown::Park,
        ..FlowSettings::default()
    };
    let world = World::new(settings);
    let answers: Arc<Mutex<VecDeque<_>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
    world.api.answers(move |_| answers.lock().unwrap().pop_front().expect("no more is sent"));
    world
}

fn parked(world: &World) -> Vec<Parked> {
    run(world.ports.store.parked(&world.flow.stream, None, 10)).expect("memory answers")
}

/// Lets every lock run out.
fn wait(world: &World) {
    world.ports.clock.advance(world.invocation_ms + world.flow.settings.landing_ms + 1);
}

/// An operator asks now for a replay of what is parked.
fn asked(world: &World) -> ReplayMessage {
    let keys = parked(world).into_iter().map(|parked| parked.key).collect();
    ReplayMessage { stream: world.flow.stream.clone(), keys, asked_ms: world.now_ms() }
}

/// An operator replays what is parked, and a processor receives it at once.
fn replay(world: &World) {
    work(world, asked(world));
}

/// A processor receives a replay's message.
fn work(world: &World, message: ReplayMessage) {
    let receipt = Receipt("replay".into());
    let replayed = process_replay(&world.ports, &world.flow, receipt, message, world.deadline(), 1);
    run(replayed).expect("memory answers");
}

/// The first request's outcome is unknown, and an operator replays it: that request fails, and is known not to
/// have been applied. This says nothing of the first one, but ended the claim as if it did. When the page was
/// read again, the record was sent a third time, though the first request had been applied meanwhile.
#[test]
fn repro_a_replay_that_fails_says_nothing_of_the_request_before_it() {
    let refused = Outcome::Refused { status: Some(422), reason: "no such shop".into() };
    for of_replay in [later(false), refused] {
        let world = world([later(true), of_replay.clone()]);
        world.process(vec![arrival(world.page([1]), 1)]);
        assert!(parked(&world).iter().all(Parked::is_unknown) && parked(&world).len() == 1);
        wait(&world);
        replay(&world);
        assert_eq!(world.api.requests(), 2, "the operator confirmed it");
        wait(&world);
        world.process(vec![arrival(world.page([1]), 1)]);
        assert_eq!(world.api.requests(), 2, "{of_replay:?}");
        assert!(parked(&world).iter().all(Parked::is_unknown) && parked(&world).len() == 1);
    }
}

/// Seed 401014: two operators replayed the same record. The outcome of the first replay was unknown too, and the
/// second one, which was asked for before that, was taken for a confirmation that it had not been applied.
#[test]
fn repro_a_replay_confirms_nothing_that_was_sent_after_it_was_asked_for() {
    let world = world([later(true), later(true), Outcome::Delivered]);
    world.process(vec![arrival(world.page([1]), 1)]);
    wait(&world);
    let (first, second) = (asked(&world), asked(&world));
    work(&world, first);
    assert_eq!(world.api.requests(), 2, "the operator confirmed it");
    wait(&world);
    work(&world, second);
    assert_eq!(world.api.requests(), 2, "that confirmed nothing");
    let reasons: Vec<_> = parked(&world).into_iter().map(|parked| parked.reason).collect();
    assert!(matches!(&reasons[..], [reason] if reason.contains("look again")), "{reasons:?}");
    wait(&world);
    replay(&world);
    assert_eq!((world.api.requests(), parked(&world).len()), (3, 0), "the operator looked again");
}

/// The operator looked too early: what was sent could still land.
#[test]
fn a_replay_that_is_asked_for_too_early_confirms_nothing() {
    let world = world([later(true), Outcome::Delivered]);
    world.process(vec![arrival(world.page([1]), 1)]);
    let early = asked(&world);
    wait(&world);
    work(&world, early);
    assert_eq!((world.api.requests(), parked(&world).len()), (1, 1));
    wait(&world);
    replay(&world);
    assert_eq!((world.api.requests(), parked(&world).len()), (2, 0));
}

/// A replay that met a limit was not applied: what its operator confirmed holds still, and it does not wait for
/// its own lock.
#[test]
fn a_replay_that_comes_again_is_confirmed_still() {
    let world = world([later(true), later(false), Outcome::Delivered]);
    world.process(vec![arrival(world.page([1]), 1)]);
    wait(&world);
    let message = asked(&world);
    work(&world, message.clone());
    assert_eq!((world.api.requests(), parked(&world).len()), (2, 1));
    world.ports.clock.advance(1_000);
    work(&world, message);
    assert_eq!((world.api.requests(), parked(&world).len()), (3, 0));
}

/// The lock of a request that was answered stood until its invocation could send no more, a minute or a quarter
/// of an hour later, though what was sent lands soon or never. So did the lock of a question that failed.
#[test]
fn repro_what_was_answered_is_asked_for_as_soon_as_it_can_land_no_more() {
    let mut world = world([later(true)]);
    world.flow.settings.on_unknown = OnUnknown::LookUp;
    world.flow.settings.landing_ms = 2_000;
    let Outcome::Later(failed) = later(false) else { unreachable!() };
    let says = Arc::new(Mutex::new(VecDeque::from([Err(failed), Ok(true)])));
    let api = world.api.clone();
    world.flow.destination = Box::new(Asked { api, says: says.clone() });
    let page = world.page([1]);
    let tried = |receives| {
        let tally = world.process(vec![arrival(page.clone(), receives)]).tally;
        (world.api.requests(), says.lock().unwrap().len(), tally.delivered)
    };
    assert_eq!(tried(1), (1, 2, 0), "its outcome is unknown");
    world.ports.clock.advance(1_999);
    assert_eq!(tried(2), (1, 2, 0), "it may still land");
    world.ports.clock.advance(2);
    assert_eq!(tried(3), (1, 1, 0), "the question fails");
    world.ports.clock.advance(1_000);
    assert_eq!(tried(4), (1, 0, 1), "the destination has it");
}
