//! Twenty processors, one account, one table: a token runs out in the middle.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicI64, Ordering::SeqCst},
};

use tidegate_connectors::{HttpClient, Options, connect};
use tidegate_core::{
    model::{Outcome, RecordId, Secret, Version},
    ports::Outgoing,
};
use tidegate_examples::http::Guarded;
use tidegate_flow::Connection;
use tidegate_runtime::OsEntropy;

use crate::tables;

const PROCESSORS: i64 = 20;
/// Records of each, before the token runs out and after it.
const EACH: i64 = 10;
const REFRESH_TOKEN: &str = "the-first-one";

fn flow(url: &str) -> String {
    format!(
        "flow: accounts
source: {{ http: {{ url: '{url}/list', cursor: {{ by: id }}, pagination: none }} }}
destination:
  http:
    url: {url}/records
    auth:
      oauth2_refresh:
        token_url: {url}/token
        client_id: tidegate
        refresh_token: ${{secrets.refresh_token}}
"
    )
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn record(id: i64) -> Outgoing {
    Outgoing {
        id: RecordId::Number(id),
        version: Version(1),
        deleted: false,
        key: id.to_string().into(),
        body: id.to_string().into(),
        source: bytes::Bytes::new(),
    }
}

#[test]
fn exactly_one_of_twenty_processors_refreshes_and_no_record_fails() {
    let now_ms = Arc::new(AtomicI64::new(1_795_766_400_000));
    let servers =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let guarded = servers.block_on(Guarded::start(now_ms.clone(), 3_600, REFRESH_TOKEN)).unwrap();
    let spec = tidegate_flow::parse("accounts.yaml", &flow(&guarded.url)).unwrap();
    let secrets = [("refresh_token".to_owned(), Secret::new(REFRESH_TOKEN))].into();
    let connection = Connection { params: [].into(), secrets };
    let table = tables::empty();
    let half = Barrier::new(PROCESSORS as usize);
    // A thread and a runtime each: nothing is shared but the table.
    let processor = |number: i64| {
        runtime().block_on(async {
            let now_ms = now_ms.clone();
            let http = HttpClient::new().unwrap();
            let options = Options {
                now: Arc::new({
                    let now_ms = now_ms.clone();
                    move || now_ms.load(SeqCst)
                }),
                ..Options::new(http, Arc::new(table.clone()), Arc::new(OsEntropy))
            };
            let connected = connect(&spec, &connection, &options).unwrap();
            for n in 0..2 * EACH {
                if n == EACH && half.wait().is_leader() {
                    // While the others go on: some of their requests arrive too late.
                    now_ms.fetch_add(3_600_000, SeqCst);
                }
                let sent = [record(number * 2 * EACH + n)];
                let outcomes = connected.destination.deliver(&sent, 20_000).await.outcomes;
                assert_eq!(outcomes, [Outcome::Delivered], "processor {number}, record {n}");
            }
        });
    };
    std::thread::scope(|scope| {
        let processor = &processor;
        for number in 0..PROCESSORS {
            scope.spawn(move || processor(number));
        }
    });
    let mut state = guarded.state();
    state.delivered.sort_by_key(|id| id.parse::<i64>().unwrap());
    let all: Vec<_> = (0..PROCESSORS * 2 * EACH).map(|id| id.to_string()).collect();
    assert_eq!(state.delivered, all);
    // The first token, and the one in the middle.
    assert_eq!((state.asked, state.reused), (2, 0));
}
