//! An API with a list of orders, in every style of pagination.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// What every body says of the tenant.
pub const TENANT: &str = "north \"1\"";

/// How the list is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    PageNumber,
    Offset,
    Token,
    Link,
    NextUrl,
    LastId,
    /// By the letters a to e, of which b and d have no orders. An order has its letter by its place in
    /// the list's order, be it in the middle of a tie; others that come and go do not change it.
    Letter,
    None,
}

/// How the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Id,
    /// By time; within one time by something that is not the id.
    Time,
    TimeId,
}

impl Sort {
    /// Whether a flow file may ask so for a list in this order: ids do not follow that of time.
    pub fn goes_with(self, style: Style) -> bool {
        (self, style) != (Self::Time, Style::LastId)
    }
}

/// An order: its id, and when it changed, in s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub id: i64,
    pub at: i64,
}

/// Changes the list after a request, given its number from 0.
pub type After = Box<dyn FnMut(usize, &mut Vec<Order>) + Send>;

/// What the API holds and how it behaves.
pub struct Behaviour {
    pub orders: Vec<Order>,
    pub style: Style,
    pub sort: Sort,
    /// Most orders in a page, whatever is asked for.
    pub cap: usize,
    /// Whether `since` includes orders exactly at it.
    pub inclusive: bool,
    /// `since` goes by multiples of so many seconds.
    pub since_grain: i64,
    /// Every so many-th order is taken out of its page after the list was cut into pages; 0: none is.
    pub hides: i64,
    /// The status that answers for a page behind the last one, where pages are counted.
    pub behind: Option<u16>,
    /// Every list request as its query, or what it posts in the query's stead.
    pub requests: Vec<Vec<(String, String)>>,
    /// What was posted.
    pub bodies: Vec<Value>,
    /// Answers a request instead of the list, by its number from 0.
    pub instead: Option<fn(usize) -> Option<Response>>,
    /// Changes the list after every request.
    pub after: Option<After>,
}

/// A running API.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Api {
    pub async fn start(behaviour: Behaviour) -> Self {
        let behaviour = Arc::new(Mutex::new(behaviour));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self { address: listener.local_addr().unwrap(), behaviour };
        let router = Router::new().fallback(list).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        api
    }

    pub fn url(&self) -> String {
        format!("http://{}/orders", self.address)
    }

    pub fn now(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap()
    }

    pub fn requests(&self) -> usize {
        self.now().requests.len()
    }
}

impl Behaviour {
    /// Whether an order is in the list, and on none of its pages.
    pub fn is_hidden(&self, order: &Order) -> bool {
        self.hides > 0 && order.id % self.hides == 1
    }

    pub fn new(style: Style, sort: Sort, orders: Vec<Order>) -> Self {
        Self {
            orders,
            style,
            sort,
            cap: 100,
            inclusive: sort != Sort::Id,
            since_grain: 1,
            hides: 0,
            behind: None,
            requests: Vec::new(),
            bodies: Vec::new(),
            instead: None,
            after: None,
        }
    }
}

/// 2024-01-01, midnight, plus so many seconds.
pub fn time(at: i64) -> String {
    // Written without a zone on purpose: the position must carry the source's own text.
    let minutes = at.div_euclid(60);
    format!(
        "2024-01-{:02} {:02}:{:02}:{:02}",
        1 + minutes / 1440,
        minutes / 60 % 24,
        minutes % 60,
        at % 60
    )
}

/// Reads [`time`]; also what else a client may send.
fn seconds(text: &str) -> i64 {
    let digit = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    assert!(
        text.starts_with("2024-01-") || text.starts_with("2023-12-31"),
        "a strange since: {text}"
    );
    let day = if text.starts_with("2023") { -1 } else { digit(8..10) - 1 };
    ((day * 24 + digit(11..13)) * 60 + digit(14..16)) * 60 + digit(17..19)
}

/// A posted body as a query would say it: paging by numbers, all else by texts.
fn posted(headers: &HeaderMap, body: &Value) -> Vec<(String, String)> {
    assert_eq!(headers["content-type"], "application/json");
    if body.get("page").is_some_and(|page| page.get("token").is_some())
        && body.get("fixed").is_none()
    {
        let token = body["page"]["token"].as_str().expect("a token is a text");
        assert_eq!(*body, json!({ "page": { "token": token } }));
        return vec![("token".into(), token.into())];
    }
    assert_eq!(body["fixed"], json!({ "tenant": TENANT, "n": 7, "on": true }));
    let filters = body["filters"].as_array().expect("filters");
    assert_eq!(filters[0], json!({ "status": "placed" }));
    let since = filters[1].get("since");
    let paging = body.get("page").and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let numbers = ["page", "offset", "limit", "after"];
    paging
        .inspect(|(name, value)| {
            assert_eq!(value.is_number(), numbers.contains(&name.as_str()), "{name}: {value}");
        })
        .map(|(name, value)| (name.clone(), text(value)))
        .chain(since.map(|since| ("since".into(), text(since))))
        .collect()
}

