//! The ledger: who may write an entity, and which version it has.

use tidegate_core::{
    model::{Edition, RecordId, StreamId, Version},
    ports::{Claim, ClaimEnd, Claimant, Ending, Ledger, Over, Unavailable},
};

use ClaimEnd::{Answered, Applied, AsBefore, Deleted, Free};

use super::{contract, in_parallel, other_stream, stream};

contract!(
    the_first_claim_is_ours,
    a_lock_keeps_others_out_until_no_write_can_land,
    a_repeat_finds_its_own_claim,
    a_repeat_after_its_lock_ran_out_finds_its_own_claim,
    repro_another_version_by_the_same_owner_is_no_repeat,
    what_is_applied_needs_nothing,
    a_newer_version_is_claimed_after_it,
    an_older_version_yields_to_a_claimed_one,
    what_was_not_sent_is_claimed_again,
    a_claim_after_a_lock_that_ran_out_is_in_doubt,
    doubt_is_of_the_same_edition_only,
    who_sent_nothing_leaves_the_doubt_as_it_was,
    only_the_owner_finishes,
    who_lost_the_lock_finishes_nothing,
    finishing_again_does_nothing,
    finishing_what_was_never_claimed_does_nothing,
    versions_below_zero_are_versions,
    a_deletion_is_a_version_like_any_other,
    an_older_version_does_not_bring_back_what_was_deleted,
    a_deletion_without_a_time_is_for_good,
    a_new_generation_writes_the_same_version_again,
    a_new_generation_of_an_older_version_does_not_win,
    the_lock_of_who_is_no_more_ends_when_nothing_of_it_can_land,
    who_is_no_more_is_repeated_at_once_and_other_versions_wait,
    who_came_after_is_not_taken_for_dead,
    where_a_repeat_is_not_known_it_waits_too,
    of_eight_one_takes_over,
    what_was_answered_is_tried_again_at_once_and_other_versions_wait,
    what_was_answered_is_applied_by_its_repeat,
    in_a_group_each_claim_has_its_own_outcome,
    in_a_group_each_end_has_its_own_outcome,
    a_group_of_any_size_is_claimed_and_ended,
    entities_are_told_apart,
    of_fifty_one_claims;
    once_only:
);

const MINE: Claim = Claim::Mine { unknown_until_ms: None };

/// A claim of what another had claimed, whose write can land until then.
fn unknown_until(until_ms: i64) -> Claim {
    Claim::Mine { unknown_until_ms: Some(until_ms) }
}

/// One claim, by itself.
async fn claim_one<S: Ledger>(
    store: &S,
    stream: &StreamId,
    entity: &RecordId,
    edition: Edition,
    by: &Claimant<'_>,
) -> Result<Claim, Unavailable> {
    let mut claims = store.claim(stream, &[(entity.clone(), edition)], by).await;
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

/// A claim of entity 7 by `owner`, at `now_ms`, for 100 ms.
async fn claim<S: Ledger>(store: &S, version: i64, owner: &str, now_ms: i64) -> Claim {
    let entity = RecordId::Number(7);
    claim_one(store, &stream(), &entity, first(version), &by(owner, now_ms)).await.unwrap()
}

/// Who claims at `now_ms`, for 100 ms, and knows nothing of others.
fn by(owner: &str, now_ms: i64) -> Claimant<'_> {
    Claimant { owner, now_ms, until_ms: now_ms + 100, over: None, may_repeat: true }
}

/// Those that claimed before 50 are no more; what they sent lands by 80.
const OVER: Over = Over { before_ms: 50, lands_until_ms: 80 };

/// The same claim where that is known.
async fn claim_after<S: Ledger>(store: &S, version: i64, owner: &str, now_ms: i64) -> Claim {
    let by = Claimant { over: Some(OVER), ..by(owner, now_ms) };
    claim_one(store, &stream(), &RecordId::Number(7), first(version), &by).await.unwrap()
}

async fn finish<S: Ledger>(store: &S, version: i64, owner: &str, end: ClaimEnd) {
    finish_edition(store, first(version), owner, end).await;
}

async fn finish_edition<S: Ledger>(store: &S, edition: Edition, owner: &str, end: ClaimEnd) {
    store.finish(&stream(), &[ending(7, edition, owner, end)]).await.unwrap();
}

fn ending(entity: i64, edition: Edition, owner: &str, end: ClaimEnd) -> Ending {
    Ending { entity: RecordId::Number(entity), edition, owner: owner.into(), end }
}

