//! What a request carries, read from each format as a strict server reads it.

use serde_json::Value;

use super::{
    habits::{Body, Habits, Key},
    records::{Name, text_of},
    wire::Request,
};

/// A record as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub id: String,
    pub version: i64,
    pub gone: bool,
    /// `None` for a deletion without a body.
    pub text: Option<String>,
    pub key: Option<String>,
}

impl Sent {
    pub fn name(&self) -> Name {
        (self.id.clone(), self.version)
    }

    fn of_json(value: &Value) -> Result<Self, String> {
        let field = |name: &str| value.get(name).filter(|field| !field.is_null());
        let text = |name: &str| field(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            id: text_of(field("id").ok_or("no id")?),
            version: field("v").and_then(|v| text_of(v).parse().ok()).ok_or("no version")?,
            gone: field("gone").is_some_and(|gone| gone == true),
            text: text("text"),
            key: text("key"),
        })
    }

    fn of_fields(field: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        Ok(Self {
            id: field("id").ok_or("no id")?,
            version: field("v").and_then(|v| v.parse().ok()).ok_or("no version")?,
            gone: field("gone").is_some_and(|gone| gone == "true"),
            text: field("text"),
            key: field("key"),
        })
    }
}

/// The records of a request, in its order.
pub fn read(habits: &Habits, request: &Request) -> Result<Vec<Sent>, String> {
    let body = std::str::from_utf8(&request.body).map_err(|_| "no UTF-8")?;
    if request.method == "DELETE" {
        let path = request.target.split('?').next().unwrap_or_default();
        let id = path.strip_prefix("/orders/").ok_or("no id in the path")?;
        let v = request.param("v").and_then(|v| v.parse().ok()).ok_or("no version")?;
        let id = decoded(id);
        return Ok(vec![Sent { id, version: v, gone: true, text: None, key: None }]);
    }
    match (habits.body, habits.bulk.is_some()) {
        (Body::Json, bulk) => {
            let mut value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
            let key = value.get("key").cloned();
            if habits.envelope {
                if value["kind"] != "order" {
                    return Err("no envelope".into());
                }
                value = value["data"].take();
            }
            if bulk {
                return value.as_array().ok_or("no list")?.iter().map(Sent::of_json).collect();
            }
            if let Some(key) = key.filter(|_| habits.key == Key::Body) {
                value["key"] = key;
            }
            Ok(vec![Sent::of_json(&value)?])
        }
        (Body::Form, _) => {
            let fields: Vec<(String, String)> =
                url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let field = |name: &str| {
                fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            };
            Ok(vec![Sent::of_fields(field)?])
        }
        (Body::Xml, _) => {
            let orders = elements(body, "order");
            orders.iter().map(|order| Sent::of_fields(|name| element(order, name))).collect()
        }
        (Body::Ndjson, _) => lines(body),
    }
}

fn lines(body: &str) -> Result<Vec<Sent>, String> {
    let mut lines = body.split_terminator('\n').map(|line| {
        serde_json::from_str::<Value>(line).map_err(|error| format!("{error}: {line}"))
    });
    let mut sent = Vec::new();
    while let Some(action) = lines.next() {
        let action = action?;
        if let Some(delete) = action.get("delete") {
            sent.push(Sent { gone: true, ..Sent::of_json(delete)? });
            continue;
        }
        let named = action["index"].get("id").ok_or("no action")?;
        let record = lines.next().ok_or("an action without its record")??;
        let record = Sent::of_json(&record)?;
        if text_of(named) != record.id {
            return Err(format!("the action for {named} stands before {}", record.id));
        }
        sent.push(record);
    }
    Ok(sent)
}

fn decoded(segment: &str) -> String {
    let form = format!("x={}", segment.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes()).next().unwrap().1.into_owned()
}

fn elements<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = |part: &'x str| part.split_once(close.as_str()).map(|(inner, _)| inner);
    xml.split(open.as_str()).skip(1).filter_map(inner).collect()
}

fn element(xml: &str, name: &str) -> Option<String> {
    let text = elements(xml, name).first()?.to_string();
    let mut text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    for (escaped, plain) in [("&#9;", "\t"), ("&#10;", "\n"), ("&#13;", "\r"), ("&amp;", "&")] {
        text = text.replace(escaped, plain);
    }
    Some(text)
}
