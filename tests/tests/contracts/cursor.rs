//! The cursor: lease, commit, void, pause, rewind.

use tidegate_core::{
    model::{Cursor, DeliverState, Ended, FetchState, Position, Stall, StallOn, StoredKey},
    ports::{Advance, CursorStore, Lease, Loaded, Moved, NewPage, Seal, Void},
};

use super::{acquired, at, contract, cursor_of, in_parallel, other_stream, page, sealed, stream};

contract!(
    a_new_stream_has_no_cursor,
    acquiring_creates_the_cursor_under_the_first_fence,
    a_lease_keeps_others_out_until_it_ends,
    the_owner_asks_again_and_finds_its_lease,
    acquiring_changes_nothing_but_the_lease,
    of_fifty_one_acquires,
    releasing_ends_the_lease_of_its_owner_only,
    releasing_again_does_nothing,
    an_advance_from_elsewhere_does_nothing,
    voiding_drops_every_open_page,
    repro_voiding_again_finds_its_own_success,
    repro_rewinding_again_finds_its_own_success,
    voiding_under_an_old_fence_is_lost,
    voiding_what_moved_on_is_lost,
    what_was_voided_is_handled_in_isolation_until_a_rewind,
    pausing_keeps_fetchers_out,
    pausing_creates_the_cursor_and_changes_nothing_else,
    pausing_keeps_what_was_reached,
    a_pause_began_when_it_was_first_asked_for,
    how_a_stream_gets_on_is_kept,
    repro_what_an_invocation_that_was_late_says_of_delivery_is_not_kept,
    repro_a_fetcher_that_a_rewind_overtook_keeps_nothing,
    that_invocations_are_over_is_kept,
    rewinding_begins_a_new_generation,
    rewinding_forth_skips,
    rewinding_shuts_out_the_fetcher_before_it,
    rewinding_what_moved_on_does_nothing,
    streams_do_not_mix;
    once_only:
    advancing_moves_both,
    advancing_again_finds_it_done,
    of_twenty_one_advances,
);

async fn a_new_stream_has_no_cursor<S: CursorStore>(store: &S) {
    assert_eq!(store.cursor(&stream()).await, Ok(None));
    let key = StoredKey::new("budget", "b");
    let Loaded { cursor, pages, budget } =
        store.load(&stream(), &[1, 2], Some(&key)).await.unwrap();
    assert_eq!((cursor, pages, budget), (Cursor::new(), vec![], None));
    assert_eq!(store.pages_after(&stream(), 0, 10).await, Ok(vec![]));
    assert_eq!(store.rewind(&stream(), 0, &at(1)).await, Ok(false));
    let advance = Advance { from: (0, Position::Start), to: (1, at(10)) };
    let nothing = Moved::No(Box::default());
    assert_eq!(store.advance(&stream(), &advance).await, Ok(nothing));
    assert_eq!(store.void(&stream(), 1, &Cursor::new()).await, Ok(Void::Lost));
    assert_eq!(store.seal(&stream(), 1, &[page(1, "f")], 5).await, Ok(Seal::Lost));
}

async fn acquiring_creates_the_cursor_under_the_first_fence<S: CursorStore>(store: &S) {
    let cursor = acquired(store, "a", 10, 20).await;
    let lease = Cursor { lease_since_ms: 10, lease_until_ms: 20, ..Cursor::new() };
    let first = Cursor { fence: 1, owner: "a".into(), ..lease };
    assert_eq!(cursor, first);
    assert_eq!(cursor_of(store).await, first);
}

async fn a_lease_keeps_others_out_until_it_ends<S: CursorStore>(store: &S) {
    acquired(store, "a", 10, 20).await;
    let held = Ok(Lease::Held { since_ms: 10, until_ms: 20 });
    assert_eq!(store.acquire(&stream(), "b", 19, 40).await, held);
    let cursor = acquired(store, "b", 20, 40).await;
    assert_eq!((cursor.fence, &*cursor.owner, cursor.lease_until_ms), (2, "b", 40));
    assert!(matches!(store.acquire(&stream(), "a", 21, 40).await, Ok(Lease::Held { .. })));
}

async fn the_owner_asks_again_and_finds_its_lease<S: CursorStore>(store: &S) {
    let first = acquired(store, "a", 10, 20).await;
    assert_eq!(acquired(store, "a", 10, 20).await, first);
    assert_eq!(acquired(store, "a", 12, 22).await.fence, first.fence);
}

