//! Killed with SIGKILL at random moments, again and again.

use std::{
    thread,
    time::{Duration, Instant},
};

use tidegate_examples::orders::{DestinationConfig, OrdersConfig};
use tidegate_testkit::SplitMix;

use super::{
    process::{Ended, Tidegate},
    world::{World, shipped_orders},
};

/// What a run after a crash may take beyond one that nothing disturbs.
const LONGER_MAX: Duration = Duration::from_secs(15);

fn world() -> World {
    World::new(OrdersConfig {
        records: 1_500,
        destination: DestinationConfig { latency_ms: 20, ..DestinationConfig::default() },
        ..OrdersConfig::default()
    })
}

fn run_of(world: &World, flow: &str) -> Tidegate {
    let flow = world.flow(flow);
    world.command("run", &flow, &["--until-caught-up"])
}

/// Runs it to its end; how long that took.
fn finish(run: &Tidegate) -> (Ended, Duration) {
    let began = Instant::now();
    let ended = run.run();
    ended.fine();
    (ended, began.elapsed())
}

/// How long a run waited, by its log: every wait that began and ended, added up.
fn waited(stderr: &str) -> Duration {
    let ended = stderr.lines().filter(|line| line.contains("the stream goes on"));
    let seconds = ended.map(|line| {
        let (_, rest) = line.split_once("waited_s=").unwrap_or_else(|| panic!("{line}"));
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap_or_else(|_| panic!("{line}"))
    });
    Duration::from_secs(seconds.sum())
}

/// Killed twenty times, it ends well, and no later than the longest that it may.
fn killed_twenty_times(flow: &str) {
    let undisturbed_run = |flow| finish(&run_of(&world(), flow)).1;
    let before = undisturbed_run(flow);
    let world = world();
    let run = run_of(&world, flow);
    let mut rng = SplitMix::new(2_026);
    let mut unfinished = 0;
    for _ in 0..20 {
        let mut child = run.start();
        thread::sleep(Duration::from_millis(50 + rng.below(500)));
        unfinished += u32::from(child.try_wait().expect("it can be looked at").is_none());
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
    }
    assert!(unfinished > 5, "{unfinished} of 20 were killed in the middle");
    let (ended, took) = finish(&run);
    assert_eq!(ended.fine()["caught_up"], true);
    world.assert_whole();
    // However busy the machine is.
    let waited = waited(&ended.stderr);
    assert!(waited <= LONGER_MAX, "{waited:?}\n{}", ended.stderr);
    // It may be busier now than it was before: then an undisturbed run takes longer, too.
    let is_longer = |undisturbed| took > undisturbed + LONGER_MAX;
    let undisturbed = if is_longer(before) { undisturbed_run(flow).max(before) } else { before };
    println!("{took:?} after the last kill, {undisturbed:?} undisturbed, {waited:?} waited");
    assert!(!is_longer(undisturbed), "{took:?}, undisturbed {undisturbed:?}");
}

#[test]
fn killed_twenty_times_nothing_is_missing_and_nothing_is_applied_twice() {
    killed_twenty_times(shipped_orders());
}

#[test]
fn killed_twenty_times_with_a_ledger_it_goes_on_at_once() {
    killed_twenty_times(&shipped_orders().replace("ordering: none", "ordering: entity"));
}

#[test]
fn killed_twenty_times_under_a_rate_it_goes_on_at_once() {
    let limits = "limits:\n  rate: 300/1s\n";
    killed_twenty_times(&shipped_orders().replace("limits:\n", limits));
}

/// Where nothing may be sent twice, what was in flight is waited for, from the crash on; the run says so.
#[test]
fn what_a_killed_run_has_sent_is_waited_for_and_shown() {
    let world = world();
    let asks = "    on_unknown: { lookup: { url: \"${params.destination_url}/fulfillments?external_id=\
                ${record.external_id}\", found: { path: fulfillments } } }\n";
    let key = "    idempotency_key: Idempotency-Key\n";
    let flow = shipped_orders().replace("ordering: none", "ordering: entity\nlanding: 6s");
    let flow = world.flow(&flow.replace(key, &format!("{key}{asks}")));
    let mut child = world.command("run", &flow, &["--until-caught-up"]).start();
    while world.orders.audit().delivered < 200 {
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    let began = Instant::now();
    let ended = world.command("run", &flow, &["--until-caught-up"]).run();
    let summary = ended.fine();
    assert_eq!(summary["caught_up"], true);
    assert!(began.elapsed() > Duration::from_secs(5), "{:?}", began.elapsed());
    let line = ended.stderr.lines().find(|line| line.contains("waits_for=recovery"));
    let line = line.unwrap_or_else(|| panic!("nothing is said:\n{}", ended.stderr));
    assert!(line.contains("may still land") && line.contains("until="), "{line}");
    world.assert_whole();
}
