//! Refreshers that die, are slow, or have too little time; answers and writes that are lost.

use super::*;

/// Where a refresher dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    OnShelf(usize, How),
    AtServer(Slip),
}

/// Every await of a refresher: it reads, takes its turn, asks, and writes what it got.
const DEATHS: [Death; 8] = [
    Death::OnShelf(0, How::HangBefore),
    Death::OnShelf(0, How::HangAfter),
    Death::OnShelf(1, How::HangBefore),
    Death::OnShelf(1, How::HangAfter),
    Death::AtServer(Slip::HangBefore),
    Death::AtServer(Slip::HangAfter),
    Death::OnShelf(2, How::HangBefore),
    Death::OnShelf(2, How::HangAfter),
];

impl Death {
    /// Whether a refresh token is lost that was good for one use.
    fn loses(self) -> bool {
        matches!(self, Self::AtServer(Slip::HangAfter) | Self::OnShelf(2, How::HangBefore))
    }
}

/// Lets a process die, and drops all that it was doing.
async fn die(issuer: &Issuer, auth: Value, shelf: &Arc<MemoryStore>, death: Death) {
    let (at, how) = match death {
        Death::OnShelf(at, how) => (at, how),
        Death::AtServer(slip) => {
            issuer.now().slips.push(slip);
            (usize::MAX, How::HangBefore)
        }
    };
    let shaky = Shaky::new(shelf, at, how);
    let process = process_with(issuer, auth, shaky.clone(), &connection()).await;
    let task = tokio::spawn(async move { deliver(&process, 1).await });
    tokio::select! {
        () = shaky.reached.notified() => {}
        () = issuer.hanging.notified() => {}
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn wherever_a_refresher_dies_the_others_get_through_once_its_turn_is_over() {
    for death in DEATHS {
        let issuer = issuer(HOUR_S).await;
        let shelf = Arc::default();
        die(&issuer, client(&issuer, ""), &shelf, death).await;
        let other = process(&issuer, client(&issuer, ""), &shelf).await;
        // It may be at it still: nobody else asks, and nothing has failed.
        let outcome = other.destination.deliver(&[record(1)], 350).await.outcomes.remove(0);
        if let Outcome::Later(later) = &outcome {
            assert_eq!((later.blame, later.unknown), (Blame::NotAttempted, false), "{death:?}");
        }
        assert!(issuer.now().asked <= 1, "{death:?}");
        issuer.clock.advance(TURN_MS);
        assert_eq!(deliver(&other, 2).await, Outcome::Delivered, "{death:?}");
        assert!(issuer.now().issued <= 2, "{death:?}");
    }
}

#[tokio::test]
async fn a_refresh_token_that_was_lost_on_the_way_is_told_and_a_new_one_heals_it() {
    for death in DEATHS {
        let issuer = issuer(HOUR_S).await;
        let shelf: Arc<MemoryStore> = Arc::default();
        die(&issuer, refresh(&issuer), &shelf, death).await;
        issuer.clock.advance(TURN_MS);
        let other = process(&issuer, refresh(&issuer), &shelf).await;
        let outcome = deliver(&other, 2).await;
        assert_eq!(issuer.now().reused, usize::from(death.loses()), "{death:?}");
        if !death.loses() {
            assert_eq!(outcome, Outcome::Delivered, "{death:?}");
            continue;
        }
        let Later { blame, unknown, reason, .. } = later(&outcome);
        assert_eq!((*blame, *unknown), (Blame::Connection, false), "{death:?}");
        assert!(reason.contains("authorised anew: an earlier answer was lost"), "{reason}");
        assert!(!reason.contains(FIRST_REFRESH_TOKEN), "{reason}");
        // Not at every request.
        assert!(matches!(deliver(&other, 3).await, Outcome::Later(_)));
        assert_eq!(issuer.now().asked, 2, "{death:?}");
        // Somebody authorises the connection anew.
        issuer.now().authorise("refresh-anew");
        let mut connection = connection();
        connection.secrets.insert("refresh".into(), Secret::new("refresh-anew"));
        let healed = process_with(&issuer, refresh(&issuer), shelf.clone(), &connection).await;
        assert_eq!(deliver(&healed, 4).await, Outcome::Delivered, "{death:?}");
        issuer.now().withdraw();
        assert_eq!(deliver(&healed, 5).await, Outcome::Delivered, "{death:?}");
    }
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later_by_the_same_process() {
    let issuer = issuer(HOUR_S).await;
    let shelf = Arc::default();
    let shaky = Shaky::new(&shelf, 2, How::HangBefore);
    let process_a = process_with(&issuer, refresh(&issuer), shaky.clone(), &connection()).await;
    let task = tokio::spawn({
        let process = process_a.clone();
        async move { deliver(&process, 1).await }
    });
    shaky.reached.notified().await;
    task.abort();
    let _ = task.await;
    assert_eq!(issuer.now().requests, 0, "nothing is used before it is kept");
    assert_eq!(deliver(&process_a, 2).await, Outcome::Delivered);
    let other = process(&issuer, refresh(&issuer), &shelf).await;
    assert_eq!(deliver(&other, 3).await, Outcome::Delivered);
    let state = issuer.now();
    assert_eq!((state.issued, state.asked, state.reused), (1, 1, 0));
}

#[tokio::test]
async fn an_answer_that_the_table_loses_costs_nothing() {
    for how in [How::FailBefore, How::FailAfter] {
        let issuer = issuer(HOUR_S).await;
        let shelf = Arc::default();
        let shaky = Shaky::new(&shelf, 2, how);
        let process_a = process_with(&issuer, refresh(&issuer), shaky, &connection()).await;
        assert_eq!(deliver(&process_a, 1).await, Outcome::Delivered, "{how:?}");
        let other = process(&issuer, refresh(&issuer), &shelf).await;
        assert_eq!(deliver(&other, 2).await, Outcome::Delivered, "{how:?}");
        assert_eq!(issuer.counts(|state| (state.asked, state.reused)), (1, 0), "{how:?}");
    }
}

#[tokio::test]
async fn a_table_that_gives_no_answer_is_no_reason_to_ask_for_a_token() {
    let issuer = issuer(HOUR_S).await;
    let shaky = Shaky::new(&Arc::default(), 0, How::FailBefore);
    let process = process_with(&issuer, refresh(&issuer), shaky, &connection()).await;
    let outcome = deliver(&process, 1).await;
    assert_eq!(later(&outcome).blame, Blame::Connection);
    assert!(later(&outcome).reason.contains("the table"), "{outcome:?}");
    assert_eq!(issuer.now().asked, 0);
}

#[tokio::test]
async fn a_refresher_that_was_too_slow_neither_loses_its_token_nor_undoes_anothers() {
    let issuer = issuer(HOUR_S).await;
    issuer.now().steady = true;
    let shelf: Arc<MemoryStore> = Arc::default();
    // Its turn is taken from it while it waits for the server.
    let clock = issuer.clock.clone();
    let slow = process(&issuer, refresh(&issuer), &shelf).await;
    let fast = process(&issuer, refresh(&issuer), &shelf).await;
    let (first, second) = tokio::join!(deliver(&slow, 1), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        clock.advance(TURN_MS);
        deliver(&fast, 2).await
    });
    assert_eq!((first, second), (Outcome::Delivered, Outcome::Delivered));
    assert_eq!(
        (deliver(&slow, 3).await, deliver(&fast, 4).await),
        (Outcome::Delivered, Outcome::Delivered)
    );
    assert!(issuer.now().asked <= 2);
}

#[tokio::test]
async fn too_little_time_spends_no_refresh_token() {
    let issuer = issuer(HOUR_S).await;
    let process = process(&issuer, refresh(&issuer), &Arc::default()).await;
    let outcome = process.destination.deliver(&[record(1)], 1_500).await.outcomes.remove(0);
    assert_eq!((later(&outcome).blame, later(&outcome).unknown), (Blame::NotAttempted, false));
    assert_eq!(issuer.counts(|state| (state.asked, state.requests)), (0, 0));
}

/// With little time left of the invocation the exchange was begun although the old token was good, and
/// with its answer the new refresh token was lost.
#[tokio::test]
async fn repro_a_refresh_token_is_not_spent_in_a_hurry_while_the_old_token_lives() {
    let issuer = issuer(HOUR_S).await;
    let process = process(&issuer, refresh(&issuer), &Arc::default()).await;
    assert_eq!(deliver(&process, 1).await, Outcome::Delivered);
    issuer.clock.advance(3_550_000);
    let outcome = process.destination.deliver(&[record(2)], 5_000).await.outcomes.remove(0);
    assert_eq!((outcome, issuer.now().asked), (Outcome::Delivered, 1));
    // Who has time renews it.
    assert_eq!(deliver_patiently(&process, 3).await, Outcome::Delivered);
    assert_eq!(issuer.counts(|state| (state.asked, state.unauthorised)), (2, 0));
}

#[tokio::test]
async fn half_an_answer_is_asked_for_again() {
    let issuer = issuer(HOUR_S).await;
    issuer.now().steady = true;
    issuer.now().slips = vec![Slip::Cut];
    let process = process(&issuer, refresh(&issuer), &Arc::default()).await;
    let outcome = deliver(&process, 1).await;
    assert_eq!((later(&outcome).blame, later(&outcome).after_ms), (Blame::Connection, Some(1_000)));
    issuer.clock.advance(1_000);
    assert_eq!(deliver(&process, 2).await, Outcome::Delivered);
}