/// A stream that was rewound and went on: no attribute of its cursor is as in a new one.
async fn used<S: CursorStore>(store: &S) -> Cursor {
    let first = sealed(store, 3).await;
    store.rewind(&stream(), first.fence, &at(10)).await.unwrap();
    let fence = acquired(store, "fetcher", 2_000, 3_000).await.fence;
    let pages = [
        NewPage { from: at(10), to: at(20), ..page(4, "again") },
        NewPage { from: at(20), to: at(30), ..page(5, "again") },
    ];
    assert_eq!(store.seal(&stream(), fence, &pages, 5).await, Ok(Seal::Sealed));
    let advance = Advance { from: (3, at(10)), to: (4, at(20)) };
    store.advance(&stream(), &advance).await.unwrap();
    let cursor = cursor_of(store).await;
    assert_eq!((cursor.next, cursor.committed, cursor.generation), (6, 4, 1));
    assert_eq!((&cursor.head, &cursor.watermark), (&at(30), &at(20)));
    cursor
}

async fn acquiring_changes_nothing_but_the_lease<S: CursorStore>(store: &S) {
    let before = used(store).await;
    let after = acquired(store, "b", 4_000, 5_000).await;
    let fence = before.fence + 1;
    let lease = Cursor { lease_since_ms: 4_000, lease_until_ms: 5_000, ..before };
    let expected = Cursor { fence, owner: "b".into(), ..lease };
    assert_eq!(after, expected);
    assert_eq!(cursor_of(store).await, expected);
}

async fn pausing_keeps_what_was_reached<S: CursorStore>(store: &S) {
    let before = used(store).await;
    store.set_paused(&stream(), true, 7).await.unwrap();
    assert_eq!(cursor_of(store).await, Cursor { paused: true, paused_ms: 7, ..before });
}

/// What a run of the fetcher keeps, and what processors do.
async fn how_a_stream_gets_on_is_kept<S: CursorStore>(store: &S) {
    let stall = |on| Stall::new(on, "503 of \"it\"", 5, Some(90_000));
    let fetching = FetchState {
        stall: Some(stall(StallOn::Source)),
        read_to: Some((4_000, 3)),
        settled_until_ms: Some(3_000),
    };
    let quota = Some(stall(StallOn::Quota));
    let delivering =
        DeliverState { stall: quota, ended_ms: 8, revision: 1, ..DeliverState::default() };
    assert_eq!(store.note_delivering(&stream(), &delivering).await, Ok(false));
    assert_eq!(store.cursor(&stream()).await, Ok(None), "noting makes no stream");

    let before = used(store).await;
    let owner = before.owner.clone();
    store.release(&stream(), "another", &fetching).await.unwrap();
    assert_eq!(cursor_of(store).await, before, "who has no lease keeps nothing");
    store.release(&stream(), &owner, &fetching).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.note_delivering(&stream(), &delivering).await, Ok(true), "a repeat too");
    }
    let kept = cursor_of(store).await;
    assert_eq!((&kept.fetching, &kept.delivering), (&fetching, &delivering));
    // They come with the lease, and with what a processor begins with, at no request more.
    let next = acquired(store, "b", 8_000, 9_000).await;
    assert_eq!((&next.fetching, &next.delivering), (&fetching, &delivering));
    let loaded = store.load(&stream(), &[], None).await.unwrap().cursor;
    assert_eq!(loaded.delivering, delivering);
    store.rewind(&stream(), next.fence, &at(10)).await.unwrap();
    assert_eq!(cursor_of(store).await.fetching, FetchState::default());
}

/// Two invocations began with the same state, and the one that saw less writes last.
async fn repro_what_an_invocation_that_was_late_says_of_delivery_is_not_kept<S: CursorStore>(
    store: &S,
) {
    used(store).await;
    let says = |stall: Option<Stall>, ended_ms, revision| DeliverState {
        stall,
        ended_ms,
        revision,
        ..DeliverState::default()
    };
    let stall = |reason| Some(Stall::new(StallOn::Destination, reason, 5, Some(90_000)));
    let begun = says(stall("503"), 0, 1);
    assert_eq!(store.note_delivering(&stream(), &begun).await, Ok(true));
    assert_eq!(store.note_delivering(&stream(), &says(stall("late"), 0, 1)).await, Ok(false));
    let ended = says(None, 9, 2);
    assert_eq!(store.note_delivering(&stream(), &ended).await, Ok(true));
    for late in [says(stall("late"), 0, 2), says(stall("later"), 0, 1), says(stall("ahead"), 0, 4)]
    {
        assert_eq!(store.note_delivering(&stream(), &late).await, Ok(false));
        assert_eq!(cursor_of(store).await.delivering, ended);
    }
    let next = says(stall("500"), 9, 3);
    assert_eq!(store.note_delivering(&stream(), &next).await, Ok(true));
    assert_eq!(cursor_of(store).await.delivering, next);
}

