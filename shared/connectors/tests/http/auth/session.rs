//! Sessions: opened by a login, and anew when they end.

use super::*;

#[tokio::test]
async fn a_session_is_opened_by_a_login_and_anew_when_it_ends() {
    for rest in [
        "token: { path: session.key }",
        "token: { header: X-Session }, header: X-Session, prefix: 'Key '",
        "token: { cookie: SID }",
        "token: { cookie: SID }, lifetime: 1h",
    ] {
        let issuer = issuer(HOUR_S).await;
        let process = process(&issuer, session(&issuer, rest), &Arc::default()).await;
        assert_eq!(deliver(&process, 1).await, Outcome::Delivered, "{rest}");
        issuer.clock.advance(3_600_000);
        assert_eq!(deliver(&process, 2).await, Outcome::Delivered, "{rest}");
        let told = usize::from(!rest.contains("lifetime"));
        assert_eq!(issuer.counts(|state| (state.issued, state.unauthorised)), (2, told), "{rest}");
    }
}

#[tokio::test]
async fn a_login_that_gives_no_token_is_told_without_what_was_sent() {
    let issuer = issuer(HOUR_S).await;
    let misread = session(&issuer, "token: { path: session.token }");
    let process_a = process(&issuer, misread, &Arc::default()).await;
    let outcome = deliver(&process_a, 1).await;
    assert!(later(&outcome).reason.contains("no token at `session.token`"), "{outcome:?}");
    let mut connection = connection();
    connection.secrets.insert("password".into(), Secret::new("a \"wrong\" one"));
    let section = session(&issuer, "token: { path: session.key }");
    let shelf: Arc<MemoryStore> = Arc::default();
    let outcome = deliver(&*process_with(&issuer, section, shelf, &connection).await, 1).await;
    let reason = &later(&outcome).reason;
    assert!(reason.contains("403") && reason.contains("[secret]"), "{reason}");
    assert!(!reason.contains("wrong"), "{reason}");
}
