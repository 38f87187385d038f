//! `lookup`

use serde_json::Value;

use super::{
    Check, address, answers, headers,
    source::TIMEOUT_MS,
    texts::{self, RecordRefs},
    values,
};
use crate::{
    at::At,
    raw::{self, LookupMethod},
    spec::{HttpLookupSpec, LookupContent, LookupOkSpec, LookupSpec},
    template::{LookupPart, Part, Template},
    text::Place,
};

const TIMEOUT_DEFAULT_MS: u64 = 30_000;
const SIZE_DEFAULT: u32 = 100;
const CACHE_MS: std::ops::RangeInclusive<u64> = 1_000..=86_400_000;
const SEPARATOR_BYTES_MAX: usize = 10;

/// Why a key has a value to itself.
const ALONE: &str = "write it as the whole value: beside other text, a key could write a query of \
                     its own";

pub(super) fn lookup(check: &mut Check<'_>, lookup: At<raw::Lookup>) -> Option<LookupSpec> {
    let place = lookup.place;
    let raw::Lookup { by, ignore_case, size, cache, http } = lookup.value;
    let by = values::picked(check, &by);
    let cache_ms = values::optional(cache, |text| values::duration(check, &text, CACHE_MS));
    let one = http.url.value.contains(&LookupPart::Key.to_string());
    let size = size.unwrap_or(if one { 1 } else { SIZE_DEFAULT });
    let http = self::http(check, *http, size, place);
    Some(LookupSpec {
        by: by?,
        ignore_case,
        // The schema's range keeps it far below any usize.
        size: usize::try_from(size).unwrap_or(usize::MAX),
        cache_ms: cache_ms?,
        http: http?,
    })
}

fn http(
    check: &mut Check<'_>,
    http: raw::HttpLookup,
    size: u32,
    section: Place,
) -> Option<HttpLookupSpec> {
    let url_place = http.url.place;
    let url = address::url(check, &http.url, RecordRefs::Keys)
        .filter(|url| parts_a_path(check, url, url_place));
    let fields = |check: &mut Check<'_>, fields: crate::at::Entries<raw::Scalar>| {
        let places: Vec<Place> = fields.0.iter().map(|(_, value)| value.place).collect();
        let texts: Vec<String> = fields.0.iter().map(|(_, value)| value.value.0.clone()).collect();
        let alone = texts
            .iter()
            .zip(places)
            .fold(true, |sound, (text, place)| stands_alone(check, text, place) && sound);
        headers::query(check, fields, RecordRefs::Keys).filter(|_| alone)
    };
    let query = fields(check, http.query);
    let headers = headers::headers(check, http.headers);
    let auth = http.auth.inspect(|auth| auth.check(&mut check.findings));
    let both = http.form.as_ref().zip(http.body.as_ref()).map(|(_, body)| body.place);
    let carries = http.form.is_some() || http.body.is_some();
    let form = values::optional(http.form, |form| fields(check, form.value));
    let body = values::optional(http.body, |body| self::body(check, body, size));
    let method = method(check, http.method, carries);
    let records = values::optional(http.records, |path| values::dotted(check, &path));
    let key = values::optional(http.key, |path| values::dotted(check, &path));
    let more = values::optional(http.more, |path| values::dotted(check, &path));
    let ok = values::optional(http.ok, |ok| {
        let path = values::dotted(check, &ok.path)?;
        Some(LookupOkSpec { path, equals: ok.equals.0 })
    });
    let timeout_ms =
        values::optional(http.timeout, |text| values::duration(check, &text, TIMEOUT_MS));
    let answers = answers::answers(check, http.answers);
    let separator_place = http.separator.as_ref().map(|separator| separator.place);
    let separator = values::optional(http.separator, |text| self::separator(check, text));
    if let Some(place) = both {
        let message = "`form` and `body` both say what is sent";
        check.report.add(place, message, "remove `form` or `body`");
        return None;
    }

    let (url, query, form, body, key) = (url?, query?, form?, body?, key?);
    let templates = || query.values().chain(form.iter().flatten().map(|(_, value)| value));
    let has = |what: LookupPart| {
        url.parts.contains(&Part::Lookup(what))
            || templates().any(|value| value.parts.contains(&Part::Lookup(what)))
            || body.as_ref().is_some_and(|body| holds(body, what))
    };
    let mut sound = true;
    let mut fault = |place, message: &str, remedy: &str| {
        check.report.add(place, message, remedy);
        sound = false;
    };
    let names_one = url.parts.contains(&Part::Lookup(LookupPart::Key));
    if !has(LookupPart::Key) && !has(LookupPart::Keys) {
        let message = "the look-up's request says nothing of what is looked up";
        fault(url_place, message, "write `${lookup.keys}` into `query`, `form`, `body` or `url`");
    }
    if names_one && size > 1 {
        let message = format!("the address names one key, and `size` is {size}");
        fault(url_place, &message, "write `size: 1`, or `${lookup.keys}` for all of them");
    }
    if key.is_none() && !names_one {
        let message = "`lookup.http` does not say which result is whose";
        fault(section, message, "add `key:` with the path to the key in a result, like `email`");
    }
    if let (Some(place), false) = (separator_place, has(LookupPart::Keys)) {
        let remedy = "remove it, or write `${lookup.keys}`, which it stands in";
        fault(place, "`separator` does nothing without `${lookup.keys}`", remedy);
    }
    let content = form.map(LookupContent::Form).or(body.map(LookupContent::Json));
    sound.then_some(())?;
    Some(HttpLookupSpec {
        url,
        method: method?.name().into(),
        query,
        headers: headers?,
        auth,
        content,
        separator: separator?.unwrap_or_else(|| ",".into()),
        records: records?.unwrap_or_default(),
        key,
        missing: http.missing.into_iter().map(|status| status.value.0).collect(),
        ok: ok?,
        answers: answers?,
        more: more?,
        timeout_ms: timeout_ms?.unwrap_or(TIMEOUT_DEFAULT_MS),
    })
}