async fn repro_a_fetcher_that_a_rewind_overtook_keeps_nothing<S: CursorStore>(store: &S) {
    let fetcher = acquired(store, "a", 10, 20).await;
    store.rewind(&stream(), fetcher.fence, &Position::Start).await.unwrap();
    let fetching = FetchState { settled_until_ms: Some(3_000), ..FetchState::default() };
    store.release(&stream(), "a", &fetching).await.unwrap();
    assert_eq!(cursor_of(store).await.fetching, FetchState::default());
}

async fn that_invocations_are_over_is_kept<S: CursorStore>(store: &S) {
    let ended = Ended { before_ms: 50, sent_until_ms: 40 };
    store.end_invocations(&stream(), ended).await.unwrap();
    assert_eq!(store.cursor(&stream()).await, Ok(None), "saying so makes no stream");
    let before = used(store).await;
    for _ in 0..2 {
        store.end_invocations(&stream(), ended).await.unwrap();
    }
    assert_eq!(cursor_of(store).await, Cursor { ended: Some(ended), ..before });
}

async fn a_pause_began_when_it_was_first_asked_for<S: CursorStore>(store: &S) {
    store.set_paused(&stream(), false, 6).await.unwrap();
    assert_eq!(store.cursor(&stream()).await, Ok(None), "nothing is to be resumed");
    for now_ms in [7, 8] {
        store.set_paused(&stream(), true, now_ms).await.unwrap();
        assert_eq!(cursor_of(store).await.paused_ms, 7);
    }
    store.set_paused(&stream(), false, 9).await.unwrap();
    assert_eq!(cursor_of(store).await.paused_ms, 0);
    store.set_paused(&stream(), true, 10).await.unwrap();
    assert_eq!(cursor_of(store).await.paused_ms, 10);
}

async fn of_fifty_one_acquires<S: CursorStore>(store: &S) {
    let leases = in_parallel(50, async |index| {
        store.acquire(&stream(), &format!("fetcher-{index}"), 10, 20).await.unwrap()
    });
    let acquired = leases.iter().filter(|lease| matches!(lease, Lease::Acquired(_)));
    assert_eq!(acquired.count(), 1);
    assert_eq!(cursor_of(store).await.fence, 1);
}

async fn releasing_ends_the_lease_of_its_owner_only<S: CursorStore>(store: &S) {
    acquired(store, "a", 10, 20).await;
    store.release(&stream(), "b", &FetchState::default()).await.unwrap();
    assert!(matches!(store.acquire(&stream(), "b", 11, 40).await, Ok(Lease::Held { .. })));
    store.release(&stream(), "a", &FetchState::default()).await.unwrap();
    assert_eq!(acquired(store, "b", 11, 40).await.fence, 2);
}

async fn releasing_again_does_nothing<S: CursorStore>(store: &S) {
    store.release(&stream(), "a", &FetchState::default()).await.unwrap();
    assert_eq!(store.cursor(&stream()).await, Ok(None));
    acquired(store, "a", 10, 20).await;
    store.release(&stream(), "a", &FetchState::default()).await.unwrap();
    let next = acquired(store, "b", 11, 40).await;
    store.release(&stream(), "a", &FetchState::default()).await.unwrap();
    assert_eq!(cursor_of(store).await, next);
}

async fn advancing_moves_both<S: CursorStore>(store: &S) {
    let before = sealed(store, 3).await;
    let advance = Advance { from: (0, Position::Start), to: (2, at(20)) };
    assert_eq!(store.advance(&stream(), &advance).await, Ok(Moved::Yes));
    let after = Cursor { committed: 2, watermark: at(20), ..before };
    assert_eq!(cursor_of(store).await, after);
}