/// The version in the first generation.
fn first(version: i64) -> Edition {
    Edition { version: Version(version), generation: 0 }
}

async fn the_first_claim_is_ours<S: Ledger>(store: &S) {
    assert_eq!(claim(store, 1, "a", 0).await, MINE);
}

async fn a_lock_keeps_others_out_until_no_write_can_land<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    for version in [1, 2, 3] {
        for now_ms in [1, 100] {
            let locked = Claim::Locked { until_ms: 100 };
            assert_eq!(claim(store, version, "b", now_ms).await, locked);
        }
    }
    assert_eq!(claim(store, 2, "b", 101).await, unknown_until(100));
    assert_eq!(claim(store, 3, "c", 102).await, Claim::Locked { until_ms: 201 });
    assert_eq!(claim(store, 3, "c", 202).await, MINE);
}

/// Whoever had the lock died, or never heard what came of its write.
async fn a_claim_after_a_lock_that_ran_out_is_in_doubt<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    for _ in 0..2 {
        assert_eq!(claim(store, 2, "b", 101).await, unknown_until(100));
    }
    // Nor did the second one hear.
    assert_eq!(claim(store, 2, "c", 202).await, unknown_until(201));
    finish(store, 2, "c", Free).await;
    assert_eq!(claim(store, 2, "d", 203).await, MINE);
}

async fn doubt_is_of_the_same_edition_only<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    assert_eq!(claim(store, 3, "b", 101).await, MINE);
    assert_eq!(claim(store, 3, "c", 202).await, unknown_until(201));
}

async fn who_sent_nothing_leaves_the_doubt_as_it_was<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    for (owner, now_ms) in [("b", 101), ("c", 102)] {
        assert_eq!(
            claim(store, 2, owner, now_ms).await,
            unknown_until(100),
            "{owner} waits for no other"
        );
        finish(store, 2, "a", AsBefore { until_ms: 100 }).await;
        assert_eq!(claim(store, 2, "d", now_ms).await, Claim::Locked { until_ms: now_ms + 100 });
        finish(store, 2, owner, AsBefore { until_ms: 100 }).await;
    }
    assert_eq!(claim(store, 3, "d", 103).await, MINE);
}

async fn a_repeat_finds_its_own_claim<S: Ledger>(store: &S) {
    for _ in 0..2 {
        assert_eq!(claim(store, 2, "a", 0).await, MINE);
    }
    assert_eq!(claim(store, 2, "b", 1).await, Claim::Locked { until_ms: 100 });
}

/// In memory it was taken for one: the newer version was then sent under the older one's claim, and
/// the older one afterwards.
async fn a_repeat_after_its_lock_ran_out_finds_its_own_claim<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    // Its own claim leaves nothing in doubt, and its lock is no longer for it.
    assert_eq!(claim(store, 2, "a", 101).await, MINE);
    assert_eq!(claim(store, 3, "b", 102).await, MINE);
}

async fn repro_another_version_by_the_same_owner_is_no_repeat<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    assert_eq!(claim(store, 3, "a", 0).await, MINE);
    assert_eq!(claim(store, 2, "a", 0).await, Claim::Locked { until_ms: 100 });
    assert_eq!(claim(store, 2, "b", 101).await, Claim::Newer);
    // Nobody has claimed that any more.
    finish(store, 2, "a", Applied).await;
    finish(store, 3, "a", Applied).await;
    assert_eq!(claim(store, 3, "b", 102).await, Claim::Applied);
}

async fn what_is_applied_needs_nothing<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Applied).await;
    assert_eq!(claim(store, 2, "b", 1).await, Claim::Applied);
    assert_eq!(claim(store, 1, "b", 1).await, Claim::Applied);
    // Whoever claims a newer one meanwhile.
    claim(store, 3, "c", 1).await;
    assert_eq!(claim(store, 2, "b", 2).await, Claim::Applied);
}

async fn a_newer_version_is_claimed_after_it<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Applied).await;
    assert_eq!(claim(store, 3, "b", 1).await, MINE);
    finish(store, 3, "b", Applied).await;
    assert_eq!(claim(store, 3, "c", 2).await, Claim::Applied);
}

async fn an_older_version_yields_to_a_claimed_one<S: Ledger>(store: &S) {
    claim(store, 3, "a", 0).await;
    assert_eq!(claim(store, 2, "b", 101).await, Claim::Newer);
    finish(store, 3, "a", Free).await;
    assert_eq!(claim(store, 2, "b", 1).await, Claim::Newer);
    assert_eq!(claim(store, 3, "b", 1).await, MINE);
}

