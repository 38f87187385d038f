//! What may have been applied is sent again only where an operator confirms that it was not.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tidegate_core::{
    app::process_replay,
    model::{Blame, FlowSettings, Later, OnUnknown, Ordering, Outcome, Parked, ReplayMessage},
    ports::{ParkedStore, Receipt},
};
use tidegate_testkit::{World, arrival, run};

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

/// An operator replays what is parked.
fn replay(world: &World) {
    let keys = parked(world).into_iter().map(|parked| parked.key).collect();
    let message = ReplayMessage { stream: world.flow.stream.clone(), keys };
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