/// A place within one time that is not the id's.
fn scramble(order: &Order) -> i64 {
    (order.id * 7919) % 104_729
}

/// The letter that an order's page has. There are none of `b` and `d`.
fn letter(order: &Order, sort: Sort) -> &'static str {
    let place = match sort {
        Sort::Id => (order.id, 0),
        Sort::Time => (order.at, scramble(order)),
        Sort::TimeId => (order.at, order.id),
    };
    match place {
        place if place < (10, 50) => "a",
        place if place < (60, 400) => "c",
        _ => "e",
    }
}

/// The orders as the list has them, from `since` on.
fn sorted(api: &Behaviour, since: Option<&str>) -> Vec<Order> {
    let mut orders = api.orders.clone();
    match api.sort {
        Sort::Id => orders.sort_by_key(|order| order.id),
        Sort::Time => orders.sort_by_key(|order| (order.at, scramble(order))),
        Sort::TimeId => orders.sort_by_key(|order| (order.at, order.id)),
    }
    if let Some(since) = since {
        let grain = api.since_grain;
        let key = |order: &Order| if api.sort == Sort::Id { order.id } else { order.at };
        let from = if api.sort == Sort::Id { since.parse().unwrap() } else { seconds(since) };
        let from = from.div_euclid(grain) * grain;
        let inclusive = api.inclusive;
        orders.retain(|order| key(order) > from || inclusive && key(order) == from);
    }
    orders
}

/// How many orders come before the page that is asked for.
fn start<'q>(
    api: &Behaviour,
    orders: &[Order],
    param: impl Fn(&str) -> Option<&'q str>,
    limit: usize,
) -> usize {
    match api.style {
        Style::PageNumber => (param("page").unwrap().parse::<usize>().unwrap() - 1) * limit,
        Style::Offset => param("offset").unwrap().parse().unwrap(),
        Style::Token => param("token").map_or(0, |token| token[1..].parse().unwrap()),
        Style::Link | Style::NextUrl => param("start").map_or(0, |start| start.parse().unwrap()),
        Style::LastId => param("after").map_or(0, |after| {
            let after: i64 = after.parse().unwrap();
            match api.sort {
                Sort::Id => orders.iter().filter(|order| order.id <= after).count(),
                _ => orders.iter().position(|order| order.id == after).unwrap() + 1,
            }
        }),
        Style::Letter | Style::None => 0,
    }
}

async fn list(
    State(api): State<Api>,
    method: Method,
    headers: HeaderMap,
    Query(mut query): Query<Vec<(String, String)>>,
    body: Bytes,
) -> Response {
    let address = api.address;
    let body: Option<Value> =
        (method == Method::POST).then(|| serde_json::from_slice(&body).unwrap());
    if let Some(body) = &body {
        query.extend(posted(&headers, body));
    }
    let mut api = api.now();
    let number = api.requests.len();
    api.requests.push(query.clone());
    api.bodies.extend(body);
    if let Some(response) = api.instead.and_then(|instead| instead(number)) {
        return response;
    }
    let param =
        |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mut orders = sorted(&api, param("since"));
    if api.style == Style::Letter {
        let asked = param("letter").unwrap();
        orders.retain(|order| letter(order, api.sort) == asked);
    }
    let limit = param("limit").map_or(api.cap, |limit| limit.parse().unwrap()).min(api.cap);
    let start = start(&api, &orders, param, limit);
    let is_capped = !matches!(api.style, Style::Letter | Style::None);
    let limit = if is_capped { limit } else { usize::MAX };
    let more = start.saturating_add(limit) < orders.len();
    let is_counted = matches!(api.style, Style::PageNumber | Style::Offset);
    if let Some(status) = api.behind.filter(|_| is_counted && start > 0 && start >= orders.len()) {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    let next_url = || {
        let others: String = query
            .iter()
            .filter(|(key, _)| key != "start")
            .map(|(k, v)| format!("{k}={}&", v.replace(' ', "+")))
            .collect();
        format!("http://{address}/orders?{others}start={}", start + limit)
    };
    let page: Vec<_> = orders
        .iter()
        .skip(start)
        .take(limit)
        .filter(|order| !api.is_hidden(order))
        .map(|order| json!({"id": order.id, "updated_at": time(order.at), "note": "x".repeat(20)}))
        .collect();
    let mut headers = HeaderMap::new();
    let mut body = json!({"data": page, "paging": {"total": orders.len()}});
    match api.style {
        Style::Token if more => body["paging"]["next"] = json!(format!("t{}", start + limit)),
        Style::NextUrl if more => body["paging"]["next"] = json!(next_url()),
        Style::Link if more => {
            let link = format!("<{}>; rel=\"next\"", next_url());
            headers.insert("link", HeaderValue::from_str(&link).unwrap());
        }
        _ => {}
    }
    if let Some(mut after) = api.after.take() {
        after(number, &mut api.orders);
        api.after = Some(after);
    }
    (headers, Json(body)).into_response()
}
