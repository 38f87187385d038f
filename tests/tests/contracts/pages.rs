//! Pages: sealed, read, settled.

use tidegate_core::{
    model::{Cursor, Page, PageNumber, PageState, Position, Settled, Settling},
    ports::{CursorStore, Loaded, NewPage, Seal, Settle, WholePage},
};

use super::{acquired, at, contract, cursor_of, emission, in_parallel, page, sealed, stream};

contract!(
    sealing_puts_the_pages_and_moves_the_cursor,
    sealing_again_finds_it_done,
    a_page_without_records_is_done_from_the_start,
    sealing_again_keeps_what_was_settled_meanwhile,
    sealing_under_an_old_fence_is_lost,
    sealing_another_number_is_lost,
    of_twenty_one_seals,
    pages_are_read_in_order_of_number,
    only_the_pages_that_exist_are_loaded,
    many_pages_are_loaded_at_once,
    settling_adds_up,
    settling_the_same_again_changes_nothing,
    settling_all_is_done,
    a_done_page_stays_done,
    settling_another_emission_is_superseded,
    settling_a_page_that_is_not_there_is_superseded,
    settling_in_parallel_keeps_everything,
    a_page_settled_between_several_is_done,
    whole_pages_are_settled_together,
    leaving_a_page_keeps_its_receipts_and_counts_no_try,
    a_page_waits_as_whoever_left_it_last_says,
    a_done_page_forgets_its_set;
    once_only:
    settling_nothing_counts_a_try,
);

fn indices(range: std::ops::Range<u32>) -> Settled {
    range.collect()
}

async fn the_page<S: CursorStore>(store: &S, number: PageNumber) -> Page {
    let mut pages = store.load(&stream(), &[number], None).await.unwrap().pages;
    pages.pop().expect("the page was sealed")
}

/// Left after its second receipt.
fn leaving(settled: Settled, done: bool, now_ms: i64) -> Settling {
    let tried = settled.is_empty() && !done;
    Settling { settled, done, tried, receives: 2, now_ms, waits_until_ms: 0 }
}

async fn whole_pages_are_settled_together<S: CursorStore>(store: &S) {
    sealed(store, 30).await;
    let whole = |number: u64, by: &str| {
        let settling = Settling { receives: 7, ..leaving(indices(0..10), true, 50) };
        WholePage { number, emission: emission(&format!("{by}-{number}")), settling }
    };
    let some = leaving(indices(0..4), false, 9);
    let open = store.settle(&stream(), 2, &emission("fetcher-2"), &some).await;
    assert_eq!(open, Ok(Settle::Open(indices(0..4))));
    let mut pages: Vec<_> = (1..=28).map(|number| whole(number, "fetcher")).collect();
    // Another's, and one that is not there.
    pages.extend([whole(29, "other"), whole(31, "fetcher")]);
    let mut expected = vec![Ok(Settle::Done); 28];
    expected.extend([Ok(Settle::Superseded), Ok(Settle::Superseded)]);
    for _ in 0..2 {
        assert_eq!(store.settle_whole(&stream(), &pages).await, expected, "and so in a repeat");
    }
    let page = the_page(store, 2).await;
    assert_eq!((page.state, page.settled, page.attempts), (PageState::Done, indices(0..0), 0));
    assert_eq!((page.receives_at_clean_exit, page.last_progress_ms), (7, 50));
    assert_eq!(the_page(store, 29).await.state, PageState::Open);
    assert_eq!(store.settle_whole(&stream(), &[]).await, []);
}

async fn settle<S: CursorStore>(store: &S, settled: Settled, done: bool, now_ms: i64) -> Settle {
    let settling = leaving(settled, done, now_ms);
    store.settle(&stream(), 1, &emission("fetcher-1"), &settling).await.unwrap()
}

async fn a_page_without_records_is_done_from_the_start<S: CursorStore>(store: &S) {
    acquired(store, "fetcher", 0, 1_000).await;
    let empty = NewPage { count: 0, ..page(2, "fetcher") };
    let pages = [page(1, "fetcher"), empty];
    assert_eq!(store.seal(&stream(), 1, &pages, 5).await, Ok(Seal::Sealed));
    assert_eq!(the_page(store, 1).await.state, PageState::Open);
    assert_eq!(the_page(store, 2).await.state, PageState::Done);
    assert_eq!(cursor_of(store).await.head, at(20));
}

async fn sealing_puts_the_pages_and_moves_the_cursor<S: CursorStore>(store: &S) {
    let before = acquired(store, "fetcher", 0, 1_000).await;
    let new: Vec<NewPage> = (1..=10).map(|number| page(number, "fetcher")).collect();
    assert_eq!(store.seal(&stream(), 1, &new, 5).await, Ok(Seal::Sealed));
    assert_eq!(cursor_of(store).await, Cursor { next: 11, head: at(100), ..before });
    let expected = |new: &NewPage| Page {
        number: new.number,
        emission: new.emission.clone(),
        from: new.from.clone(),
        to: new.to.clone(),
        count: 10,
        settled: Settled::default(),
        state: PageState::Open,
        last_progress_ms: 5,
        waits_until_ms: 0,
        attempts: 0,
        receives_at_clean_exit: 0,
    };
    let pages = store.pages_after(&stream(), 0, 100).await.unwrap();
    assert_eq!(pages, new.iter().map(expected).collect::<Vec<_>>());
    // Equal positions may differ in text, and the source wants its own back.
    let text = |position: &Position| position.mark().unwrap().at.as_ref().unwrap().text.clone();
    assert_eq!(text(&pages[4].to), text(&new[4].to));
}

