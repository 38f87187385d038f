//! Every bad flow file gets exit code 2, and a message with file, line and remedy.

use std::{fs, path::Path};

use super::process::tidegate;

/// What is done to the shipped flow (a text and what it becomes), and what must then be said.
const FAULTS: &[(&str, &str, &str)] = &[
    ("destination:\n", "destinaton:\n", "destination"),
    ("    records: orders", "    recods: orders", "records"),
    ("    page_size: 100", "    page_size: many", "page_size"),
    ("    page_size: 100", "    page_size: 0", "page_size"),
    ("    page_size: 100", "    page_size: -5", "page_size"),
    ("flow: orders", "flow: or ders", "flow"),
    ("flow: orders", "flow: [orders]", "flow"),
    ("flow: orders", "# no name", "flow"),
    ("${params.source_url}/orders", "ftp://files.example/orders", "http"),
    ("${params.source_url}/orders", "https://", "url"),
    ("${params.source_url}/orders", "${param.source_url}/orders", "params"),
    ("${params.source_url}/orders", "${params.sorce_url}/orders", "source_url"),
    ("bearer: ${secrets.source_token}", "bearer: s3cr3t-in-the-file", "secrets"),
    ("bearer: ${secrets.source_token}", "baerer: ${secrets.source_token}", "bearer"),
    ("      by: id", "      by: sequence", "timestamp"),
    ("      by: id", "      by: timestamp", "field"),
    ("      since: since_id", "      since: since_id\n      settle_lag: 5s", "time"),
    ("      since: since_id", "      since: since_id\n      inclusive: perhaps", "inclusive"),
    ("ends }\n", "ends }\n      link_header: {}\n", "pagination"),
    ("short_page: ends", "short_page: stops", "goes_on"),
    ("    order_ref: number", "    order_ref: { path: number, cast: money }", "cast"),
    ("    note: note", "    note: note\n    note.text: note", "note"),
    ("    note: note", "    note: note\n    note: other", "note"),
    ("  map:\n", "  jq: '.'\n  map:\n", "jq"),
    ("transform:\n", "transform:\n  filter: '.total >'\n", "filter"),
    ("transform:\n", "transform:\n  filter: 'env.HOME'\n", "env"),
    ("idempotency_key: Idempotency-Key", "idempotency_key: 'Not A Header'", "header"),
    ("idempotency_key: Idempotency-Key", "method: FETCH", "POST"),
    ("idempotency_key: Idempotency-Key", "timeout: 5 parsecs", "timeout"),
    ("ordering: none", "ordering: sometimes", "serial"),
    ("  concurrency: 10", "  concurrency: 0", "concurrency"),
    ("  concurrency: 10", "  rate: fast", "rate"),
    ("schedule: rate(5 minutes)", "schedule: every 5 minutes", "rate("),
    ("ordering: none", "ordering: none\n\tindented: true", "tab"),
];

#[test]
fn every_bad_file_is_refused_with_its_line_and_a_remedy() {
    let good = include_str!("../../../flows/orders.yaml");
    let folder = tempfile::tempdir().expect("a folder");
    for (number, (from, to, says)) in FAULTS.iter().enumerate() {
        assert!(good.contains(from), "{from}");
        let text = good.replacen(from, to, 1);
        let file = folder.path().join(format!("bad-{number}.yaml"));
        fs::write(&file, text).expect("it can be written");
        assert_refused(&file, says);
    }
}

fn assert_refused(file: &Path, says: &str) {
    let name = file.display().to_string();
    let ended = tidegate(["check", name.as_str()]).run();
    let said = &ended.stderr;
    assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
    let place = format!("{name}:");
    let at = said.find(&place).unwrap_or_else(|| panic!("{says}: no place in {said}"));
    let line = said[at + place.len()..].split(':').next().unwrap_or_default();
    assert!(line.parse::<u32>().is_ok(), "{says}: no line in {said}");
    assert!(said.contains("help:"), "{says}: no remedy in {said}");
    assert!(said.contains(says), "{says}: not in {said}");
    assert!(!said.contains("s3cr3t-in-the-file"), "a secret is shown: {said}");
}

#[test]
fn a_missing_secret_names_its_line_and_its_variable() {
    let flow = concat!(env!("CARGO_MANIFEST_DIR"), "/../flows/orders.yaml");
    let ended = tidegate([
        "run",
        flow,
        "--param",
        "source_url=http://127.0.0.1:9",
        "--param",
        "destination_url=http://127.0.0.1:9",
    ])
    .run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("orders.yaml:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("TIDEGATE_SECRET_SOURCE_TOKEN"), "{}", ended.stderr);
}

#[test]
fn usage_errors_are_exit_code_two() {
    for arguments in [
        vec!["run"],
        vec!["no-such-command"],
        vec!["demo", "no-such-flow"],
        vec!["run", "no-such-file.yaml"],
    ] {
        let ended = tidegate(arguments.clone()).run();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn the_shipped_flows_pass_their_own_tests() {
    for flow in ["orders", "orders-marked"] {
        let path = format!("{}/../flows/{flow}.yaml", env!("CARGO_MANIFEST_DIR"));
        let ended = tidegate(["check", path.as_str()]).run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
