//! `demo orders` under everything that the example APIs can do to it, and `demo leads`.

use serde_json::Value;

use tidegate_examples::leads::NEVER_OVERWRITTEN;

use super::process::tidegate;

fn demo(options: &[&str]) -> Value {
    let arguments = ["demo", "orders", "--json"].iter().chain(options).copied();
    tidegate(arguments).run().fine()
}

fn number(summary: &Value, name: &str) -> u64 {
    summary[name].as_u64().unwrap_or_else(|| panic!("no {name} in {summary}"))
}

/// Nothing lost, nothing applied twice, nothing parked, nothing dead, no invocation killed.
fn assert_whole(summary: &Value) {
    for name in ["missing", "duplicates", "parked", "dead_letters", "timed_out"] {
        assert_eq!(number(summary, name), 0, "{name} in {summary}");
    }
    assert_eq!(summary["caught_up"], true);
}

#[test]
fn every_order_arrives_once() {
    let summary = demo(&[]);
    assert_whole(&summary);
    assert_eq!(number(&summary, "delivered"), 5_000);
    assert_eq!(number(&summary, "pages"), 50);
    let operations = summary["aws_requests"].as_object().unwrap();
    let requests: u64 = operations.values().map(|it| it.as_u64().unwrap()).sum();
    // What a page, a batch of them, an invocation and a second cost. On a busy machine batches are smaller,
    // and there are more invocations for as many records; no record costs a request.
    let sends = operations["SendMessageBatch"].as_u64().unwrap();
    let pages = number(&summary, "pages");
    assert!(sends <= pages, "{summary}");
    let permitted = pages
        + 2 * sends
        + 7 * number(&summary, "fetch_invocations")
        + 7 * number(&summary, "process_invocations")
        + 4 * number(&summary, "elapsed_ms").div_ceil(1_000);
    assert!(requests <= permitted, "{requests} of {permitted}: {summary}");
}

#[test]
fn black_friday_is_caught_up_after_five_runs() {
    let summary = demo(&["--records-per-run", "1000"]);
    assert_whole(&summary);
    assert_eq!(number(&summary, "runs"), 5);
    let backlog: Vec<u64> =
        summary["backlog"].as_array().unwrap().iter().map(|run| number(run, "backlog")).collect();
    assert_eq!(backlog, [4_000, 3_000, 2_000, 1_000, 0]);
    let took = summary["backlog"].as_array().unwrap().iter().map(|run| number(run, "took"));
    assert!(took.into_iter().all(|took| took <= 1_000));
}

#[test]
fn a_source_that_grows_meanwhile_is_read_to_its_end() {
    let summary = demo(&["--records", "1000", "--records-per-run", "200", "--growth", "60"]);
    assert_whole(&summary);
    assert_eq!(number(&summary, "delivered"), 1_600);
}

#[test]
fn invocations_end_before_their_timeout_and_the_next_goes_on() {
    let options = ["--invocation-seconds", "5", "--latency-ms", "400", "--records", "240"];
    let summary = demo(&options);
    assert_whole(&summary);
    assert!(number(&summary, "longest_invocation_ms") < 5_000, "{summary}");
    assert!(number(&summary, "process_invocations") > 2, "{summary}");
}

#[test]
fn errors_before_and_after_applying_and_dropped_connections_lose_nothing() {
    let options =
        ["--records", "1000", "--fail-before", "0.2", "--fail-after", "0.05", "--drop", "0.05"];
    let summary = demo(&options);
    assert_whole(&summary);
    assert!(number(&summary, "retried") > 100, "{summary}");
}

#[test]
fn an_outage_parks_nothing_and_is_probed_once_a_second() {
    let summary = demo(&["--records", "1000", "--outage-seconds", "6"]);
    assert_whole(&summary);
    assert!(number(&summary, "elapsed_ms") > 6_000);
    // What was in flight when it began, and then single probes.
    let refused = number(&summary["audit"], "outage_503");
    assert!(refused <= 40 + 7, "{refused} requests during the outage: {summary}");
}

#[test]
fn a_limit_is_kept_to_and_everything_arrives() {
    let options = ["--records", "300", "--rate", "50", "--concurrency", "10"];
    assert_whole(&demo(&options));
}

#[test]
fn the_variant_that_marks_orders_at_the_source_marks_every_one() {
    let arguments = ["demo", "orders-marked", "--json", "--records", "700"];
    let summary = tidegate(arguments).run().fine();
    assert_whole(&summary);
    assert_eq!(number(&summary["audit"], "marked"), 700);
    assert_eq!(number(&summary["audit"], "marked_early"), 0);
}

#[test]
fn refused_orders_are_parked_and_the_others_pass() {
    let summary = demo(&["--records", "1000", "--refuse-every", "100"]);
    assert_eq!(number(&summary, "parked"), 10);
    assert_eq!(number(&summary, "delivered"), 990);
    assert_eq!(number(&summary, "missing"), 10);
    assert_eq!(summary["caught_up"], true);
}

#[test]
fn leads_are_completed_and_nothing_known_is_overwritten() {
    let summary = tidegate(["demo", "leads", "--json", "--records", "2000"]).run().fine();
    let audit = &summary["audit"];
    for name in ["missing", "overwritten", "unfilled", "out_of_turn", "unauthorized"] {
        assert_eq!(number(audit, name), 0, "{name} in {audit}");
    }
    for limit in ["rate", "concurrency", "quota"] {
        assert_eq!(number(&audit["limit_errors"], limit), 0, "{audit}");
    }
    for some in ["created", "filled"] {
        assert!(number(audit, some) > 100, "{some} in {audit}");
    }
    assert!((200..=300).contains(&number(audit, "lookup_values_max")), "{audit}");
    // More leads than an answer holds: whom it left off is not taken for unknown.
    assert!(number(audit, "lookups_with_more") > 0, "{audit}");
    // The token ends in the middle.
    assert!(number(audit, "tokens_issued") >= 2, "{audit}");
    let refused = number(audit, "chats_refused") + number(audit, "chats_with_malformed_email");
    assert!(refused > 10);
    assert_eq!((number(&summary, "parked"), number(&summary, "digest_errors")), (refused, refused));
}

#[test]
fn the_audit_of_leads_looks_at_every_field_that_the_flow_never_overwrites() {
    let file = tidegate_flows::get("leads").expect("it is shipped");
    let flow = tidegate_flow::parse("leads.yaml", file).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(flow.never_overwritten(), NEVER_OVERWRITTEN);
}
