//! Whether an answer without records is an empty list, or an error that came with a success's status.
//!
//! An error that is taken for an empty list ends a walk in silence, and what stands behind it is missed.
//! What the body says of an error, and a list that is null or not there, is therefore asked for again. So is
//! a page with records that says so beside them: perhaps it has not all of them. What stays so halts the run,
//! which says what to write. A status that the list was asked for by is no error: it comes back as it was sent.

use bytes::Bytes;
use jiter::JsonValue;

use super::{
    page::{Page, PageFault, PageShape},
    requests::{Fetched, PageError, PageRequest, Said},
};

/// What stands beside records is looked at for an error where it is no longer than this, in bytes: more of
/// it is data, too.
const BESIDE_BYTES_MAX: usize = 64 * 1024;
/// Objects inside objects are looked into so far.
const DEPTH_MAX: u32 = 3;

/// What a body without records is taken for, where it says nothing of an error.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EmptyList {
    /// Null in the place of the list is an empty one.
    pub(super) null: bool,
    /// Nothing in the place of the list is an empty one.
    pub(super) absent: bool,
}

impl EmptyList {
    /// Reads an answer as a page. `trusted`: a rule of the flow's says that it is one.
    pub(super) fn read(
        self,
        shape: &PageShape,
        asked: &PageRequest,
        fetched: Fetched,
    ) -> Result<(Page, Fetched), PageError> {
        if fetched.is_nothing() {
            return Ok((Page::default(), Fetched { body: Bytes::new(), ..fetched }));
        }
        let page = match shape.parse(&fetched.body) {
            Ok(page) if page.count > 0 => {
                let is_data = fetched.is_trusted || page.frame.len() > BESIDE_BYTES_MAX;
                let said = if is_data { None } else { error_beside(&page.frame, asked) };
                return match said {
                    Some(said) => Err(PageError::Says { body: page.frame, said }),
                    None => Ok(beside(page, fetched)),
                };
            }
            Err(PageFault::NotJson(reason)) => {
                return Err(fetched
                    .instead_of_json
                    .map_or(PageError::Passing(reason), PageError::Else));
            }
            Err(PageFault::Shape(message)) => return Err(PageError::Halt(message)),
            other => other,
        };
        let said = if fetched.is_trusted { None } else { error(&fetched.body, asked) };
        if let Some(said) = said {
            return Err(PageError::Says { body: fetched.body, said });
        }
        match page {
            Ok(page) if page.is_null && !self.null => Err(PageError::Doubtful(format!(
                "the body has null at `{}`, where the list of records should be: if this API says \
                 so that there are none, write `null_is_empty: true` in source.http",
                shape.records()
            ))),
            Ok(page) => Ok(beside(page, fetched)),
            Err(PageFault::NoList { is_absent: true, .. }) if self.absent => {
                Ok((Page::default(), fetched))
            }
            Err(PageFault::NoList { message, .. }) => Err(PageError::Doubtful(message)),
            Err(PageFault::NotJson(message) | PageFault::Shape(message)) => {
                Err(PageError::Halt(message))
            }
        }
    }
}

/// A page, with what its answer says beside the records in the place of the whole body.
fn beside(page: Page, fetched: Fetched) -> (Page, Fetched) {
    let body = page.frame.clone();
    (page, Fetched { body, ..fetched })
}

/// What stands at a path and says so.
fn said(path: &str, value: &JsonValue<'_>) -> Said {
    let value = match value {
        JsonValue::Str(text) => Some(text.to_string()),
        JsonValue::Bool(is) => Some(is.to_string()),
        JsonValue::Int(number) => Some(number.to_string()),
        _ => None,
    };
    Said { path: path.to_owned(), value }
}

