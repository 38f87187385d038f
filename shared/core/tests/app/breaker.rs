//! The circuit breaker, as running invocations and replays mind it.

use futures_util::future::join;
use tidegate_core::{
    app::{Disposition, ProcessReport, process},
    decide::ALL,
    model::{AdaptiveLimit, Blame, Circuit, EpochMs, FlowSettings, Later, Ordering, Outcome},
    ports::{Clock, ParkedStore},
};
use tidegate_testkit::{World, arrival, run};

/// A world whose destination takes 100 ms a request, and whose invocations last for five minutes.
fn world(settings: FlowSettings) -> World {
    let world = World::new(FlowSettings { ordering: Ordering::None, ..settings });
    world.api.takes(100);
    World { invocation_ms: 300_000, ..world }
}

/// An invocation with a page of so many records.
fn processed(world: &World, records: i64) -> ProcessReport {
    world.process(vec![arrival(world.page(1..=records), 1)])
}

fn later(blame: Blame, after_ms: Option<u64>) -> Outcome {
    Outcome::Later(Later { blame, after_ms, unknown: false, reason: "not now".into() })
}

/// An invocation that had leased nothing went on to its end, until it met the limit itself.
#[test]
fn repro_an_invocation_on_its_way_minds_a_gate_that_another_shut() {
    for budget in [None, Some("crm".into())] {
        let settings = FlowSettings { concurrency_max: 1, budget, ..FlowSettings::default() };
        let world = world(settings);
        let arrivals = vec![arrival(world.page(1..=100), 1)];
        let until_ms = world.now_ms() + 120_000;
        let other = async {
            world.ports.clock.sleep_until(World::START_MS + 2_000).await;
            world.change_budget(|budget| budget.open(ALL, until_ms, 0));
        };
        let (ports, flow) = (&world.ports, &world.flow);
        let invocation = process(ports, flow, arrivals, world.deadline(), 1);
        let (report, ()) = run(join(invocation, other));
        assert_eq!(report.unwrap().tally.throttled, 0);
        let requests = world.api.requests();
        // It looks every second, which is ten requests.
        assert!((20..=32).contains(&requests), "{requests}");
    }
}

#[test]
fn repro_a_replay_waits_for_a_shut_gate() {
    let world = world(FlowSettings::default());
    let until_ms = world.now_ms() + 90_000;
    world.change_budget(|budget| budget.open(ALL, until_ms, 3));
    let report = world.replay(1..=50);
    assert_eq!(world.api.requests(), 0);
    // A little after the circuit's time, as pages are.
    assert!(matches!(
        report.dispositions[..],
        [(_, Disposition::GiveBack { delay_ms: 90_000..91_000 })]
    ));
    // Then it probes, and opens the gate for all.
    world.ports.clock.advance(90_000);
    let report = world.replay(1..=50);
    assert_eq!((report.tally.delivered, world.api.requests()), (50, 50));
    assert_eq!(world.budget().circuit, Circuit::default());
}

#[test]
fn repro_what_a_replay_learns_of_the_destination_all_go_by() {
    for (blame, after_ms) in [
        (Blame::Destination, None),
        (Blame::Destination, Some(45_000)),
        (Blame::Limit, Some(45_000)),
        (Blame::Quota, Some(7_200_000)),
    ] {
        let world = world(FlowSettings::default());
        world.api.answers(move |_| later(blame, after_ms));
        let report = world.replay(1..=50);
        assert_eq!(world.api.requests(), 1, "{blame:?}");
        assert_eq!(report.tally.delivered, 0);
        let shut_ms = world.budget().circuit.open_until_ms - world.now_ms();
        assert_eq!(shut_ms, after_ms.map_or(1_000, |ms| EpochMs::try_from(ms).unwrap()));
        world.api.answers(|_| Outcome::Delivered);
        processed(&world, 10);
        assert_eq!(world.api.requests(), 0, "{blame:?}");
    }
}

/// It was asked every second, for ever, by all at once.
#[test]
fn repro_a_limit_that_does_not_say_when_is_asked_less_and_less_often() {
    let world = world(FlowSettings::default());
    world.api.answers(|_| later(Blame::Limit, None));
    let mut waits = Vec::new();
    for _ in 0..7 {
        let before = world.api.requests();
        processed(&world, 20);
        // The first time all that were started meet it; from then on it is one.
        assert!(waits.is_empty() || world.api.requests() == before + 1);
        let circuit = world.budget().circuit;
        waits.push(circuit.open_until_ms - world.now_ms());
        world.ports.clock.advance_to(circuit.open_until_ms);
    }
    let waits: Vec<EpochMs> = waits.iter().map(|ms| (ms + 500) / 1_000).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    // When it takes something again, all may.
    world.api.answers(|_| Outcome::Delivered);
    let report = processed(&world, 20);
    assert_eq!((report.tally.delivered, report.tally.throttled), (20, 0));
}

