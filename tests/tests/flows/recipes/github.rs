//! GitHub's list of issues: pull requests among them, pages by a Link header, limits that are said by 403.

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const TOKEN: &str = "github_pat_1";
pub const REPOSITORY: &str = "tide/gate";

pub struct GitHub {
    pub desk: Desk,
    pub issues: Vec<Value>,
    /// What is to change with which request.
    pub changes: Vec<(usize, Value)>,
    /// Where it listens.
    pub url: String,
}

/// An issue that was changed so many seconds after the year began.
pub fn issue(number: u64, second: u64, title: &str) -> Value {
    let mut issue = json!({
        "id": 1_000_000 + number,
        "number": number,
        "title": title,
        "state": "open",
        "user": { "login": "ada" },
        "labels": [{ "name": "bug, serious" }],
        "html_url": format!("https://github.com/{REPOSITORY}/issues/{number}"),
        "updated_at": format!("2025-01-01T00:{:02}:{:02}Z", second / 60, second % 60),
    });
    if number.is_multiple_of(5) {
        issue["pull_request"] = json!({ "url": format!("https://api.github.com/pulls/{number}") });
    }
    issue
}

impl GitHub {
    /// An issue takes the place of the one with its number.
    pub fn change(&mut self, issue: Value) {
        self.issues.retain(|it| it["number"] != issue["number"]);
        self.issues.push(issue);
    }

    /// Why a request is none that the API takes.
    fn fault(request: &Request) -> Option<(u16, String)> {
        let known = ["state", "sort", "direction", "since", "per_page", "page"];
        if request.header("user-agent").unwrap_or_default().is_empty() {
            Some((403, "Request forbidden by administrative rules: no User-Agent".into()))
        } else if request.header("authorization") != Some(&*format!("Bearer {TOKEN}")) {
            Some((401, "Bad credentials".into()))
        } else if request.header("accept") != Some("application/vnd.github+json") {
            Some((415, "Unsupported 'Accept' header".into()))
        } else if request.header("x-github-api-version") != Some("2022-11-28") {
            Some((400, "not a supported version".into()))
        } else if request.line() != format!("GET /repos/{REPOSITORY}/issues") {
            Some((404, "Not Found".into()))
        } else if !(1..=100).contains(&request.number("per_page").unwrap_or(30)) {
            Some((422, "per_page is 100 at most".into()))
        } else {
            request.unknown_parameter(&known).map(|name| (422, format!("what is {name}?")))
        }
    }

    fn page(&self, request: &Request) -> Reply {
        let value = |name, default| request.value(name).unwrap_or(default);
        let updated = |issue: &Value| issue["updated_at"].as_str().expect("a text").to_owned();
        let (since, state) = (value("since", ""), value("state", "open"));
        let mut list: Vec<&Value> = self
            .issues
            .iter()
            .filter(|it| *updated(it) >= *since && (state == "all" || it["state"] == state))
            .collect();
        // By default, the newest comes first, by when it was created.
        match (value("sort", "created"), value("direction", "desc")) {
            ("updated", "asc") => list.sort_by_key(|it| (updated(it), it["number"].as_u64())),
            _ => list.sort_by_key(|it| std::cmp::Reverse(it["number"].as_u64())),
        }
        let per_page = request.number("per_page").unwrap_or(30);
        let page = request.number("page").unwrap_or(1).max(1);
        let last = list.len().div_ceil(per_page).max(1);
        let rows: Vec<&Value> =
            list.into_iter().skip((page - 1) * per_page).take(per_page).collect();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(request.query.iter().filter(|(name, _)| name != "page"));
        let address = format!("<{}{}?{}", self.url, request.path, query.finish());
        let link = |to: usize, rel: &str| format!("{address}&page={to}>; rel=\"{rel}\"");
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(page - 1, "prev"), link(1, "first")]);
        }
        if page < last {
            links.extend([link(page + 1, "next"), link(last, "last")]);
        }
        let reply = Reply::json(200, &json!(rows))
            .with("x-ratelimit-limit", 5_000)
            .with("x-ratelimit-remaining", 4_000);
        if links.is_empty() { reply } else { reply.with("link", links.join(", ")) }
    }
}

impl Service for GitHub {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn limited(&self) -> Reply {
        let message = "You have exceeded a secondary rate limit.";
        Reply::json(403, &json!({ "message": message })).with("retry-after", 1)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let number = self.desk.requests;
        for (_, issue) in self.changes.extract_if(.., |(at, _)| *at <= number).collect::<Vec<_>>() {
            self.change(issue);
        }
        match Self::fault(request) {
            Some((status, message)) => {
                let reply = Reply::json(status, &json!({ "message": message }));
                self.desk.violated(message, reply)
            }
            None => self.page(request),
        }
    }
}
