//! APIs whose habits are drawn from a seed: how they sort, page, end, round, hide, fail and grow.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{flow::NOW_MS, random::Random};

/// How the list is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paged {
    Number,
    Offset,
    Token,
    Link,
    NextUrl,
    LastId,
}

/// How the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorted {
    Id,
    /// By time, and within one time in no order that shows.
    Time,
    TimeId,
}

/// What stands behind the last of counted pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    Empty,
    LastAgain,
    Status(u16),
}

/// What the last page says of the next one, where the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastPage {
    Absent,
    Null,
    EmptyText,
    SameToken,
    /// A fresh token, and an empty page behind it, for ever.
    Fresh,
}

/// How the API compares with `since`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Ignored,
    Inclusive,
    Exclusive,
}

/// One record: when it changed, and when the list shows it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub id: i64,
    pub at_ms: i64,
    pub shown_ms: i64,
    /// Left out of its page, after the pages were cut.
    pub hidden: bool,
}

/// What an API does.
#[derive(Debug, Clone)]
pub struct Habits {
    pub paged: Paged,
    pub sorted: Sorted,
    pub resolution_ms: i64,
    pub cap: usize,
    pub behind: Behind,
    pub last: LastPage,
    pub since: Since,
    /// In a list of tokens or links every so many pages one is empty; 0: none.
    pub empty_every: usize,
    /// One request in so many fails; 0: none.
    pub fails_every: u64,
    /// Records are shown up to so long after they changed.
    pub late_ms: i64,
    /// One request in so many adds a record; 0: none.
    pub grows_every: u64,
    /// The flow asks for so many records a page, where it does.
    pub page_size: Option<u32>,
}

impl Habits {
    pub fn draw(random: &mut Random, grows: bool) -> Self {
        let paged = random.pick(&[
            Paged::Number,
            Paged::Offset,
            Paged::Token,
            Paged::Link,
            Paged::NextUrl,
            Paged::LastId,
        ]);
        let sorted = match paged {
            // Pages behind an id follow the order of ids.
            Paged::LastId => random.pick(&[Sorted::Id, Sorted::TimeId]),
            _ => random.pick(&[Sorted::Id, Sorted::Time, Sorted::TimeId]),
        };
        let statuses = [400, 404, 416, 422].map(Behind::Status);
        let behind = [&[Behind::Empty, Behind::LastAgain][..], &statuses].concat();
        Self {
            paged,
            sorted,
            resolution_ms: random.pick(&[1, 1_000, 1_000, 60_000]),
            cap: 2 + random.below(11) as usize,
            behind: random.pick(&behind),
            last: random.pick(&[
                LastPage::Absent,
                LastPage::Null,
                LastPage::EmptyText,
                LastPage::SameToken,
                LastPage::Fresh,
            ]),
            since: random.pick(&[Since::Ignored, Since::Inclusive, Since::Exclusive]),
            empty_every: random.pick(&[0, 0, 3, 5]),
            fails_every: random.pick(&[0, 0, 0, 12]),
            late_ms: if sorted == Sorted::Id { 0 } else { random.pick(&[0, 0, 4_000]) },
            grows_every: if grows { random.pick(&[3, 9]) } else { 0 },
            page_size: random.pick(&[None, Some(5), Some(100)]),
        }
    }
}

impl Habits {
    /// Puts records in the list's order.
    fn sort(&self, rows: &mut [Row]) {
        rows.sort_by_key(|row| match self.sorted {
            Sorted::Id => (row.id, 0),
            Sorted::Time => (row.at_ms, (row.id * 7_919) % 104_729),
            Sorted::TimeId => (row.at_ms, row.id),
        });
    }
}

/// One API of one case.
pub struct Api {
    pub habits: Habits,
    pub rows: Vec<Row>,
    pub clock: Arc<AtomicI64>,
    pub requests: u64,
    /// Requests since the last record that was not given before.
    random: Random,
}

/// All APIs of a test, on one port: the path says which.
#[derive(Clone)]
pub struct Server {
    base: String,
    apis: Arc<Mutex<HashMap<u64, Api>>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { base, apis: Arc::default() };
        let router = Router::new().route("/{case}", axum::routing::get(list));
        let router = router.with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub fn url(&self, case: u64) -> String {
        format!("{}/{case}", self.base)
    }

    pub fn add(&self, case: u64, api: Api) {
        self.apis.lock().unwrap().insert(case, api);
    }

