//! `batch.results`: each record's own result in the answer to a bulk request.

use std::{collections::HashMap, mem::discriminant};

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::Outgoing,
};

use super::{
    distinct::distinct,
    failures::{FailureSlots, Failures},
    order::{ByIndex, ByKey, Names, Order, Same},
    slots::Slots,
    unread::Unread,
};
use crate::{
    file::{At, Fault, Findings, Place},
    http::is_listed,
    json::{Elements, Picker},
    keys::Keys,
    value::{OneOrList, Path, Scalar},
};

/// What says success, where the flow lists nothing.
const OK: [&str; 5] = ["200-299", "ok", "success", "created", "updated"];
/// What says to try again, where the flow lists nothing.
const RETRY: [&str; 5] = ["408", "423", "425", "429", "500-599"];

/// Where each record's own result stands in the response.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Results {
    /// Path to the array of results; left out: the body is the array, unless `failures` is given.
    path: Option<Path>,
    /// Path to the failures, where an answer lists them alone or beside the `path`'s results: a list, or an
    /// object under the records' names. Each has to name its record by `index` or `key`. A record that is
    /// not among them was taken, unless `path` is given too and it has no result there either. A failure that
    /// names none of the records leaves it open what became of the others.
    failures: Option<Path>,
    /// Path in a result to its status code or word, or several, of which the first counts that stands there:
    /// `[index.status, delete.status]`. Required unless `failures` is given.
    status: Option<OneOrList<Path>>,
    /// Path in a result to a further code, which says more, or several: it is looked for first in `ok`, `retry`
    /// and `duplicate`.
    code: Option<OneOrList<Path>>,
    /// Words or codes of success. Default 200 to 299, `ok`, `success`, `created`, `updated`.
    #[serde(default)]
    ok: Vec<At<Scalar>>,
    /// Words or codes to try again. Default 408, 423, 425, 429 and 500 to 599.
    #[serde(default)]
    retry: Vec<At<Scalar>>,
    /// Words or codes that say that the destination has the record already.
    #[serde(default)]
    duplicate: Vec<At<Scalar>>,
    /// Path in a result to its message, or several.
    reason: Option<OneOrList<Path>>,
    /// Path in a result to the record's index in the request, from 0. Without it and `key`, results are in
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
    /// Where the list of results stands; none where failures alone are listed.
    list: Option<Picker>,
    /// Where the failures are listed.
    failures: Option<Picker>,
    /// What is read of each of them.
    picker: Picker,
    status: Slots,
    code: Slots,
    reason: Slots,
    order: Box<dyn Order>,
}

impl Results {
    /// Notes keys that contradict each other. `place` is the section's.
    pub(super) fn check(&self, place: Place, findings: &mut Findings) {
        if let (None, None) = (&self.status, &self.failures) {
            let message = "nothing says how a record fared";
            let remedy = "add `status:` with its path in a result, or `failures:` with that of the list of \
                          failures";
            findings.add(Fault::new(place, message, remedy));
        }
        if let (Some(failures), None, None) = (&self.failures, &self.index, &self.key) {
            let message = "a record that is not among the `failures` was taken, so each failure has to name its \
                           record";
            let remedy = "add `index:`, or `key:` and `record_key:`";
            findings.add(Fault::new(failures.site.place, message, remedy));
        }
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
        let has_list = keys.path.is_some() || keys.failures.is_none();
        Self {
            list: has_list.then(|| Picker::of(list)),
            failures: keys.failures.as_ref().map(|path| Picker::of(&path.keys)),
            status: Slots::of(keys.status.as_ref(), &mut picker),
            code: Slots::of(keys.code.as_ref(), &mut picker),
            reason: Slots::of(keys.reason.as_ref(), &mut picker),
            order: keys.order(&mut picker),
            picker,
            keys: keys.clone(),
        }
    }

    /// What answers name these records by.
    pub(super) fn names(&self, records: &[Outgoing]) -> Names {
        self.order.names(records)
    }

    /// Whether a result is found by its record's name alone, and each record has to have one: where failures alone are
    /// listed, those that are not named there were taken.
    pub(super) fn each_is_named(&self) -> bool {
        self.list.is_some() && self.keys.key.is_some()
    }

    /// The outcome of each of so many records, in order; `None` for those without a result. No two of
    /// them have one name. `is_success` is whether those of which nothing failed were taken. `line` makes a reason
    /// fit to be shown.
    pub(super) fn read(
        &self,
        body: &[u8],
        records: usize,
        names: &Names,
        is_success: bool,
        after_ms: Option<u64>,
        line: &impl Fn(&str) -> String,
    ) -> Result<Vec<Option<Outcome>>, Unread> {
        let named: HashMap<&str, usize> =
            names.iter().zip(0..).filter_map(|(name, at)| Some((name.as_deref()?, at))).collect();
        let mut outcomes: Vec<Option<Outcome>> = vec![None; records];
        if let Some(list) = &self.list {
            let results = match (list.value(body), &self.failures) {
                (Some(results), _) => results,
                // All of them may have failed.
                (None, Some(_)) => b"[]",
                (None, None) => return Err(Unread::NoList),
            };
            self.read_results(results, &named, &mut outcomes, after_ms, line)?;
        }
        if let Some(failures) = &self.failures {
            // What is listed among the failures is a success only by the flow's word.
            let judge = |said: [Option<&str>; 2], reason: &str| {
                self.judge(said, Some(reason), &[], after_ms, line)
            };
            let Self { picker, status, code, reason, .. } = self;
            let slots = FailureSlots { status, code, reason };
            let takes_others = is_success && self.list.is_none();
            let order = &*self.order;
            Failures { picker, slots, order, named: &named, is_success, takes_others, judge, line }
                .read(failures, body, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    fn read_results(
        &self,
        results: &[u8],
        named: &HashMap<&str, usize>,
        outcomes: &mut [Option<Outcome>],
        after_ms: Option<u64>,
        line: &impl Fn(&str) -> String,
    ) -> Result<(), Unread> {
        let records = outcomes.len();
        let mut elements = Elements::of(results);
        let mut position = 0;
        while let Some((_, result)) = elements.next(&self.picker).map_err(|_| Unread::NoList)? {
            let index = self.order.record(position, &result, named);
            // Beside a list of failures, a result without a status is none of them.
            let status = match self.status.is_empty() {
                true => Some("ok".into()),
                false => self.status.text(&result),
            };
            if let (Some(place), Some(status)) =
                (index.and_then(|index| outcomes.get_mut(index)), status)
            {
                let code = self.code.text(&result);
                let reason = self.reason.text(&result);
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
        Ok(())
    }

    /// What a result's code, where it has one, and its status come to.
    fn outcome(
        &self,
        said: [Option<&str>; 2],
        reason: Option<&str>,
        after_ms: Option<u64>,
        line: &impl Fn(&str) -> String,
    ) -> Outcome {
        self.judge(said, reason, &OK, after_ms, line)
    }

    /// What a code and a status come to. The code says more: only one that stands in no list leaves it to the
    /// status. `ok` is what says success where the flow lists nothing.
    fn judge(
        &self,
        said: [Option<&str>; 2],
        reason: Option<&str>,
        ok: &[&str],
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
            if is_one_of(&self.keys.ok, ok, said) {
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

fn contradicted() -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Request,
        after_ms: None,
        unknown: true,
        reason: "the answer has results for this record that contradict each other".into(),
    })
}

#[cfg(test)]
mod tests;
