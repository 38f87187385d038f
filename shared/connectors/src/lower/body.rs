//! `source.http.body`: the JSON that asks for a list, and the places of parameters in it.

use serde_json::Value;

use super::{Check, texts, values};
use crate::{
    at::At,
    path,
    raw::{Cursor, Given, ListMethod},
    source::http::Pagination,
    spec::JsonTemplate,
    text::Place,
    value::Name,
};

/// JSON of which every text is a template.
pub(super) fn json(check: &mut Check<'_>, json: Value, place: Place) -> Option<JsonTemplate> {
    match json {
        Value::String(value) => {
            texts::template(check, &At { value, place }, texts::NO_RECORD).map(JsonTemplate::Text)
        }
        Value::Array(items) => {
            let items = items.into_iter().map(|item| self::json(check, item, place));
            values::all(items).map(JsonTemplate::List)
        }
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| self::json(check, value, place).map(|value| (name, value)));
            values::all(fields).map(JsonTemplate::Object)
        }
        plain => Some(JsonTemplate::Plain(plain)),
    }
}

/// The body of a list's request, whose places fit what `cursor` and `pagination` put there; none
/// where the list is asked for by GET.
pub(super) fn body(
    check: &mut Check<'_>,
    method: Option<&At<ListMethod>>,
    body: Option<At<Given>>,
    cursor: &Cursor,
    pagination: &Pagination,
) -> Option<Option<JsonTemplate>> {
    let Some(At { value: Given(literal), place }) = body else {
        return no_body(check, method, pagination).then_some(None);
    };
    if let Some(At { value: ListMethod::Get, place }) = method {
        let message = "a GET carries no `body`";
        check.report.add(*place, message, "write `method: POST`, or use `query`");
        return None;
    }
    if !literal.is_object() {
        let remedy = "write keys with their values, or `body: {}`";
        check.report.add(place, "`body` must be an object", remedy);
        return None;
    }
    let fits = places_fit(check, &literal, cursor, pagination);
    let template = json(check, literal, place)?;
    fits.then_some(Some(template))
}

/// Whether nothing asks for a body that is not there.
fn no_body(
    check: &mut Check<'_>,
    method: Option<&At<ListMethod>>,
    pagination: &Pagination,
) -> bool {
    if let Some(At { value: ListMethod::Post, place }) = method {
        let message = "a POST for a list carries a `body`, which is not given";
        check.report.add(*place, message, "add `body:` with a JSON object, or `body: {}`");
        return false;
    }
    pagination.check_without_body(&mut check.findings);
    true
}

/// Whether every parameter has a place to itself.
fn places_fit(
    check: &mut Check<'_>,
    body: &Value,
    cursor: &Cursor,
    pagination: &Pagination,
) -> bool {
    let mut fits = true;
    let mut taken: Vec<(&str, At<String>, Vec<String>)> = Vec::new();
    let bounds = [("since", cursor.since.clone()), ("until", cursor.until.clone())];
    let at = |name: &Name| At { value: name.text.clone(), place: name.site.place };
    let params = [
        ("param", pagination.page_param().map(at)),
        ("size_param", pagination.size_param().map(at)),
    ];
    for (key, param) in bounds.into_iter().chain(params) {
        // A text that is no name at all is reported as such.
        let Some(param) = param.filter(|param| values::is_plain_name(&param.value)) else {
            continue;
        };
        let mut fault = |message: String, remedy: &str| {
            check.report.add(param.place, message, remedy);
            fits = false;
        };
        let path = match path::parse(&param.value) {
            Ok(path) => path,
            Err(why) => {
                fault(format!("`{}` is no place in `body`: {why}", param.value), path::REMEDY);
                continue;
            }
        };
        // An API may take the position and the last record's id by one and the same parameter.
        let shared =
            |other: &str| pagination.goes_by_last_id() && other == "since" && key == "param";
        let clash = taken.iter().find(|(other, _, before)| {
            (path.starts_with(before) || before.starts_with(&path))
                && !(path == *before && shared(other))
        });
        if let Some((other, before, _)) = clash {
            let message = format!(
                "`{key}: {}` and `{other}: {}` are in each other's way",
                param.value, before.value
            );
            fault(message, "give each a place of its own in `body`");
        } else if let Err((message, remedy)) = is_free(body, &path) {
            fault(format!("`{}` {message}", param.value), remedy);
        }
        taken.push((key, param, path));
    }
    fits
}

/// Whether a value can be put at a place: what is wrong with it otherwise, and what to do.
fn is_free(body: &Value, path: &[String]) -> Result<(), (String, &'static str)> {
    const LITERAL: &str = "remove one of the two: the value in `body`, or the parameter";
    let mut at = body;
    for (depth, key) in path.iter().enumerate() {
        let before = || path[..depth].join(".");
        at = match at {
            Value::Object(fields) => match fields.get(key) {
                Some(value) => value,
                None => return Ok(()),
            },
            Value::Array(items) => {
                match key.parse::<usize>().ok().and_then(|index| items.get(index)) {
                    Some(item) => item,
                    None => {
                        let count = items.len();
                        let message =
                            format!("leads to no item of `{}`, a list of {count}", before());
                        return Err((
                            message,
                            "write the item's number from 0, and the item into `body`",
                        ));
                    }
                }
            }
            _ => {
                return Err((
                    format!("leads through `{}`, which is a value in `body`", before()),
                    LITERAL,
                ));
            }
        };
    }
    Err(("is a value in `body` already".into(), LITERAL))
}
