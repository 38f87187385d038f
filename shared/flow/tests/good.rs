//! What a right file comes to.

use tidegate_core::model::{
    DeadLetters, FlowSettings, OnUnknown, Ordering, Priority, RateLimit, RetryPolicy, Secret,
};
use tidegate_flow::{Connection, FlowSpec, parse, secret_variable};

const GOOD: &str = include_str!("good.yaml");
const ANSWERS: &str = include_str!("answers.yaml");
const POSTED: &str = include_str!("posted.yaml");
const LEAST: &str = "
flow: least
source: { http: { url: 'https://a.example/x', cursor: { by: id }, pagination: none } }
destination: { http: { url: 'https://b.example/y' } }
";

fn read(text: &str) -> FlowSpec {
    parse("good.yaml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The snapshots show every key of the files, as the kinds hold it; what a kind makes of its keys is
/// tested beside it.
#[test]
fn every_key_reaches_its_kind() {
    for (name, text) in [("good", GOOD), ("answers", ANSWERS), ("posted", POSTED), ("least", LEAST)]
    {
        insta::assert_debug_snapshot!(name, read(text));
    }
}

#[test]
fn the_protocol_goes_by_what_the_file_says() {
    let flow = read(GOOD);
    assert_eq!(flow.name, "contacts");
    let daily = RateLimit { count: 50_000, window_ms: 86_400_000 };
    assert_eq!(
        flow.settings,
        FlowSettings {
            ordering: Ordering::Entity,
            page_records_max: 50,
            window_pages_max: 20,
            settle_lag_ms: 5_000,
            concurrency_max: 4,
            rates: vec![RateLimit { count: 100, window_ms: 20_000 }],
            quotas: vec![daily.into_quota()],
            budget: Some("crm".into()),
            priority: Priority::Normal,
            on_unknown: OnUnknown::Retry,
            retry: RetryPolicy {
                attempts_max: 5,
                base_ms: 500,
                cap_ms: 120_000,
                ..RetryPolicy::default()
            },
            dead_letters: DeadLetters::Block,
            stuck_after_ms: 1_800_000,
            request_timeout_ms: 10_000,
            lookup_timeout_ms: 30_000,
            landing_ms: 10_000,
        }
    );
    assert_eq!(flow.schedule(), Some("cron(0 6 * * ? *)"));
    assert_eq!(read(LEAST).settings, FlowSettings::default());
}

#[test]
fn a_list_may_be_asked_for_by_a_body_with_places_for_parameters() {
    // The method is plain from the body.
    read(&POSTED.replace("    method: POST\n", ""));
    // The position and the last record's id may be one parameter, as in a query.
    let both = POSTED
        .replace("by: timestamp, field: updated, format: epoch_ms", "by: id")
        .replace(", start: 0, until: before", "")
        .replace(
            "token: { param: paging.after, path: paging.next,",
            "last_id: { param: filters.1.after.value,",
        )
        .replace(", alone: true", "");
    read(&both);
}

#[test]
fn other_spellings_of_yaml_are_the_same_flow() {
    let marked = format!("\u{feff}%YAML 1.2\n---\n{}", LEAST.trim_start());
    for text in [LEAST.replace('\n', "\r\n"), marked, format!("# only a comment\n{LEAST}...\n")] {
        assert_eq!(read(&text).name, "least", "{text:?}");
    }
}

#[test]
fn one_rate_needs_no_list() {
    let flow = read(&format!("{LEAST}limits: {{ rate: 50/s }}\n"));
    assert_eq!(flow.settings.rates, [RateLimit { count: 50, window_ms: 1_000 }]);
}

#[test]
fn what_a_connection_lacks_is_named_with_its_place_and_remedy() {
    let flow = read(GOOD);
    let needs = flow.needs();
    assert_eq!(needs.params.keys().collect::<Vec<_>>(), ["source_url", "tenant"]);
    assert_eq!(needs.secrets.keys().collect::<Vec<_>>(), ["api_key", "crm_password"]);

    let missing = flow.missing(&Connection::default(), "flows/contacts.yaml");
    let shown: Vec<_> = missing
        .iter()
        .map(|error| (error.location.line, error.location.column, error.remedy.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (9, 10, "pass --param source_url=VALUE"),
            (
                12,
                48,
                "set the environment variable TIDEGATE_SECRET_CRM_PASSWORD (locally) or the \
                 parameter /tidegate/STAGE/contacts/CONNECTION/secrets/crm_password (on AWS)",
            ),
            (
                47,
                51,
                "set the environment variable TIDEGATE_SECRET_API_KEY (locally) or the parameter \
                 /tidegate/STAGE/contacts/CONNECTION/secrets/api_key (on AWS)",
            ),
        ]
    );
    assert!(missing[0].to_string().contains("--> flows/contacts.yaml:9:10"), "{}", missing[0]);
    assert_eq!(secret_variable("api_key"), "TIDEGATE_SECRET_API_KEY");
}

#[test]
fn an_address_is_checked_once_the_connection_is_known() {
    let flow = read(GOOD);
    let connection = |url: &str| Connection {
        params: [("source_url".into(), url.into())].into(),
        secrets: ["api_key", "crm_password"].map(|name| (name.into(), Secret::new("s"))).into(),
    };
    assert_eq!(flow.missing(&connection("https://crm.example.com"), "f"), []);
    let [error] = flow.missing(&connection("ftp://crm.example.com"), "f").try_into().unwrap();
    assert_eq!(error.location.line, 9);
    assert!(error.message.contains("ftp://crm.example.com/contacts"), "{}", error.message);
}
