//! Tokens: got by one, used by all, renewed ahead of their end, after a refusal, and after a crash.

mod crashes;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use tidegate_connectors::{Connected, HttpClient, Options, connect};
use tidegate_core::{
    model::{Blame, Kept, Later, Outcome, Position, RecordId, Secret, ShelfKey, Version},
    ports::{BoxFuture, Clock, Outgoing, Shelf, SourceError, Swap, Unavailable},
};
use tidegate_flow::Connection;
use tidegate_testkit::{ManualClock, MemoryStore, Seeded};
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    api::{Api, Behaviour, Sort, Style},
    flow::{NOW_MS, destination_spec, flow, set, source_spec, walk, yaml},
    issuer::{CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, Issuer, PASSWORD, Slip, Verifier},
};

const HOUR_S: i64 = 3_600;
/// Longer than any turn.
const TURN_MS: i64 = 20_000;
const TIMEOUT_MS: u64 = 5_000;
/// Enough to renew a token that is good still.
const AHEAD_MS: u64 = 20_000;

/// A section as a flow file has it.
fn auth(section: &str) -> Value {
    yaml(section)
}

fn client(issuer: &Issuer, rest: &str) -> Value {
    auth(&format!(
        "{{ oauth2_client: {{ token_url: '{}', client_id: {CLIENT_ID}, \
         client_secret: '${{secrets.client_secret}}'{rest} }} }}",
        issuer.url("/token")
    ))
}

fn refresh(issuer: &Issuer) -> Value {
    auth(&format!(
        "{{ oauth2_refresh: {{ token_url: '{}', client_id: {CLIENT_ID}, \
         client_secret: '${{secrets.client_secret}}', refresh_token: '${{secrets.refresh}}', \
         credentials: basic }} }}",
        issuer.url("/token")
    ))
}

fn session(issuer: &Issuer, rest: &str) -> Value {
    auth(&format!(
        "{{ session: {{ url: '{}', body: {{ user: anna, proof: {{ password: '${{secrets.password}}' }}, \
         year: 2024 }}, {rest} }} }}",
        issuer.url("/login")
    ))
}

fn connection() -> Connection {
    let secret = |name: &str, value: &str| (name.to_owned(), Secret::new(value));
    Connection {
        params: [].into(),
        secrets: [
            secret("client_secret", CLIENT_SECRET),
            secret("refresh", FIRST_REFRESH_TOKEN),
            secret("password", PASSWORD),
        ]
        .into(),
    }
}

/// What one process makes of a flow: its own memory, the common shelf.
async fn process_with(
    issuer: &Issuer,
    auth: Value,
    shelf: Arc<dyn Shelf>,
    connection: &Connection,
) -> Arc<Connected> {
    static PROCESSES: AtomicUsize = AtomicUsize::new(1);
    let clock = issuer.clock.clone();
    let random = Seeded::new(PROCESSES.fetch_add(1, SeqCst) as u64 * 1_000_003);
    let options = Options {
        now: Arc::new(move || clock.now_ms()),
        ..Options::new(HttpClient::new().unwrap(), shelf, Arc::new(random))
    };
    let api = Api::start(Behaviour::new(Style::PageNumber, Sort::TimeId, Vec::new())).await;
    let mut source = source_spec(&api);
    set(&mut source, "url", issuer.url("/orders"));
    set(&mut source, "auth", auth.clone());
    set(&mut source, "page_size", 3);
    let mark = json!({ "url": format!("{}/${{record.id}}", issuer.url("/marks")) });
    set(&mut source, "mark", mark);
    let mut destination = destination_spec(&issuer.url("/orders"));
    set(&mut destination, "auth", auth);
    let flow = flow(source, destination);
    Arc::new(connect(&flow, connection, &options).unwrap())
}

async fn process(issuer: &Issuer, auth: Value, shelf: &Arc<MemoryStore>) -> Arc<Connected> {
    process_with(issuer, auth, shelf.clone(), &connection()).await
}

async fn issuer(lives_s: i64) -> Issuer {
    Issuer::start(ManualClock::at(NOW_MS), lives_s, None).await
}

