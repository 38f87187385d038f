//! `type`: what a value must be.

use jiff::fmt::temporal::Pieces;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{json::Scalar, transform::Cast};

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RuleType")]
pub(super) enum Kind {
    /// A text.
    String,
    /// A number, or a text that is one: `12.50`. A decimal comma makes none.
    Number,
    /// A number without a fraction, or a text that is one.
    Integer,
    /// true or false; also as texts, and 1 or 0.
    Boolean,
    /// A text that is a day of the calendar: `2026-11-27`.
    Date,
    /// A text that is a day and a time as of RFC 3339: `2026-11-27T08:00:00Z`. A space for the `T` and no zone are
    /// taken, too.
    Datetime,
    /// A text that is an http or https address.
    Url,
    /// A text that looks like an e-mail address: one `@`, a dot behind it, no blanks.
    Email,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What stands somewhere in a record.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// A text, a number or a boolean.
    Scalar(Scalar<'a>),
    Array,
    Object,
    /// A text that is no Unicode.
    NoText,
}

impl<'a> Value<'a> {
    /// Of its JSON, which is not null.
    pub(super) fn read(json: &'a [u8]) -> Self {
        match (json.first(), Scalar::read(json)) {
            (_, Some(scalar)) => Self::Scalar(scalar),
            (Some(b'['), None) => Self::Array,
            (Some(b'{'), None) => Self::Object,
            (_, None) => Self::NoText,
        }
    }
}

impl Kind {
    /// Whether a value is of it; `strict` takes a number, an integer or a boolean of JSON alone.
    pub(super) fn takes(self, value: &Value<'_>, strict: bool) -> bool {
        match (self, value) {
            (Self::Array, Value::Array) | (Self::Object, Value::Object) => true,
            (_, Value::Array | Value::Object | Value::NoText) => false,
            (Self::Number, Value::Scalar(scalar)) => {
                matches!(scalar, Scalar::Number(_)) || !strict && Cast::Number.takes(scalar)
            }
            (Self::Integer, Value::Scalar(scalar)) => {
                let is_number = matches!(scalar, Scalar::Number(_));
                (is_number || !strict) && Cast::Integer.takes(scalar)
            }
            (Self::Boolean, Value::Scalar(scalar)) => {
                matches!(scalar, Scalar::Bool(_)) || !strict && Cast::Boolean.takes(scalar)
            }
            (kind, Value::Scalar(Scalar::Text(text))) => kind.takes_text(text),
            (_, Value::Scalar(_)) => false,
        }
    }

    fn takes_text(self, text: &str) -> bool {
        match self {
            Self::String => true,
            Self::Date => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
            Self::Datetime => Pieces::parse(text).is_ok_and(|it| it.time().is_some()),
            Self::Url => url::Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && !text.contains(char::is_whitespace)
            }),
            Self::Email => is_email(text),
            Self::Number | Self::Integer | Self::Boolean | Self::Array | Self::Object => false,
        }
    }

    /// What is wanted, in words.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Date => "a date like 2026-11-27",
            Self::Datetime => "a time like 2026-11-27T08:00:00Z",
            Self::Url => "an http or https address",
            Self::Email => "an e-mail address",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }

    /// Whether a fault shows what stands there instead. What is meant for an address may be personal, or hold a token.
    pub(super) fn is_shown(self) -> bool {
        !matches!(self, Self::String | Self::Url | Self::Email)
    }

    /// Whether it is a single value.
    pub(super) fn is_scalar(self) -> bool {
        !matches!(self, Self::Array | Self::Object)
    }

    /// Whether it is a number.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Integer)
    }

    /// Whether texts that mean the same are taken, too.
    pub(super) fn has_texts(self) -> bool {
        matches!(self, Self::Number | Self::Integer | Self::Boolean)
    }
}

