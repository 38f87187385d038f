//! Flows as the tests need them, and walks along them.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_connectors::{Connected, HttpClient, Options, connect};
use tidegate_core::{
    model::{EpochMs, Position, Record, RecordId, Secret},
    ports::{Source, SourceError},
};
use tidegate_flow::{Connection, FlowSpec};
use tidegate_testkit::{MemoryStore, Seeded};

use crate::api::{Api, Sort, Style, TENANT};

/// Far from now: deadlines are on the tests' own clock, which stands still here.
pub const NOW_MS: EpochMs = 1_704_067_200_000;
/// Later than every order.
pub const UNTIL_MS: EpochMs = NOW_MS + 30 * 86_400_000;

pub const TOKEN: &str = "s3cret-token";

/// Puts a value at a place of a section, dots between keys.
pub fn set(section: &mut Value, place: &str, value: impl Into<Value>) {
    let at = place.split('.').fold(section, |section, key| &mut section[key]);
    *at = value.into();
}

/// Takes a key out of a section.
pub fn unset(section: &mut Value, place: &str) {
    let (parent, key) = place.rsplit_once('.').unwrap_or(("", place));
    let keys = parent.split('.').filter(|key| !key.is_empty());
    let parent = keys.fold(section, |section, key| &mut section[key]);
    parent.as_object_mut().unwrap().remove(key);
}

/// The section `source.http` that reads the orders as the API gives them.
pub fn source_spec(api: &Api) -> Value {
    let (style, sort, inclusive) = {
        let api = api.now();
        (api.style, api.sort, api.inclusive)
    };
    let mut section = json!({
        "url": api.url(),
        "query": { "status": "placed" },
        "auth": { "bearer": "${secrets.token}" },
        "records": "data",
        "cursor": { "by": "id", "since": "since", "inclusive": inclusive },
        "pagination": pagination(style),
        "page_size": 100,
        "timeout": "5s",
        "body_bytes_max": 8 << 20,
    });
    let by = match sort {
        Sort::Id => return section,
        Sort::Time => "timestamp",
        Sort::TimeId => "timestamp_id",
    };
    set(&mut section, "cursor.by", by);
    set(&mut section, "cursor.field", "updated_at");
    // Bounds are exact here; what a flow does that leaves the lag to us is tested in `reading`.
    set(&mut section, "cursor.settle_lag", "0s");
    section
}

/// The same list, asked for by POST.
pub fn posted(mut section: Value) -> Value {
    unset(&mut section, "query");
    section["body"] = json!({
        "fixed": { "tenant": "${params.tenant}", "n": 7, "on": true },
        "filters": [{ "status": "placed" }, {}],
    });
    if let Some(since) = section["cursor"]["since"].as_str() {
        section["cursor"]["since"] = format!("filters.1.{since}").into();
    }
    for style in section["pagination"].as_object_mut().into_iter().flat_map(|it| it.values_mut()) {
        for key in ["param", "size_param"] {
            if let Some(name) = style[key].as_str() {
                style[key] = format!("page.{name}").into();
            }
        }
    }
    section
}

/// The section `pagination` of a style.
pub fn pagination(style: Style) -> Value {
    let size_param = "limit";
    match style {
        Style::PageNumber => {
            json!({ "page_number": { "param": "page", "size_param": size_param } })
        }
        Style::Offset => json!({ "offset": { "param": "offset", "size_param": size_param } }),
        Style::Token => {
            json!({ "token": { "param": "token", "path": "paging.next", "size_param": size_param } })
        }
        Style::Link => json!({ "link_header": { "size_param": size_param } }),
        Style::NextUrl => {
            json!({ "next_url": { "path": "paging.next", "size_param": size_param } })
        }
        Style::LastId => json!({ "last_id": { "param": "after", "size_param": size_param } }),
        Style::Letter => json!({ "letter": { "param": "letter", "last": "e" } }),
        Style::None => json!("none"),
    }
}

/// The section `destination.http` that sends one record a request.
pub fn destination_spec(url: &str) -> Value {
    json!({ "url": url, "auth": { "bearer": "${secrets.token}" }, "timeout": "5s" })
}

/// A flow made of these sections.
pub fn flow(source: Value, destination: Value) -> FlowSpec {
    flow_from(json!({ "http": source }), destination)
}

