//! A user's own flow file against each pagination and cursor that an API may have.

use tidegate_examples::orders::{Growth, OrdersConfig, SourceConfig, TieOrder, Ties};

use super::world::World;

const DESTINATION: &str = "
transform:
  map:
    external_id: id
    order_ref: number
    total_cents: total_cents
destination:
  http:
    url: ${params.destination_url}/fulfillments/bulk
    auth: { api_key: { header: X-Api-Key, value: '${secrets.destination_key}' } }
    batch:
      size: 100
      field: fulfillments
      key_field: idempotency_key
      results: { path: results, status: status, reason: reason, index: index }
ordering: none
";

/// Runs a flow that lists `path` so, and asserts that every record arrived once.
fn arrives(config: OrdersConfig, path: &str, cursor: &str, pagination: &str) {
    let world = World::new(config);
    let flow = world.flow(&own(path, cursor, pagination));
    let records = world.orders.records();
    let summary = world.command("run", &flow, &["--until-caught-up"]).run().fine();
    assert_eq!(summary["delivered"], records, "{summary}");
    world.assert_whole();
    // Another run finds nothing new, and reads little to see that.
    let idle = world.command("run", &flow, &["--until-caught-up"]).run().fine();
    assert_eq!(idle["delivered"], 0, "{idle}");
}

/// A flow file that lists `path` so.
fn own(path: &str, cursor: &str, pagination: &str) -> String {
    format!(
        "flow: own
source:
  http:
    url: ${{params.source_url}}{path}
    auth: {{ bearer: '${{secrets.source_token}}' }}
    records: orders
    cursor: {cursor}
    pagination: {pagination}
    page_size: 100
{DESTINATION}"
    )
}

fn ties(ties: Ties, tie_order: TieOrder, records: u64) -> OrdersConfig {
    let source = SourceConfig { ties, tie_order, ..SourceConfig::default() };
    OrdersConfig { records, source, ..OrdersConfig::default() }
}

fn plain() -> OrdersConfig {
    OrdersConfig { records: 950, ..OrdersConfig::default() }
}

const PAGES: &str = "{ page_number: { param: page, size_param: per_page, first: 1 } }";
const BY_ID: &str = "{ by: id, since: since_id }";
const BY_TIME: &str = "{ by: timestamp, field: updated_at, since: updated_since, settle_lag: 1s }";
const BY_TIME_AND_ID: &str =
    "{ by: timestamp_id, field: updated_at, since: updated_since, settle_lag: 1s }";

#[test]
fn page_number() {
    arrives(plain(), "/page-number/orders", BY_ID, PAGES);
}

#[test]
fn page_number_where_the_source_knows_no_since() {
    arrives(plain(), "/page-number/orders", "{ by: id }", PAGES);
}

#[test]
fn offset() {
    let pagination = "{ offset: { param: offset, size_param: limit } }";
    arrives(plain(), "/offset/orders", BY_ID, pagination);
}

#[test]
fn body_token() {
    let pagination = "{ token: { param: page_token, path: next_page_token, size_param: limit } }";
    arrives(plain(), "/token/orders", BY_ID, pagination);
}

#[test]
fn link_header() {
    arrives(plain(), "/link/orders", BY_ID, "{ link_header: { size_param: per_page } }");
}

#[test]
fn next_url_in_the_body() {
    let pagination = "{ next_url: { path: next, size_param: limit } }";
    arrives(plain(), "/next-url/orders", BY_ID, pagination);
}

#[test]
fn last_id() {
    let pagination = "{ last_id: { param: since_id, size_param: limit } }";
    arrives(plain(), "/orders", "{ by: id }", pagination);
}

#[test]
fn updated_since_with_seven_records_a_timestamp() {
    for (order, cursor) in [(TieOrder::ById, BY_TIME_AND_ID), (TieOrder::Shuffled, BY_TIME)] {
        let config = ties(Ties::Every(7), order, 950);
        arrives(config, "/updated-since/orders", cursor, PAGES);
    }
}

#[test]
fn updated_since_with_a_thousand_equal_timestamps() {
    for (order, cursor) in [(TieOrder::ById, BY_TIME_AND_ID), (TieOrder::Shuffled, BY_TIME)] {
        let config = ties(Ties::AllEqual, order, 1_000);
        arrives(config, "/updated-since/orders", cursor, PAGES);
    }
}

#[test]
fn a_tie_is_resumed_in_its_middle() {
    let world = World::new(ties(Ties::AllEqual, TieOrder::Shuffled, 1_000));
    let flow = world.flow(&own("/updated-since/orders", BY_TIME, PAGES));
    let options = ["--until-caught-up", "--records-per-run", "130"];
    let summary = world.command("run", &flow, &options).run().fine();
    assert_eq!(summary["delivered"], 1_000);
    assert_eq!(summary["runs"], 8, "a run takes on 130 of one timestamp, the next the rest");
    world.assert_whole();
}

#[test]
fn updated_since_of_a_source_that_grows() {
    let source = SourceConfig {
        ties: Ties::Every(7),
        growth: Some(Growth { per_second: 100.0, total: 300 }),
        ..SourceConfig::default()
    };
    let world = World::new(OrdersConfig { records: 500, source, ..OrdersConfig::default() });
    let flow = world.flow(&own("/updated-since/orders", BY_TIME, PAGES));
    let run = world.command("run", &flow, &["--until-caught-up"]);
    while !world.orders.grown() {
        run.run().fine();
    }
    run.run().fine();
    assert_eq!(world.orders.audit().delivered, 800);
    world.assert_whole();
}
