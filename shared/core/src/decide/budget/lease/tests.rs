//! Concurrency and send slots under every kind of asking.

use proptest::prelude::*;

use super::{super::ALL, *};
use crate::{
    decide::Rate,
    model::{AdvertisedRate, FlowSettings, Quota, RateLimit, Reset, StreamId},
};

fn stream(name: &str) -> StreamId {
    StreamId::new(name, "default").unwrap()
}

fn terms(slots_max: u32) -> Terms {
    let settings = FlowSettings { concurrency_max: slots_max, ..FlowSettings::default() };
    Terms::of(&settings, &stream("own"))
}

fn ask(owner: &str, now_us: i64, want: u32, slots: u32) -> Ask<'_> {
    Ask {
        owner,
        now_us,
        spacing_us: 100,
        uses_late: false,
        want,
        until_us: now_us + 1_000_000,
        slots,
        slots_needed: 1,
        slots_busy: 0,
        slots_until_ms: now_us / 1_000 + 60_000,
        done_ms: 0,
        mean_us: 0,
        is_probe: false,
    }
}

/// Without a rate, where a few slots are better than none.
fn unpaced(owner: &str, now_us: i64, want: u32, slots: u32) -> Ask<'_> {
    Ask { spacing_us: 0, ..ask(owner, now_us, want, slots) }
}

fn slots(grant: Grant) -> (i64, u32) {
    (grant.leased.first_us, grant.leased.count)
}

#[test]
fn a_lease_follows_the_one_before_and_ends_in_time() {
    let (terms, mut budget) = (terms(10), Budget::default());
    assert_eq!(slots(budget.lease(&terms, &ask("a", 1_000, 3, 1))), (1_000, 3));
    assert_eq!(slots(budget.lease(&terms, &ask("b", 1_000, 3, 1))), (1_300, 3));
    // A while without asking makes no burst.
    assert_eq!(slots(budget.lease(&terms, &ask("a", 5_000, 3, 1))), (5_000, 3));
    let short = Ask { until_us: 5_500, ..ask("a", 5_000, 9, 1) };
    assert_eq!(slots(budget.lease(&terms, &short)), (5_300, 3));
    let before = budget.clone();
    let grant = budget.lease(&terms, &Ask { until_us: 5_550, slots_busy: 1, ..short });
    assert_eq!(grant.wait, Some(Wait { on: WaitOn::Rate, until_ms: 6 }));
    assert_eq!(budget, before);
}

/// An invocation under way when the circuit opened went on to lease and to send.
#[test]
fn repro_nothing_is_leased_while_the_circuit_is_open_but_for_its_probe() {
    let (terms, mut budget) = (terms(10), Budget::default());
    assert_eq!(slots(budget.lease(&terms, &ask("a", 1_000, 3, 1))), (1_000, 3));
    budget.open(ALL, 120_000, 0);
    let waits = |grant: Grant| grant.wait.map(|wait| (wait.on, wait.until_ms));
    let shut = Some((WaitOn::Circuit, 120_000));
    assert_eq!(waits(budget.lease(&terms, &ask("a", 2_000, 3, 1))), shut);
    assert!(budget.holders.is_empty(), "{budget:?}");
    assert_eq!(waits(budget.lease(&terms, &ask("a", 120_000_000, 3, 1))), None);
    // While a destination fails, its time being up lets nothing through but a probe.
    budget.open(ALL, 200_000, 1);
    let late = ask("a", 300_000_000, 3, 1);
    assert_eq!(waits(budget.lease(&terms, &late)), Some((WaitOn::Circuit, 301_000)));
    assert_eq!(waits(budget.lease(&terms, &Ask { is_probe: true, ..late })), None);
}

