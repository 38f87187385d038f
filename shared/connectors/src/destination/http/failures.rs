//! `batch.results.failures`: an answer that lists what failed, and leaves out what was taken.

use std::collections::HashMap;

use serde_json::{Map, Value};
use tidegate_core::model::{Blame, Later, Outcome};

use super::{order::Order, slots::Slots, unread::Unread};
use crate::{
    http::{counted_failures, listed_failure},
    json::{Elements, Picker, fault},
};

/// What is read of a failure, as slots of the picker.
#[derive(Clone, Copy)]
pub(super) struct FailureSlots<'s> {
    pub(super) status: &'s Slots,
    pub(super) code: &'s Slots,
    pub(super) reason: &'s Slots,
}

/// Reads the failures that one answer lists. `J` says what a code and a status, and a reason, come to; `L`
/// makes a reason fit to be shown.
pub(super) struct Failures<'a, J, L> {
    pub(super) picker: &'a Picker,
    pub(super) slots: FailureSlots<'a>,
    pub(super) order: &'a dyn Order,
    /// The records by what the answer names them by.
    pub(super) named: &'a HashMap<&'a str, usize>,
    /// Some were taken. A refusal takes none, so that a failure which names no record is of the request as a whole.
    pub(super) is_success: bool,
    /// What is not listed was taken.
    pub(super) takes_others: bool,
    pub(super) judge: J,
    pub(super) line: &'a L,
}

/// What was listed so far.
#[derive(Default)]
struct Listed {
    failures: u64,
    matched: u64,
    /// What is said by one that names none of the records.
    stray: Option<String>,
}

impl<J, L> Failures<'_, J, L>
where
    J: Fn([Option<&str>; 2], &str) -> Outcome,
    L: Fn(&str) -> String,
{
    /// Notes what is listed, and that all others were taken: unless something is listed that may be of any.
    pub(super) fn read(
        &self,
        failures: &Picker,
        body: &[u8],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Unread> {
        let picks = failures.pick_all(body).map_err(|error| Unread::NoJson(fault(&error, body)))?;
        let mut listed = Listed::default();
        match picks.json(0) {
            None | Some(b"false" | b"0" | b"\"\"") => {}
            Some(list) if list.first() == Some(&b'[') => {
                self.of_list(list, outcomes, &mut listed)?;
            }
            Some(object) if object.first() == Some(&b'{') => {
                self.of_object(object, outcomes, &mut listed)?;
            }
            Some(other) => {
                return Err(Unread::NoFailures((self.line)(&String::from_utf8_lossy(other))));
            }
        }
        if listed.failures == 0
            && let Some(elsewhere) = listed_failure(body)
        {
            return Err(Unread::Elsewhere(elsewhere.path));
        }
        let counted = counted_failures(body);
        if counted > listed.failures.max(listed.matched) {
            let failures = listed.failures;
            let short = || format!("the answer counts {counted} failures, and lists {failures}");
            listed.stray.get_or_insert_with(short);
        }

        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
            match &listed.stray {
                Some(why) if self.is_success => *outcome = Some(open(why)),
                None if self.takes_others => *outcome = Some(Outcome::Delivered),
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn of_list(
        &self,
        list: &[u8],
        outcomes: &mut [Option<Outcome>],
        listed: &mut Listed,
    ) -> Result<(), Unread> {
        let slots = self.slots;
        let mut elements = Elements::of(list);
        let no_json = |error| Unread::NoFailures(fault(&error, list));
        while let Some((element, failure)) = elements.next(self.picker).map_err(no_json)? {
            if &list[element.clone()] == b"null" {
                continue;
            }
            let (code, status) = (slots.code.text(&failure), slots.status.text(&failure));
            let whole = String::from_utf8_lossy(&list[element]);
            let reason = slots.reason.text(&failure).filter(|reason| !reason.is_empty());
            let reason = reason.unwrap_or(whole);
            let outcome = (self.judge)([code.as_deref(), status.as_deref()], &reason);
            let position = listed.failures as usize;
            let records = self.order.records(position, &failure, self.named);
            listed.add(records, outcome, outcomes, &(self.line)(&reason));
        }
        Ok(())
    }

    /// Failures under the names, or the indices, of their records.
    fn of_object(
        &self,
        object: &[u8],
        outcomes: &mut [Option<Outcome>],
        listed: &mut Listed,
    ) -> Result<(), Unread> {
        let failures: Map<String, Value> = serde_json::from_slice(object)
            .map_err(|error| Unread::NoFailures((self.line)(&error.to_string())))?;
        for (name, failure) in failures {
            let record = self.order.record_named(&name, self.named);
            let said = failure.as_str().map_or_else(|| failure.to_string(), str::to_owned);
            let reason = match record {
                Some(_) => said,
                None => format!("{name}: {said}"),
            };
            let outcome = (self.judge)([None, None], &reason);
            listed.add(record.into_iter().collect(), outcome, outcomes, &(self.line)(&reason));
        }
        Ok(())
    }
}

impl Listed {
    /// One more, of these records.
    fn add(
        &mut self,
        records: Vec<usize>,
        outcome: Outcome,
        outcomes: &mut [Option<Outcome>],
        reason: &str,
    ) {
        self.failures += 1;
        let records = match (records.is_empty(), outcomes.len()) {
            // It can be of no other.
            (true, 1) => vec![0],
            _ => records,
        };
        let mut is_matched = false;
        for record in records {
            let Some(place) = outcomes.get_mut(record) else { continue };
            is_matched = true;
            let is_settled_well =
                |it: &Outcome| matches!(it, Outcome::Delivered | Outcome::Skipped(_));
            if place.as_ref().is_none_or(is_settled_well) {
                self.matched += u64::from(place.is_none());
                *place = Some(outcome.clone());
            }
        }
        if !is_matched {
            let stray =
                || format!("the answer lists a failure that names none of the records: {reason}");
            self.stray.get_or_insert_with(stray);
        }
    }
}

/// It may be among those that failed, or not.
fn open(why: &str) -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Request,
        after_ms: None,
        unknown: true,
        reason: why.to_owned().into(),
    })
}
