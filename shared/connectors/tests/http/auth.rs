//! Tokens: one process gets them, all use them, and they are renewed ahead of their end or when they are
//! withdrawn. The files beside this have the kinds of login, refusals and crashes.

mod assertion;
mod crashes;
mod refused;
mod session;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tidegate_connectors::{Connected, HttpClient, Options, connect};
use tidegate_core::{
    model::{Blame, Later, Outcome, Position, RecordId, Secret, Stored, StoredKey, Version},
    ports::{BoxFuture, Clock, KeyValueStore, Outgoing, SourceError, Swap, Unavailable},
};
use tidegate_flow::Connection;
use tidegate_testkit::{ManualClock, MemoryStore, Seeded};
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    api::{Api, Behaviour, Sort, Style},
    flow::{NOW_MS, destination_spec, flow, set, source_spec, walk, yaml},
    issuer::{CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, Issuer, PASSWORD, Slip},
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
    shelf: Arc<dyn KeyValueStore>,
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
        source: bytes::Bytes::new(),
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

impl KeyValueStore for Shaky {
    fn get<'a>(
        &'a self,
        keys: &'a [StoredKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Stored>>, Unavailable>> {
        Box::pin(self.call(|| self.inner.get_now(keys)))
    }

    fn put<'a>(
        &'a self,
        items: &'a [(StoredKey, Stored)],
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(self.call(|| self.inner.put_now(items)))
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a StoredKey,
        seen: Option<&'a Stored>,
        new: &'a Stored,
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
