//! Nothing breaks the protocol; and without any one of its guards something does.

use std::time::Instant;

use super::{Guard, Guards, check};

#[test]
fn no_order_of_events_breaks_the_protocol() {
    let started = Instant::now();
    let report = check(Guards::default());
    println!("{} unique states in {:?}", report.unique_states, started.elapsed());
    assert_eq!(report.counterexample, None);
    assert!(report.reaches_end, "a protocol that does nothing breaks nothing");
}

/// One test a guard, with the invariant that its absence breaks first.
macro_rules! missed {
    ($($name:ident: $guard:ident breaks $invariant:literal;)*) => {$(
        #[test]
        fn $name() {
            let report = check(Guards::default().without(Guard::$guard));
            let found = report.counterexample.expect("the guard is missed");
            println!("without {:?}, {} states\n{found}\n", Guard::$guard, report.unique_states);
            assert!(found.starts_with($invariant), "{found}");
        }
    )*};
}

missed! {
    the_fence_in_the_seal: FenceInSeal breaks "I9";
    the_next_page_in_the_seal: NextInSeal breaks "I6";
    the_fence_in_the_void: FenceInVoid breaks "I6";
    the_void_as_seen: SeenInVoid breaks "I5";
    the_emission: Emission breaks "I2";
    the_contiguous_commit: Contiguous breaks "I2";
    the_commit_as_seen: SeenInAdvance breaks "I5";
    the_help_of_the_fetcher: FetcherHelps breaks "I5";
    the_reaper: Reap breaks "I5";
    the_cursor_before_the_page: CursorFirst breaks "I9";
    the_wait_for_the_seal: UnsealedWaits breaks "I9";
    the_acknowledgement_last: AcknowledgeLast breaks "I9";
    the_lock: EntityLock breaks "I8";
    the_lock_until_landed: LockUntilLanded breaks "I8";
    the_lock_on_unknown: LockOnUnknown breaks "I8";
    the_owner_of_the_claim: OwnerInFinish breaks "I8";
    the_claim_that_is_not_applied: ClaimIsNotApplied breaks "I2";
    the_newer_claim: YieldToNewer breaks "I3";
}
