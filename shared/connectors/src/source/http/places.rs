//! The places of parameters in the body that a list is asked for by: whether they are free.

use serde_json::Value;

use super::{body::ListMethod, cursor::Cursor, pagination::Pagination};
use crate::{
    file::{At, Fault, Findings},
    value::{JsonTemplate, Listed, Name, Query, path},
};

/// Notes where `method`, `body` and the parameters of cursor and pagination do not go together.
pub(super) fn check(
    method: Option<&At<ListMethod>>,
    (body, form): (Option<&JsonTemplate<Listed>>, Option<&At<Query<Listed>>>),
    cursor: &Cursor,
    pagination: &Pagination,
    findings: &mut Findings,
) {
    let is_posted = body.is_some() || form.is_some();
    if let (Some(At { value: ListMethod::Get, place }), true) = (method, is_posted) {
        let what = if body.is_some() { "`body`" } else { "`form`" };
        let remedy = "write `method: POST`, or use `query`";
        findings.add(Fault::new(*place, format!("a GET carries no {what}"), remedy));
        return;
    }
    if let Some(form) = form {
        check_form(form, body.is_some(), cursor, pagination, findings);
        return;
    }
    let Some(body) = body else {
        check_without_body(method, pagination, findings);
        return;
    };
    if !body.written.is_object() {
        let remedy = "write keys with their values, or `body: {}`";
        findings.add(Fault::new(body.site.place, "`body` must be an object", remedy));
    } else {
        check_places(&body.written, cursor, pagination, findings);
    }
}

/// Notes parameters that are fields of the form already.
fn check_form(
    form: &At<Query<Listed>>,
    has_body: bool,
    cursor: &Cursor,
    pagination: &Pagination,
    findings: &mut Findings,
) {
    if has_body {
        let message = "`form` and `body` both say what is sent";
        findings.add(Fault::new(form.place, message, "remove `form` or `body`"));
    }
    for (key, param) in params(cursor, pagination) {
        let Some(param) = param else { continue };
        if form.value.0.iter().any(|(name, _)| *name == param.text) {
            let message = format!("`{key}: {}` is a field of `form` already", param.text);
            let remedy = "remove one of the two: the field in `form`, or the parameter";
            findings.add(Fault::new(param.site.place, message, remedy));
        }
    }
}

/// The parameters of cursor and pagination, by their keys.
fn params<'k>(
    cursor: &'k Cursor,
    pagination: &'k Pagination,
) -> [(&'static str, Option<&'k Name>); 4] {
    [
        ("since", cursor.since.as_ref()),
        ("until", cursor.until.as_ref()),
        ("param", pagination.page_param()),
        ("size_param", pagination.size_param()),
    ]
}

/// Notes what asks for a body that is not there.
fn check_without_body(
    method: Option<&At<ListMethod>>,
    pagination: &Pagination,
    findings: &mut Findings,
) {
    if let Some(At { value: ListMethod::Post, place }) = method {
        let message = "a POST for a list carries a `body` or a `form`, which is not given";
        let remedy = "add `body:` with a JSON object, or `body: {}`, or `form:` with fields";
        findings.add(Fault::new(*place, message, remedy));
    } else {
        pagination.check_without_body(findings);
    }
}

/// Notes parameters that have no place to themselves.
fn check_places(body: &Value, cursor: &Cursor, pagination: &Pagination, findings: &mut Findings) {
    let mut taken: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for (key, param) in params(cursor, pagination) {
        let Some(param) = param.filter(|param| !findings.has_fault_at(param.site.place)) else {
            continue;
        };
        let name = param.text.as_str();
        let mut fault = |message: String, remedy: &str| {
            findings.add(Fault::new(param.site.place, message, remedy));
        };
        let keys = match path::parse(name) {
            Ok(keys) => keys,
            Err(why) => {
                fault(format!("`{name}` is no place in `body`: {why}"), path::REMEDY);
                continue;
            }
        };
        // An API may take the position and the last record's id by one and the same parameter.
        let may_share =
            |other: &str| pagination.goes_by_last_id() && other == "since" && key == "param";
        let clash = taken.iter().find(|(other, _, before)| {
            (keys.starts_with(before) || before.starts_with(&keys))
                && !(keys == *before && may_share(other))
        });
        if let Some((other, before, _)) = clash {
            let message =
                format!("`{key}: {name}` and `{other}: {before}` are in each other's way");
            fault(message, "give each a place of its own in `body`");
        } else if let Err((message, remedy)) = check_free(body, &keys) {
            fault(format!("`{name}` {message}"), remedy);
        }
        taken.push((key, name, keys));
    }
}

