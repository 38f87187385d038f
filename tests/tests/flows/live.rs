//! `check --live`: one page of the source, and nothing sent to the destination.

use tidegate_examples::orders::OrdersConfig;

use super::{
    process::{Ended, tidegate},
    world::{World, shipped_orders},
};

fn live(world: &World, flow: &str) -> Ended {
    let path = world.flow(flow).display().to_string();
    let state = world.folder.path().join("state").display().to_string();
    let params = [
        format!("source_url={}", world.orders.source_url),
        format!("destination_url={}", world.orders.destination_url),
    ];
    let arguments =
        ["check", &path, "--live", "--state", &state, "--param", &params[0], "--param", &params[1]];
    tidegate(arguments)
        .secret("source_token", &world.orders.source_token)
        .secret("destination_key", &world.orders.destination_key)
        .run()
}

#[test]
fn a_page_of_the_source_is_shown_with_a_record_through_the_mapping_and_nothing_is_sent() {
    let world = World::new(OrdersConfig { records: 500, ..OrdersConfig::default() });
    let ended = live(&world, shipped_orders());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for said in ["order:      by id, oldest first", "next page:", "external_id"] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!all.contains(&world.orders.source_token), "{all}");
    let audit = world.orders.audit();
    assert_eq!((audit.delivered, audit.applied), (0, 0), "{audit:?}");
    // A run afterwards begins where it would have begun.
    let path = world.flow(shipped_orders());
    world.command("run", &path, &["--until-caught-up"]).run().fine();
    world.assert_whole();
}

#[test]
fn what_a_run_would_stop_at_is_wrong_and_the_exit_code_says_so() {
    let world = World::new(OrdersConfig { records: 500, ..OrdersConfig::default() });
    let style =
        "pagination:\n      last_id: { param: since_id, size_param: limit, short_page: ends }";
    assert!(shipped_orders().contains(style), "{}", shipped_orders());
    let ended = live(&world, &shipped_orders().replace(style, "pagination: none"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("wrong:"), "{}", ended.stdout);
    assert!(ended.stderr.contains("one thing is wrong"), "{}", ended.stderr);
}

#[test]
fn a_connection_that_lacks_values_is_named_before_anything_is_asked() {
    let world = World::new(OrdersConfig::default());
    let path = world.flow(shipped_orders()).display().to_string();
    let state = world.folder.path().join("state");
    let ended = tidegate(["check", &path, "--live", "--state", &state.display().to_string()]).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("source_url"), "{}", ended.stderr);
    assert!(!state.exists(), "no state is made for it");
}
