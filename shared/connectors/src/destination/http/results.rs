//! `batch.results`: each record's own result in the answer to a bulk request.

use std::{
    collections::{HashMap, HashSet},
    mem::discriminant,
};

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::Outgoing,
};

use super::{
    distinct::distinct,
    order::{ByIndex, ByKey, Names, Order, Same},
};
use crate::{
    file::{At, Fault, Findings},
    http::is_listed,
    json::{Elements, Picker},
    keys::Keys,
    value::{Path, Scalar},
};

/// What says success, where the flow lists nothing.
const OK: [&str; 5] = ["200-299", "ok", "success", "created", "updated"];
/// What says to try again, where the flow lists nothing.
const RETRY: [&str; 4] = ["408", "425", "429", "500-599"];

/// Where each record's own result stands in the response.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Results {
    /// Path to the array of results; left out: the body is the array.
    path: Option<Path>,
    /// Path in a result to its status code or word.
    status: Path,
    /// Path in a result to a further code, which says more: it is looked for first in `ok`, `retry`
    /// and `duplicate`.
    code: Option<Path>,
    /// Words or codes of success. Default 200 to 299, `ok`, `success`, `created`, `updated`.
    #[serde(default)]
    ok: Vec<At<Scalar>>,
    /// Words or codes to try again. Default 408, 425, 429 and 500 to 599.
    #[serde(default)]
    retry: Vec<At<Scalar>>,
    /// Words or codes that say that the destination has the record already.
    #[serde(default)]
    duplicate: Vec<At<Scalar>>,
    /// Path in a result to its message.
    reason: Option<Path>,
    /// Path in a result to the record's index in the request. Without it and `key`, results are in
    /// order, and an answer with more or fewer of them than records says nothing of any.
    index: Option<Path>,
    /// Path in a result to what names its record, for results in any order; goes with `record_key`.
    /// Blanks around a key make no difference. Records with one key go in separate requests.
    key: Option<Path>,
    /// Path in a record, as it is sent, to what `key` names it by.
    record_key: Option<Path>,
    /// Whether keys that differ in case alone name the same record. Default false.
    ignore_case: Option<At<bool>>,
}

/// Reads the results in an answer.
pub(super) struct ResultReader {
    /// What counts as success, as a duplicate, and as worth another try.
    keys: Results,
    /// Where the list of results stands.
    list: Picker,
    /// What is read of each of them.
    picker: Picker,
    status: usize,
    code: Option<usize>,
    reason: Option<usize>,
    order: Box<dyn Order>,
}

/// Why an answer has no results that can be told apart.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("the answer has no list of results")]
    NoList,
    /// Who was left out cannot be told, nor whose the others are.
    #[error(
        "the answer has {results} results for {records} record(s), and they go by their position: \
         whose they are cannot be told"
    )]
    Count { results: usize, records: usize },
}

impl Results {
    /// Notes keys that contradict each other.
    pub(super) fn check(&self, findings: &mut Findings) {
        let lists =
            [("ok", self.ok.as_slice()), ("retry", &self.retry), ("duplicate", &self.duplicate)];
        distinct(&lists, |word| word.0.clone(), findings);
        if let (None, Some(ignore_case)) = (&self.key, &self.ignore_case) {
            let message = "`ignore_case` is about a result's `key`, which is not given";
            let remedy = "remove it, or add `key:` and `record_key:`";
            findings.add(Fault::new(ignore_case.place, message, remedy));
        }
        let (path, message, remedy) = match (&self.index, &self.key, &self.record_key) {
            (_, None, None) | (None, Some(_), Some(_)) => return,
            (Some(index), ..) => (
                index,
                "a result names its record by `index` or by `key`, not by both",
                "remove one",
            ),
            (None, Some(key), None) => (
                key,
                "`key` does not say what of the record it names",
                "add `record_key:` with its path in the record",
            ),
            (None, None, Some(record_key)) => (
                record_key,
                "`record_key` is what a result's `key` names, which is not given",
                "add `key:` with its path in a result",
            ),
        };
        findings.add(Fault::new(path.site.place, message, remedy));
    }