/// A flow whose source may be of another kind.
pub fn flow_from(source: Value, destination: Value) -> FlowSpec {
    let file = json!({
        "flow": "orders",
        "source": source,
        "destination": { "http": destination },
    });
    // YAML takes JSON as it is.
    let text = file_text(&file);
    tidegate_flow::parse("orders.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A piece of YAML, to stand in a section.
pub fn yaml(text: &str) -> Value {
    Value::String(format!("{YAML}{text}"))
}

/// Begins a text that is YAML already.
const YAML: &str = "yaml: ";

fn file_text(file: &Value) -> String {
    match file {
        Value::String(text) => match text.strip_prefix(YAML) {
            Some(yaml) => yaml.to_owned(),
            None => file.to_string(),
        },
        Value::Array(items) => {
            format!("[{}]", items.iter().map(file_text).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), file_text(value))
            };
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

pub fn connection() -> Connection {
    let params = [("tenant".into(), TENANT.into())].into();
    Connection { params, secrets: [("token".into(), Secret::new(TOKEN))].into() }
}

/// Options with a clock that stands still.
pub fn options() -> Options {
    thread_local! {
        // Each test has its own thread and runtime, and pooled connections must not outlive theirs.
        static HTTP: HttpClient = HttpClient::new().unwrap();
    }
    let (shelf, random) = (Arc::new(MemoryStore::new()), Arc::new(Seeded::new(1)));
    Options {
        now: Arc::new(|| NOW_MS),
        ..Options::new(HTTP.with(HttpClient::clone), shelf, random)
    }
}

pub fn connected(source: Value, destination: Value) -> Connected {
    connect(&flow(source, destination), &connection(), &options()).unwrap()
}

/// A source alone.
pub fn source(spec: Value) -> Box<dyn Source> {
    connected(spec, destination_spec("http://127.0.0.1:9/")).source
}

/// What a walk came to.
#[derive(Debug, Default)]
pub struct Walked {
    pub records: Vec<Record>,
    pub requests: u32,
}

impl Walked {
    pub fn ids(&self) -> Vec<i64> {
        self.records.iter().map(|record| number(&record.id)).collect()
    }
}

pub fn number(id: &RecordId) -> i64 {
    match id {
        RecordId::Number(number) => *number,
        RecordId::Text(text) => panic!("`{text}` is no number"),
    }
}

/// Walks from a position to the end; `each` sees every batch.
pub async fn walk_with(
    source: &dyn Source,
    from: Position,
    until_ms: EpochMs,
    mut each: impl FnMut(&[Record]),
) -> Result<Walked, SourceError> {
    let mut last = from.clone();
    let mut walk = source.walk(from, until_ms);
    let mut walked = Walked::default();
    for _ in 0..20_000 {
        let batch = walk.next(NOW_MS + 60_000).await?;
        walked.requests += batch.requests;
        for record in &batch.records {
            let at = Position::At(record.mark.clone());
            assert!(at > last, "{at} after {last}");
            last = at;
        }
        each(&batch.records);
        walked.records.extend(batch.records);
        if batch.end {
            return Ok(walked);
        }
    }
    panic!("the walk does not end");
}

pub async fn walk(source: &dyn Source, from: Position) -> Result<Walked, SourceError> {
    walk_with(source, from, UNTIL_MS, |_| {}).await
}

/// Walks in runs of at most `run` records, each from where the last one stopped.
pub async fn walk_in_runs(source: &dyn Source, run: usize) -> Result<Walked, SourceError> {
    let mut walked = Walked::default();
    let mut from = Position::Start;
    loop {
        let mut part = Vec::new();
        let mut walk = source.walk(from.clone(), UNTIL_MS);
        loop {
            let batch = walk.next(NOW_MS + 60_000).await?;
            walked.requests += batch.requests;
            part.extend(batch.records);
            if batch.end || part.len() >= run {
                break;
            }
        }
        part.truncate(run);
        let Some(last) = part.last() else { return Ok(walked) };
        from = Position::At(last.mark.clone());
        walked.records.extend(part);
    }
}

pub const EVERY_STYLE: [Style; 8] = [
    Style::PageNumber,
    Style::Offset,
    Style::Token,
    Style::Link,
    Style::NextUrl,
    Style::LastId,
    Style::Letter,
    Style::None,
];