    pub fn with<T>(&self, case: u64, act: impl FnOnce(&mut Api) -> T) -> T {
        act(self.apis.lock().unwrap().get_mut(&case).expect("the case was added"))
    }

    pub fn remove(&self, case: u64) {
        self.apis.lock().unwrap().remove(&case);
    }
}

impl Api {
    pub fn new(habits: Habits, mut random: Random, clock: Arc<AtomicI64>) -> Self {
        let mut api = Self { habits, rows: Vec::new(), clock, requests: 0, random: Random(0) };
        let count = random.below(50) as i64;
        let ties = 1 + random.below(20) as i64;
        let hides = random.below(3) == 0;
        for n in 0..count {
            let id = if api.habits.sorted == Sorted::Id { n } else { (n * 89) % 997 };
            // An hour ago and later.
            let at_ms = api.rounded(NOW_MS - 3_600_000 + n / ties * 61_000);
            api.rows.push(Row { id, at_ms, shown_ms: at_ms, hidden: false });
        }
        api.habits.sort(&mut api.rows);
        // Behind an empty page of those that are counted nothing is looked for: no page is hidden whole.
        let size = api.habits.page_size.map_or(usize::MAX, |size| size as usize);
        let (most, mut in_a_row) = (size.min(api.habits.cap) - 1, 0);
        for row in api.rows.iter_mut().filter(|_| hides) {
            row.hidden = in_a_row < most && random.below(3) == 0;
            in_a_row = if row.hidden { in_a_row + 1 } else { 0 };
        }
        api.random = random;
        api
    }