/// Whether a value can be put at a place: what is wrong with it otherwise, and what to do.
fn check_free(body: &Value, path: &[String]) -> Result<(), (String, &'static str)> {
    const LITERAL: &str = "remove one of the two: the value in `body`, or the parameter";
    let mut at = body;
    for (depth, key) in path.iter().enumerate() {
        let before = || path::written(&path[..depth]);
        at = match at {
            Value::Object(fields) => match fields.get(key) {
                Some(value) => value,
                None => return Ok(()),
            },
            Value::Array(items) => {
                let item = key.parse::<usize>().ok().and_then(|index| items.get(index));
                item.ok_or_else(|| {
                    let count = items.len();
                    let message = format!("leads to no item of `{}`, a list of {count}", before());
                    (message, "write the item's number from 0, and the item into `body`")
                })?
            }
            _ => {
                let message = format!("leads through `{}`, which is a value in `body`", before());
                return Err((message, LITERAL));
            }
        };
    }
    Err(("is a value in `body` already".into(), LITERAL))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{file::Place, testing::section};

    #[test]
    fn a_place_is_free_where_the_body_has_nothing() {
        let body = json!({ "a": { "b": 1 }, "list": [{ "c": null }] });
        let free = |path: &str| {
            let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
            check_free(&body, &keys).map_err(|(message, _)| message)
        };
        for path in ["x", "a.x", "x.y.z", "list.0.x"] {
            assert_eq!(free(path), Ok(()), "{path}");
        }
        for (path, message) in [
            ("a", "is a value in `body` already"),
            ("list.0.c", "is a value in `body` already"),
            ("a.b.x", "leads through `a.b`, which is a value in `body`"),
            ("list.1.x", "leads to no item of `list`, a list of 1"),
            ("list.x", "leads to no item of `list`, a list of 1"),
        ] {
            assert_eq!(free(path), Err(message.to_owned()), "{path}");
        }
    }

    #[test]
    fn the_position_and_the_last_id_may_share_a_place_and_no_others() {
        let body = section(json!({}));
        let cursor = section(json!({ "by": "id", "since": "after.id" }));
        let messages = |pagination: Value| {
            let mut findings = Findings::default();
            let pagination = section(pagination);
            check(None, (Some(&body), None), &cursor, &pagination, &mut findings);
            findings.faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>()
        };
        assert!(messages(json!({ "last_id": { "param": "after.id" } })).is_empty());
        let shared = messages(json!({ "token": { "param": "after.id", "path": "next" } }));
        assert_eq!(shared, ["`param: after.id` and `since: after.id` are in each other's way"]);
        let inside = messages(json!({ "last_id": { "param": "after.id.x" } }));
        assert_eq!(inside, ["`param: after.id.x` and `since: after.id` are in each other's way"]);
    }

    #[test]
    fn a_body_is_posted_and_a_get_has_none() {
        let (cursor, pagination) = (section(json!({ "by": "id" })), section(json!("none")));
        let messages = |method: Option<ListMethod>, body: Option<Value>| {
            let method = method.map(|value| At { value, place: Place::default() });
            let body = body.map(section::<JsonTemplate<Listed>>);
            let mut findings = Findings::default();
            check(method.as_ref(), (body.as_ref(), None), &cursor, &pagination, &mut findings);
            findings.faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>()
        };
        assert!(messages(None, Some(json!({}))).is_empty());
        assert!(messages(Some(ListMethod::Post), Some(json!({}))).is_empty());
        assert!(messages(Some(ListMethod::Get), None).is_empty());
        let get = messages(Some(ListMethod::Get), Some(json!({})));
        assert_eq!(get, ["a GET carries no `body`"]);
        let post = messages(Some(ListMethod::Post), None);
        assert_eq!(post, ["a POST for a list carries a `body` or a `form`, which is not given"]);
        assert_eq!(messages(None, Some(json!([1]))), ["`body` must be an object"]);
    }

    #[test]
    fn a_forms_fields_are_not_the_parameters() {
        let (cursor, pagination) = (
            section(json!({ "by": "id", "since": "after" })),
            section(json!({ "page_number": { "param": "page", "size_param": "n" } })),
        );
        let messages = |method: Option<ListMethod>, form: Value, body: Option<Value>| {
            let at = |value| At { value, place: Place::default() };
            let (method, form) =
                (method.map(|value| At { value, place: Place::default() }), at(section(form)));
            let body = body.map(section::<JsonTemplate<Listed>>);
            let mut findings = Findings::default();
            check(
                method.as_ref(),
                (body.as_ref(), Some(&form)),
                &cursor,
                &pagination,
                &mut findings,
            );
            findings.faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>()
        };
        assert!(messages(None, json!({ "status": ["a", "b"] }), None).is_empty());
        assert_eq!(messages(Some(ListMethod::Get), json!({}), None), ["a GET carries no `form`"]);
        for (field, message) in [
            ("after", "`since: after` is a field of `form` already"),
            ("page", "`param: page` is a field of `form` already"),
            ("n", "`size_param: n` is a field of `form` already"),
        ] {
            assert_eq!(messages(None, json!({ field: 1 }), None), [message]);
        }
        let both = messages(None, json!({}), Some(json!({})));
        assert_eq!(both, ["`form` and `body` both say what is sent"]);
    }
}