/// Each failed probe counted as an invocation that had ended well.
#[test]
fn repro_failed_probes_bring_no_slots_back() {
    let world = world(FlowSettings { concurrency_max: 16, ..FlowSettings::default() });
    let bears = AdaptiveLimit { slots: 1, since_ms: world.now_ms() - 60_000 };
    world.change_budget(|budget| budget.adaptive = Some(bears));
    world.api.answers(|_| later(Blame::Destination, None));
    for _ in 0..5 {
        processed(&world, 20);
        let circuit = world.budget().circuit;
        world.ports.clock.advance_to(circuit.open_until_ms);
    }
    assert_eq!(world.budget().adaptive.map(|bears| bears.slots), Some(1));
    world.api.answers(|_| Outcome::Delivered);
    processed(&world, 20);
    assert_eq!(world.budget().adaptive.map(|bears| bears.slots), Some(2));
}

/// An invocation that leased all it wanted to send kept all slots until its end.
#[test]
fn repro_where_no_rate_is_kept_a_lease_is_for_a_second() {
    let settings =
        FlowSettings { concurrency_max: 4, budget: Some("crm".into()), ..FlowSettings::default() };
    let world = world(settings);
    processed(&world, 200);
    let budget = world.budget();
    // Its changes are numbered: the last is the release.
    let leases: u64 = budget.by.rsplit('.').next().unwrap().parse().unwrap();
    // All of it takes twenty seconds by this clock.
    assert!((15..=25).contains(&leases), "{leases}");
    assert!(budget.holders.is_empty(), "{budget:?}");
}

/// One tenant's revoked key shut the gate of all who shared the budget, and each probe that it won kept
/// it shut.
#[test]
fn repro_refused_credentials_shut_the_gate_of_their_own_stream() {
    let settings = FlowSettings { budget: Some("crm".into()), ..FlowSettings::default() };
    let world = world(settings);
    world.api.answers(|_| later(Blame::Connection, None));
    processed(&world, 20);
    let budget = world.budget();
    assert_eq!(budget.circuit, Circuit::default());
    assert_eq!(budget.circuit_of("orders/shop").failures, 1);
    assert_eq!(budget.blocked_until_ms("orders/other", world.now_ms()), None);

    // Its own processors wait for it, and probe it.
    let requests = world.api.requests();
    processed(&world, 20);
    assert_eq!(world.api.requests(), requests);
    world.ports.clock.advance(2_000);
    processed(&world, 20);
    assert_eq!(world.api.requests(), requests + 1);
    assert_eq!(world.budget().circuit_of("orders/shop").failures, 2);

    // A stream that probes the shared gate and is refused knows at least that the destination is there.
    world.ports.clock.advance(60_000);
    world.change_budget(|budget| budget.refused.clear());
    let now_ms = world.now_ms();
    world.change_budget(|budget| budget.open(ALL, now_ms - 1, 5));
    processed(&world, 20);
    let budget = world.budget();
    assert_eq!(
        (budget.circuit, budget.circuit_of("orders/shop").failures),
        (Circuit::default(), 1)
    );

    // The key is there again.
    world.ports.clock.advance(2_000);
    world.api.answers(|_| Outcome::Delivered);
    assert_eq!(processed(&world, 20).tally.delivered, 20);
    assert!(world.budget().refused.is_empty());
}

/// Nothing was counted once the gate was shut, and they shut it each time: they were never given up, and
/// nothing after them was committed.
#[test]
fn repro_records_that_only_ever_fail_are_given_up_however_many_they_are_on_a_page() {
    let mut settings = FlowSettings { concurrency_max: 1, ..FlowSettings::default() };
    settings.retry.attempts_max = 3;
    let world = world(settings);
    world.api.answers(|id| if id <= 8 { later(Blame::Request, None) } else { Outcome::Delivered });
    let poisoned = world.page(1..=8);
    for receives in 1..30 {
        let others = arrival(world.page(101..=120), 1);
        world.process(vec![arrival(poisoned.clone(), receives), others]);
        world.ports.clock.advance(60_000);
    }
    let parked = run(world.ports.store.parked(&world.flow.stream, None, 100)).unwrap();
    assert_eq!(parked.len(), 8);
}

/// The gate was shut for as long as the lock of another version lasted.
#[test]
fn repro_what_waits_for_another_version_does_not_say_how_long_the_gate_is_shut() {
    let world = world(FlowSettings { concurrency_max: 2, ..FlowSettings::default() });
    world.api.answers(|id| match id {
        1 => later(Blame::NotAttempted, Some(90_000)),
        _ => later(Blame::Destination, None),
    });
    processed(&world, 2);
    let circuit = world.budget().circuit;
    assert!((1..=1_000).contains(&(circuit.open_until_ms - world.now_ms())), "{circuit:?}");
}

/// Its first record failed, and the shared gate was shut for it.
#[test]
fn repro_a_failure_in_the_probe_of_a_streams_own_gate_is_its_own() {
    let settings = FlowSettings { budget: Some("crm".into()), ..FlowSettings::default() };
    let world = world(settings);
    let now_ms = world.now_ms();
    world.change_budget(|budget| budget.open("orders/shop", now_ms - 1, 2));
    world.api.answers(|_| later(Blame::Request, None));
    processed(&world, 20);
    let budget = world.budget();
    assert_eq!((world.api.requests(), budget.circuit), (1, Circuit::default()));
    assert_eq!(budget.circuit_of("orders/shop").failures, 3);
}
