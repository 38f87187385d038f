//! A daily quota smaller than the data: each run ends at once and says when it goes on, and the next day's
//! goes on from there.

use serde_json::Value;
use tidegate_examples::orders::OrdersConfig;

use super::world::{World, shipped_orders};

const DAY_S: u64 = 86_400;

/// The shipped flow, with a thousand requests a day.
fn with_quota() -> String {
    shipped_orders()
        .replace("limits:\n", "limits:\n  daily: { count: 1000, zone: America/Chicago }\n")
        .replace("ordering: none", "ordering: entity")
}

fn count(summary: &Value, name: &str) -> u64 {
    summary[name].as_u64().unwrap_or_else(|| panic!("no {name} in {summary}"))
}

#[test]
fn a_quota_of_a_thousand_takes_three_days_for_2500_records() {
    let world = World::new(OrdersConfig { records: 2_500, ..OrdersConfig::default() });
    let flow = world.flow(&with_quota());
    let mut delivered = Vec::new();
    for day in 0..3 {
        let ahead = (day * DAY_S).to_string();
        let options = ["--until-caught-up", "--clock-ahead", &ahead];
        let ended = world.command("run", &flow, &options).run();
        assert_eq!(ended.code, Some(if day == 2 { 0 } else { 3 }), "{ended:?}");
        let summary = ended.json();
        delivered.push(count(&summary, "destination_requests"));
        assert_eq!(summary["caught_up"], day == 2, "{summary}");
        // At midnight in Chicago.
        let goes_on = summary["goes_on_at"].as_str().map(|at| &at[10..]);
        let midnight = goes_on.is_some_and(|at| ["T05:00:00Z", "T06:00:00Z"].contains(&at));
        assert_eq!(midnight, day < 2, "{summary}");
        let waits = &summary["waiting"][0];
        assert_eq!(waits["for"] == "quota", day < 2, "{summary}");
        assert_eq!(ended.stderr.contains("the stream waits"), day < 2, "{}", ended.stderr);
        let status = world.command("status", &flow, &[]).run().fine();
        assert_eq!(status["waiting"][0]["until"], waits["until"], "{status}");
        assert_eq!(count(&summary, "parked"), 0, "{summary}");
    }
    assert_eq!(delivered, [1_000, 1_000, 500]);
    world.assert_whole();
}

#[test]
fn on_the_same_day_there_is_nothing_more_to_be_had() {
    let world = World::new(OrdersConfig { records: 1_200, ..OrdersConfig::default() });
    let flow = world.flow(&with_quota());
    let run = world.command("run", &flow, &["--until-caught-up"]);
    assert_eq!(count(&run.run().json(), "destination_requests"), 1_000);
    let again = run.run().json();
    assert_eq!(count(&again, "destination_requests"), 0, "{again}");
    assert!(again["goes_on_at"].is_string(), "{again}");
}