    /// How results find their records, which the picker looks for in them.
    fn order(&self, picker: &mut Picker) -> Box<dyn Order> {
        match (&self.index, &self.key, &self.record_key) {
            (Some(index), ..) => Box::new(ByIndex(picker.add(&index.keys))),
            (None, Some(key), Some(record)) => Box::new(ByKey {
                slot: picker.add(&key.keys),
                record: Picker::of(&record.keys),
                keys: Keys { ignore_case: self.ignore_case.as_ref().is_some_and(|at| at.value) },
            }),
            _ => Box::new(Same),
        }
    }
}

impl ResultReader {
    pub(super) fn new(keys: &Results) -> Self {
        let mut picker = Picker::new();
        let list = keys.path.as_ref().map_or(&[][..], |path| &path.keys);
        Self {
            list: Picker::of(list),
            status: picker.add(&keys.status.keys),
            code: keys.code.as_ref().map(|path| picker.add(&path.keys)),
            reason: keys.reason.as_ref().map(|path| picker.add(&path.keys)),
            order: keys.order(&mut picker),
            picker,
            keys: keys.clone(),
        }
    }

    /// What answers name these records by.
    pub(super) fn names(&self, records: &[Outgoing]) -> Names {
        self.order.names(records)
    }

    /// The outcome of each of so many records, in order; `None` for those without a result. No two of
    /// them have one name. `line` makes a reason fit to be shown.
    pub(super) fn read(
        &self,
        body: &[u8],
        records: usize,
        names: &Names,
        after_ms: Option<u64>,
        line: &impl Fn(&str) -> String,
    ) -> Result<Vec<Option<Outcome>>, Unread> {
        let results = self.list.value(body).ok_or(Unread::NoList)?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; records];
        let named: HashMap<&str, usize> =
            names.iter().zip(0..).filter_map(|(name, at)| Some((name.as_deref()?, at))).collect();
        let mut elements = Elements::of(results);
        let mut position = 0;
        while let Some((_, result)) = elements.next(&self.picker).map_err(|_| Unread::NoList)? {
            let text = |slot: usize| result.text(slot);
            let index = self.order.record(position, &result, &named);
            if let (Some(place), Some(status)) =
                (index.and_then(|index| outcomes.get_mut(index)), text(self.status))
            {
                let code = self.code.and_then(text);
                let reason = self.reason.and_then(text);
                let said = [code.as_deref(), Some(&*status)];
                let outcome = self.outcome(said, reason.as_deref(), after_ms, line);
                match place.as_ref().filter(|_| self.order.may_repeat()) {
                    Some(first) if discriminant(first) == discriminant(&outcome) => {}
                    Some(_) => *place = Some(contradicted()),
                    None => *place = Some(outcome),
                }
            }
            position += 1;
        }
        if self.order.is_one_each() && position != records {
            return Err(Unread::Count { results: position, records });
        }
        Ok(outcomes)
    }

    /// What a result's code, where it has one, and its status come to. The code says more: only one
    /// that stands in no list leaves it to the status.
    fn outcome(
        &self,
        said: [Option<&str>; 2],
        reason: Option<&str>,
        after_ms: Option<u64>,
        line: &impl Fn(&str) -> String,
    ) -> Outcome {
        let [code, status] = said;
        let shown = [code, status].into_iter().flatten().next().unwrap_or_default();
        let reason = match (reason, code) {
            (Some(reason), Some(code)) => format!("{code}: {reason}"),
            (reason, _) => reason.unwrap_or(shown).to_owned(),
        };
        let reason = line(&reason);
        for said in said.into_iter().flatten() {
            if is_one_of(&self.keys.duplicate, &[], said) {
                return Outcome::Skipped(SkipReason::Duplicate);
            }
            if is_one_of(&self.keys.ok, &OK, said) {
                return Outcome::Delivered;
            }
            if is_one_of(&self.keys.retry, &RETRY, said) {
                let status = said.parse::<u16>().ok();
                let limit = status == Some(429);
                return Outcome::Later(Later {
                    blame: if limit { Blame::Limit } else { Blame::Request },
                    after_ms,
                    unknown: status.is_some_and(|status| (500..=599).contains(&status)),
                    reason: reason.into(),
                });
            }
        }
        let status = status.and_then(|status| status.parse().ok());
        Outcome::Refused { status, reason: reason.into() }
    }
}

/// Whether a result says what the flow lists, or what is usual where it lists nothing.
fn is_one_of(listed: &[At<Scalar>], usual: &[&str], said: &str) -> bool {
    match listed {
        [] => is_listed(said, usual),
        listed => is_listed(said, listed.iter().map(|word| &word.value.0)),
    }
}

