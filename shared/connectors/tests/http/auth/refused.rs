//! Credentials and tokens that are refused, a token server that is down; and no secret is ever shown.

use super::*;

#[tokio::test]
async fn refused_with_a_new_token_too_the_credentials_are_to_blame() {
    let issuer = issuer(HOUR_S).await;
    let process = process(&issuer, client(&issuer, ""), &Arc::default()).await;
    issuer.now().betray = Some(401);
    let outcome = deliver(&process, 1).await;
    assert_eq!((later(&outcome).blame, later(&outcome).unknown), (Blame::Connection, false));
    assert_eq!(issuer.counts(|state| (state.issued, state.requests)), (2, 2), "repeated once");
    let error = walk(&*process.source, Position::Start).await.unwrap_err();
    assert!(matches!(&error, SourceError::Halt(text) if text.contains("source.http.auth")));
}

#[tokio::test]
async fn no_token_is_ever_shown() {
    for status in [401, 403, 422, 500] {
        let issuer = issuer(HOUR_S).await;
        let shelf = Arc::new(MemoryStore::new());
        let process = process(&issuer, refresh(&issuer), &shelf).await;
        issuer.now().betray = Some(status);
        let outcome = deliver(&process, 1).await;
        let secrets = issuer.now().secrets();
        let mut shown = format!("{outcome:?}");
        shown += &format!("{:?}", walk(&*process.source, Position::Start).await);
        shown += &format!("{:?}", shelf);
        assert!(shown.contains("[secret]"), "{shown}");
        for secret in secrets.iter().map(String::as_str).chain([CLIENT_SECRET, FIRST_REFRESH_TOKEN])
        {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_named_and_not_tried_at_every_request() {
    let issuer = issuer(HOUR_S).await;
    let mut connection = connection();
    connection.secrets.insert("client_secret".into(), Secret::new("gu3ssed"));
    let shelf: Arc<MemoryStore> = Arc::default();
    let wrong = process_with(&issuer, client(&issuer, ""), shelf.clone(), &connection).await;
    for _ in 0..3 {
        let outcome = deliver(&wrong, 1).await;
        let Later { blame, after_ms, reason, unknown } = later(&outcome);
        assert_eq!((*blame, *after_ms, *unknown), (Blame::Connection, Some(10_000), false));
        assert!(reason.contains("destination.http.auth") && reason.contains("invalid_client"));
        assert!(!reason.contains("gu3ssed"), "{reason}");
    }
    let error = walk(&*wrong.source, Position::Start).await.unwrap_err();
    assert!(matches!(&error, SourceError::Halt(text) if text.contains("invalid_client")));
    assert_eq!(issuer.counts(|state| (state.asked, state.requests)), (1, 0));
    issuer.clock.advance(10_000);
    deliver(&wrong, 1).await;
    assert_eq!(issuer.now().asked, 2);
    // The right credentials have a token of their own: the pause of the wrong ones is not theirs.
    let right = process(&issuer, client(&issuer, ""), &shelf).await;
    assert_eq!(deliver(&right, 2).await, Outcome::Delivered);
}

#[tokio::test]
async fn while_the_token_server_is_down_the_old_token_goes_on_as_long_as_it_lives() {
    let issuer = issuer(HOUR_S).await;
    let process = process(&issuer, client(&issuer, ""), &Arc::default()).await;
    assert_eq!(deliver(&process, 0).await, Outcome::Delivered);
    issuer.now().slips = vec![Slip::Status(503), Slip::Status(503), Slip::Status(503)];
    for (id, at_ms) in [(1, 3_540_000), (2, 3_540_500), (3, 3_541_000), (4, 3_542_999)] {
        issuer.clock.advance_to(NOW_MS + at_ms);
        assert_eq!(deliver(&process, id).await, Outcome::Delivered, "{id}");
    }
    // Asked at once, and after one second; the next pause is two seconds long.
    assert_eq!(issuer.now().asked, 3);
    issuer.clock.advance_to(NOW_MS + 3_600_000);
    let outcome = deliver(&process, 5).await;
    assert_eq!((later(&outcome).blame, later(&outcome).after_ms), (Blame::Connection, Some(4_000)));
    assert!(later(&outcome).reason.contains("503"), "{outcome:?}");
    issuer.clock.advance(4_000);
    assert_eq!(deliver(&process, 6).await, Outcome::Delivered);
}