/// Whose invocation came first kept all slots until it ended, and the other stream got nothing.
#[test]
fn repro_a_stream_that_waits_for_slots_gets_its_part_of_a_shared_budget() {
    let settings = FlowSettings { budget: Some("crm".into()), ..FlowSettings::default() };
    let terms = |name| Terms { slots_max: 4, ..Terms::of(&settings, &stream(name)) };
    let (accounts, invoices) = (terms("accounts"), terms("invoices"));
    let mut budget = Budget::default();
    assert_eq!(budget.lease(&accounts, &ask("a1", 0, 1, 2)).slots, 2);
    assert_eq!(budget.lease(&accounts, &ask("a2", 0, 1, 2)).slots, 2);
    assert_eq!(budget.lease(&invoices, &ask("b1", 1_000, 1, 2)).slots, 0);
    // The one keeps what is in flight, and the other what is its stream's part.
    let busy = Ask { slots_busy: 1, ..ask("a2", 2_000, 1, 2) };
    assert_eq!(budget.lease(&accounts, &busy).slots, 1);
    assert_eq!(budget.lease(&accounts, &ask("a2", 3_000, 1, 2)).slots, 0);
    assert_eq!(budget.lease(&accounts, &ask("a1", 4_000, 1, 4)).slots, 2);
    assert_eq!(budget.lease(&invoices, &ask("b1", 5_000, 1, 2)).slots, 2);
    assert_eq!(budget.lease(&accounts, &ask("a2", 6_000, 1, 2)).slots, 0);
    assert_eq!(budget.lease(&invoices, &ask("b1", 7_000, 1, 2)).slots, 2);
    // None of them waits any more.
    budget.release(&invoices, "b1", None, &[]);
    assert_eq!(budget.lease(&accounts, &ask("a2", 9_000_000, 1, 2)).slots, 2);
}

#[test]
fn slots_are_held_until_they_are_released_or_time_is_up() {
    let (terms, mut budget) = (terms(4), Budget::default());
    let mut slots =
        |owner, now_us, slots| budget.lease(&terms, &unpaced(owner, now_us, 1, slots)).slots;
    assert_eq!(slots("a", 0, 3), 3);
    assert_eq!(slots("b", 0, 3), 1);
    assert_eq!(slots("c", 0, 3), 0);
    assert_eq!(slots("a", 0, 1), 1);
    assert_eq!(slots("c", 0, 3), 2);
    budget.release(&terms, "c", Some((1, 90_000)), &[]);
    let mut slots =
        |owner, now_us, slots| budget.lease(&terms, &unpaced(owner, now_us, 1, slots)).slots;
    assert_eq!(slots("d", 0, 9), 1);
    // The others died: after their time only what may still be in flight is left.
    assert_eq!(slots("e", 61_000_000, 9), 3);
    assert_eq!(slots("f", 90_000_000, 9), 1);
}

#[test]
fn who_finds_nothing_holds_nothing() {
    let mut terms = terms(2);
    terms.quotas = vec![Quota { count: 5, reset: Reset::Sliding { window_ms: 3_600_000 } }];
    let mut budget = Budget::default();
    assert_eq!(slots(budget.lease(&terms, &ask("a", 0, 9, 2))), (0, 5));
    let grant = budget.lease(&terms, &ask("a", 0, 9, 2));
    assert_eq!(grant.wait, Some(Wait { on: WaitOn::Quota, until_ms: 3_750_000 }));
    assert_eq!(budget.holders, []);
    budget.release(&terms, "a", None, &[(1_000, 2)]);
    assert_eq!(slots(budget.lease(&terms, &ask("b", 0, 9, 2))).1, 2);
}

#[test]
fn the_more_urgent_go_first() {
    let of = |priority| Terms { priority, ..terms(8) };
    let (urgent, patient) = (of(Priority::High), of(Priority::Low));
    let mut budget = Budget::default();
    let second = |owner, now_us, want| Ask { spacing_us: 10_000, ..ask(owner, now_us, want, 8) };
    assert_eq!(budget.lease(&patient, &second("low", 1_000, 10)).leased.count, 10);
    budget.release(&patient, "low", None, &[]);
    assert_eq!(budget.lease(&urgent, &second("high", 1_000, 50)).leased.count, 50);
    budget.release(&urgent, "high", None, &[]);
    // The send slots up to 601 ms are given away: too far ahead for one that yields.
    let grant = budget.lease(&patient, &second("low", 100_000, 10));
    assert_eq!(grant.wait, Some(Wait { on: WaitOn::Rate, until_ms: 352 }));
    let grant = budget.lease(&patient, &second("low", 400_000, 99));
    assert_eq!((grant.slots, grant.leased.count), (6, 5));
    // No urgent stream has asked for a while.
    let grant = budget.lease(&patient, &second("low", 5_001_000, 99));
    assert_eq!((grant.slots, grant.leased.count), (8, 99));
}

