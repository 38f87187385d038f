//! What the random destinations have found, each as small as it goes.

use serde_json::Value;

use super::{
    habits::{Body, Bulk, Habits, Key, Knows, Order, Rate, Results, Unknown, Upsert},
    records::{Fate, Record},
    try_case,
};

/// A destination without any fault.
fn plain() -> Habits {
    Habits {
        order: Order::Entity,
        unknown: Unknown::Retry,
        body: Body::Json,
        bulk: None,
        upsert: None,
        removes: false,
        envelope: false,
        maps: false,
        key: Key::Header,
        key_format: "text",
        knows: Knows::Nothing,
        codes: false,
        bytes_max: None,
        rate: None,
        concurrency: 4,
        processors: 1,
        attempts: 20,
        faults: 0,
        faults_max: 0,
        crashes: 0,
        latency_ms: 20,
        invocation_ms: 60_000,
        repeats_messages: false,
        repeats_records: false,
        one_version: false,
        has_odd_records: false,
        stated: true,
        asks_by_key: false,
    }
}

fn bulk(size: u64, results: Results) -> Option<Bulk> {
    Some(Bulk { size, taken_max: size, results, status: 200, words: false })
}

fn record(id: impl Into<Value>, version: i64, fate: Fate) -> Record {
    Record { id: id.into(), version, gone: false, text: "plain".into(), fate }
}

async fn holds(habits: Habits, pages: Vec<Vec<Record>>) {
    let case = try_case(habits, pages, 1).await;
    assert!(case.violations.is_empty(), "{:?}\n{}", case.violations, case.told);
    assert_eq!(case.counts["waits for a record that fails alone"], 0, "{}", case.told);
}

/// The second version waited for the first, and nothing was to overtake it: not even the first.
#[tokio::test]
async fn repro_a_serial_bulk_with_two_versions_of_an_entity_gets_through() {
    let page =
        vec![record(1, 1, Fate::Taken), record(1, 2, Fate::Taken), record(2, 1, Fate::Taken)];
    for key in [Key::None, Key::Header, Key::Body] {
        let rate = Some(Rate { count: 5, per_ms: 1_000, stated: true, says_when: false });
        let bulk = bulk(3, Results::Whole);
        let habits = Habits { order: Order::Serial, bulk, key, rate, ..plain() };
        holds(habits, vec![page.clone()]).await;
    }
}

/// The same where the request has to be sent in parts.
#[tokio::test]
async fn repro_a_serial_bulk_with_two_versions_is_sent_in_parts() {
    let mut bulk = bulk(4, Results::Whole);
    bulk.as_mut().unwrap().taken_max = 1;
    let page = (1..=2).flat_map(|id| [record(id, 1, Fate::Taken), record(id, 2, Fate::Taken)]);
    let habits = Habits { order: Order::Serial, bulk, unknown: Unknown::Park, ..plain() };
    holds(habits, vec![page.collect()]).await;
}

/// The first request took the only one that the limit permits, each time anew.
#[tokio::test]
async fn repro_an_update_that_meets_a_limit_does_not_begin_with_the_creation_again() {
    let rate = Some(Rate { count: 1, per_ms: 20_000, stated: false, says_when: true });
    let upsert = Some(Upsert::CreateFirst);
    let habits = Habits { rate, upsert, invocation_ms: 900_000, ..plain() };
    holds(habits, vec![vec![record(1, 1, Fate::Taken)], vec![record(1, 2, Fate::Taken)]]).await;
}

/// They were repeated with the one that failed, and given up with it.
#[tokio::test]
async fn repro_what_is_refused_for_the_sake_of_one_that_fails_is_sent_without_it() {
    for order in [Order::None, Order::Entity, Order::Serial] {
        let mut bulk = bulk(3, Results::FailuresByIndex);
        bulk.as_mut().unwrap().status = 400;
        let habits = Habits { order, bulk, attempts: 3, ..plain() };
        let page =
            vec![record(1, 1, Fate::Taken), record(2, 1, Fate::Taken), record(3, 1, Fate::Poison)];
        let case = try_case(habits, vec![page], 1).await;
        assert_eq!(case.violations, Vec::<String>::new(), "{}", case.told);
        assert_eq!(case.counts["effects"], 2, "{}", case.told);
        assert_eq!(case.counts["records parked in the end"], 1, "{}", case.told);
    }
}