fn record(id: i64) -> Outgoing {
    Outgoing {
        id: RecordId::Number(id),
        version: Version(1),
        deleted: false,
        key: format!("key-{id}").into(),
        body: format!(r#"{{"id":{id}}}"#).into(),
    }
}

async fn deliver(process: &Connected, id: i64) -> Outcome {
    process.destination.deliver(&[record(id)], TIMEOUT_MS).await.outcomes.remove(0)
}

async fn deliver_patiently(process: &Connected, id: i64) -> Outcome {
    process.destination.deliver(&[record(id)], AHEAD_MS).await.outcomes.remove(0)
}

fn later(outcome: &Outcome) -> &Later {
    match outcome {
        Outcome::Later(later) => later,
        other => panic!("{other:?}"),
    }
}

/// A shelf that hangs or fails at its n-th call, before or after the effect.
struct Shaky {
    inner: Arc<MemoryStore>,
    calls: AtomicUsize,
    at: usize,
    how: How,
    reached: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    HangBefore,
    HangAfter,
    /// This call and two more have no effect, and no answer.
    FailBefore,
    FailAfter,
}

impl Shaky {
    fn new(inner: &Arc<MemoryStore>, at: usize, how: How) -> Arc<Self> {
        let (inner, calls, reached) = (inner.clone(), AtomicUsize::new(0), Notify::new());
        Arc::new(Self { inner, calls, at, how, reached })
    }

    async fn call<T>(&self, act: impl FnOnce() -> T) -> Result<T, Unavailable> {
        let call = self.calls.fetch_add(1, SeqCst);
        let lost = || Err(Unavailable("the answer was lost".into()));
        match self.how {
            How::HangBefore | How::HangAfter if call == self.at => {
                if self.how == How::HangAfter {
                    act();
                }
                self.reached.notify_one();
                pending().await
            }
            How::FailBefore if (self.at..self.at + 3).contains(&call) => lost(),
            How::FailAfter if (self.at..self.at + 3).contains(&call) => {
                act();
                lost()
            }
            _ => Ok(act()),
        }
    }
}

impl Shelf for Shaky {
    fn kept<'a>(
        &'a self,
        keys: &'a [ShelfKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, Unavailable>> {
        Box::pin(self.call(|| self.inner.kept_now(keys)))
    }

    fn keep<'a>(&'a self, items: &'a [(ShelfKey, Kept)]) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(self.call(|| self.inner.keep_now(items)))
    }

    fn swap<'a>(
        &'a self,
        key: &'a ShelfKey,
        seen: Option<&'a Kept>,
        new: &'a Kept,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        Box::pin(self.call(move || self.inner.swap_now(key, seen, new)))
    }
}