proptest! {
    /// Any invocation may lease, and use a send slot as late as it may.
    #[test]
    fn no_window_ever_sees_one_too_many(
        count in 1u32..300,
        window_ms in prop::sample::select(vec![1_000u64, 20_000, 60_000]),
        asks in prop::collection::vec((0i64..3_000_000, 1u32..40, 0u8..4), 1..40),
        lateness in prop::collection::vec(0i64..1_000, 50),
    ) {
        let rate = Rate::within(&[RateLimit { count, window_ms }]).unwrap();
        let (terms, mut budget, mut now_us, mut sent) = (terms(99), Budget::default(), 0, Vec::new());
        for (wait_us, want, who) in asks {
            now_us += wait_us;
            let owner = who.to_string();
            let spacing_us = rate.spacing_us;
            let ask = Ask { spacing_us, until_us: i64::MAX / 2, ..ask(&owner, now_us, want, 1) };
            let leased = budget.lease(&terms, &ask).leased;
            for at in 0..i64::from(leased.count) {
                let late = lateness[sent.len() % lateness.len()] * rate.lateness_us / 1_000;
                sent.push(leased.first_us + at * leased.spacing_us + late);
            }
        }
        sent.sort_unstable();
        let window_us = i64::try_from(window_ms).unwrap() * 1_000;
        for (index, start) in sent.iter().enumerate() {
            let within = sent[index..].iter().filter(|at| **at < start + window_us).count();
            prop_assert!(within <= count as usize, "{within} of {count} in {window_ms} ms");
        }
    }

    /// Whatever is asked for, given back or left by the dead, the slots that are held never exceed them all.
    #[test]
    fn slots_are_never_more_than_there_are(
        slots_max in 1u32..20,
        deeds in prop::collection::vec((0u8..5, 0u32..30, 0i64..30_000, any::<bool>()), 1..60),
    ) {
        let (terms, mut budget, mut now_ms) = (terms(slots_max), Budget::default(), 0);
        for (who, want, wait_ms, releases) in deeds {
            now_ms += wait_ms;
            let owner = who.to_string();
            if releases {
                budget.release(&terms, &owner, None, &[]);
            } else {
                budget.lease(&terms, &ask(&owner, now_ms * 1_000, 1, want));
            }
            let held: u32 = budget.holders.iter().filter(|it| it.until_ms > now_ms).map(|it| it.slots).sum();
            prop_assert!(held <= slots_max, "{held} of {slots_max}");
        }
    }
}

/// Each of several with a few slots would let send slots pass while all of its own are busy.
#[test]
fn one_that_begins_waits_until_the_one_that_sends_is_nearly_done() {
    let (terms, mut budget) = (terms(10), Budget::default());
    let first =
        Ask { done_ms: 4_000, want: 100_000, until_us: 60_000_000, ..ask("a", 1_000_000, 50, 8) };
    assert_eq!(budget.lease(&terms, &first).slots, 8);
    let second = |now_us| Ask { until_us: 60_000_000, ..ask("b", now_us, 50, 10) };
    let waits = |grant: Grant| grant.wait.map(|wait| (wait.on, wait.until_ms));
    let until = Some((WaitOn::Concurrency, 4_000));
    assert_eq!(waits(budget.clone().lease(&terms, &second(1_000_000))), until);
    assert_eq!(budget.clone().lease(&terms, &second(3_700_000)).slots, 2);
    // It has sent all, and answers are awaited.
    budget.keep("a", 3);
    assert_eq!(budget.clone().lease(&terms, &second(3_800_000)).slots, 7);
    budget.keep("a", 5);
    assert_eq!(budget.holders[0].slots, 3, "it keeps no more than it had");
    // One that needs few leaves the others to others.
    let mut quick = Budget::default();
    quick.lease(&terms, &Ask { slots: 3, ..first });
    assert_eq!(quick.lease(&terms, &second(1_000_000)).slots, 7);
    // And one that does not use all of the rate leaves the rest.
    let mut slow = Budget::default();
    slow.lease(&terms, &Ask { want: 1, ..first });
    assert_eq!(slow.lease(&terms, &second(1_500_200)).slots, 2);
}