/// Its own failures opened the circuit, behind which no try counted.
#[tokio::test]
async fn repro_the_last_record_that_fails_is_parked_after_the_default_attempts() {
    for order in [Order::None, Order::Entity, Order::Serial] {
        let page = vec![record(1, 1, Fate::Taken), record(2, 1, Fate::Poison)];
        holds(Habits { order, ..plain() }, vec![page]).await;
    }
}

/// It came first in every invocation, and was all that the limit permitted.
#[tokio::test]
async fn repro_a_record_that_fails_leaves_room_for_the_others_of_its_page() {
    let rate = Some(Rate { count: 1, per_ms: 1_000, stated: false, says_when: true });
    let page = vec![record(1, 1, Fate::Forbidden), record(2, 1, Fate::Taken)];
    holds(Habits { rate, invocation_ms: 20_000, ..plain() }, vec![page]).await;
}

/// Its first version was refused each time, and the second was to go after it.
#[tokio::test]
async fn repro_a_replay_of_two_records_that_answers_name_alike_ends() {
    let mut unfit = record(1, 1, Fate::Taken);
    unfit.text = "\u{1}".into();
    let mut other = record(1, 2, Fate::Taken);
    other.text = "\u{fffe}".into();
    let habits = Habits {
        order: Order::None,
        body: Body::Xml,
        envelope: true,
        bulk: bulk(4, Results::Key),
        ..plain()
    };
    holds(habits, vec![vec![unfit, other, record(2, 1, Fate::Taken)]]).await;
}

/// It never ended, though it stays parked whatever comes of it.
#[tokio::test]
async fn repro_a_replay_of_a_record_that_always_fails_ends() {
    let page = vec![record(2, 1, Fate::Taken), record(1, 1, Fate::Poison)];
    holds(Habits { attempts: 3, ..plain() }, vec![page]).await;
}

/// It was asked for without end, for no address names it.
#[tokio::test]
async fn repro_a_record_that_cannot_be_asked_for_is_parked() {
    let habits = Habits {
        unknown: Unknown::LookUp,
        faults: 100,
        faults_max: 1,
        attempts: 3,
        invocation_ms: 20_000,
        ..plain()
    };
    let page = vec![record("", 1, Fate::Taken)];
    for seed in 0..8 {
        let case = try_case(habits.clone(), vec![page.clone()], seed).await;
        assert_eq!(case.violations, Vec::<String>::new(), "{}", case.told);
    }
}

/// Parked as refused: that the key stands in the body was not known.
#[tokio::test]
async fn repro_a_key_in_the_body_that_is_in_use_is_waited_for() {
    let knows = Knows::Keys { refusals: false };
    let habits =
        Habits { key: Key::Body, knows, faults: 100, faults_max: 2, attempts: 20, ..plain() };
    for seed in 0..12 {
        let case = try_case(habits.clone(), vec![vec![record(1, 1, Fate::Taken)]], seed).await;
        assert_eq!(case.violations, Vec::<String>::new(), "{}", case.told);
        assert_eq!(case.counts["records parked in the end"], 0, "{}", case.told);
    }
}

/// Each invocation began with the whole request again, and the limit kept it from the halves.
#[tokio::test]
async fn repro_the_halves_of_a_refused_request_get_through_where_a_limit_permits_one_at_a_time() {
    for order in [Order::None, Order::Entity, Order::Serial] {
        for key in [Key::None, Key::Header, Key::Body] {
            for (results, status) in [(Results::Whole, 200), (Results::FailuresByKey, 400)] {
                let rate = Some(Rate { count: 1, per_ms: 5_000, stated: false, says_when: true });
                let mut bulk = bulk(4, results);
                bulk.as_mut().unwrap().status = status;
                let habits = Habits { order, key, bulk, rate, invocation_ms: 20_000, ..plain() };
                let page = (1..=4).map(|id| record(id, 1, Fate::Bad)).collect();
                holds(habits, vec![page, vec![record(5, 1, Fate::Taken)]]).await;
            }
        }
    }
}

