//! A record whose handling kills the process, every time.

use tidegate_examples::orders::OrdersConfig;

use super::world::{World, shipped_orders};

/// Beyond this an allocation fails, and the process is aborted.
const MEMORY_KB: u64 = 2_000_000;
/// Of record 150 this makes a text that doubles until memory is out.
const DEADLY: &str = "transform:
  jq: |
    (if .id == 150 then reduce range(60) as $_ (\"deadly\"; . + .) else .customer.name end)
    as $recipient
    | {order_ref: .number, external_id: .id, recipient: $recipient, items: .lines,
       total_cents: .total_cents, currency: .currency}

destination:";

#[test]
fn a_record_that_kills_the_process_is_found_and_passed() {
    let world = World::new(OrdersConfig { records: 400, ..OrdersConfig::default() });
    let shipped = shipped_orders();
    let (before, after) = (
        shipped.split("transform:").next().unwrap(),
        shipped.split("destination:").nth(1).unwrap(),
    );
    let flow = world.flow(&format!("{before}{DEADLY}{after}"));
    let run = world.command("run", &flow, &["--until-caught-up"]).memory_kb(MEMORY_KB);
    let mut deaths = 0;
    let summary = loop {
        let ended = run.run();
        if ended.code.is_some() {
            break ended.fine();
        }
        deaths += 1;
        assert!(deaths <= 6, "{ended:?}");
    };
    // Once unnoticed, once with the records beside it, twice alone.
    assert_eq!(deaths, 4);
    assert_eq!((&summary["caught_up"], &summary["parked"]), (&true.into(), &1.into()));

    let parked = world.command("parked", &flow, &[]).run().fine();
    let record = &parked["records"][0];
    assert_eq!(record["id"], 150);
    assert_eq!(record["reason"], "whoever handled it died, 3 times");
    let audit = world.orders.audit();
    assert_eq!((audit.delivered, audit.missing, audit.duplicates), (399, 1, 0), "{audit:?}");
}
