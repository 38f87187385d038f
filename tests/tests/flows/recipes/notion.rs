//! Notion's pages: queried by a property, created without a word where there is one already, updated by their id.

use serde_json::{Map, Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const TOKEN: &str = "ntn_1";
pub const DATA_SOURCE: &str = "d9824bdc-8445-4327-be8b-5b47500af6ce";
const VERSION: &str = "2025-09-03";
/// The database's properties, with the kind of each.
const PROPERTIES: [(&str, &str); 7] = [
    ("Name", "title"),
    ("Issue", "number"),
    ("State", "select"),
    ("Author", "rich_text"),
    ("Labels", "multi_select"),
    ("Link", "url"),
    ("Updated", "date"),
];

pub struct Notion {
    pub desk: Desk,
    /// The pages' properties, by their ids.
    pub pages: Vec<(String, Map<String, Value>)>,
    /// The answers to these writes are lost, by their number.
    pub lost_writes: Vec<usize>,
    /// How many writes there were.
    pub writes: usize,
    /// As many writes meet a conflict.
    pub conflicts: usize,
    /// A title with this in it is refused.
    pub forbidden: &'static str,
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({ "object": "error", "status": status, "code": code, "message": message });
    Reply::json(status, &body)
}

/// The names of a body's fields that are none of these.
fn unknown<'a>(body: &'a Value, known: &[&str]) -> Option<&'a String> {
    body.as_object()?.keys().find(|name| !known.contains(&name.as_str()))
}

/// A page's address at the end: its id.
fn id_of(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/pages/")
}

impl Notion {
    /// How many pages there are of an issue.
    pub fn pages_of(&self, number: u64) -> usize {
        self.pages.iter().filter(|(_, page)| page["Issue"]["number"] == number).count()
    }

    /// Why a request is refused before it is read.
    fn fault(request: &Request, body: &Value) -> Option<(u16, &'static str, String)> {
        if request.header("authorization") != Some(&*format!("Bearer {TOKEN}")) {
            return Some((401, "unauthorized", "API token is invalid.".into()));
        }
        if request.header("notion-version") != Some(VERSION) {
            return Some((
                400,
                "missing_version",
                "Notion-Version header should be defined".into(),
            ));
        }
        if request.header("content-type") != Some("application/json") || !body.is_object() {
            return Some((400, "invalid_json", "Error parsing JSON body.".into()));
        }
        let known: &[&str] = match request.method.as_str() {
            "PATCH" => &["properties", "icon", "cover", "archived", "in_trash"],
            _ if request.path == "/v1/pages" => {
                &["parent", "properties", "children", "icon", "cover"]
            }
            _ => &["filter", "sorts", "start_cursor", "page_size", "archived"],
        };
        let name = unknown(body, known)?;
        Some((400, "validation_error", format!("body.{name} should be not present")))
    }

    /// Why properties are none of the database's.
    fn invalid(properties: &Value) -> Option<String> {
        for (name, value) in properties.as_object().into_iter().flatten() {
            let Some((_, kind)) = PROPERTIES.iter().find(|(known, _)| known == name) else {
                return Some(format!("{name} is not a property that exists."));
            };
            let Some(value) = value.get(kind) else {
                return Some(format!("{name} is expected to be {kind}."));
            };
            let is_long = |text: &Value| {
                let content = text["text"]["content"].as_str().unwrap_or_default();
                content.encode_utf16().count() > 2_000
            };
            if value.as_array().is_some_and(|texts| texts.iter().any(is_long)) {
                return Some(format!(
                    "body.properties.{name}.{kind}[0].text.content.length should be ≤ 2000"
                ));
            }
            let options = match *kind {
                "select" => vec![value],
                "multi_select" => value.as_array().into_iter().flatten().collect(),
                _ => Vec::new(),
            };
            if options.iter().any(|it| it["name"].as_str().unwrap_or_default().contains(',')) {
                return Some("Invalid select option, commas not allowed".into());
            }
        }
        None
    }

    fn query(&self, filter: &Value) -> Reply {
        let property = filter["property"].as_str().unwrap_or_default();
        let wanted = &filter["number"]["equals"];
        if property != "Issue" || !wanted.is_u64() {
            return refused(
                400,
                "validation_error",
                "body.filter.number.equals should be a number",
            );
        }
        let found = self.pages.iter().filter(|(_, page)| page[property]["number"] == *wanted);
        let results: Vec<Value> = found
            .map(|(id, page)| json!({ "object": "page", "id": id, "properties": page }))
            .collect();
        let has_more = false;
        Reply::json(
            200,
            &json!({ "object": "list", "results": results, "has_more": has_more, "next_cursor": null }),
        )
    }

    fn write(&mut self, request: &Request, body: &Value) -> Reply {
        let properties = &body["properties"];
        if let Some(message) = Self::invalid(properties) {
            return self.desk.violated(message.clone(), refused(400, "validation_error", &message));
        }
        let title = properties["Name"]["title"][0]["text"]["content"].as_str().unwrap_or_default();
        if title.contains(self.forbidden) {
            return refused(400, "validation_error", "Content creation Failed.");
        }
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return refused(409, "conflict_error", "Conflict occurred while saving.");
        }
        self.writes += 1;
        self.desk.is_lost = self.lost_writes.contains(&self.writes);
        let written = properties.as_object().cloned().unwrap_or_default();
        match id_of(&request.path) {
            Some(id) => match self.pages.iter_mut().find(|(it, _)| it == id) {
                Some((_, page)) => page.extend(written),
                None => return refused(404, "object_not_found", "Could not find page"),
            },
            None => {
                let id = format!("00000000-0000-4000-8000-{:012}", self.pages.len());
                self.pages.push((id, written));
            }
        }
        Reply::json(200, &json!({ "object": "page" }))
    }
}

impl Service for Notion {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn limited(&self) -> Reply {
        refused(429, "rate_limited", "You have been rate limited.").with("retry-after", 1)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let body = request.json();
        if let Some((status, code, message)) = Self::fault(request, &body) {
            return self.desk.violated(message.clone(), refused(status, code, &message));
        }
        let is_page = request.method == "PATCH" && id_of(&request.path).is_some();
        match request.line() {
            line if line == format!("POST /v1/data_sources/{DATA_SOURCE}/query") => {
                self.query(&body["filter"])
            }
            line if line == "POST /v1/pages" && body["parent"]["data_source_id"] != DATA_SOURCE => {
                let reply = refused(404, "object_not_found", "Could not find data source");
                self.desk.violated("no parent", reply)
            }
            line if line == "POST /v1/pages" || is_page => self.write(request, &body),
            line => {
                let reply = refused(400, "invalid_request_url", "Invalid request URL.");
                self.desk.violated(line, reply)
            }
        }
    }
}
