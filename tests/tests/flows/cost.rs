//! `cost`: what a flow costs, measured and from a summary.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tidegate_examples::orders::OrdersConfig;

use super::{
    process::{Ended, tidegate},
    world::{World, shipped_orders},
};

fn cost(arguments: &[&str]) -> Ended {
    tidegate(["cost", "--json"].iter().chain(arguments).copied()).run()
}

fn operations(bill: &Value) -> Vec<&str> {
    let lines = bill["operations"].as_array().unwrap();
    lines.iter().map(|line| line["operation"].as_str().unwrap()).collect()
}

fn total(bill: &Value) -> f64 {
    bill["usd_per_million_records"].as_f64().unwrap()
}

fn write(folder: &Path, name: &str, value: &Value) -> String {
    let path = folder.join(name);
    fs::write(&path, value.to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn a_shipped_flow_costs_what_its_operations_and_its_functions_cost() {
    let bill = cost(&["orders", "--records", "1000"]).fine();
    assert_eq!(bill["records"], 1_000);
    assert_eq!(bill["prices"]["region"], "us-east-1");
    for operation in [
        "BatchGetItem",
        "TransactWriteItems",
        "UpdateItem",
        "SendMessageBatch",
        "ReceiveMessage",
        "DeleteMessageBatch",
        "Lambda, fetcher",
        "Lambda, processor",
        "Lambda requests",
        "Scheduler",
    ] {
        assert!(operations(&bill).contains(&operation), "{operation} in {bill}");
    }
    let lines = bill["operations"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["estimated"] == false), "{bill}");
    let sum: f64 = lines.iter().map(|line| line["usd"].as_f64().unwrap()).sum();
    assert!(total(&bill) > 0.0 && (total(&bill) - sum).abs() < 1e-9, "{bill}");
    assert!(bill["advice"].as_str().is_some_and(|advice| advice.contains("% of it")), "{bill}");
}

#[test]
fn a_price_of_twice_as_much_costs_its_units_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let summary = tidegate(["demo", "orders", "--records", "1000", "--json"]).run().fine();
    let summary = write(folder.path(), "summary.json", &summary);
    let before = cost(&["--from", &summary]).fine();

    let mut prices: Value =
        serde_json::from_str(include_str!("../../../cli/src/cost/prices.json")).unwrap();
    let price = prices["usd_per_million"]["dynamodb_write_units"].as_f64().unwrap();
    prices["usd_per_million"]["dynamodb_write_units"] = json!(2.0 * price);
    let prices = write(folder.path(), "prices.json", &prices);
    let after = cost(&["--from", &summary, "--prices", &prices]).fine();

    let lines = before["operations"].as_array().unwrap().iter();
    let writes = lines.filter(|line| line["unit"] == "write units");
    let units: f64 = writes.map(|line| line["units"].as_f64().unwrap()).sum();
    assert!(units > 0.0);
    let more = total(&after) - total(&before);
    assert!((more - units / 1e6 * price).abs() < 1e-9, "{more} for {units}: {before}");
}

#[test]
fn a_flow_of_ones_own_is_costed_by_what_its_run_printed() {
    let world = World::new(OrdersConfig { records: 1_000, ..OrdersConfig::default() });
    let flow = world.flow(shipped_orders());
    let counted = world.command("run", &flow, &["--until-caught-up", "--count-units"]);
    let mut summary = counted.run().fine();
    let folder = tempfile::tempdir().unwrap();
    let measured = cost(&["--from", &write(folder.path(), "counted.json", &summary)]).fine();

    let units = summary["aws_units"].as_object_mut().unwrap();
    units.retain(|operation, _| !operation.contains("Item"));
    let estimated = cost(&["--from", &write(folder.path(), "plain.json", &summary)]).fine();
    // Items are small, so that what is estimated of them is not far from it.
    let (measured, estimated) = (total(&measured), total(&estimated));
    assert!((estimated / measured - 1.0).abs() < 0.1, "{estimated} for {measured}");
}

#[test]
fn what_cannot_be_costed_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let no_summary = write(folder.path(), "some.json", &json!({ "delivered": 1 }));
    let no_prices = write(folder.path(), "prices.json", &json!({ "date": "2026-11-27" }));
    for (arguments, named) in [
        (&["nothing"][..], "no flow `nothing`"),
        (&["--from", &no_summary], "ends with no summary: missing field"),
        (&["--from", "absent.json"], "absent.json cannot be read"),
        (&["orders", "--prices", &no_prices], "is no price table: missing field `region`"),
        (&["orders", "--from", &no_summary], "cannot be used with"),
        (&["--from", &no_summary, "--records", "7"], "cannot be used with"),
        (&[], "required"),
    ] {
        let ended = cost(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(named), "{arguments:?}: {}", ended.stderr);
    }
}
