//! Answers to a bulk: for all of it, or for each of its records.

use serde_json::{Value, json};

use super::{
    habits::{Bulk, Key, Knows, Results},
    sent::Sent,
    server::{Judged, Model},
    wire::{Answer, Request},
};
use crate::random::Random;

/// What a request for many comes to, and what it changes. `due_ms` is when; it `is_well` where nothing else
/// is wrong with it.
pub fn judge(
    model: &mut Model,
    bulk: &Bulk,
    sent: &[Sent],
    request: &Request,
    (now_ms, due_ms): (i64, i64),
    is_well: bool,
) -> (Answer, Vec<Sent>) {
    let is_too_large = model.habits.bytes_max.is_some_and(|max| request.body.len() > max);
    if is_too_large || sent.len() as u64 > bulk.taken_max {
        return (Answer::new(413, r#"{"message":"too large"}"#), Vec::new());
    }
    let mut each: Vec<Judged> = Vec::new();
    for one in sent {
        let known = each_key(model, one).and_then(|key| model.known(&key, now_ms));
        let judged = match known {
            Some(Answer { status: 409, .. }) if model.habits.knows != Knows::Versions => {
                Judged { answer: Answer::new(423, r#"{"message":"in progress"}"#), changes: false }
            }
            Some(answer) => Judged { answer, changes: false },
            None => model.judge(one, request),
        };
        if judged.answer.status >= 500 {
            model.has_failed(std::slice::from_ref(one));
        }
        each.push(judged);
    }
    let is_taken =
        |judged: &Judged| judged.answer.status < 300 && !judged.answer.body.contains("\"error\"");
    let any_failed = |each: &[Judged]| each.iter().any(|judged| !is_taken(judged));
    let lists_failures_alone =
        matches!(bulk.results, Results::FailuresByIndex | Results::FailuresByKey);
    let is_atomic = bulk.results == Results::Whole || lists_failures_alone && bulk.status >= 400;
    if is_atomic && any_failed(&each) {
        if bulk.results == Results::Whole {
            let failed = each.into_iter().find(|judged| !is_taken(judged)).expect("one has failed");
            return (failed.answer, Vec::new());
        }
        return (listed(model, bulk, sent, &each), Vec::new());
    }
    if bulk.results == Results::Whole {
        keep_each(model, sent, &each, due_ms);
        return (Answer::new(200, r#"{"ok":true}"#), changing(sent, &each));
    }
    if is_well && !is_atomic {
        for (one, judged) in sent.iter().zip(&mut each) {
            fail_alone(model, bulk, one, judged, now_ms);
        }
    }
    keep_each(model, sent, &each, due_ms);
    (listed(model, bulk, sent, &each), changing(sent, &each))
}

/// One of them fails by itself, and may have been applied all the same.
fn fail_alone(model: &mut Model, bulk: &Bulk, one: &Sent, judged: &mut Judged, now_ms: i64) {
    if !judged.changes || !model.fails_alone() {
        return;
    }
    model.has_failed(std::slice::from_ref(one));
    let status = model.random.pick(&[429, 503, 500]);
    if status == 500 && !bulk.words {
        if let Some(key) = each_key(model, one) {
            model.keep(&key, &judged.answer, now_ms);
        }
        model.change(one, false, now_ms);
    }
    *judged = Judged { answer: Answer::new(status, "{}"), changes: false };
}

fn each_key(model: &Model, sent: &Sent) -> Option<String> {
    sent.key.clone().filter(|_| model.habits.key == Key::Body)
}

fn keep_each(model: &mut Model, sent: &[Sent], each: &[Judged], due_ms: i64) {
    for (one, judged) in sent.iter().zip(each) {
        if let Some(key) = each_key(model, one) {
            model.keep(&key, &judged.answer, due_ms);
        }
    }
}

fn changing(sent: &[Sent], each: &[Judged]) -> Vec<Sent> {
    sent.iter().zip(each).filter(|(_, it)| it.changes).map(|(sent, _)| sent.clone()).collect()
}

/// The answer with what became of each.
fn listed(model: &mut Model, bulk: &Bulk, sent: &[Sent], each: &[Judged]) -> Answer {
    let entry = |at: usize| {
        let Answer { status, body, .. } = &each[at].answer;
        let status: Value = match (bulk.words, status) {
            (false, status) => (*status).into(),
            (true, 200..300) => "created".into(),
            (true, 409) if body.contains("exists") => "exists".into(),
            (true, 409 | 423 | 429 | 500..) => "busy".into(),
            (true, _) => "bad".into(),
        };
        let mut entry = json!({ "status": status });
        if each[at].answer.status >= 300 {
            entry["message"] = format!("a bad one, {}", sent[at].id).into();
        }
        match bulk.results {
            Results::Index | Results::FailuresByIndex => entry["index"] = at.into(),
            Results::Key | Results::FailuresByKey | Results::TwoLists => {
                entry["id"] = sent[at].id.clone().into();
            }
            _ => {}
        }
        entry
    };
    let has_failed = |at: &usize| each[*at].answer.status >= 300;
    let all = 0..each.len();
    let failed: Vec<Value> = all.clone().filter(has_failed).map(entry).collect();
    let status = if failed.is_empty() { 200 } else { bulk.status };
    let body = match bulk.results {
        Results::FailuresByIndex | Results::FailuresByKey if failed.is_empty() => json!({}),
        Results::FailuresByIndex | Results::FailuresByKey => json!({ "errors": failed }),
        Results::TwoLists => {
            let taken: Vec<Value> = all.filter(|at| !has_failed(at)).map(entry).collect();
            json!({ "results": taken, "errors": failed })
        }
        _ => {
            let mut entries: Vec<Value> = all.map(entry).collect();
            if bulk.results != Results::Position {
                shuffle(&mut entries, &mut model.random);
            }
            json!({ "results": entries })
        }
    };
    Answer::new(status, body.to_string())
}

fn shuffle(entries: &mut [Value], random: &mut Random) {
    for at in (1..entries.len()).rev() {
        entries.swap(at, usize::try_from(random.below(at as u64 + 1)).unwrap());
    }
}
