//! Flows as the tests need them, and walks along them.

use std::sync::Arc;

use tidegate_connectors::{Connected, HttpClient, Options, connect};
use tidegate_core::{
    model::{EpochMs, Position, Record, RecordId, Secret},
    ports::{Source, SourceError},
};
use tidegate_flow::{
    Connection, FlowSpec,
    spec::{
        AnswersSpec, AuthSpec, CursorBy, CursorSpec, DestinationSpec, HttpDestinationSpec,
        HttpSourceSpec, JsonTemplate, OnUnknown, PaginationSpec, SourceSpec, TimeFormat,
    },
    template::{Part, Template},
};
use tidegate_testkit::{MemoryStore, Seeded};

use crate::api::{Api, Sort, Style, TENANT};

/// Far from now: deadlines are on the tests' own clock, which stands still here.
pub const NOW_MS: EpochMs = 1_704_067_200_000;
/// Later than every order.
pub const UNTIL_MS: EpochMs = NOW_MS + 30 * 86_400_000;

pub const TOKEN: &str = "s3cret-token";

pub fn path(text: &str) -> Vec<String> {
    text.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

pub fn source_spec(api: &Api) -> HttpSourceSpec {
    let (style, sort, inclusive) = {
        let api = api.now();
        (api.style, api.sort, api.inclusive)
    };
    HttpSourceSpec {
        url: Template::literal(api.url()),
        body: None,
        query: [("status".to_owned(), Template::literal("placed"))].into(),
        headers: [].into(),
        auth: Some(AuthSpec::Bearer(Template { parts: vec![Part::Secret("token".into())] })),
        records: path("data"),
        id: path("id"),
        cursor: CursorSpec {
            by: match sort {
                Sort::Id => CursorBy::Id,
                Sort::Time => CursorBy::Timestamp,
                Sort::TimeId => CursorBy::TimestampId,
            },
            field: Some(path("updated_at")),
            time: None,
            format: TimeFormat::Rfc3339,
            since: Some("since".into()),
            inclusive,
            until: None,
            start: None,
        },
        pagination: pagination(style),
        page_size: 100,
        timeout_ms: 5_000,
        body_bytes_max: 8 << 20,
        mark: None,
    }
}

/// The same list, asked for by POST.
pub fn posted(spec: HttpSourceSpec) -> HttpSourceSpec {
    use JsonTemplate::{List, Object, Plain};
    let text = |text: &str| JsonTemplate::Text(Template::literal(text));
    let field = |name: &str, value: JsonTemplate| (name.to_owned(), value);
    let tenant = Template { parts: vec![Part::Param("tenant".into())] };
    let fixed = vec![
        field("tenant", JsonTemplate::Text(tenant)),
        field("n", Plain(7.into())),
        field("on", Plain(true.into())),
    ];
    let filters = vec![Object(vec![field("status", text("placed"))]), Object(Vec::new())];
    let place = |name: String| format!("page.{name}");
    let size = |size: Option<String>| size.map(place);
    let pagination = match spec.pagination {
        PaginationSpec::PageNumber { param, size_param, first } => {
            PaginationSpec::PageNumber { param: place(param), size_param: size(size_param), first }
        }
        PaginationSpec::Offset { param, size_param } => {
            PaginationSpec::Offset { param: place(param), size_param: size(size_param) }
        }
        PaginationSpec::Token { param, path, size_param, alone } => {
            PaginationSpec::Token { param: place(param), path, size_param: size(size_param), alone }
        }
        PaginationSpec::LastId { param, size_param } => {
            PaginationSpec::LastId { param: place(param), size_param: size(size_param) }
        }
        PaginationSpec::LinkHeader { size_param } => {
            PaginationSpec::LinkHeader { size_param: size(size_param) }
        }
        PaginationSpec::NextUrl { path, size_param } => {
            PaginationSpec::NextUrl { path, size_param: size(size_param) }
        }
        PaginationSpec::None => PaginationSpec::None,
    };
    let since = spec.cursor.since.map(|since| format!("filters.1.{since}"));
    HttpSourceSpec {
        body: Some(Object(vec![field("fixed", Object(fixed)), field("filters", List(filters))])),
        query: [].into(),
        cursor: CursorSpec { since, ..spec.cursor },
        pagination,
        ..spec
    }
}

pub fn pagination(style: Style) -> PaginationSpec {
    let size_param = Some("limit".to_owned());
    match style {
        Style::PageNumber => {
            PaginationSpec::PageNumber { param: "page".into(), size_param, first: 1 }
        }
        Style::Offset => PaginationSpec::Offset { param: "offset".into(), size_param },
        Style::Token => {
            let (param, path) = ("token".into(), path("paging.next"));
            PaginationSpec::Token { param, path, size_param, alone: false }
        }
        Style::Link => PaginationSpec::LinkHeader { size_param },
        Style::NextUrl => PaginationSpec::NextUrl { path: path("paging.next"), size_param },
        Style::LastId => PaginationSpec::LastId { param: "after".into(), size_param },
        Style::None => PaginationSpec::None,
    }
}

pub fn destination_spec(url: &str) -> HttpDestinationSpec {
    HttpDestinationSpec {
        url: url.parse().unwrap(),
        method: "POST".into(),
        headers: [].into(),
        auth: Some(AuthSpec::Bearer(Template { parts: vec![Part::Secret("token".into())] })),
        batch: None,
        idempotency_header: Some("Idempotency-Key".into()),
        timeout_ms: 5_000,
        refuse: Vec::new(),
        retry_status: Vec::new(),
        duplicate: Vec::new(),
        answers: AnswersSpec::default(),
        on_unknown: OnUnknown::Retry,
    }
}

/// A flow made of these sections; the rest is a flow file's.
pub fn flow(source: HttpSourceSpec, destination: HttpDestinationSpec) -> FlowSpec {
    const FILE: &str = "\
flow: orders
source:
  http:
    url: https://pavillion.example/orders
    cursor: {by: id}
    pagination: none
destination:
  http:
    url: https://fulfillments.example/fulfilments
";
    let mut flow = tidegate_flow::parse("orders.yaml", FILE).unwrap();
    flow.source = SourceSpec::Http(source);
    flow.destination = DestinationSpec::Http(destination);
    flow
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

pub fn connected(source: HttpSourceSpec, destination: HttpDestinationSpec) -> Connected {
    connect(&flow(source, destination), &connection(), &options()).unwrap()
}

/// A source alone.
pub fn source(spec: HttpSourceSpec) -> Box<dyn Source> {
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
            let rider = record.id.to_string().starts_with("unreadable-");
            assert!(
                at > last || rider && at >= last.clone().max(Position::Start),
                "{at} after {last}"
            );
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

pub const EVERY_STYLE: [Style; 7] = [
    Style::PageNumber,
    Style::Offset,
    Style::Token,
    Style::Link,
    Style::NextUrl,
    Style::LastId,
    Style::None,
];