async fn advancing_again_finds_it_done<S: CursorStore>(store: &S) {
    sealed(store, 3).await;
    let advance = Advance { from: (0, Position::Start), to: (1, at(10)) };
    assert_eq!(store.advance(&stream(), &advance).await, Ok(Moved::Yes));
    let stands = cursor_of(store).await;
    assert_eq!(stands.committed, 1);
    let again = store.advance(&stream(), &advance).await;
    assert_eq!(again, Ok(Moved::No(Box::new(stands.clone()))));
    assert_eq!(cursor_of(store).await, stands);
}

async fn an_advance_from_elsewhere_does_nothing<S: CursorStore>(store: &S) {
    let before = sealed(store, 3).await;
    for from in [(1, Position::Start), (0, at(10)), (1, at(10))] {
        let advance = Advance { from, to: (2, at(20)) };
        let stands = Moved::No(Box::new(before.clone()));
        assert_eq!(store.advance(&stream(), &advance).await, Ok(stands));
    }
    assert_eq!(cursor_of(store).await, before);
}

async fn of_twenty_one_advances<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    let advance = Advance { from: (0, Position::Start), to: (1, at(10)) };
    let moved = in_parallel(20, async |_| store.advance(&stream(), &advance).await.unwrap());
    assert_eq!(moved.iter().filter(|moved| **moved == Moved::Yes).count(), 1);
}

/// In memory the second one was told that it had lost, as the run that asked it then was.
async fn repro_voiding_again_finds_its_own_success<S: CursorStore>(store: &S) {
    let before = sealed(store, 3).await;
    let first = store.void(&stream(), 1, &before).await;
    assert!(matches!(first, Ok(Void::Voided(_))));
    assert_eq!(store.void(&stream(), 1, &before).await, first);
    // What was sealed since then is not voided by a repeat that comes late.
    store.seal(&stream(), 1, &[page(4, "again")], 6).await.unwrap();
    assert_eq!(store.void(&stream(), 1, &before).await, Ok(Void::Lost));
}

async fn repro_rewinding_again_finds_its_own_success<S: CursorStore>(store: &S) {
    let before = sealed(store, 3).await;
    for _ in 0..2 {
        assert_eq!(store.rewind(&stream(), before.fence, &Position::Start).await, Ok(true));
    }
    assert_eq!(cursor_of(store).await.generation, 1);
    acquired(store, "next", 2_000, 3_000).await;
    assert_eq!(store.rewind(&stream(), before.fence, &Position::Start).await, Ok(false));
}

async fn voiding_drops_every_open_page<S: CursorStore>(store: &S) {
    let before = sealed(store, 3).await;
    let isolate_to = before.head.clone();
    let after = Cursor { head: Position::Start, committed: 3, isolate_to, ..before.clone() };
    assert_eq!(store.void(&stream(), 1, &before).await, Ok(Void::Voided(Box::new(after.clone()))));
    assert_eq!(cursor_of(store).await, after);
    // The line goes on from the watermark, under the numbers that follow.
    let next = [page(4, "again")];
    assert_eq!(store.seal(&stream(), 1, &next, 6).await, Ok(Seal::Sealed));
    assert_eq!(store.pages_after(&stream(), 3, 10).await.unwrap().len(), 1);
}

async fn voiding_under_an_old_fence_is_lost<S: CursorStore>(store: &S) {
    sealed(store, 3).await;
    let now = acquired(store, "b", 1_000, 2_000).await;
    assert_eq!(store.void(&stream(), 1, &now).await, Ok(Void::Lost));
    assert_eq!(cursor_of(store).await, now);
}

async fn voiding_what_moved_on_is_lost<S: CursorStore>(store: &S) {
    let seen = sealed(store, 3).await;
    let advance = Advance { from: (0, Position::Start), to: (1, at(10)) };
    store.advance(&stream(), &advance).await.unwrap();
    assert_eq!(store.void(&stream(), 1, &seen).await, Ok(Void::Lost));
    let seen = cursor_of(store).await;
    store.seal(&stream(), 1, &[page(4, "fetcher")], 5).await.unwrap();
    assert_eq!(store.void(&stream(), 1, &seen).await, Ok(Void::Lost));
    assert_eq!(cursor_of(store).await, Cursor { next: 5, head: at(40), ..seen });
}