/// Of several records with one name the first; `None` where no two have one. Their results could not be
/// told apart.
pub(super) fn first_of_each(names: &Names) -> Option<Vec<usize>> {
    let mut seen = HashSet::with_capacity(names.len());
    let is_first = |at: &usize| names[*at].as_ref().is_none_or(|name| seen.insert(name));
    let first: Vec<usize> = (0..names.len()).filter(is_first).collect();
    (first.len() < names.len()).then_some(first)
}

fn contradicted() -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Request,
        after_ms: None,
        unknown: true,
        reason: "the answer has results for this record that contradict each other".into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_core::model::{RecordId, Version};

    use super::*;
    use crate::{http::Redactor, testing::section};

    fn keys(index: Option<&str>) -> Value {
        json!({
            "path": "data.results",
            "status": "status",
            "duplicate": ["exists"],
            "reason": "error.message",
            "index": index,
        })
    }

    fn reader(keys: &Value) -> ResultReader {
        ResultReader::new(&section(keys.clone()))
    }

    fn records(bodies: &[String]) -> Vec<Outgoing> {
        let record = |body: &String| Outgoing {
            id: RecordId::Number(1),
            version: Version(0),
            deleted: false,
            key: "k".into(),
            body: body.clone().into(),
            source: bytes::Bytes::new(),
        };
        bodies.iter().map(record).collect()
    }

    fn kinds(keys: &Value, body: &str, count: usize) -> Option<Vec<&'static str>> {
        kinds_of(keys, body, &records(&vec!["{}".to_owned(); count]))
    }

    fn outcomes(
        keys: &Value,
        body: &str,
        records: &[Outgoing],
    ) -> Result<Vec<Option<Outcome>>, Unread> {
        let (results, redactor) = (reader(keys), Redactor::default());
        let line = |text: &str| redactor.line(text, 300);
        let names = results.names(records);
        results.read(body.as_bytes(), records.len(), &names, Some(7), &line)
    }

    fn kinds_of(keys: &Value, body: &str, records: &[Outgoing]) -> Option<Vec<&'static str>> {
        let outcomes = outcomes(keys, body, records).ok()?;
        Some(
            outcomes
                .iter()
                .map(|outcome| match outcome {
                    None => "none",
                    Some(Outcome::Delivered) => "delivered",
                    Some(Outcome::Skipped(_)) => "skipped",
                    Some(Outcome::Refused { .. }) => "refused",
                    Some(Outcome::Later(_)) => "later",
                })
                .collect(),
        )
    }

    #[test]
    fn each_record_has_its_own_result() {
        let body = r#"{"data":{"results":[{"status":201},{"status":"OK"},{"status":"exists"},
            {"status":422,"error":{"message":"no\nname"}},{"status":"503"},{"status":"weird"}]}}"#;
        assert_eq!(
            kinds(&keys(None), body, 6).unwrap(),
            ["delivered", "delivered", "skipped", "refused", "later", "refused"]
        );
        let six = records(&vec!["{}".to_owned(); 6]);
        let outcomes = outcomes(&keys(None), body, &six).unwrap();
        let reason = "no name".into();
        assert_eq!(outcomes[3], Some(Outcome::Refused { status: Some(422), reason }));
    }

    #[test]
    fn by_position_more_or_fewer_results_than_records_belong_to_none() {
        // Of three, the first was dropped: the second's error is not the first's.
        let body = r#"{"data":{"results":[{"status":422},{"status":200}]}}"#;
        for count in [0, 1, 3] {
            assert_eq!(kinds(&keys(None), body, count), None, "{count}");
        }
        assert_eq!(kinds(&keys(None), body, 2).unwrap(), ["refused", "delivered"]);
        // One of them without a status leaves only its own record open.
        let body = r#"{"data":{"results":[{"status":200},{}]}}"#;
        assert_eq!(kinds(&keys(None), body, 2).unwrap(), ["delivered", "none"]);
    }

    #[test]
    fn results_may_name_their_record() {
        let body = r#"{"data":{"results":[{"status":200,"i":2},{"status":400,"i":"0"},{"status":200,"i":9},{"status":200}]}}"#;
        assert_eq!(kinds(&keys(Some("i")), body, 3).unwrap(), ["refused", "none", "delivered"]);
    }

    #[test]
    fn a_code_says_more_than_a_status() {
        let keys = json!({
            "path": "result",
            "status": "status",
            "code": "reasons.0.code",
            "ok": ["created", "updated", 1004],
            "retry": ["1022"],
            "duplicate": ["1005"],
            "reason": "reasons.0.message",
        });
        // As Marketo answers, with HTTP 200.
        let body = r#"{"requestId":"e42b#14272d07d78","success":true,"result":[
            {"id":50,"status":"created"},
            {"status":"skipped","reasons":[{"code":"1005","message":"Lead already exists"}]},
            {"status":"skipped","reasons":[{"code":"1022","message":"Object in use"}]},
            {"status":"skipped","reasons":[{"code":"1003","message":"Invalid data"}]},
            {"status":"updated","reasons":[{"code":"9999"}]},
            {"status":"skipped","reasons":[{"code":1004}]}]}"#;
        assert_eq!(
            kinds(&keys, body, 6).unwrap(),
            ["delivered", "skipped", "later", "refused", "delivered", "delivered"]
        );
        let six = records(&vec!["{}".to_owned(); 6]);
        let read = outcomes(&keys, body, &six);
        let reason = "1003: Invalid data".into();
        assert_eq!(read.unwrap()[3], Some(Outcome::Refused { status: None, reason }));
    }

    fn by_email(ignore_case: bool) -> Value {
        let mut keys = keys(None);
        keys["key"] = "email".into();
        keys["record_key"] = "contact.email".into();
        keys["ignore_case"] = ignore_case.into();
        keys
    }

    fn mailed(emails: &[&str]) -> Vec<Outgoing> {
        let body = |email: &&str| format!(r#"{{"contact":{{"email":{email}}}}}"#);
        records(&emails.iter().map(body).collect::<Vec<_>>())
    }

    #[test]
    fn results_in_any_order_name_their_record_by_a_key() {
        let records = mailed(&[r#""a@x""#, r#""b@x""#, r#""c@x""#, "7", "null", r#"" é""#]);
        let body = r#"{"data":{"results":[{"status":422,"email":"b@x"},{"status":200,"email":" a@x "},
            {"status":200,"email":"7"},{"status":200,"email":"nobody"},{"status":200},
            {"status":"exists","email":"é"},{"status":201,"email":"a@x"},{"status":200,"email":"C@x"}]}}"#;
        let folded = ["delivered", "refused", "delivered", "delivered", "none", "skipped"];
        assert_eq!(kinds_of(&by_email(true), body, &records).unwrap(), folded);
        let mut exact = folded;
        exact[2] = "none";
        assert_eq!(kinds_of(&by_email(false), body, &records).unwrap(), exact);
    }

    #[test]
    fn results_of_one_key_that_contradict_each_other_say_nothing() {
        let body = r#"{"data":{"results":[{"status":200,"email":"Ada@x"},{"status":422,"email":"ada@x"},
            {"status":422,"email":"ada@x"}]}}"#;
        let read = outcomes(&by_email(true), body, &mailed(&[r#""ADA@x""#])).unwrap();
        assert!(matches!(&read[..], [Some(Outcome::Later(later))] if later.unknown), "{read:?}");
        assert_eq!(
            kinds_of(&by_email(false), body, &mailed(&[r#""ada@x""#])).unwrap(),
            ["refused"],
            "they say the same"
        );
    }

    #[test]
    fn of_records_with_one_key_the_first_goes_first() {
        let firsts = |ignore_case, emails: &[&str]| {
            first_of_each(&reader(&by_email(ignore_case)).names(&mailed(emails)))
        };
        let emails = [r#""a@x""#, "null", r#""A@x ""#, "null", r#""b@x""#, r#""a@x""#];
        assert_eq!(firsts(true, &emails), Some(vec![0, 1, 3, 4]));
        assert_eq!(firsts(false, &emails), Some(vec![0, 1, 2, 3, 4]));
        assert_eq!(firsts(false, &emails[..5]), None);
        assert_eq!(first_of_each(&reader(&keys(None)).names(&mailed(&emails))), None);
    }

    #[test]
    fn without_an_array_there_are_no_results() {
        for body in
            ["", "{}", r#"{"data":{"results":{}}}"#, r#"{"data":{"results":[{"status":200}"#]
        {
            assert_eq!(kinds(&keys(None), body, 1), None, "{body}");
        }
    }
}