async fn what_was_not_sent_is_claimed_again<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Free).await;
    assert_eq!(claim(store, 2, "b", 1).await, MINE);
}

async fn only_the_owner_finishes<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "b", Applied).await;
    finish(store, 2, "b", Free).await;
    assert_eq!(claim(store, 2, "c", 1).await, Claim::Locked { until_ms: 100 });
}

async fn who_lost_the_lock_finishes_nothing<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    assert_eq!(claim(store, 3, "b", 101).await, MINE);
    finish(store, 2, "a", Applied).await;
    assert_eq!(claim(store, 4, "c", 102).await, Claim::Locked { until_ms: 201 });
    finish(store, 3, "b", Applied).await;
    assert_eq!(claim(store, 3, "c", 103).await, Claim::Applied);
}

async fn finishing_again_does_nothing<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Applied).await;
    claim(store, 3, "b", 1).await;
    finish(store, 2, "a", Applied).await;
    finish(store, 2, "a", Free).await;
    assert_eq!(claim(store, 3, "c", 2).await, Claim::Locked { until_ms: 101 });
}

async fn finishing_what_was_never_claimed_does_nothing<S: Ledger>(store: &S) {
    finish(store, 2, "a", Applied).await;
    assert_eq!(claim(store, 1, "b", 0).await, MINE);
}

async fn versions_below_zero_are_versions<S: Ledger>(store: &S) {
    assert_eq!(claim(store, i64::MIN, "a", 0).await, MINE);
    finish(store, i64::MIN, "a", Applied).await;
    assert_eq!(claim(store, -5, "b", 1).await, MINE);
    finish(store, -5, "b", Applied).await;
    assert_eq!(claim(store, -6, "c", 2).await, Claim::Applied);
    assert_eq!(claim(store, i64::MAX, "d", 3).await, MINE);
}

async fn a_deletion_is_a_version_like_any_other<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Deleted).await;
    assert_eq!(claim(store, 2, "b", 1).await, Claim::Applied);
    // Made again under the same id.
    assert_eq!(claim(store, 3, "b", 1).await, MINE);
    finish(store, 3, "b", Applied).await;
    assert_eq!(claim(store, 2, "c", 2).await, Claim::Applied);
}

async fn an_older_version_does_not_bring_back_what_was_deleted<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Deleted).await;
    assert_eq!(claim(store, 1, "b", 1_000).await, Claim::Applied);
}

async fn a_deletion_without_a_time_is_for_good<S: Ledger>(store: &S) {
    claim(store, 7, "a", 0).await;
    finish(store, 7, "a", Applied).await;
    assert_eq!(claim(store, Version::LAST.0, "b", 1).await, MINE);
    finish(store, Version::LAST.0, "b", Deleted).await;
    assert_eq!(claim(store, i64::MAX - 1, "c", 2).await, Claim::Applied);
}

async fn claim_in_second<S: Ledger>(store: &S, version: i64, owner: &str) -> Claim {
    let edition = Edition { version: Version(version), generation: 1 };
    claim_one(store, &stream(), &RecordId::Number(7), edition, &by(owner, 50)).await.unwrap()
}

async fn a_new_generation_writes_the_same_version_again<S: Ledger>(store: &S) {
    for version in [0, i64::MAX - 1] {
        claim(store, version, "a", 0).await;
        finish(store, version, "a", Applied).await;
        assert_eq!(claim_in_second(store, version, "b").await, MINE);
        let second = Edition { version: Version(version), generation: 1 };
        finish_edition(store, second, "b", Applied).await;
        assert_eq!(claim(store, version, "c", 60).await, Claim::Applied);
        assert_eq!(claim_in_second(store, version, "c").await, Claim::Applied);
    }
}

async fn a_new_generation_of_an_older_version_does_not_win<S: Ledger>(store: &S) {
    claim(store, 9, "a", 0).await;
    finish(store, 9, "a", Applied).await;
    assert_eq!(claim_in_second(store, 8, "b").await, Claim::Applied);
}

