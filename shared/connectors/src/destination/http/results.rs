//! Each record's own result in the answer to a bulk request.

use std::{
    collections::{HashMap, HashSet},
    mem::discriminant,
};

use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::Outgoing,
};
use tidegate_flow::spec::{ResultOrder, ResultsSpec};

use crate::{
    http::Words,
    json::{Elements, Picker},
    keys::Keys,
};

/// How results are read.
pub(super) struct Results {
    /// Where the list of results stands.
    list: Picker,
    /// What is read of each of them.
    picker: Picker,
    status: usize,
    code: Option<usize>,
    reason: Option<usize>,
    order: Order,
    ok: Words,
    retry: Words,
    duplicate: Words,
}

/// How results find their records.
enum Order {
    Same,
    /// The slot of the record's index.
    Index(usize),
    /// The slot of what names the record, and where that stands in a record.
    Key {
        slot: usize,
        record: Picker,
        keys: Keys,
    },
}

/// What each record of a request is named by; empty where results go by something else.
pub(super) type Names = Vec<Option<Box<str>>>;

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
    pub(super) fn new(spec: &ResultsSpec) -> Self {
        let mut picker = Picker::new();
        Self {
            list: Picker::of(&spec.path),
            status: picker.add(&spec.status),
            code: spec.code.as_deref().map(|path| picker.add(path)),
            reason: spec.reason.as_deref().map(|path| picker.add(path)),
            order: match &spec.order {
                ResultOrder::Same => Order::Same,
                ResultOrder::Index(path) => Order::Index(picker.add(path)),
                ResultOrder::Key { result, record, ignore_case } => {
                    let slot = picker.add(result);
                    let keys = Keys { ignore_case: *ignore_case };
                    Order::Key { slot, record: Picker::of(record), keys }
                }
            },
            picker,
            ok: words(&spec.ok, &["200-299", "ok", "success", "created", "updated"]),
            retry: words(&spec.retry, &["408", "425", "429", "500-599"]),
            duplicate: Words::new(&spec.duplicate),
        }
    }

    /// What answers name these records by.
    pub(super) fn names(&self, records: &[Outgoing]) -> Names {
        let Order::Key { record: path, keys, .. } = &self.order else { return Names::new() };
        let name = |record: &Outgoing| keys.read(path.value(&record.body)?);
        records.iter().map(name).collect()
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
            let index = match &self.order {
                Order::Same => Some(position),
                Order::Index(slot) => text(*slot).and_then(|index| index.parse().ok()),
                Order::Key { slot, keys, .. } => result
                    .json(*slot)
                    .and_then(|key| keys.read(key))
                    .and_then(|key| named.get(&*key).copied()),
            };
            if let (Some(place), Some(status)) =
                (index.and_then(|index| outcomes.get_mut(index)), text(self.status))
            {
                let code = self.code.and_then(text);
                let reason = self.reason.and_then(text);
                let said = [code.as_deref(), Some(&*status)];
                let outcome = self.outcome(said, reason.as_deref(), after_ms, line);
                let by_key = matches!(self.order, Order::Key { .. });
                match place.as_ref().filter(|_| by_key) {
                    Some(first) if discriminant(first) == discriminant(&outcome) => {}
                    Some(_) => *place = Some(contradicted()),
                    None => *place = Some(outcome),
                }
            }
            position += 1;
        }
        if matches!(self.order, Order::Same) && position != records {
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
            if self.duplicate.has(said) {
                return Outcome::Skipped(SkipReason::Duplicate);
            }
            if self.ok.has(said) {
                return Outcome::Delivered;
            }
            if self.retry.has(said) {
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

fn words(given: &[String], default: &[&str]) -> Words {
    if given.is_empty() { Words::new(default) } else { Words::new(given) }
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
    use tidegate_core::model::{RecordId, Version};

    use crate::http::Redactor;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    fn spec(index: Option<&str>) -> ResultsSpec {
        ResultsSpec {
            path: path("data.results"),
            status: path("status"),
            code: None,
            ok: Vec::new(),
            retry: Vec::new(),
            duplicate: vec!["exists".into()],
            reason: Some(path("error.message")),
            order: index.map(path).map_or(ResultOrder::Same, ResultOrder::Index),
        }
    }

    fn records(bodies: &[String]) -> Vec<Outgoing> {
        let record = |body: &String| Outgoing {
            id: RecordId::Number(1),
            version: Version(0),
            deleted: false,
            key: "k".into(),
            body: body.clone().into(),
        };
        bodies.iter().map(record).collect()
    }

    fn kinds(spec: &ResultsSpec, body: &str, count: usize) -> Option<Vec<&'static str>> {
        kinds_of(spec, body, &records(&vec!["{}".to_owned(); count]))
    }

    fn outcomes(
        spec: &ResultsSpec,
        body: &str,
        records: &[Outgoing],
    ) -> Result<Vec<Option<Outcome>>, Unread> {
        let (results, redactor) = (Results::new(spec), Redactor::default());
        let line = |text: &str| redactor.line(text, 300);
        let names = results.names(records);
        results.read(body.as_bytes(), records.len(), &names, Some(7), &line)
    }

    fn kinds_of(spec: &ResultsSpec, body: &str, records: &[Outgoing]) -> Option<Vec<&'static str>> {
        let outcomes = outcomes(spec, body, records).ok()?;
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
            kinds(&spec(None), body, 6).unwrap(),
            ["delivered", "delivered", "skipped", "refused", "later", "refused"]
        );
        let six = records(&vec!["{}".to_owned(); 6]);
        let outcomes = outcomes(&spec(None), body, &six).unwrap();
        let reason = "no name".into();
        assert_eq!(outcomes[3], Some(Outcome::Refused { status: Some(422), reason }));
    }

    #[test]
    fn by_position_more_or_fewer_results_than_records_belong_to_none() {
        // Of three, the first was dropped: the second's error is not the first's.
        let body = r#"{"data":{"results":[{"status":422},{"status":200}]}}"#;
        for count in [0, 1, 3] {
            assert_eq!(kinds(&spec(None), body, count), None, "{count}");
        }
        assert_eq!(kinds(&spec(None), body, 2).unwrap(), ["refused", "delivered"]);
        // One of them without a status leaves only its own record open.
        let body = r#"{"data":{"results":[{"status":200},{}]}}"#;
        assert_eq!(kinds(&spec(None), body, 2).unwrap(), ["delivered", "none"]);
    }

    #[test]
    fn results_may_name_their_record() {
        let body = r#"{"data":{"results":[{"status":200,"i":2},{"status":400,"i":"0"},{"status":200,"i":9},{"status":200}]}}"#;
        assert_eq!(kinds(&spec(Some("i")), body, 3).unwrap(), ["refused", "none", "delivered"]);
    }

    #[test]
    fn a_code_says_more_than_a_status() {
        let spec = ResultsSpec {
            path: path("result"),
            status: path("status"),
            code: Some(path("reasons.0.code")),
            ok: vec!["created".into(), "updated".into(), "1004".into()],
            retry: vec!["1022".into()],
            duplicate: vec!["1005".into()],
            reason: Some(path("reasons.0.message")),
            order: ResultOrder::Same,
        };
        // As Marketo answers, with HTTP 200.
        let body = r#"{"requestId":"e42b#14272d07d78","success":true,"result":[
            {"id":50,"status":"created"},
            {"status":"skipped","reasons":[{"code":"1005","message":"Lead already exists"}]},
            {"status":"skipped","reasons":[{"code":"1022","message":"Object in use"}]},
            {"status":"skipped","reasons":[{"code":"1003","message":"Invalid data"}]},
            {"status":"updated","reasons":[{"code":"9999"}]},
            {"status":"skipped","reasons":[{"code":1004}]}]}"#;
        assert_eq!(
            kinds(&spec, body, 6).unwrap(),
            ["delivered", "skipped", "later", "refused", "delivered", "delivered"]
        );
        let six = records(&vec!["{}".to_owned(); 6]);
        let read = outcomes(&spec, body, &six);
        let reason = "1003: Invalid data".into();
        assert_eq!(read.unwrap()[3], Some(Outcome::Refused { status: None, reason }));
    }

    fn by_email(ignore_case: bool) -> ResultsSpec {
        let (result, record) = (path("email"), path("contact.email"));
        ResultsSpec { order: ResultOrder::Key { result, record, ignore_case }, ..spec(None) }
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
            first_of_each(&Results::new(&by_email(ignore_case)).names(&mailed(emails)))
        };
        let emails = [r#""a@x""#, "null", r#""A@x ""#, "null", r#""b@x""#, r#""a@x""#];
        assert_eq!(firsts(true, &emails), Some(vec![0, 1, 3, 4]));
        assert_eq!(firsts(false, &emails), Some(vec![0, 1, 2, 3, 4]));
        assert_eq!(firsts(false, &emails[..5]), None);
        assert_eq!(first_of_each(&Results::new(&spec(None)).names(&mailed(&emails))), None);
    }

    #[test]
    fn without_an_array_there_are_no_results() {
        for body in
            ["", "{}", r#"{"data":{"results":{}}}"#, r#"{"data":{"results":[{"status":200}"#]
        {
            assert_eq!(kinds(&spec(None), body, 1), None, "{body}");
        }
    }
}
