//! What a right file comes to.

use tidegate_core::model::{
    DeadLetters, FlowSettings, Ordering, Priority, RateLimit, RetryPolicy, Secret,
};
use tidegate_flow::{
    Connection, FlowSpec, parse, secret_variable,
    spec::{
        AnswerIs, Cast, CountHeader, CursorBy, DestinationSpec, FailureKind, JsonTemplate,
        LimitBodySpec, LimitHeadersSpec, Meaning, OnUnknown, PaginationSpec, ResetIn, ResultOrder,
        ShapeSpec, SourceSpec, WhenAbsent,
    },
};

const GOOD: &str = include_str!("good.yaml");
const ANSWERS: &str = include_str!("answers.yaml");
const LEAST: &str = "
flow: least
source: { http: { url: 'https://a.example/x', cursor: { by: id }, pagination: none } }
destination: { http: { url: 'https://b.example/y' } }
";

fn read(text: &str) -> FlowSpec {
    parse("good.yaml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_key_reaches_the_spec() {
    let flow = read(GOOD);
    assert_eq!(flow.name, "contacts");
    assert_eq!(flow.params["tenant"].default.as_deref(), Some("main"));

    let SourceSpec::Http(source) = &flow.source;
    assert_eq!(source.query["active"].as_literal(), Some("true"));
    assert_eq!(source.query["limit"].as_literal(), Some("5"));
    assert_eq!(
        (source.records.join("."), source.id.join(".")),
        ("data.items".into(), "uuid".into())
    );
    assert_eq!(source.cursor.by, CursorBy::TimestampId);
    assert!(source.cursor.inclusive);
    assert_eq!(source.cursor.until.as_deref(), Some("updated_until"));
    assert_eq!(
        source.pagination,
        PaginationSpec::Token {
            param: "cursor".into(),
            path: vec!["meta".into(), "next".into()],
            size_param: Some("per_page".into()),
            alone: false,
        }
    );
    assert_eq!(
        (source.page_size, source.timeout_ms, source.body_bytes_max),
        (250, 20_000, 1 << 20)
    );
    let mark = source.mark.as_ref().unwrap();
    assert!(mark.url.needs_record());
    assert_eq!(mark.body.as_ref().unwrap()["seen"], true);

    assert_eq!(flow.transform.filter.as_deref(), Some(".status != \"draft\""));
    let ShapeSpec::Map(fields) = &flow.transform.shape else { panic!("{:?}", flow.transform) };
    let targets: Vec<_> = fields.iter().map(|(target, _)| target.join(".")).collect();
    assert_eq!(targets, ["name", "address.city", "score", "kind"], "the file's order");
    assert_eq!(fields[1].1.cast, Some(Cast::String));
    assert_eq!(fields[2].1.when_absent, WhenAbsent::Null);

    let DestinationSpec::Http(destination) = &flow.destination;
    assert_eq!((&*destination.method, destination.timeout_ms), ("PUT", 10_000));
    assert_eq!(destination.idempotency_header.as_deref(), Some("X-Idempotency-Key"));
    let batch = destination.batch.as_ref().unwrap();
    assert_eq!((batch.size, batch.bytes_max), (100, 500_000));
    assert_eq!(batch.results.as_ref().unwrap().ok, ["200", "merged"]);
    assert_eq!(
        (&destination.refuse, &destination.retry_status, &destination.duplicate),
        (&vec![410], &vec![423], &vec![409])
    );

    let rates = vec![
        RateLimit { count: 100, window_ms: 20_000 },
        RateLimit { count: 50_000, window_ms: 86_400_000 },
    ];
    assert_eq!(flow.limits.rate, rates);
    assert_eq!(
        flow.settings,
        FlowSettings {
            ordering: Ordering::Entity,
            page_records_max: 50,
            window_pages_max: 20,
            settle_lag_ms: 5_000,
            concurrency_max: 4,
            rates: rates[..1].to_vec(),
            quotas: vec![rates[1].into_quota()],
            budget: Some("crm".into()),
            priority: Priority::Normal,
            on_unknown: tidegate_core::model::OnUnknown::Retry,
            retry: RetryPolicy { attempts_max: 5, base_ms: 500, cap_ms: 120_000 },
            dead_letters: DeadLetters::Block,
            stuck_after_ms: 1_800_000,
            request_timeout_ms: 10_000,
            lookup_timeout_ms: 30_000,
            landing_ms: 10_000,
        }
    );
    assert_eq!(flow.schedule.as_deref(), Some("cron(0 6 * * ? *)"));
}

fn path(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

#[test]
fn a_list_may_be_asked_for_by_a_body_with_places_for_parameters() {
    let text = include_str!("posted.yaml");
    // The method is plain from the body.
    for text in [text.to_owned(), text.replace("    method: POST\n", "")] {
        let flow = parse("deals.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        let SourceSpec::Http(source) = &flow.source;
        let Some(JsonTemplate::Object(fields)) = &source.body else { panic!("{source:?}") };
        let value = |name: &str| fields.iter().find(|(key, _)| key == name).map(|field| &field.1);
        assert_eq!(value("archived"), Some(&JsonTemplate::Plain(false.into())));
        let owner = Some(JsonTemplate::Text("${params.owner}".parse().unwrap()));
        let Some(JsonTemplate::List(filters)) = value("filters") else { panic!("{fields:?}") };
        let JsonTemplate::Object(filter) = &filters[0] else { panic!("{filters:?}") };
        assert_eq!(filter.iter().find(|(key, _)| key == "is").map(|field| field.1.clone()), owner);
        assert!(matches!(source.pagination, PaginationSpec::Token { alone: true, .. }));
    }
    // The position and the last record's id may be one parameter, as in a query.
    let both = text
        .replace("by: timestamp, field: updated, format: epoch_ms", "by: id")
        .replace(", start: 0, until: before", "")
        .replace(
            "token: { param: paging.after, path: paging.next,",
            "last_id: { param: filters.1.after.value,",
        )
        .replace(", alone: true", "");
    parse("deals.yaml", &both).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn what_answers_mean_reaches_the_spec() {
    let flow = read(ANSWERS);
    let DestinationSpec::Http(destination) = &flow.destination;
    let answers = &destination.answers;
    assert_eq!(answers.code, Some(path("errors.0.code")));
    assert_eq!(answers.reason, Some(path("errors.0.message")));
    let answered = |status: &[u16], code: &[&str]| AnswerIs::Answered {
        status: status.to_vec(),
        code: code.iter().map(|code| (*code).to_owned()).collect(),
    };
    let rules: Vec<_> =
        answers.rules.iter().map(|rule| (&rule.when, rule.means, rule.after_ms)).collect();
    assert_eq!(
        rules,
        [
            (&answered(&[423], &[]), Meaning::Retry, Some(90_000)),
            (&answered(&[500, 502], &["611"]), Meaning::Unknown, None),
            (&answered(&[], &["606", "615", "700-709"]), Meaning::Limit, Some(20_000)),
            (&answered(&[], &["607"]), Meaning::Quota, None),
            (&answered(&[], &["601", "602"]), Meaning::Token, None),
            (&answered(&[], &["1003"]), Meaning::Refused, None),
            (
                &AnswerIs::Failed(vec![FailureKind::Timeout, FailureKind::Broken]),
                Meaning::Unknown,
                None
            ),
            (&AnswerIs::Failed(vec![FailureKind::Connect]), Meaning::Down, None),
        ]
    );
    let results = destination.batch.as_ref().unwrap().results.as_ref().unwrap();
    assert_eq!(results.code, Some(path("reasons.0.code")));
    let order = |ignore_case| {
        let (result, record) = (path("email"), path("contact.email"));
        ResultOrder::Key { result, record, ignore_case }
    };
    assert_eq!(results.order, order(false));
    let record_key = "record_key: contact.email";
    let folded = ANSWERS.replace(record_key, &format!("{record_key}\n        ignore_case: true"));
    let DestinationSpec::Http(folded) = read(&folded).destination;
    assert_eq!(folded.batch.unwrap().results.unwrap().order, order(true));
    let OnUnknown::Lookup(has) = &destination.on_unknown else { panic!("no look-up") };
    assert!(has.url.needs_record());
    assert_eq!((&has.found_status, &has.missing), (&vec![200, 206], &vec![404, 410]));
    assert_eq!(has.found_path, Some(path("result")));
}

#[test]
fn where_answers_say_what_is_left_reaches_the_spec() {
    let limits = read(ANSWERS).limits;
    assert_eq!(
        limits.headers,
        Some(LimitHeadersSpec {
            count: CountHeader::Remaining("X-HubSpot-RateLimit-Remaining".into()),
            reset: Some("X-HubSpot-RateLimit-Reset".into()),
            reset_in: Some(ResetIn::EpochMillis),
            interval: Some("X-HubSpot-RateLimit-Interval-Milliseconds".into()),
            window_ms: Some(10_000),
        })
    );
    assert_eq!(
        limits.body,
        Some(LimitBodySpec {
            available: path("extensions.cost.throttleStatus.currentlyAvailable"),
            cost: Some(path("extensions.cost.requestedQueryCost")),
            per_second: path("extensions.cost.throttleStatus.restoreRate"),
        })
    );
}

#[test]
fn unknown_outcomes_are_retried_parked_or_looked_up() {
    let on_unknown = |text: &str| {
        let flow = read(&LEAST.replace("/y'", &format!("/y', on_unknown: {text}")));
        let DestinationSpec::Http(destination) = flow.destination;
        destination.on_unknown
    };
    assert!(matches!(on_unknown("retry"), OnUnknown::Retry));
    assert!(matches!(on_unknown("park"), OnUnknown::Park));
    let lookup = on_unknown("{ lookup: { url: 'https://b.example/y/${idempotency_key}' } }");
    let OnUnknown::Lookup(has) = lookup else { panic!("no look-up") };
    assert_eq!((has.found_status, has.missing, has.found_path), (vec![200], vec![404], None));
}

#[test]
fn what_is_left_out_has_its_default() {
    let flow = read(LEAST);
    assert_eq!(flow.settings, FlowSettings::default());
    let SourceSpec::Http(source) = &flow.source;
    assert_eq!(
        (source.page_size, source.timeout_ms, source.body_bytes_max),
        (100, 30_000, 32 << 20)
    );
    assert_eq!((source.id.as_slice(), source.records.len()), (&["id".to_owned()][..], 0));
    assert!(!source.cursor.inclusive);
    let DestinationSpec::Http(destination) = &flow.destination;
    assert_eq!(destination.idempotency_header.as_deref(), Some("Idempotency-Key"));
    assert_eq!(destination.method, "POST");
    assert!(destination.answers.code.is_none() && destination.answers.rules.is_empty());
    assert!(matches!(destination.on_unknown, OnUnknown::Retry));
    assert_eq!((&flow.limits.headers, &flow.limits.body), (&None, &None));
    assert!(matches!(flow.transform.shape, ShapeSpec::Same));
}

#[test]
fn the_header_for_repeats_can_be_left_out() {
    let text = LEAST.replace("/y'", "/y', idempotency_key: false");
    let DestinationSpec::Http(destination) = read(&text).destination;
    assert_eq!(destination.idempotency_header, None);
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