async fn sealing_again_finds_it_done<S: CursorStore>(store: &S) {
    let after = sealed(store, 2).await;
    let new = [page(1, "fetcher"), page(2, "fetcher")];
    assert_eq!(store.seal(&stream(), 1, &new, 6).await, Ok(Seal::Sealed));
    assert_eq!(cursor_of(store).await, after);
    // Even when another took over since.
    acquired(store, "b", 2_000, 3_000).await;
    assert_eq!(store.seal(&stream(), 1, &new, 6).await, Ok(Seal::Sealed));
}

async fn sealing_again_keeps_what_was_settled_meanwhile<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    settle(store, indices(0..4), false, 7).await;
    assert_eq!(store.seal(&stream(), 1, &[page(1, "fetcher")], 8).await, Ok(Seal::Sealed));
    assert_eq!(the_page(store, 1).await.settled, indices(0..4));
}

async fn sealing_under_an_old_fence_is_lost<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    let now = acquired(store, "b", 1_000, 2_000).await;
    let new = [page(2, "fetcher"), page(3, "fetcher")];
    assert_eq!(store.seal(&stream(), 1, &new, 5).await, Ok(Seal::Lost));
    assert_eq!(cursor_of(store).await, now);
    assert_eq!(store.pages_after(&stream(), 1, 10).await, Ok(vec![]));
}

async fn sealing_another_number_is_lost<S: CursorStore>(store: &S) {
    let before = sealed(store, 2).await;
    for number in [1, 2, 4] {
        let new = [page(number, "other"), page(number + 1, "other")];
        assert_eq!(store.seal(&stream(), 1, &new, 5).await, Ok(Seal::Lost));
    }
    assert_eq!(cursor_of(store).await, before);
    let emissions = store.pages_after(&stream(), 0, 10).await.unwrap();
    let emissions: Vec<_> = emissions.iter().map(|page| &*page.emission.0).collect();
    assert_eq!(emissions, ["fetcher-1", "fetcher-2"]);
}

async fn of_twenty_one_seals<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    let seals = in_parallel(20, async |index| {
        let new = [page(2, &index.to_string()), page(3, &index.to_string())];
        (index, store.seal(&stream(), 1, &new, 5).await.unwrap())
    });
    let winners: Vec<_> = seals.iter().filter(|(_, seal)| *seal == Seal::Sealed).collect();
    let [(winner, _)] = winners[..] else { panic!("{winners:?} sealed") };
    let pages = store.pages_after(&stream(), 1, 10).await.unwrap();
    let by_winner: Vec<_> = [2, 3].map(|number| page(number, &winner.to_string()).emission).into();
    assert_eq!(pages.into_iter().map(|page| page.emission).collect::<Vec<_>>(), by_winner);
}

async fn pages_are_read_in_order_of_number<S: CursorStore>(store: &S) {
    sealed(store, 120).await;
    let numbers = async |after, limit| {
        let pages = store.pages_after(&stream(), after, limit).await.unwrap();
        pages.iter().map(|page| page.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(0, 3).await, [1, 2, 3]);
    assert_eq!(numbers(8, 4).await, [9, 10, 11, 12]);
    assert_eq!(numbers(98, 1_000).await, (99..=120).collect::<Vec<_>>());
    assert_eq!(numbers(120, 10).await, [] as [PageNumber; 0]);
    assert_eq!(numbers(0, 0).await, [] as [PageNumber; 0]);
}

async fn only_the_pages_that_exist_are_loaded<S: CursorStore>(store: &S) {
    let sealed = sealed(store, 3).await;
    let Loaded { cursor, pages, .. } = store.load(&stream(), &[2, 3, 4, 99], None).await.unwrap();
    assert_eq!(cursor, sealed);
    assert_eq!(pages.iter().map(|page| page.number).collect::<Vec<_>>(), [2, 3]);
    let Loaded { cursor, pages, .. } = store.load(&stream(), &[], None).await.unwrap();
    assert_eq!((cursor, pages), (sealed, vec![]));
}

async fn many_pages_are_loaded_at_once<S: CursorStore>(store: &S) {
    let sealed = sealed(store, 250).await;
    let numbers: Vec<PageNumber> = (1..=260).collect();
    let Loaded { cursor, pages, .. } = store.load(&stream(), &numbers, None).await.unwrap();
    assert_eq!(cursor, sealed);
    assert_eq!(pages.len(), 250);
}

async fn settling_adds_up<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    assert_eq!(settle(store, indices(0..2), false, 10).await, Settle::Open(indices(0..2)));
    assert_eq!(
        settle(store, indices(4..6), false, 20).await,
        Settle::Open([0, 1, 4, 5].into_iter().collect())
    );
    let page = the_page(store, 1).await;
    assert_eq!(page.settled.iter().collect::<Vec<_>>(), [0, 1, 4, 5]);
    assert_eq!((page.state, page.last_progress_ms), (PageState::Open, 20));
}

