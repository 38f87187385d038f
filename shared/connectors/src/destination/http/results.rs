//! Each record's own result in the answer to a bulk request.

use jiter::Jiter;
use tidegate_core::model::{Blame, Later, Outcome, SkipReason};
use tidegate_flow::spec::ResultsSpec;

use crate::{
    http::Redactor,
    json::{Scalar, Trie},
};

/// How results are read.
pub(super) struct Results {
    path: Vec<String>,
    trie: Trie,
    status: usize,
    reason: Option<usize>,
    index: Option<usize>,
    ok: Words,
    retry: Words,
    duplicate: Words,
}

/// Words and codes; a code may be a range, like `200-299`.
struct Words(Vec<String>);

impl Words {
    fn or(words: &[String], default: &[&str]) -> Self {
        if words.is_empty() {
            Self(default.iter().map(|word| (*word).to_owned()).collect())
        } else {
            Self(words.to_vec())
        }
    }

    fn has(&self, said: &str) -> bool {
        let code = said.parse::<u16>().ok();
        self.0.iter().any(|word| {
            let range = word.split_once(['-', '–']).and_then(|(from, to)| {
                Some(from.trim().parse::<u16>().ok()?..=to.trim().parse::<u16>().ok()?)
            });
            word.eq_ignore_ascii_case(said)
                || range.zip(code).is_some_and(|(range, code)| range.contains(&code))
        })
    }
}

impl Results {
    pub(super) fn new(spec: &ResultsSpec) -> Self {
        let mut trie = Trie::new();
        Self {
            path: spec.path.clone(),
            status: trie.add(&spec.status),
            reason: spec.reason.as_deref().map(|path| trie.add(path)),
            index: spec.index.as_deref().map(|path| trie.add(path)),
            trie,
            ok: Words::or(&spec.ok, &["200-299", "ok", "success", "created", "updated"]),
            retry: Words::or(&spec.retry, &["408", "425", "429", "500-599"]),
            duplicate: Words(spec.duplicate.clone()),
        }
    }

    /// The outcome of each of `count` records, in order; `None` for those without a result.
    /// `None` for all if the body has no array of results.
    pub(super) fn read(
        &self,
        body: &[u8],
        count: usize,
        after_ms: Option<u64>,
        redactor: &Redactor,
    ) -> Option<Vec<Option<Outcome>>> {
        let mut trie = Trie::new();
        let slot = trie.add(&self.path);
        let mut picked = vec![None; 1];
        trie.pick(&mut Jiter::new(body), &mut picked).ok()?;
        let results = &body[picked[slot].clone()?];
        let mut outcomes = vec![None; count];
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
            let index = match self.index {
                None => Some(position),
                Some(slot) => text(slot).and_then(|index| index.parse().ok()),
            };
            if let (Some(place), Some(said)) =
                (index.and_then(|index| outcomes.get_mut(index)), text(self.status))
            {
                let reason = self.reason.and_then(text);
                *place = Some(self.outcome(&said, reason.as_deref(), after_ms, redactor));
            }
            position += 1;
            element = json.array_step().ok()?;
        }
        Some(outcomes)
    }

    fn outcome(
        &self,
        said: &str,
        reason: Option<&str>,
        after_ms: Option<u64>,
        redactor: &Redactor,
    ) -> Outcome {
        if self.duplicate.has(said) {
            return Outcome::Skipped(SkipReason::Duplicate);
        }
        if self.ok.has(said) {
            return Outcome::Delivered;
        }
        let status = said.parse::<u16>().ok();
        let reason = redactor.line(reason.unwrap_or(said), super::REASON_CHARS_MAX);
        if self.retry.has(said) {
            let limit = status == Some(429);
            return Outcome::Later(Later {
                blame: if limit { Blame::Limit } else { Blame::Request },
                after_ms,
                unknown: status.is_some_and(|status| status >= 500),
                reason: reason.into(),
            });
        }
        Outcome::Refused { status, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    fn spec(index: Option<&str>) -> ResultsSpec {
        ResultsSpec {
            path: path("data.results"),
            status: path("status"),
            ok: Vec::new(),
            retry: Vec::new(),
            duplicate: vec!["exists".into()],
            reason: Some(path("error.message")),
            index: index.map(path),
        }
    }

    fn kinds(spec: &ResultsSpec, body: &str, count: usize) -> Option<Vec<&'static str>> {
        let redactor = Redactor::default();
        let outcomes = Results::new(spec).read(body.as_bytes(), count, Some(7), &redactor)?;
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
        let outcomes =
            Results::new(&spec(None)).read(body.as_bytes(), 6, None, &Redactor::default()).unwrap();
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
    fn without_an_array_there_are_no_results() {
        for body in
            ["", "{}", r#"{"data":{"results":{}}}"#, r#"{"data":{"results":[{"status":200}"#]
        {
            assert_eq!(kinds(&spec(None), body, 1), None, "{body}");
        }
    }
}
