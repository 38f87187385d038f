//! Each record's own result in the answer to a bulk request.

use std::collections::{HashMap, VecDeque};

use jiter::Jiter;
use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::Outgoing,
};
use tidegate_flow::spec::{ResultOrder, ResultsSpec};

use crate::{
    http::{Redactor, Words},
    json::{Scalar, Trie},
};

/// How results are read.
pub(super) struct Results {
    path: Vec<String>,
    trie: Trie,
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
        record: Trie,
    },
}

impl Results {
    pub(super) fn new(spec: &ResultsSpec) -> Self {
        let mut trie = Trie::new();
        Self {
            path: spec.path.clone(),
            status: trie.add(&spec.status),
            code: spec.code.as_deref().map(|path| trie.add(path)),
            reason: spec.reason.as_deref().map(|path| trie.add(path)),
            order: match &spec.order {
                ResultOrder::Same => Order::Same,
                ResultOrder::Index(path) => Order::Index(trie.add(path)),
                ResultOrder::Key { result, record } => {
                    let slot = trie.add(result);
                    let mut in_record = Trie::new();
                    in_record.add(record);
                    Order::Key { slot, record: in_record }
                }
            },
            trie,
            ok: words(&spec.ok, &["200-299", "ok", "success", "created", "updated"]),
            retry: words(&spec.retry, &["408", "425", "429", "500-599"]),
            duplicate: Words::new(&spec.duplicate),
        }
    }

    /// The outcome of each record, in order; `None` for those without a result. `None` for all if the
    /// body has no array of results.
    pub(super) fn read(
        &self,
        body: &[u8],
        records: &[Outgoing],
        after_ms: Option<u64>,
        redactor: &Redactor,
    ) -> Option<Vec<Option<Outcome>>> {
        let mut trie = Trie::new();
        let slot = trie.add(&self.path);
        let mut picked = vec![None; 1];
        trie.pick(&mut Jiter::new(body), &mut picked).ok()?;
        let results = &body[picked[slot].clone()?];
        let mut outcomes = vec![None; records.len()];
        let mut named = match &self.order {
            Order::Key { record, .. } => by_key(record, records),
            Order::Same | Order::Index(_) => HashMap::new(),
        };
        let mut json = Jiter::new(results);
        let mut element = json.next_array().ok()?;
        let mut position = 0;
        while element.is_some() {
            let mut picked = vec![None; self.trie.slots()];
            self.trie.pick(&mut json, &mut picked).ok()?;
            let text = |slot: usize| {
                let scalar = Scalar::read(&results[picked[slot].clone()?])?;
                Some(scalar.into_text().into_owned())
            };
            let index = match &self.order {
                Order::Same => Some(position),
                Order::Index(slot) => text(*slot).and_then(|index| index.parse().ok()),
                Order::Key { slot, .. } => {
                    text(*slot).and_then(|key| named.get_mut(&key)?.pop_front())
                }
            };
            if let (Some(place), Some(status)) =
                (index.and_then(|index| outcomes.get_mut(index)), text(self.status))
            {
                let code = self.code.and_then(text);
                let reason = self.reason.and_then(text);
                let said = [code.as_deref(), Some(&status)];
                *place = Some(self.outcome(said, reason.as_deref(), after_ms, redactor));
            }
            position += 1;
            element = json.array_step().ok()?;
        }
        Some(outcomes)
    }

    /// What a result's code, where it has one, and its status come to. The code says more: only one
    /// that stands in no list leaves it to the status.
    fn outcome(
        &self,
        said: [Option<&str>; 2],
        reason: Option<&str>,
        after_ms: Option<u64>,
        redactor: &Redactor,
    ) -> Outcome {
        let [code, status] = said;
        let shown = [code, status].into_iter().flatten().next().unwrap_or_default();
        let reason = match (reason, code) {
            (Some(reason), Some(code)) => format!("{code}: {reason}"),
            (reason, _) => reason.unwrap_or(shown).to_owned(),
        };
        let reason = redactor.line(&reason, super::REASON_CHARS_MAX);
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

/// Which records have a key, in order: of several with one key, each takes one result.
fn by_key(trie: &Trie, records: &[Outgoing]) -> HashMap<String, VecDeque<usize>> {
    let mut named: HashMap<String, VecDeque<usize>> = HashMap::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let mut picked = vec![None; trie.slots()];
        let read = trie.pick(&mut Jiter::new(&record.body), &mut picked);
        let scalar = picked[0].clone().filter(|_| read.is_ok());
        if let Some(key) = scalar.and_then(|range| Scalar::read(&record.body[range])) {
            named.entry(key.into_text().into_owned()).or_default().push_back(index);
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use tidegate_core::model::{RecordId, Version};

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

    fn kinds_of(spec: &ResultsSpec, body: &str, records: &[Outgoing]) -> Option<Vec<&'static str>> {
        let redactor = Redactor::default();
        let outcomes = Results::new(spec).read(body.as_bytes(), records, Some(7), &redactor)?;
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
        let outcomes = Results::new(&spec(None))
            .read(body.as_bytes(), &six, None, &Redactor::default())
            .unwrap();
        let reason = "no name".into();
        assert_eq!(outcomes[3], Some(Outcome::Refused { status: Some(422), reason }));
    }

    #[test]
    fn a_short_list_leaves_the_rest_without_a_result_and_a_long_one_is_cut() {
        let body = r#"{"data":{"results":[{"status":200},{}]}}"#;
        assert_eq!(kinds(&spec(None), body, 3).unwrap(), ["delivered", "none", "none"]);
        assert_eq!(kinds(&spec(None), body, 1).unwrap(), ["delivered"]);
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
        let read = Results::new(&spec).read(body.as_bytes(), &six, None, &Redactor::default());
        let reason = "1003: Invalid data".into();
        assert_eq!(read.unwrap()[3], Some(Outcome::Refused { status: None, reason }));
    }

    #[test]
    fn results_in_any_order_name_their_record_by_a_key() {
        let spec = ResultsSpec {
            order: ResultOrder::Key { result: path("email"), record: path("contact.email") },
            ..spec(None)
        };
        let emails = [r#""a@x""#, r#""b@x""#, r#""b@x""#, "7", "null", r#""é""#];
        let records = records(&emails.map(|email| format!(r#"{{"contact":{{"email":{email}}}}}"#)));
        let body = r#"{"data":{"results":[{"status":422,"email":"b@x"},{"status":200,"email":"a@x"},
            {"status":200,"email":"7"},{"status":200,"email":"nobody"},{"status":200},
            {"status":"exists","email":"é"},{"status":200,"email":"a@x"}]}}"#;
        assert_eq!(
            kinds_of(&spec, body, &records).unwrap(),
            ["delivered", "refused", "none", "delivered", "none", "skipped"]
        );
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
