//! Killed with SIGKILL at random moments, again and again.

use std::{thread, time::Duration};

use tidegate_examples::orders::{DestinationConfig, OrdersConfig};
use tidegate_testkit::SplitMix;

use super::world::{World, shipped_orders};

#[test]
fn killed_twenty_times_nothing_is_missing_and_nothing_is_applied_twice() {
    let world = World::new(OrdersConfig {
        records: 3_000,
        destination: DestinationConfig { latency_ms: 20, ..DestinationConfig::default() },
        ..OrdersConfig::default()
    });
    let flow = world.flow(shipped_orders());
    let run = world.command("run", &flow, &["--until-caught-up"]);
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
    let summary = run.run().fine();
    assert_eq!(summary["caught_up"], true);
    world.assert_whole();
}
