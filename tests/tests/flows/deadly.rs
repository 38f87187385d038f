//! A record whose handling kills the process, every time; and one whose mapping would take all memory, and does not.

use std::{
    collections::BTreeSet,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use tidegate_examples::orders::OrdersConfig;

use super::{
    api::{Answer, Api},
    world::{ORDERS_BY_ID, World, shipped_orders},
};

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
fn repro_a_program_that_took_all_memory_killed_the_process_four_times() {
    let world = World::new(OrdersConfig { records: 400, ..OrdersConfig::default() });
    let shipped = shipped_orders();
    let (before, after) = (
        shipped.split("transform:").next().unwrap(),
        shipped.split("destination:").nth(1).unwrap(),
    );
    let flow = world.flow(&format!("{before}{DEADLY}{after}"));
    let run = world.command("run", &flow, &["--until-caught-up"]).memory_kb(MEMORY_KB);
    // At the first try, and the process lives on.
    let summary = run.run().fine();
    assert_eq!((&summary["caught_up"], &summary["parked"]), (&true.into(), &1.into()));
    let parked = world.command("parked", &flow, &[]).run().fine();
    let record = &parked["records"][0];
    assert_eq!(record["id"], 150);
    let reason = record["reason"].as_str().unwrap();
    assert!(reason.contains("a text of more than 8 MiB"), "{reason}");
    let audit = world.orders.audit();
    assert_eq!((audit.delivered, audit.missing, audit.duplicates), (399, 1, 0), "{audit:?}");
}

/// Takes every record but one, which kills the process that sends it.
fn deadly(process: Arc<AtomicU32>, taken: Arc<Mutex<BTreeSet<u64>>>) -> Api {
    Api::new(move |body| {
        let record: serde_json::Value = serde_json::from_str(body).expect("JSON is sent");
        let id = record["id"].as_u64().expect("it has an id");
        if id == 150 {
            let process = process.load(SeqCst).to_string();
            let killed = Command::new("kill").args(["-9", &process]).status();
            assert!(killed.expect("there is a `kill`").success());
        } else {
            taken.lock().expect("no test panics there").insert(id);
        }
        Answer::At("200 OK", "{}".to_owned())
    })
}

#[test]
fn a_record_that_kills_the_process_is_found_and_passed() {
    let world = World::new(OrdersConfig { records: 400, ..OrdersConfig::default() });
    let (process, taken) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(BTreeSet::new())));
    let api = deadly(process.clone(), taken.clone());
    let flow = world.flow(&format!(
        "flow: deadly
params: {{ source_url: {{}}, destination_url: {{ default: x }} }}
{ORDERS_BY_ID}destination: {{ http: {{ url: '{}' }} }}
ordering: none
",
        api.url
    ));
    let run = world.command("run", &flow, &["--until-caught-up"]);
    let mut deaths = 0;
    loop {
        let child = run.start();
        process.store(child.id(), SeqCst);
        let ended = child.wait_with_output().expect("it ends");
        if ended.status.code().is_some() {
            assert!(ended.status.success(), "{ended:?}");
            break;
        }
        deaths += 1;
        assert!(deaths <= 6, "{ended:?}");
    }
    // Once unnoticed, once with the records beside it, twice alone.
    assert_eq!(deaths, 4);
    let parked = world.command("parked", &flow, &[]).run().fine();
    assert_eq!(parked["parked"], 1);
    let record = &parked["records"][0];
    assert_eq!(record["id"], 150);
    assert_eq!(record["reason"], "poison record: its processor crashed 3 times");
    assert_eq!(taken.lock().unwrap().len(), 399);
}
