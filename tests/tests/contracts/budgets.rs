//! Budgets: moments that are given away once, evenly spread.

use tidegate_core::{
    model::{Ask, BudgetId, Leased},
    ports::Budgets,
};

use super::{contract, in_parallel, other_stream, stream};

contract!(
    the_first_moment_is_now,
    after_a_pause_there_is_no_burst,
    what_is_later_than_asked_for_is_not_leased,
    nothing_leased_changes_nothing,
    streams_have_budgets_of_their_own,
    a_budget_is_shared_by_its_name;
    once_only:
    a_lease_follows_the_one_before,
    many_at_once_share_no_moment,
);

const NOW_US: i64 = 1_795_766_400_000_000;

fn ask(after_us: i64, want: u32) -> Ask {
    let now_us = NOW_US + after_us;
    Ask { now_us, spacing_us: 1_000, want, until_us: NOW_US + 60_000_000 }
}

/// A lease of the stream's own budget: when it begins, from [`NOW_US`] on, and its moments.
async fn lease<S: Budgets>(store: &S, ask: Ask) -> (i64, u32) {
    let leased = store.lease(&BudgetId::of_stream(&stream()), ask).await.unwrap();
    (leased.first_us - NOW_US, leased.count)
}

async fn the_first_moment_is_now<S: Budgets>(store: &S) {
    // Where an answer is lost, its moments pass unused: the lease begins after them.
    let (first_us, count) = lease(store, ask(0, 5)).await;
    assert!([0, 5_000, 10_000].contains(&first_us), "{first_us}");
    assert_eq!(count, 5);
}

async fn a_lease_follows_the_one_before<S: Budgets>(store: &S) {
    assert_eq!(lease(store, ask(0, 5)).await, (0, 5));
    assert_eq!(lease(store, ask(0, 2)).await, (5_000, 2));
    assert_eq!(lease(store, ask(3_000, 1)).await, (7_000, 1));
}

async fn after_a_pause_there_is_no_burst<S: Budgets>(store: &S) {
    lease(store, ask(0, 5)).await;
    let (first_us, count) = lease(store, ask(1_000_000, 5)).await;
    assert!([1_000_000, 1_005_000, 1_010_000].contains(&first_us), "{first_us}");
    assert_eq!(count, 5);
}

async fn what_is_later_than_asked_for_is_not_leased<S: Budgets>(store: &S) {
    lease(store, ask(0, 100)).await;
    let taken = lease(store, ask(0, 1)).await.0;
    let until_us = NOW_US + taken + 4_000;
    let (first_us, count) = lease(store, Ask { until_us, ..ask(0, 100) }).await;
    // A lost answer takes them with it.
    assert!([(taken + 1_000, 4), (taken + 5_000, 0)].contains(&(first_us, count)));
}

async fn nothing_leased_changes_nothing<S: Budgets>(store: &S) {
    lease(store, ask(0, 5)).await;
    let next_us = lease(store, Ask { until_us: NOW_US - 1, ..ask(0, 5) }).await.0;
    for _ in 0..3 {
        let none = lease(store, Ask { until_us: NOW_US - 1, ..ask(0, 5) }).await;
        assert_eq!(none, (next_us, 0));
    }
}

async fn streams_have_budgets_of_their_own<S: Budgets>(store: &S) {
    lease(store, ask(0, 50)).await;
    let other = BudgetId::of_stream(&other_stream());
    let leased = store.lease(&other, ask(0, 1)).await.unwrap();
    assert!(leased.first_us <= NOW_US + 2_000, "{leased:?}");
    let named_alike = BudgetId::shared(other_stream().to_string().as_str());
    let leased = store.lease(&named_alike, ask(0, 1)).await.unwrap();
    assert!(leased.first_us <= NOW_US + 2_000, "{leased:?}");
}

async fn a_budget_is_shared_by_its_name<S: Budgets>(store: &S) {
    let shared = BudgetId::shared("crm");
    let first = store.lease(&shared, ask(0, 5)).await.unwrap();
    let second = store.lease(&BudgetId::shared("crm"), ask(0, 5)).await.unwrap();
    assert!(second.first_us >= first.first_us + 5_000, "{first:?} {second:?}");
}

async fn many_at_once_share_no_moment<S: Budgets>(store: &S) {
    let budget = BudgetId::shared("crm");
    let leases = in_parallel(20, async |_| {
        let mut mine = Vec::new();
        for _ in 0..5 {
            mine.push(store.lease(&budget, ask(0, 3)).await.unwrap());
        }
        mine
    });
    let moments = |leased: &Leased| {
        let first_us = leased.first_us;
        (0..i64::from(leased.count)).map(move |at| first_us + at * 1_000).collect::<Vec<_>>()
    };
    let mut all: Vec<i64> = leases.iter().flatten().flat_map(moments).collect();
    all.sort_unstable();
    assert_eq!(all.len(), 300);
    assert!(all.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "evenly spread, none twice");
}