    fn rounded(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.habits.resolution_ms) * self.habits.resolution_ms
    }

    fn grow(&mut self, now_ms: i64) {
        let id = 1_000 + self.rows.len() as i64;
        let at_ms = self.rounded(now_ms);
        let late_ms = match self.habits.late_ms {
            0 => 0,
            most => self.random.below(most as u64) as i64,
        };
        self.rows.push(Row { id, at_ms, shown_ms: now_ms + late_ms, hidden: false });
    }

    /// The list as it is now, from `since` on.
    fn list(&self, since: Option<&str>) -> Vec<Row> {
        let now_ms = self.clock.load(Relaxed);
        let mut rows: Vec<Row> =
            self.rows.iter().filter(|row| row.shown_ms <= now_ms).copied().collect();
        let by_id = self.habits.sorted == Sorted::Id;
        self.habits.sort(&mut rows);
        let Some(since) = since else { return rows };
        let from = if by_id { since.parse().expect("an id") } else { millis(since) };
        let key = |row: &Row| if by_id { row.id } else { row.at_ms };
        rows.retain(|row| match self.habits.since {
            Since::Ignored => true,
            Since::Inclusive => key(row) >= from,
            Since::Exclusive => key(row) > from,
        });
        rows
    }

    fn fails(&mut self) -> Option<Response> {
        let every = self.habits.fails_every;
        if every == 0 || self.random.below(every) != 0 {
            return None;
        }
        Some(match self.random.below(4) {
            0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
            2 => (StatusCode::SERVICE_UNAVAILABLE, "<html>down</html>").into_response(),
            _ => axum::Json(json!({ "status": "error", "data": null })).into_response(),
        })
    }

    fn answer(&mut self, url: &str, query: &HashMap<String, String>) -> Response {
        let now_ms = self.clock.fetch_add(100, Relaxed) + 100;
        self.requests += 1;
        let grows_every = self.habits.grows_every;
        if grows_every > 0 && self.rows.len() < 90 && self.random.below(grows_every) == 0 {
            self.grow(now_ms);
        }
        if let Some(failure) = self.fails() {
            return failure;
        }
        let text = |name: &str| query.get(name).map(String::as_str);
        let number = |name: &str| text(name).map(|text| text.parse::<usize>().expect("a number"));
        let rows = self.list(text("since"));
        let size = number("limit").unwrap_or(usize::MAX).min(self.habits.cap);
        // A token is the place and how many pages came before it; `e` before it is an empty page.
        let token = text("token").or(text("start")).unwrap_or("0.0");
        let is_empty = token.starts_with('e');
        let (place, pages) = token.trim_start_matches('e').split_once('.').expect("our token");
        let (place, pages): (usize, usize) = (place.parse().unwrap(), pages.parse().unwrap());
        let mut start = match self.habits.paged {
            Paged::Number => (number("page").unwrap_or(1) - 1) * size,
            Paged::Offset => number("offset").unwrap_or(0),
            Paged::Token | Paged::Link | Paged::NextUrl => place,
            Paged::LastId => match number("after").map(|after| after as i64) {
                None => 0,
                Some(after) if self.habits.sorted == Sorted::Id => {
                    rows.iter().filter(|row| row.id <= after).count()
                }
                Some(after) => rows
                    .iter()
                    .position(|row| row.id == after)
                    .map_or(rows.len(), |place| place + 1),
            },
        };
        let is_counted = matches!(self.habits.paged, Paged::Number | Paged::Offset);
        if is_counted && start >= rows.len() && start > 0 {
            match self.habits.behind {
                Behind::Empty => {}
                Behind::Status(status) => {
                    let status = StatusCode::from_u16(status).unwrap();
                    return (status, "there is no such page").into_response();
                }
                Behind::LastAgain => start = rows.len().saturating_sub(1) / size * size,
            }
        }
        let page: Vec<Value> = match is_empty {
            true => Vec::new(),
            false => self.page(&rows, start, size),
        };
        let end = start + if is_empty { 0 } else { size };
        let more = end < rows.len();
        let next = if more {
            let skips = self.habits.empty_every > 0
                && !is_empty
                && (pages + 1).is_multiple_of(self.habits.empty_every);
            let mark = if skips { "e" } else { "" };
            json!(format!("{mark}{end}.{}", pages + 1))
        } else {
            match self.habits.last {
                LastPage::Absent => return self.named(url, query, page, None),
                LastPage::Null => Value::Null,
                LastPage::EmptyText => json!(""),
                LastPage::SameToken => json!(token),
                LastPage::Fresh => json!(format!("{}.{}", rows.len(), pages + 1)),
            }
        };
        self.named(url, query, page, Some(next))
    }

    /// A page's rows without those that are hidden.
    fn page(&self, rows: &[Row], start: usize, size: usize) -> Vec<Value> {
        let rows = rows.iter().skip(start).take(size).filter(|row| !row.hidden);
        rows.map(|row| json!({ "id": row.id, "updated_at": self.time(row.at_ms) })).collect()
    }

    /// The page, and where it names the next one.
    fn named(
        &self,
        url: &str,
        query: &HashMap<String, String>,
        page: Vec<Value>,
        next: Option<Value>,
    ) -> Response {
        let mut body = json!({ "data": page });
        let mut headers = HeaderMap::new();
        let address = |start: &str| {
            let kept = query.iter().filter(|(name, _)| *name != "start");
            let kept: String = kept.map(|(name, value)| format!("{name}={value}&")).collect();
            format!("{url}?{kept}start={start}")
        };
        match (self.habits.paged, next) {
            (Paged::Token, Some(next)) => body["next"] = next,
            (Paged::NextUrl, Some(Value::String(next))) if !next.is_empty() => {
                body["next"] = json!(address(&next));
            }
            (Paged::NextUrl, Some(next)) => body["next"] = next,
            (Paged::Link, Some(Value::String(next))) if !next.is_empty() => {
                let link = format!("<{}>; rel=\"next\"", address(&next));
                headers.insert("link", HeaderValue::from_str(&link).unwrap());
            }
            _ => {}
        }
        (headers, axum::Json(body)).into_response()
    }

    fn time(&self, at_ms: i64) -> String {
        let at = jiff::Timestamp::from_millisecond(at_ms).unwrap();
        match self.habits.resolution_ms {
            1 => format!("{at:.3}"),
            _ => format!("{at:.0}"),
        }
    }
}

fn millis(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().expect("a moment as the list gives it").as_millisecond()
}

async fn list(
    State(server): State<Server>,
    Path(case): Path<u64>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let url = server.url(case);
    let response = server.with(case, |api| api.answer(&url, &query));
    // With one case alone, what it asks for is the way to its fault.
    if std::env::var_os("CASE").is_some() {
        let mut asked: Vec<_> =
            query.into_iter().map(|(name, value)| name + "=" + &value).collect();
        asked.sort_unstable();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("it is all here");
        let shown = String::from_utf8_lossy(&body).replace(r#","updated_at":"#, " ");
        println!("{} {} {shown}", asked.join("&"), parts.status);
        return Response::from_parts(parts, body.into());
    }
    response
}