/// The destination answered that it failed: nothing of it is in flight, but it may still land.
async fn what_was_answered_is_tried_again_at_once_and_other_versions_wait<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Answered { lands_until_ms: 30 }).await;
    let waits = Claim::Locked { until_ms: 30 };
    for version in [1, 3] {
        assert_eq!(claim(store, version, "b", 30).await, waits, "{version}");
    }
    assert_eq!(claim(store, 2, "b", 1).await, unknown_until(30), "at once");
    assert_eq!(claim(store, 2, "c", 2).await, Claim::Locked { until_ms: 101 }, "one at a time");
    finish(store, 2, "a", Applied).await;
    finish(store, 2, "b", Answered { lands_until_ms: 31 }).await;
    assert_eq!(claim(store, 1, "c", 31).await, Claim::Locked { until_ms: 31 });
    assert_eq!(claim(store, 1, "c", 32).await, Claim::Newer);
    assert_eq!(claim(store, 3, "c", 32).await, MINE);
}

/// What was sent before the repeat may land after it, and must not land after a newer version.
async fn what_was_answered_is_applied_by_its_repeat<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    finish(store, 2, "a", Answered { lands_until_ms: 30 }).await;
    assert_eq!(claim(store, 2, "b", 1).await, unknown_until(30));
    finish(store, 2, "b", Applied).await;
    assert_eq!(claim(store, 2, "c", 2).await, Claim::Applied);
    assert_eq!(claim(store, 3, "c", 30).await, Claim::Locked { until_ms: 30 });
    assert_eq!(claim(store, 3, "c", 31).await, MINE);
}

async fn in_a_group_each_claim_has_its_own_outcome<S: Ledger>(store: &S) {
    let group = |versions: &[(i64, i64)]| -> Vec<(RecordId, Edition)> {
        let one = |(entity, version): &(i64, i64)| (RecordId::Number(*entity), first(*version));
        versions.iter().map(one).collect()
    };
    let before = group(&[(1, 5), (2, 5), (3, 5)]);
    assert_eq!(store.claim(&stream(), &before, &by("a", 0)).await, [Ok(MINE), Ok(MINE), Ok(MINE)]);
    let ends = [ending(1, first(5), "a", Applied), ending(2, first(5), "a", Free)];
    store.finish(&stream(), &ends).await.unwrap();
    let claims = group(&[(4, 1), (3, 6), (2, 4), (2_000, 1), (1, 5)]);
    let expected = [MINE, Claim::Locked { until_ms: 100 }, Claim::Newer, MINE, Claim::Applied];
    for _ in 0..2 {
        let answers = store.claim(&stream(), &claims, &by("b", 1)).await;
        assert_eq!(answers, expected.map(Ok), "in their order, and so in a repeat");
    }
    assert_eq!(store.claim(&stream(), &[], &by("b", 1)).await, []);
}

async fn in_a_group_each_end_has_its_own_outcome<S: Ledger>(store: &S) {
    let claims: Vec<_> = (1..=3).map(|id| (RecordId::Number(id), first(2))).collect();
    store.claim(&stream(), &claims, &by("a", 0)).await;
    let ends = [
        ending(1, first(2), "b", Applied),
        ending(9, first(2), "a", Applied),
        ending(3, first(2), "a", Applied),
        // Of two of one entity, the second one finds what the first one left.
        ending(2, first(2), "a", Free),
        ending(2, first(2), "a", Applied),
    ];
    store.finish(&stream(), &ends).await.unwrap();
    let answers = store.claim(&stream(), &claims, &by("c", 1)).await;
    let expected = [Claim::Locked { until_ms: 100 }, MINE, Claim::Applied];
    assert_eq!(answers, expected.map(Ok));
    store.finish(&stream(), &[]).await.unwrap();
}

async fn a_group_of_any_size_is_claimed_and_ended<S: Ledger>(store: &S) {
    let claims: Vec<_> = (0..130).map(|id| (RecordId::Number(id), first(2))).collect();
    let mine = store.claim(&stream(), &claims, &by("a", 0)).await;
    assert!(mine.len() == 130 && mine.iter().all(|claim| *claim == Ok(MINE)), "{mine:?}");
    let ends: Vec<_> = (0..130).map(|id| ending(id, first(2), "a", Applied)).collect();
    store.finish(&stream(), &ends).await.unwrap();
    let applied = store.claim(&stream(), &claims, &by("b", 1)).await;
    assert!(applied.iter().all(|claim| *claim == Ok(Claim::Applied)), "{applied:?}");
}