/// The tries of the one before it counted as its own.
#[tokio::test]
async fn repro_what_comes_after_a_record_that_was_given_up_has_tries_of_its_own() {
    let habits = Habits { order: Order::Serial, attempts: 3, faults: 15, faults_max: 1, ..plain() };
    let first = vec![record(1, 1, Fate::Taken), record(2, 1, Fate::Taken)];
    let second = vec![record(3, 1, Fate::Poison), record(4, 1, Fate::Taken)];
    for seed in 0..60 {
        let pages = vec![first.clone(), second.clone()];
        let case = try_case(habits.clone(), pages, seed).await;
        assert_eq!(case.violations, Vec::<String>::new(), "{}", case.told);
        assert_eq!(case.counts["records parked in the end"], 1, "{}", case.told);
    }
}

/// They were taken again and again, for no result was found to be theirs.
#[tokio::test]
async fn repro_a_record_that_no_answer_can_name_is_parked_and_not_sent() {
    for results in [Results::Key, Results::TwoLists] {
        let habits = Habits { order: Order::None, bulk: bulk(4, results), ..plain() };
        let page = (1..=3).map(|version| record(" ", version, Fate::Taken)).collect();
        let case = try_case(habits, vec![page], 1).await;
        assert_eq!(case.violations, Vec::<String>::new(), "{}", case.told);
        assert_eq!((case.counts["effects"], case.counts["records parked in the end"]), (0, 3));
    }
}

/// What was said of one of the two was taken for both: "it exists", of a request of which nothing was taken.
#[tokio::test]
async fn repro_a_record_that_is_listed_twice_goes_in_two_requests() {
    let page =
        vec![record(1, 1, Fate::Taken), record(1, 1, Fate::Taken), record(2, 1, Fate::Taken)];
    for order in [Order::None, Order::Entity, Order::Serial] {
        for key in [Key::None, Key::Header, Key::Body] {
            let mut bulk = bulk(3, Results::FailuresByIndex);
            bulk.as_mut().unwrap().status = 400;
            let habits = Habits { order, key, bulk, knows: Knows::Versions, ..plain() };
            holds(habits, vec![page.clone()]).await;
        }
    }
}

/// They counted as delivered: a word was no status.
#[tokio::test]
async fn repro_results_that_fail_by_a_word_stop_a_flow_that_does_not_read_them() {
    for results in [Results::Position, Results::Index, Results::Key] {
        let mut bulk = bulk(3, results);
        bulk.as_mut().unwrap().words = true;
        let habits = Habits { bulk, stated: false, ..plain() };
        let page = vec![record(1, 1, Fate::Taken), record(2, 1, Fate::Bad)];
        let case = try_case(habits, vec![page], 1).await;
        assert_eq!(case.violations, Vec::<String>::new(), "{}", case.told);
        assert!(case.halted.is_some_and(|why| why.contains("batch.results")), "{}", case.told);
    }
}

/// It counted as taken as a whole: what it would have listed further on was not known.
#[tokio::test]
async fn repro_an_answer_to_a_bulk_that_breaks_off_says_nothing_of_its_records() {
    let bulk = bulk(3, Results::TwoLists);
    let habits = Habits { bulk, stated: false, faults: 100, faults_max: 1, ..plain() };
    let page = vec![record(1, 1, Fate::Taken), record(2, 1, Fate::Bad)];
    for seed in 0..40 {
        let case = try_case(habits.clone(), vec![page.clone()], seed).await;
        assert_eq!(case.violations, Vec::<String>::new(), "{}", case.told);
    }
}

/// Two copies of it took turns, and each try waited for the lock of the one before: so long ago nothing had been taken that
/// would have shown that it is the record that fails.
#[tokio::test]
async fn repro_a_record_that_fails_on_two_pages_is_parked_however_long_its_locks_last() {
    for unknown in [Unknown::LookUp, Unknown::Retry] {
        let habits = Habits { unknown, invocation_ms: 900_000, ..plain() };
        let first = vec![record(1, 1, Fate::Taken), record(2, 1, Fate::Taken)];
        let page = vec![record(9, 1, Fate::Poison)];
        holds(habits, vec![first, page.clone(), page]).await;
    }
}
