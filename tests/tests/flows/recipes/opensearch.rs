//! `_bulk` of OpenSearch and Elasticsearch: lines, and each one's own result in a 200.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

/// `tidegate:secret`
pub const BASIC: &str = "Basic dGlkZWdhdGU6c2VjcmV0";
pub const PASSWORD: &str = "secret";

pub struct OpenSearch {
    pub desk: Desk,
    /// Each document with its version; none where it was deleted.
    pub documents: BTreeMap<String, (u64, Option<Value>)>,
    /// As many documents are turned away, for the queue is full.
    pub rejected: usize,
}

impl OpenSearch {
    /// The documents that are there.
    pub fn titles(&self) -> BTreeMap<u64, String> {
        let title = |(id, (_, document)): (&String, &(u64, Option<Value>))| {
            Some((id.parse().ok()?, document.as_ref()?["title"].as_str()?.to_owned()))
        };
        self.documents.iter().filter_map(title).collect()
    }

    fn one(&mut self, action: &str, meta: &Value, document: Option<Value>) -> Value {
        let id = match &meta["_id"] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        };
        let version = meta["version"].as_u64().unwrap_or(0);
        let failed = |status: u16, kind: &str, reason: &str| json!({ "_id": id, "status": status, "error": { "type": kind, "reason": reason } });
        if self.rejected > 0 {
            self.rejected -= 1;
            return failed(429, "es_rejected_execution_exception", "the queue is full");
        }
        if document.as_ref().is_some_and(|it| !it["price"].is_number()) {
            return failed(
                400,
                "mapper_parsing_exception",
                "failed to parse field [price] of type [double]",
            );
        }
        let before = self.documents.get(&id);
        if before.is_some_and(|(there, _)| *there > version) {
            return failed(409, "version_conflict_engine_exception", "a newer one is there");
        }
        let was_there = before.is_some_and(|(_, document)| document.is_some());
        self.documents.insert(id.clone(), (version, document));
        match (action, was_there) {
            ("delete", true) => json!({ "_id": id, "status": 200, "result": "deleted" }),
            ("delete", false) => json!({ "_id": id, "status": 404, "result": "not_found" }),
            (_, true) => json!({ "_id": id, "status": 200, "result": "updated" }),
            (_, false) => json!({ "_id": id, "status": 201, "result": "created" }),
        }
    }

    /// Does what the lines say, until one is none.
    fn bulk(&mut self, body: &str) -> Result<Vec<Value>, String> {
        if !body.ends_with('\n') {
            return Err("The bulk request must be terminated by a newline [\\n]".into());
        }
        let parse = |line: &str| serde_json::from_str::<Value>(line).map_err(|it| it.to_string());
        let (mut lines, mut items) = (body.lines(), Vec::new());
        while let Some(line) = lines.next() {
            let line = parse(line)?;
            let actions: Vec<_> = line.as_object().into_iter().flatten().collect();
            let [(action, meta)] = actions[..] else { return Err("Malformed action line".into()) };
            let document = match action.as_str() {
                "index" => Some(parse(lines.next().ok_or("an action without a document")?)?),
                "delete" => None,
                other => return Err(format!("the recipe knows no [{other}]")),
            };
            if meta["_index"] != "products" || meta["version_type"] != "external_gte" {
                return Err(format!("not as the recipe has it: {meta}"));
            }
            let result = self.one(action, meta, document);
            items.push(json!({ action: result }));
        }
        Ok(items)
    }
}

impl Service for OpenSearch {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let fault = if request.header("authorization") != Some(BASIC) {
            Some((401, "missing authentication credentials".to_owned()))
        } else if request.header("content-type") != Some("application/x-ndjson") {
            Some((406, "Content-Type header is not supported".to_owned()))
        } else if request.line() != "POST /_bulk" {
            Some((405, format!("Incorrect HTTP method or uri [{}]", request.line())))
        } else {
            None
        };
        let refused = |status, why: &str| {
            Reply::json(
                status,
                &json!({ "status": status, "error": { "type": "x", "reason": why } }),
            )
        };
        if let Some((status, why)) = fault {
            return self.desk.violated(why.clone(), refused(status, &why));
        }
        match self.bulk(&request.body) {
            Err(why) => self.desk.violated(why.clone(), refused(400, &why)),
            Ok(items) => {
                let errors = items.iter().any(|it| it.to_string().contains("\"error\""));
                Reply::json(200, &json!({ "took": 3, "errors": errors, "items": items }))
            }
        }
    }
}