async fn settling_the_same_again_changes_nothing<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    settle(store, indices(0..3), false, 10).await;
    let before = the_page(store, 1).await;
    assert_eq!(settle(store, indices(0..3), false, 10).await, Settle::Open(indices(0..3)));
    assert_eq!(the_page(store, 1).await, before);
}

async fn settling_nothing_counts_a_try<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    assert_eq!(
        settle(store, Settled::default(), false, 10).await,
        Settle::Open(Settled::default())
    );
    assert_eq!(
        settle(store, Settled::default(), false, 20).await,
        Settle::Open(Settled::default())
    );
    let page = the_page(store, 1).await;
    // Somebody held the message: the page is not stuck.
    assert_eq!((page.attempts, page.last_progress_ms), (2, 20));
    settle(store, indices(0..1), false, 30).await;
    assert_eq!(the_page(store, 1).await.attempts, 0);
}

async fn settling_all_is_done<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    settle(store, indices(0..9), false, 10).await;
    assert_eq!(settle(store, indices(9..10), true, 20).await, Settle::Done);
    assert_eq!(the_page(store, 1).await.state, PageState::Done);
    assert_eq!(settle(store, indices(9..10), true, 20).await, Settle::Done);
}

async fn a_done_page_stays_done<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    settle(store, indices(0..10), true, 10).await;
    assert_eq!(settle(store, indices(0..2), false, 20).await, Settle::Done);
    assert_eq!(settle(store, Settled::default(), false, 30).await, Settle::Done);
    assert_eq!(the_page(store, 1).await.state, PageState::Done);
}

async fn settling_another_emission_is_superseded<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    let before = the_page(store, 1).await;
    for done in [false, true] {
        let stale = emission("zombie-1");
        let settle = store.settle(&stream(), 1, &stale, &leaving(indices(0..10), done, 50)).await;
        assert_eq!(settle, Ok(Settle::Superseded));
    }
    assert_eq!(the_page(store, 1).await, before);
}

async fn settling_a_page_that_is_not_there_is_superseded<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    let emission = emission("fetcher-2");
    let settle = store.settle(&stream(), 2, &emission, &leaving(indices(0..10), true, 50)).await;
    assert_eq!(settle, Ok(Settle::Superseded));
    assert_eq!(store.load(&stream(), &[2], None).await.unwrap().pages, []);
}

async fn settling_in_parallel_keeps_everything<S: CursorStore>(store: &S) {
    acquired(store, "fetcher", 0, 1_000).await;
    let new = NewPage { count: 200, ..page(1, "fetcher") };
    store.seal(&stream(), 1, &[new], 5).await.unwrap();
    in_parallel(50, async |index| {
        let first = u32::try_from(index).unwrap() * 3;
        settle(store, indices(first..first + 3), false, 10).await
    });
    assert_eq!(the_page(store, 1).await.settled, indices(0..150));
}

async fn a_page_settled_between_several_is_done<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    // Each holds only a half, so that none says that it is done.
    let answers = in_parallel(2, async |index| {
        let first = u32::try_from(index).unwrap() * 5;
        settle(store, indices(first..first + 5), false, 10).await
    });
    assert!(answers.contains(&Settle::Done), "{answers:?}");
    assert_eq!(the_page(store, 1).await.state, PageState::Done);
}

async fn leaving_a_page_keeps_its_receipts_and_counts_no_try<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    let left = Settling { receives: 7, now_ms: 10, ..Settling::default() };
    let answer = store.settle(&stream(), 1, &emission("fetcher-1"), &left).await;
    assert_eq!(answer, Ok(Settle::Open(Settled::default())));
    let page = the_page(store, 1).await;
    assert_eq!((page.receives_at_clean_exit, page.attempts, page.last_progress_ms), (7, 0, 10));
}

async fn a_page_waits_as_whoever_left_it_last_says<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    let hidden = Settling { waits_until_ms: 30_000, ..leaving(indices(0..2), false, 10) };
    let touched = Settling { now_ms: 40_000, waits_until_ms: 90_000, ..Settling::default() };
    for left in [hidden, touched] {
        store.settle(&stream(), 1, &emission("fetcher-1"), &left).await.unwrap();
        let page = the_page(store, 1).await;
        let expected = (left.now_ms, left.waits_until_ms, indices(0..2));
        assert_eq!((page.last_progress_ms, page.waits_until_ms, page.settled), expected);
    }
    settle(store, indices(2..3), false, 50_000).await;
    assert_eq!(the_page(store, 1).await.waits_until_ms, 0);
}

async fn a_done_page_forgets_its_set<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    settle(store, indices(0..5), false, 10).await;
    settle(store, indices(5..10), true, 20).await;
    let page = the_page(store, 1).await;
    assert_eq!((page.state, page.settled), (PageState::Done, Settled::default()));
}
