//! A transform of records that keep the flow's rules.

use tidegate_core::ports::{Transform, Transformed};

use super::rules::Rules;
use crate::transform::{check_fields, no_json};

/// Hands on what keeps the rules.
pub(super) struct Validated {
    pub(super) rules: Rules,
    pub(super) transform: Box<dyn Transform>,
}

impl Validated {
    /// Why a record goes no further; none where it keeps the rules. What the filter leaves out is left out, whatever
    /// is wrong with it; where the filter cannot say, the faults are the better reason.
    fn refused(&self, record: &[u8]) -> Option<Transformed> {
        let faults = match self.rules.faults(record) {
            Ok(faults) => faults,
            Err(error) => return Some(Transformed::Refused(no_json(&error, record))),
        };
        if let Err(reason) = check_fields(record) {
            return Some(Transformed::Refused(reason));
        }
        let reason = faults.into_reason()?;
        Some(match self.transform.admits(record) {
            Transformed::Filtered => Transformed::Filtered,
            _ => Transformed::Invalid(reason),
        })
    }
}

impl Transform for Validated {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        match self.refused(record) {
            Some(refused) => refused,
            None => self.transform.apply(record, found, out),
        }
    }

    fn admits(&self, record: &[u8]) -> Transformed {
        self.transform.admits(record)
    }

    fn accepts(&self, record: &[u8]) -> Transformed {
        match self.refused(record) {
            Some(refused) => refused,
            None => self.transform.accepts(record),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        connection::Connection, registry::Registry, resolver::Resolver, testing::section,
        transform::Transform as Section, validate::Validate,
    };

    fn transform(rules: Value, keys: Value) -> Box<dyn Transform> {
        let connection = Connection::default();
        let transform: Section = section(keys);
        let connected = transform.connect(None, &Registry::new(), &Resolver::new(&connection));
        section::<Validate>(rules).before(connected.unwrap())
    }

    fn apply(rules: Value, keys: Value, record: &str) -> Transformed {
        let mut out = b"before".to_vec();
        let transformed = transform(rules, keys).apply(record.as_bytes(), None, &mut out);
        if transformed != Transformed::Written {
            assert_eq!(out, b"before", "{record}");
        }
        transformed
    }

    /// What is wrong with a record; empty where nothing is.
    fn faults(rules: Value, record: &str) -> String {
        match apply(rules, json!({}), record) {
            Transformed::Written => String::new(),
            Transformed::Invalid(reason) => {
                reason.strip_prefix("invalid: ").expect("it says so").to_owned()
            }
            other => panic!("{record}: {other:?}"),
        }
    }

    type Cases<'a> = &'a [(Value, &'a [&'a str], &'a [(&'a str, &'a str)])];

    fn check(cases: Cases<'_>) {
        for (rule, good, bad) in cases {
            let of = |json: &str| faults(json!({ "v": rule }), &format!("{{\"v\":{json}}}"));
            good.iter().for_each(|json| assert_eq!(of(json), "", "{rule} {json}"));
            bad.iter().for_each(|(json, said)| assert_eq!(of(json), *said, "{rule}"));
        }
    }

    #[test]
    fn each_type_says_what_is_wrong_and_where() {
        check(&[
            (
                json!({ "required": true }),
                &["0", "false", "[]", "{}", r#"" ""#],
                &[("null", "v: is missing"), (r#""""#, "v: is missing")],
            ),
            (
                json!({ "type": "number" }),
                &["1.5", r#""12.50""#, "null", r#""""#],
                &[
                    (r#""abc""#, r#"v: is "abc", not a number"#),
                    (r#""12,50""#, r#"v: is "12,50", not a number"#),
                    ("true", "v: is true, not a number"),
                    (r#"{"a":1}"#, "v: is an object, not a number"),
                ],
            ),
            (
                json!({ "type": "number", "strict": true }),
                &["1.5"],
                &[(r#""1.5""#, r#"v: is "1.5", not a number"#)],
            ),
            (
                json!({ "type": "integer" }),
                &["7", "7.0", r#""7""#],
                &[("7.5", "v: is 7.5, not an integer")],
            ),
            (json!({ "type": "string" }), &[r#""x""#], &[("7", "v: is 7, not a string")]),
            (
                json!({ "type": "email" }),
                &[r#""a@b.example""#],
                &[(r#""jane at work""#, "v: is a text that is not an e-mail address")],
            ),
        ]);
    }

    #[test]
    fn each_rule_says_what_is_wrong_and_where() {
        check(&[
            (
                json!({ "min": 0, "max": 10.5 }),
                &["0", "10.5", r#""3""#],
                &[
                    ("-0.01", "v: is -0.01, less than 0"),
                    (r#""11""#, r#"v: is "11", more than 10.5"#),
                    (r#""abc""#, r#"v: is "abc", not a number"#),
                    ("[1]", "v: is an array, not a single value"),
                ],
            ),
            (
                json!({ "length_min": 2, "length_max": 3 }),
                &[r#""äö""#, "123", "[1,2]", r#"["a,b",[3,4],{}]"#],
                &[
                    (r#""ä""#, "v: has 1 characters, fewer than 2"),
                    (r#""\u00e9\u00e9\u00e9\u00e9""#, "v: has 4 characters, more than 3"),
                    ("[]", "v: has 0 elements, fewer than 2"),
                    ("{}", "v: is an object, which has no length"),
                ],
            ),
            (
                json!({ "pattern": "^https://" }),
                &[r#""https://a.example""#],
                &[(r#""http://a.example/?token=s3cret""#, "v: does not match `^https://`")],
            ),
            (json!({ "pattern": "b" }), &[r#""abc""#], &[("12", "v: does not match `b`")]),
            (
                json!({ "enum": ["EUR", "CHF", 1, true] }),
                &[r#""EUR""#, "1", r#""1""#, "true"],
                &[(r#""USD""#, r#"v: is "USD", not one of EUR, CHF, 1, true"#)],
            ),
        ]);
    }

    #[test]
    fn all_faults_of_a_record_are_told_in_the_order_of_the_rules() {
        let rules = json!({
            "customer.email": { "required": true, "type": "email" },
            "price": { "type": "number", "min": 0 },
            "images": { "length_min": 1 },
            "images[].url": { "required": true, "pattern": "^https://" },
            "images[].tags[]": { "enum": ["a", "b"] },
            "code": { "pattern": "^[A-Z]+$", "length_max": 3 },
        });
        let good = r#"{"customer":{"email":"a@b.example"},"price":"1","code":"AB",
            "images":[{"url":"https://x","tags":["a"]},{"url":"https://y"}]}"#;
        assert_eq!(faults(rules.clone(), good), "");
        let bad = r#"{"price":-1,"code":"long","images":[{"url":"https://x"},{"tags":["a","c"]},{"url":"http://z"},7]}"#;
        let said = faults(rules.clone(), bad);
        // In a test the keys of a section are sorted.
        let expected = [
            "code: has 4 characters, more than 3",
            "code: does not match `^[A-Z]+$`",
            "customer.email: is missing",
            "images[1].tags[1]: is \"c\", not one of a, b",
            "images[1].url: is missing",
            "images[2].url: does not match `^https://`",
            "images[3].url: is missing",
            "price: is -1, less than 0",
        ];
        assert_eq!(said.split("; ").collect::<Vec<_>>(), expected);
        // An element of XML that is there and empty has no images; a single one is no list.
        let said = faults(rules.clone(), r#"{"customer":{"email":"a@b.example"},"images":""}"#);
        assert_eq!(said, "");
        let said =
            faults(rules, r#"{"customer":{"email":"a@b.example"},"images":{"url":"https://x"}}"#);
        assert_eq!(
            said,
            "images: is an object, which has no length; images: is an object, not an array"
        );
    }

    #[test]
    fn rules_reach_into_arrays_of_arrays_quoted_keys_and_items_by_a_field() {
        let rules = json!({
            "grid[][]": { "type": "integer" },
            "a.\"b.c\"": { "required": true },
            "users[role=owner].mail": { "required": true },
            "lines[].parts[].sku": { "required": true },
        });
        let rules = || rules.clone();
        let good = r#"{"grid":[[1,2],[3]],"a":{"b.c":1},"users":[{"role":"x"},{"role":"owner","mail":"m"}],"lines":[]}"#;
        assert_eq!(faults(rules(), good), "");
        let bad = r#"{"grid":[[1,"x"],[true]],"a":{"b":{"c":1}},"users":[{"role":"x","mail":"m"}],
            "lines":[{"parts":[{"sku":1},{}]}]}"#;
        let expected = [
            "a.\"b.c\": is missing",
            "grid[0][1]: is \"x\", not an integer",
            "grid[1][0]: is true, not an integer",
            "lines[0].parts[1].sku: is missing",
            "users[role=owner].mail: is missing",
        ];
        assert_eq!(faults(rules(), bad), expected.join("; "));
    }

    #[test]
    fn what_the_filter_leaves_out_is_left_out_whatever_is_wrong_with_it() {
        let rules = || json!({ "price": { "required": true, "type": "number" } });
        let keys = || json!({ "filter": ".price > 0", "map": { "p": "price" } });
        let of = |record: &str| apply(rules(), keys(), record);
        assert_eq!(of(r#"{"price":5}"#), Transformed::Written);
        assert_eq!(of(r#"{"price":0}"#), Transformed::Filtered);
        assert_eq!(of(r#"{}"#), Transformed::Filtered);
        let invalid = Transformed::Invalid("invalid: price: is \"x\", not a number".into());
        assert_eq!(of(r#"{"price":"x"}"#), invalid);
        let fails = json!({ "filter": ".price | tonumber > 0" });
        assert_eq!(apply(rules(), fails, r#"{"price":"x"}"#), invalid, "the filter cannot say");
        let transform = transform(rules(), keys());
        assert_eq!(transform.accepts(br#"{"price":"x"}"#), invalid);
        assert_eq!(transform.accepts(br#"{"price":1}"#), Transformed::Written);
        assert_eq!(
            transform.admits(br#"{"price":"x"}"#),
            Transformed::Written,
            "a deletion is not looked at"
        );
    }

    #[test]
    fn what_is_no_json_object_is_refused_as_without_rules() {
        for record in ["", "{", "7", r#""x""#, "{} {}", r#"{"images":[{]}"#] {
            let rules = json!({ "images[].url": { "required": true } });
            let transformed = apply(rules, json!({}), record);
            assert!(matches!(transformed, Transformed::Refused(_)), "{record}: {transformed:?}");
        }
        let transform = transform(json!({ "a": { "length_min": 1 } }), json!({}));
        let invalid = Transformed::Invalid("invalid: a: is a text that is no Unicode".into());
        assert_eq!(transform.accepts(b"{\"a\":\"\xff\"}"), invalid);
        let deep = "[".repeat(100_000);
        let rules = json!({ "a": { "required": true } });
        assert!(matches!(apply(rules, json!({}), &deep), Transformed::Refused(_)));
    }
}