async fn pausing_keeps_fetchers_out<S: CursorStore>(store: &S) {
    sealed(store, 1).await;
    for _ in 0..2 {
        store.set_paused(&stream(), true, 7).await.unwrap();
        assert_eq!(
            store.acquire(&stream(), "b", 5_000, 6_000).await,
            Ok(Lease::Paused { since_ms: 7 })
        );
    }
    for _ in 0..2 {
        store.set_paused(&stream(), false, 9).await.unwrap();
    }
    assert_eq!(acquired(store, "b", 5_000, 6_000).await.fence, 2);
}

async fn pausing_creates_the_cursor_and_changes_nothing_else<S: CursorStore>(store: &S) {
    store.set_paused(&stream(), true, 7).await.unwrap();
    assert_eq!(cursor_of(store).await, Cursor { paused: true, paused_ms: 7, ..Cursor::new() });
    store.set_paused(&stream(), false, 9).await.unwrap();
    let before = sealed(store, 3).await;
    assert_eq!((before.fence, before.next), (1, 4));
    store.set_paused(&stream(), true, 7).await.unwrap();
    assert_eq!(cursor_of(store).await, Cursor { paused: true, paused_ms: 7, ..before });
}

async fn rewinding_begins_a_new_generation<S: CursorStore>(store: &S) {
    let before = sealed(store, 3).await;
    let advance = Advance { from: (0, Position::Start), to: (2, at(20)) };
    store.advance(&stream(), &advance).await.unwrap();
    assert_eq!(store.rewind(&stream(), before.fence, &at(10)).await, Ok(true));
    let after = cursor_of(store).await;
    let expected = Cursor {
        fence: before.fence + 1,
        generation: 1,
        head: at(10),
        watermark: at(10),
        committed: 3,
        // Whose lease it was, and till when, no longer matters.
        owner: after.owner.clone(),
        lease_until_ms: after.lease_until_ms,
        ..before
    };
    assert_eq!(after, expected);
}

async fn rewinding_forth_skips<S: CursorStore>(store: &S) {
    let before = sealed(store, 1).await;
    assert_eq!(store.rewind(&stream(), before.fence, &at(999)).await, Ok(true));
    let after = cursor_of(store).await;
    assert_eq!((after.head, after.watermark, after.committed), (at(999), at(999), 1));
}

async fn rewinding_shuts_out_the_fetcher_before_it<S: CursorStore>(store: &S) {
    let before = sealed(store, 1).await;
    store.rewind(&stream(), before.fence, &Position::Start).await.unwrap();
    let late = store.seal(&stream(), before.fence, &[page(2, "fetcher")], 5).await;
    assert_eq!(late, Ok(Seal::Lost));
    // And the next one need not wait for its lease to end.
    assert_eq!(acquired(store, "b", 10, 20).await.fence, before.fence + 2);
}

async fn rewinding_what_moved_on_does_nothing<S: CursorStore>(store: &S) {
    let seen = sealed(store, 1).await;
    let now = acquired(store, "b", 1_000, 2_000).await;
    assert_eq!(store.rewind(&stream(), seen.fence, &Position::Start).await, Ok(false));
    assert_eq!(cursor_of(store).await, now);
}

async fn streams_do_not_mix<S: CursorStore>(store: &S) {
    sealed(store, 3).await;
    assert_eq!(store.cursor(&other_stream()).await, Ok(None));
    assert_eq!(store.pages_after(&other_stream(), 0, 9).await, Ok(vec![]));
    let lease = store.acquire(&other_stream(), "b", 1, 2).await.unwrap();
    assert!(matches!(lease, Lease::Acquired(cursor) if cursor.next == 1));
}

async fn what_was_voided_is_handled_in_isolation_until_a_rewind<S: CursorStore>(store: &S) {
    let seen = sealed(store, 3).await;
    store.void(&stream(), 1, &seen).await.unwrap();
    assert_eq!(cursor_of(store).await.isolate_to, at(30));
    // Less is read again and voided once more: what the first time covered is covered still.
    store
        .seal(&stream(), 1, &[NewPage { from: Position::Start, to: at(10), ..page(4, "b") }], 5)
        .await
        .unwrap();
    let seen = cursor_of(store).await;
    store.void(&stream(), 1, &seen).await.unwrap();
    assert_eq!(cursor_of(store).await.isolate_to, at(30));
    store.rewind(&stream(), 1, &Position::Start).await.unwrap();
    assert_eq!(cursor_of(store).await.isolate_to, Position::Start);
}