/// Where a body without records says that something failed, in the words that APIs use.
fn error(body: &[u8], asked: &PageRequest) -> Option<Said> {
    fn find(value: &JsonValue<'_>, above: &str, depth: u32, asked: &PageRequest) -> Option<Said> {
        let JsonValue::Object(fields) = value else { return None };
        fields.iter().find_map(|(name, value)| {
            let (key, path) = (plain(name), format!("{above}{name}"));
            let is_failed = is_failed(&key, value) && !asked_for_by(asked, &key, value);
            if is_error(&key, value) || is_failed {
                return Some(said(&path, value));
            }
            if depth > 1 { find(value, &format!("{path}."), depth - 1, asked) } else { None }
        })
    }
    find(&JsonValue::parse(body, true).ok()?, "", DEPTH_MAX, asked)
}

/// Where that which stands beside records says so. A status may be what the list was asked for by: only
/// the word `error` is not, unless it was sent.
fn error_beside(frame: &[u8], asked: &PageRequest) -> Option<Said> {
    let JsonValue::Object(fields) = JsonValue::parse(frame, true).ok()? else { return None };
    fields.iter().find_map(|(name, value)| {
        let key = plain(name);
        let is_failed = key == "status"
            && text(value).is_some_and(|text| text == "error")
            && !asked_for_by(asked, &key, value);
        (is_error(&key, value) || is_failed).then(|| said(name, value))
    })
}

/// Whether a value is what the request itself sent under such a name.
fn asked_for_by(asked: &PageRequest, key: &str, value: &JsonValue<'_>) -> bool {
    let value = match value {
        JsonValue::Str(_) => text(value),
        JsonValue::Int(number) => Some(number.to_string()),
        _ => None,
    };
    let Some(value) = value else { return false };
    let is_it = |name: &str, sent: &str| {
        plain(name).ends_with(key) && sent.trim().to_ascii_lowercase() == value
    };
    let body = asked.body.as_deref().unwrap_or_default();
    asked.url.query_pairs().any(|(name, sent)| is_it(&name, &sent))
        || url::form_urlencoded::parse(body).any(|(name, sent)| is_it(&name, &sent))
        || JsonValue::parse(body, true).is_ok_and(|body| sends(&body, &is_it))
}

/// Whether a posted body has such a field.
fn sends(body: &JsonValue<'_>, is_it: &impl Fn(&str, &str) -> bool) -> bool {
    match body {
        JsonValue::Object(fields) => fields.iter().any(|(name, value)| match value {
            JsonValue::Str(text) => is_it(name, text),
            JsonValue::Int(number) => is_it(name, &number.to_string()),
            value => sends(value, is_it),
        }),
        JsonValue::Array(items) => items.iter().any(|item| sends(item, is_it)),
        _ => false,
    }
}

/// A key without what APIs write differently.
fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Whether a field is an error's, or says that there was no success.
fn is_error(key: &str, value: &JsonValue<'_>) -> bool {
    match key {
        "error" | "errors" | "err" | "errormessage" | "errormessages" | "errormsg"
        | "errorcode" | "errordescription" | "exception" | "exceptions" | "fault" | "failure"
        | "failures" => !is_nothing(value),
        "success" | "ok" | "issuccess" | "succeeded" | "successful" => {
            matches!(value, JsonValue::Bool(false) | JsonValue::Int(0))
                || text(value).is_some_and(|text| ["false", "0", "no"].contains(&&*text))
        }
        _ => false,
    }
}

/// Whether a field is a status of something that failed.
fn is_failed(key: &str, value: &JsonValue<'_>) -> bool {
    match key {
        "status" | "statuscode" | "statustext" | "code" | "httpstatus" | "httpcode" | "result"
        | "state" | "type" => match value {
            JsonValue::Int(number) => (400..=599).contains(number),
            _ => text(value).is_some_and(|text| {
                let code = text.parse::<u16>().is_ok_and(|code| (400..=599).contains(&code));
                code || FAILED.contains(&&*text)
            }),
        },
        _ => false,
    }
}

/// Words of a status that is no success.
const FAILED: [&str; 10] = [
    "error",
    "err",
    "errored",
    "fail",
    "failed",
    "failure",
    "ko",
    "nok",
    "exception",
    "unavailable",
];

/// A text in lower case.
fn text(value: &JsonValue<'_>) -> Option<String> {
    match value {
        JsonValue::Str(text) => Some(text.trim().to_ascii_lowercase()),
        _ => None,
    }
}