fn method(
    check: &mut Check<'_>,
    method: Option<At<LookupMethod>>,
    carries: bool,
) -> Option<LookupMethod> {
    match method {
        Some(At { value: LookupMethod::Get, place }) if carries => {
            let message = "a GET carries no `form` and no `body`";
            check.report.add(place, message, "write `method: POST`, or use `query`");
            None
        }
        Some(method) => Some(method.value),
        None if carries => Some(LookupMethod::Post),
        None => Some(LookupMethod::Get),
    }
}

fn separator(check: &mut Check<'_>, text: At<String>) -> Option<String> {
    // A letter or a digit would stand in many keys, and none of them could be asked for.
    let plain = text.value.chars().any(char::is_alphanumeric);
    if !text.value.is_empty() && text.value.len() <= SEPARATOR_BYTES_MAX && !plain {
        return Some(text.value);
    }
    let message = format!("`{}` cannot stand between keys", text.value);
    check.report.add(text.place, message, "write what no key holds, like `,` or `;`");
    None
}

/// Whether a text is all reference to keys, or none.
fn stands_alone(check: &mut Check<'_>, text: &str, place: Place) -> bool {
    let mut keys = [LookupPart::Key, LookupPart::Keys].into_iter().map(|what| what.to_string());
    let Some(reference) = keys.find(|reference| text.contains(reference) && text != reference)
    else {
        return true;
    };
    let place = check.report.source.inside(place, &reference, 0);
    check.report.add(place, format!("`{reference}` stands beside other text"), ALONE);
    false
}

/// Whether keys are whole segments of the address, or whole values of its query.
fn parts_a_path(check: &mut Check<'_>, url: &Template, place: Place) -> bool {
    let text = |index: Option<usize>| match index.and_then(|index| url.parts.get(index)) {
        Some(Part::Literal(text)) => Some(text.as_str()),
        Some(_) => Some("x"),
        None => None,
    };
    for (index, part) in url.parts.iter().enumerate() {
        let Part::Lookup(what) = part else { continue };
        let before = text(index.checked_sub(1)).is_some_and(|text| text.ends_with(['/', '=']));
        let after =
            text(Some(index + 1)).is_none_or(|text| text.starts_with(['/', '?', '&', '.', '#']));
        if !before || !after {
            let reference = what.to_string();
            let place = check.report.source.inside(place, &reference, 0);
            let message = format!("`{reference}` is only a part of a segment of the address");
            let remedy = "write it as a whole segment, like `/customers/${lookup.key}`: beside \
                          other text, a key could write a query of its own";
            check.report.add(place, message, remedy);
            return false;
        }
    }
    true
}

/// A JSON body whose texts are templates.
fn body(check: &mut Check<'_>, body: At<raw::Given>, size: u32) -> Option<Value> {
    let json = body.value.0;
    let mut texts = Vec::new();
    collect(&json, false, &mut texts);
    let mut sound = true;
    for (text, listed) in texts {
        let text = At { value: text.to_owned(), place: body.place };
        sound &= texts::template(check, &text, RecordRefs::Keys).is_some()
            && stands_alone(check, &text.value, text.place);
        let key = LookupPart::Key.to_string();
        if text.value == key && !listed && size > 1 {
            let place = check.report.source.inside(body.place, &key, 0);
            let message = format!("`{key}` has one place, and there are up to {size} keys");
            let remedy = "write it into a list: `[\"${lookup.key}\"]`, or `${lookup.keys}`";
            check.report.add(place, message, remedy);
            sound = false;
        }
    }
    sound.then_some(json)
}

/// The texts of a JSON value, each with whether it stands in a list.
fn collect<'j>(json: &'j Value, listed: bool, texts: &mut Vec<(&'j str, bool)>) {
    match json {
        Value::String(text) => texts.push((text, listed)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, true, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, listed, texts)),
        _ => {}
    }
}

fn holds(json: &Value, what: LookupPart) -> bool {
    let mut texts = Vec::new();
    collect(json, false, &mut texts);
    let what = what.to_string();
    texts.iter().any(|(text, _)| **text == what)
}