async fn entities_are_told_apart<S: Ledger>(store: &S) {
    let long = "x".repeat(3_000);
    let entities = [
        (stream(), RecordId::Number(7)),
        (other_stream(), RecordId::Number(7)),
        (stream(), RecordId::Text("7".into())),
        (stream(), RecordId::Text("7 ".into())),
        (stream(), RecordId::Text("".into())),
        (stream(), RecordId::Text("a#e#b \u{0}é".into())),
        (stream(), RecordId::Text(format!("{long}a").into())),
        (stream(), RecordId::Text(format!("{long}b").into())),
    ];
    for (index, (stream, entity)) in entities.iter().enumerate() {
        let owner = index.to_string();
        let claim = claim_one(store, stream, entity, first(1), &by(&owner, 0)).await;
        assert_eq!(claim, Ok(MINE), "{entity:?}");
    }
    for (stream, entity) in &entities {
        let claim = claim_one(store, stream, entity, first(1), &by("late", 1)).await;
        assert_eq!(claim, Ok(Claim::Locked { until_ms: 100 }), "{entity:?}");
    }
}

async fn of_fifty_one_claims<S: Ledger>(store: &S) {
    let claims = in_parallel(50, async |index| {
        claim(store, i64::try_from(index % 3).unwrap(), &index.to_string(), 0).await
    });
    assert_eq!(claims.iter().filter(|claim| **claim == MINE).count(), 1);
}

async fn the_lock_of_who_is_no_more_ends_when_nothing_of_it_can_land<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    for version in [1, 3] {
        let locked = Claim::Locked { until_ms: 80 };
        assert_eq!(claim_after(store, version, "b", 80).await, locked, "{version}");
    }
    assert_eq!(claim_after(store, 1, "b", 81).await, Claim::Newer);
    assert_eq!(claim_after(store, 3, "b", 81).await, MINE);
    assert_eq!(claim_after(store, 3, "b", 81).await, MINE, "a repeat");
    // What it took over is its own.
    assert_eq!(claim(store, 4, "c", 82).await, Claim::Locked { until_ms: 181 });
    finish(store, 3, "b", Applied).await;
    assert_eq!(claim_after(store, 3, "d", 83).await, Claim::Applied);
    assert_eq!(claim_after(store, 4, "d", 83).await, MINE);
}

async fn who_is_no_more_is_repeated_at_once_and_other_versions_wait<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    assert_eq!(claim_after(store, 2, "b", 60).await, unknown_until(80));
    finish(store, 2, "b", Free).await;
    let waits = Claim::Locked { until_ms: 80 };
    assert_eq!(claim(store, 3, "c", 61).await, waits);
    // The same may be sent again, as often as it takes.
    assert_eq!(claim(store, 2, "c", 62).await, MINE);
    finish(store, 2, "c", Applied).await;
    assert_eq!(claim(store, 2, "d", 63).await, Claim::Applied);
    assert_eq!(claim(store, 3, "d", 80).await, waits, "what the first one sent may still land");
    assert_eq!(claim(store, 3, "d", 81).await, MINE);
}

async fn who_came_after_is_not_taken_for_dead<S: Ledger>(store: &S) {
    claim(store, 2, "a", 50).await;
    for version in [2, 3] {
        let locked = Claim::Locked { until_ms: 150 };
        assert_eq!(claim_after(store, version, "b", 90).await, locked);
    }
    // Nor is its own claim.
    assert_eq!(claim_after(store, 2, "a", 90).await, MINE);
}

async fn where_a_repeat_is_not_known_it_waits_too<S: Ledger>(store: &S) {
    claim(store, 2, "a", 0).await;
    let claim = async |now_ms| {
        let by = Claimant { over: Some(OVER), may_repeat: false, ..by("b", now_ms) };
        claim_one(store, &stream(), &RecordId::Number(7), first(2), &by).await.unwrap()
    };
    assert_eq!(claim(80).await, Claim::Locked { until_ms: 80 });
    assert_eq!(claim(81).await, unknown_until(80));
}

/// Many find out at once that who had the lock is no more.
async fn of_eight_one_takes_over<S: Ledger>(store: &S) {
    let entities = 0..40;
    for entity in entities.clone() {
        let entity = RecordId::Number(entity);
        let claim = claim_one(store, &stream(), &entity, first(2), &by("a", 0)).await;
        assert_eq!(claim, Ok(MINE));
    }
    let mut claims = in_parallel(8, async |index| {
        let owner = index.to_string();
        let by = Claimant { over: Some(OVER), ..by(&owner, 60) };
        let mut mine = Vec::new();
        for entity in entities.clone() {
            let id = RecordId::Number(entity);
            let claim = claim_one(store, &stream(), &id, first(2), &by).await;
            mine.extend((claim == Ok(unknown_until(80))).then_some(entity));
        }
        mine
    })
    .concat();
    claims.sort_unstable();
    assert_eq!(claims, entities.collect::<Vec<_>>());
}