#[test]
fn the_rate_is_left_to_one_that_takes_over() {
    let (terms, mut budget) = (terms(10), Budget::default());
    let lasts = |owner, now_us| Ask { until_us: 60_000_000, ..ask(owner, now_us, 50, 8) };
    budget.lease(&terms, &Ask { done_ms: 1_005, ..lasts("a", 1_000_000) });
    // It takes over what is left, and will have what the first one lets go.
    let second = Ask { done_ms: 9_000, slots_needed: 8, ..lasts("b", 1_010_000) };
    assert_eq!(slots(budget.lease(&terms, &second)), (1_010_000, 50), "though it has two of eight");
    budget.release(&terms, "a", None, &[]);
    let third = budget.clone().lease(&terms, &lasts("c", 1_514_000));
    assert_eq!(third.wait.map(|wait| wait.until_ms), Some(9_000));
    assert_eq!(budget.clone().lease(&terms, &lasts("c", 1_516_000)).wait, None, "it may be dead");
    // Where the first one has more to lease, no more is leased than can be used at once.
    let mut budget = Budget::default();
    budget.lease(&terms, &Ask { done_ms: 1_200, ..lasts("a", 1_000_000) });
    assert_eq!(slots(budget.lease(&terms, &second)).1, 2);
}

#[test]
fn send_slots_that_just_passed_are_leased_where_they_are_of_use() {
    let (terms, mut budget) = (terms(10), Budget::default());
    budget.lease(&terms, &ask("a", 1_000_000, 3, 1));
    let late = |owner, now_us| Ask { uses_late: true, ..ask(owner, now_us, 9, 1) };
    assert_eq!(slots(budget.clone().lease(&terms, &late("b", 1_400_000))).0, 1_000_300);
    assert_eq!(slots(budget.clone().lease(&terms, &ask("b", 1_400_000, 9, 1))).0, 1_400_000);
    assert_eq!(slots(budget.clone().lease(&terms, &late("b", 1_600_000))).0, 1_600_000);
    // At a rate that headers ask for, nothing says what windows there are.
    budget.advertised = Some(AdvertisedRate { spacing_us: 200, until_us: 9_000_000 });
    assert_eq!(slots(budget.lease(&terms, &late("b", 1_400_000))).0, 1_400_000);
}

#[test]
fn how_long_requests_take_is_known_to_the_next_that_begins() {
    let (terms, mut budget) = (terms(10), Budget::default());
    budget.lease(&terms, &Ask { mean_us: 150_000, ..ask("a", 1_000, 3, 1) });
    budget.lease(&terms, &ask("b", 1_000, 3, 1));
    assert_eq!(budget.mean_us, 150_000);
}

#[test]
fn what_others_have_is_asked_for_again_when_they_will_have_sent_all() {
    let terms = terms(4);
    for (done_ms, again_ms) in
        [(0, 11_000), (12_000, 12_000), (90_000, 20_000), (9_900, 10_100), (7_000, 11_000)]
    {
        let mut budget = Budget::default();
        budget.lease(&terms, &Ask { done_ms, ..ask("a", 10_000_000, 50, 4) });
        let grant = budget.lease(&terms, &ask("b", 10_000_000, 50, 4));
        assert_eq!(grant.wait.unwrap().until_ms, again_ms, "{done_ms}");
    }
}