/// Whether it says that there is nothing to tell.
fn is_nothing(value: &JsonValue<'_>) -> bool {
    match value {
        JsonValue::Null | JsonValue::Bool(false) | JsonValue::Int(0) => true,
        JsonValue::Array(items) => items.iter().all(is_nothing),
        JsonValue::Object(fields) => fields.iter().all(|(_, value)| is_nothing(value)),
        JsonValue::Str(_) => text(value).is_some_and(|text| {
            ["", "0", "200", "ok", "success", "none", "null", "no", "false", "no error"]
                .contains(&&*text)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, body: Option<&'static str>) -> PageRequest {
        PageRequest {
            url: format!("http://a.test/?{query}").parse().unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            body: body.map(Bytes::from),
            page: "the first page".into(),
        }
    }

    #[test]
    fn a_status_that_was_asked_for_is_no_error() {
        let answer = br#"{"filter":{"status":"Failed"},"data":[]}"#;
        for (query, body, is_error) in [
            ("", None, true),
            ("status=failed", None, false),
            ("filter%5Bstatus%5D=failed", None, false),
            ("state=failed", None, true),
            ("status=active", None, true),
            ("", Some(r#"{"where":[{"status":"failed"}]}"#), false),
            ("", Some("status=failed&limit=9"), false),
        ] {
            let said = error(answer, &asked(query, body));
            assert_eq!(said.is_some(), is_error, "{query} {body:?}");
            if let Some(said) = said {
                assert_eq!((&*said.path, said.value.as_deref()), ("filter.status", Some("Failed")));
            }
        }
        let beside = br#"{"status":"error","data":[]}"#;
        assert!(error_beside(beside, &asked("", None)).is_some());
        assert!(error_beside(beside, &asked("status=error", None)).is_none());
        assert!(error(br#"{"error":"x","data":[]}"#, &asked("error=x", None)).is_some());
    }

    #[test]
    fn beside_records_only_an_error_speaks_of_failure() {
        for (frame, says) in [
            (r#"{"data":[],"errors":[{"message":"x"}]}"#, true),
            (r#"{"status":"error","data":[]}"#, true),
            (r#"{"success":false,"data":[]}"#, true),
            (r#"{"status":"failed","code":500,"data":[]}"#, false),
            (r#"{"meta":{"errors":["x"]},"data":[]}"#, false),
            (r#"{"errors":[],"data":[]}"#, false),
            ("[]", false),
        ] {
            let said = error_beside(frame.as_bytes(), &asked("", None));
            assert_eq!(said.is_some(), says, "{frame}");
        }
    }

    #[test]
    fn a_body_that_says_of_an_error_is_told_from_one_that_does_not() {
        for body in [
            r#"{"status":"error","data":null}"#,
            r#"{"status":"ERROR","data":[]}"#,
            r#"{"error":{"code":17}}"#,
            r#"{"errors":[{"message":"x"}],"data":{"orders":null}}"#,
            r#"{"success":false,"data":[]}"#,
            r#"{"Success":"false"}"#,
            r#"{"meta":{"status_code":503},"data":[]}"#,
            r#"{"statusCode":"429"}"#,
            r#"{"response":{"result":"failed"}}"#,
            r#"{"error_code":17,"data":null}"#,
            r#"{"Fault":{"faultstring":"down"}}"#,
        ] {
            assert!(error(body.as_bytes(), &asked("", None)).is_some(), "{body}");
        }
        for body in [
            "[]",
            "null",
            "<html>",
            r#"{"data":[]}"#,
            r#"{"status":"ok","error":null,"errors":[],"data":[]}"#,
            r#"{"status":200,"code":0,"error":"","success":true,"data":[]}"#,
            r#"{"errors":{},"error":false,"error_code":"0","data":[]}"#,
            r#"{"data":[],"message":"nothing here","status":"active"}"#,
            r#"{"data":[{"error":"of a record's own"}]}"#,
        ] {
            assert!(error(body.as_bytes(), &asked("", None)).is_none(), "{body}");
        }
    }
}