/// Whether a text looks like an e-mail address: which ones there are, only sending to them tells.
fn is_email(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';');
    match text.split_once('@') {
        Some((name, host)) => {
            let has_dot =
                host.split('.').count() > 1 && host.split('.').all(|label| !label.is_empty());
            !name.is_empty() && has_dot && !host.contains('@') && !text.contains(odd)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Cases<'a> = &'a [(Kind, &'a [&'a str], &'a [&'a str])];

    fn check(cases: Cases<'_>) {
        for (kind, taken, refused) in cases {
            let expected = taken.iter().map(|json| (json, true));
            for (json, expected) in expected.chain(refused.iter().map(|json| (json, false))) {
                let value = Value::read(json.as_bytes());
                assert_eq!(kind.takes(&value, false), expected, "{kind:?} {json}");
            }
        }
    }

    #[test]
    fn what_each_type_takes() {
        use Kind::*;
        check(&[
            (String, &[r#""""#, r#""12""#, r#""a\u00e9""#], &["12", "true", "[]", r#""\ud800""#]),
            (
                Number,
                &["12", "-1.5e3", r#""12.50""#, r#"" 12 ""#, r#""-0.5""#],
                &[
                    r#""12,50""#,
                    r#""abc""#,
                    r#""0x10""#,
                    r#""NaN""#,
                    r#""1 000""#,
                    r#""€ 5""#,
                    "true",
                    "[]",
                    "{}",
                ],
            ),
            (
                Integer,
                &["12", "12.0", r#""12""#, "12345678901234567890", "4.2e1"],
                &["12.5", r#""12.5""#, r#""12x""#, "1e300", "true", r#""""#],
            ),
            (Boolean, &["true", r#""false""#, "1", "0"], &["2", r#""yes""#, r#""1""#, "[]"]),
        ]);
    }

    #[test]
    fn what_each_type_of_text_takes() {
        use Kind::*;
        check(&[
            (
                Date,
                &[r#""2026-11-27""#, r#""2024-02-29""#],
                &[
                    r#""2026-02-29""#,
                    r#""27.11.2026""#,
                    r#""2026-11-27T08:00:00Z""#,
                    r#""20261127""#,
                    "20261127",
                ],
            ),
            (
                Datetime,
                &[
                    r#""2026-11-27T08:00:00Z""#,
                    r#""2026-11-27T08:00:00.123+01:00""#,
                    r#""2026-11-27 08:00:00""#,
                    r#""2026-11-27T08:00""#,
                ],
                &[r#""2026-11-27""#, r#""2026-13-27T08:00:00Z""#, r#""soon""#, "1700000000"],
            ),
            (
                Url,
                &[r#""https://a.example/b?c=d""#, r#""http://127.0.0.1:80""#],
                &[
                    r#""a.example""#,
                    r#""/b""#,
                    r#""ftp://a.example""#,
                    r#""https://a.example/x y""#,
                    r#""https://""#,
                    "1",
                ],
            ),
            (
                Email,
                &[r#""a@b.example""#, r#""a.b+c@d-e.example""#, r#""jürgen@müller.example""#],
                &[
                    r#""a@b""#,
                    r#""a""#,
                    r#""@b.c""#,
                    r#""a@b@c.d""#,
                    r#""a b@c.d""#,
                    r#""A <a@b.c>""#,
                    r#""a@b..c""#,
                ],
            ),
            (Array, &["[]", "[1]"], &["{}", r#""[]""#, "1"]),
            (Object, &["{}"], &["[]", "1"]),
        ]);
    }

    #[test]
    fn a_strict_type_is_of_json() {
        for (kind, taken, refused) in [
            (Kind::Number, &["1", "1.5"][..], &[r#""1""#][..]),
            (Kind::Integer, &["1", "1.0"], &[r#""1""#, "1.5"]),
            (Kind::Boolean, &["true"], &[r#""true""#, "1"]),
        ] {
            for json in taken {
                assert!(kind.takes(&Value::read(json.as_bytes()), true), "{kind:?} {json}");
            }
            for json in refused {
                assert!(!kind.takes(&Value::read(json.as_bytes()), true), "{kind:?} {json}");
            }
        }
    }
}
