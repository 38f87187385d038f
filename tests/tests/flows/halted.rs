//! A source that cannot be read to its end: what was read before is delivered, and nothing twice.

use tidegate_examples::orders::OrdersConfig;

use super::world::World;

/// The orders, by id.
fn flow(pagination: &str) -> String {
    format!(
        "flow: own
source:
  http:
    url: ${{params.source_url}}/orders
    auth: {{ bearer: '${{secrets.source_token}}' }}
    records: orders
    cursor: {{ by: id }}
    pagination: {pagination}
transform: {{ map: {{ external_id: id, order_ref: number, total_cents: total_cents }} }}
destination:
  http:
    url: ${{params.destination_url}}/fulfillments
    auth: {{ api_key: {{ header: X-Api-Key, value: '${{secrets.destination_key}}' }} }}
    idempotency_key: Idempotency-Key
ordering: none
"
    )
}

#[test]
fn what_was_read_before_a_halt_is_delivered_by_this_run_and_not_again_by_the_next() {
    // The list comes in pages of fifty, and the flow knows nothing of them.
    let world = World::new(OrdersConfig { records: 200, ..OrdersConfig::default() });
    let path = world.flow(&flow("none"));
    for _ in 0..2 {
        let ended = world.command("run", &path, &["--until-caught-up"]).run();
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("a part of the list"), "{}", ended.stderr);
        assert!(ended.stderr.contains("pagination: whole"), "{}", ended.stderr);
        let audit = world.orders.audit();
        assert_eq!((audit.delivered, audit.duplicates), (50, 0), "{audit:?}");
    }
    let path = world.flow(&flow("{ last_id: { param: since_id, size_param: limit } }"));
    world.command("run", &path, &["--until-caught-up"]).run().fine();
    world.assert_whole();
}