/// How the tokens of 20 processes end, when half of all records have arrived.
#[derive(Debug, Clone, Copy)]
enum End {
    /// They are to be renewed, and live on for a minute.
    Near,
    /// All at once.
    Over,
    /// Before their time.
    Withdrawn,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_processes_exactly_one_refreshes_and_no_record_fails() {
    const PROCESSES: i64 = 20;
    const EACH: i64 = 40;
    for end in [End::Near, End::Over, End::Withdrawn] {
        let issuer = issuer(HOUR_S).await;
        let shelf = Arc::new(MemoryStore::new());
        let clock = issuer.clock.clone();
        issuer.now().after = Some((
            (PROCESSES * EACH / 2) as usize,
            Box::new(move |state| match end {
                End::Near => clock.advance(3_545_000),
                End::Over => clock.advance(3_600_000),
                End::Withdrawn => state.withdraw(),
            }),
        ));
        let mut running = JoinSet::new();
        for number in 0..PROCESSES {
            let process = process(&issuer, refresh(&issuer), &shelf).await;
            // Four requests of each are under way at once.
            for lane in 0..4 {
                let process = process.clone();
                running.spawn(async move {
                    for n in 0..EACH / 4 {
                        let id = number * EACH + lane * (EACH / 4) + n;
                        assert_eq!(
                            deliver_patiently(&process, id).await,
                            Outcome::Delivered,
                            "{end:?} {id}"
                        );
                    }
                });
            }
        }
        while let Some(ended) = running.join_next().await {
            ended.unwrap();
        }
        let mut state = issuer.now();
        state.delivered.sort_unstable();
        assert_eq!(state.delivered, (0..PROCESSES * EACH).collect::<Vec<_>>(), "{end:?}");
        // The first one, and the one in the middle.
        assert_eq!((state.issued, state.asked, state.reused), (2, 2, 0), "{end:?}");
        if matches!(end, End::Near) {
            assert_eq!(state.unauthorised, 0, "renewed ahead of its end");
        }
    }
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_however_short_it_lives() {
    for (lives_s, fresh_ms, renewed_ms) in [(HOUR_S, 3_539_000, 3_540_000), (3, 2_399, 2_400)] {
        let issuer = issuer(lives_s).await;
        let process = process(&issuer, client(&issuer, ""), &Arc::default()).await;
        assert_eq!(deliver(&process, 1).await, Outcome::Delivered);
        issuer.clock.advance_to(NOW_MS + fresh_ms);
        assert_eq!(deliver(&process, 2).await, Outcome::Delivered);
        assert_eq!(issuer.now().issued, 1);
        issuer.clock.advance_to(NOW_MS + renewed_ms);
        assert_eq!(deliver(&process, 3).await, Outcome::Delivered);
        let state = issuer.now();
        assert_eq!((state.issued, state.unauthorised), (2, 0), "{lives_s} s");
    }
}

#[tokio::test]
async fn a_client_proves_itself_where_the_api_wants_it() {
    for (rest, how) in [
        ("", "POST fields"),
        (", credentials: basic", "POST basic"),
        (", credentials: query", "GET fields"),
    ] {
        let issuer = issuer(HOUR_S).await;
        let process = process(&issuer, client(&issuer, rest), &Arc::default()).await;
        assert_eq!(deliver(&process, 1).await, Outcome::Delivered, "{how}");
        assert_eq!(issuer.now().last_ask, how);
    }
}

#[tokio::test]
async fn a_source_and_a_destination_of_one_account_share_its_token() {
    let issuer = issuer(HOUR_S).await;
    let shelf = Arc::default();
    let process = process(&issuer, refresh(&issuer), &shelf).await;
    assert_eq!(deliver(&process, 1).await, Outcome::Delivered);
    let walked = walk(&*process.source, Position::Start).await.unwrap();
    assert_eq!(walked.ids(), (0..12).collect::<Vec<_>>());
    assert_eq!(issuer.now().issued, 1);
}

#[tokio::test]
async fn a_token_that_is_withdrawn_in_the_middle_of_a_walk_is_renewed() {
    let issuer = issuer(HOUR_S).await;
    let process = process(&issuer, refresh(&issuer), &Arc::default()).await;
    issuer.now().after = Some((2, Box::new(|state| state.withdraw())));
    let walked = walk(&*process.source, Position::Start).await.unwrap();
    assert_eq!(walked.ids(), (0..12).collect::<Vec<_>>());
    assert_eq!(issuer.counts(|state| (state.issued, state.unauthorised)), (2, 1));
    issuer.now().withdraw();
    let marker = process.source.marker().unwrap();
    marker.mark(&RecordId::Number(7), br#"{"id":7}"#, TIMEOUT_MS).await.unwrap();
    let state = issuer.now();
    assert_eq!(state.marked, ["/marks/7"]);
    assert_eq!((state.issued, state.reused), (3, 0));
}

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
    // The right ones are another's: nobody waits for what the wrong ones came to.
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

#[tokio::test]
async fn an_assertion_is_signed_anew_for_every_token() {
    let rsa = include_str!("test_key.pem").to_owned();
    let body: String = rsa.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    let rsa_verifier: Verifier = (&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());

    let random = ring::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
        .unwrap();
    // As it is pasted from a service account's JSON.
    let ecdsa = format!(
        "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n",
        STANDARD.encode(pkcs8.as_ref())
    );
    let ecdsa_verifier: Verifier = (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref().to_vec());

    for (algorithm, key, verifier) in
        [("RS256", rsa, rsa_verifier), ("ES256", ecdsa, ecdsa_verifier)]
    {
        let issuer = Issuer::start(ManualClock::at(NOW_MS), HOUR_S, Some(verifier)).await;
        let section = auth(&format!(
            "{{ jwt_bearer: {{ token_url: '{}', issuer: robot, subject: anna, scope: orders, \
             audience: 'https://aud.example', private_key: '${{secrets.key}}', key_id: key-1, \
             algorithm: {algorithm} }} }}",
            issuer.url("/token")
        ));
        let mut connection = connection();
        connection.secrets.insert("key".into(), Secret::new(key));
        let shelf: Arc<MemoryStore> = Arc::default();
        let process = process_with(&issuer, section, shelf, &connection).await;
        assert_eq!(deliver(&process, 1).await, Outcome::Delivered, "{algorithm}");
        issuer.now().withdraw();
        assert_eq!(deliver(&process, 2).await, Outcome::Delivered, "{algorithm}");
        assert_eq!(issuer.now().issued, 2);
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_told_when_the_flow_is_connected() {
    let issuer = issuer(HOUR_S).await;
    let rsa = include_str!("test_key.pem");
    for (algorithm, key) in [("RS256", "nonsense"), ("ES256", rsa)] {
        let section = auth(&format!(
            "{{ jwt_bearer: {{ token_url: '{}', issuer: a, audience: b, \
             private_key: '${{secrets.key}}', algorithm: {algorithm} }} }}",
            issuer.url("/token")
        ));
        let mut destination = destination_spec(&issuer.url("/orders"));
        set(&mut destination, "auth", section);
        let api = Api::start(Behaviour::new(Style::None, Sort::Id, Vec::new())).await;
        let mut connection = crate::flow::connection();
        connection.secrets.insert("key".into(), Secret::new(key));
        let flow = flow(source_spec(&api), destination);
        let error = connect(&flow, &connection, &crate::flow::options()).err().unwrap();
        assert_eq!(error.place, "destination.http.auth.jwt_bearer.private_key");
        assert!(!key.lines().any(|line| error.message.contains(line)), "{error}");
    }
}
