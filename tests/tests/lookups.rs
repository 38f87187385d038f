//! Many processes, one account, one table: each lead is looked up once while it may be used again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
};

use tidegate_connectors::{Connected, HttpClient, Options, connect};
use tidegate_core::{
    model::{EpochMs, Position, Secret},
    ports::Found,
};
use tidegate_examples::leads::{Leads, LeadsConfig};
use tidegate_flow::Connection;
use tidegate_local::EmbeddedTable;
use tidegate_runtime::OsEntropy;

use crate::tables;

/// Later than every chat.
const NOW_MS: EpochMs = 1_795_766_400_000;
const TIMEOUT_MS: u64 = 20_000;

fn flow(leads: &Leads) -> String {
    let (source, destination) = (&leads.source_url, &leads.destination_url);
    format!(
        "flow: tickets
source:
  http:
    url: {source}/v3.5/agent/action/list_archives
    body: {{ sort_order: asc }}
    auth: {{ bearer: '${{secrets.livechat}}' }}
    records: chats
    id: thread.id
    cursor: {{ by: timestamp, field: thread.created_at, since: filters.from }}
    pagination: {{ token: {{ param: page_id, path: next_page_id, size_param: limit, alone: true }} }}
lookup:
  by: users[type=customer].email
  ignore_case: true
  size: 300
  cache: 10m
  http:
    url: {destination}/rest/v1/leads.json
    auth:
      oauth2_client:
        token_url: {destination}/identity/oauth/token
        client_id: {id}
        client_secret: '${{secrets.marketo}}'
        credentials: query
    query: {{ _method: GET }}
    form: {{ filterType: email, filterValues: '${{lookup.keys}}', fields: 'id,email,city' }}
    records: result
    key: email
    ok: {{ path: success, equals: true }}
transform: {{ map: {{ chat: id, lead: {{ lookup: id }} }} }}
destination: {{ http: {{ url: '{destination}/tickets' }} }}
",
        id = leads.client_id
    )
}

async fn emails(process: &Connected) -> Vec<Box<str>> {
    let mut emails = BTreeSet::new();
    let mut walk = process.source.walk(Position::Start, NOW_MS);
    loop {
        let batch = walk.next(NOW_MS + 60_000).await.unwrap();
        let lookup = process.lookup.as_ref().unwrap();
        let keys = batch.records.iter().map(|record| lookup.key(&record.data).unwrap());
        emails.extend(keys.flatten());
        if batch.end {
            return emails.into_iter().take(300).collect();
        }
    }
}

#[tokio::test]
async fn what_one_process_looked_up_all_others_find_in_the_table_until_it_has_run_out() {
    let leads = Leads::start(LeadsConfig { chats: 500, ..LeadsConfig::default() }).await.unwrap();
    let spec =
        tidegate_flow::parse("tickets.yaml", &flow(&leads)).unwrap_or_else(|e| panic!("{e}"));
    let secrets = [("livechat", &leads.source_token), ("marketo", &leads.client_secret)];
    let secrets = secrets.map(|(name, value)| (name.to_owned(), Secret::new(value.clone())));
    let connection = Connection { params: [].into(), secrets: secrets.into() };
    let clients = tables::clients(EmbeddedTable::in_memory().unwrap());
    let now_ms = Arc::new(AtomicI64::new(NOW_MS));
    let process = || {
        let now_ms = now_ms.clone();
        let table = clients.table(EmbeddedTable::NAME);
        let options = Options {
            now: Arc::new(move || now_ms.load(SeqCst)),
            ..Options::new(HttpClient::new().unwrap(), Arc::new(table), Arc::new(OsEntropy))
        };
        connect(&spec, &connection, &options).unwrap()
    };
    let requests = |operation| clients.requests().snapshot().get(operation).copied().unwrap_or(0);

    let first = process();
    let emails = emails(&first).await;
    let first = first.lookup.unwrap();
    assert!(emails.len() > 250, "{}", emails.len());
    assert!(first.known(&emails).await.iter().all(Option::is_none));
    let found: Vec<Found> = first.look_up(&emails, TIMEOUT_MS).await.found.unwrap();
    let leads_found = found.iter().flatten().count();
    assert!((1..emails.len()).contains(&leads_found), "some are there, and some are not");
    let (reads, writes) = (requests("BatchGetItem"), requests("BatchWriteItem"));
    // Each is billed, however many are in a request.
    let items = clients.requests().items();
    assert_eq!([items["BatchGetItem"], items["BatchWriteItem"]], [emails.len() as u64; 2]);

    let found: Vec<Option<Found>> = found.into_iter().map(Some).collect();
    assert_eq!(first.known(&emails).await, found);
    assert_eq!(requests("BatchGetItem"), reads, "it is in memory");
    for _ in 0..3 {
        let other = process().lookup.unwrap();
        assert!(other.known(&emails).await == found && other.known(&emails).await == found);
    }
    assert_eq!(requests("BatchGetItem"), reads + 3 * emails.len().div_ceil(100) as u64);
    assert_eq!(requests("BatchWriteItem"), writes);
    assert_eq!(leads.audit().lookups, 1);

    now_ms.fetch_add(600_000, SeqCst);
    let other = process().lookup.unwrap();
    assert!(other.known(&emails).await.iter().all(Option::is_none));
    let again = other.look_up(&emails, TIMEOUT_MS).await.found.unwrap();
    assert!(again.into_iter().map(Some).eq(found));
    assert_eq!(leads.audit().lookups, 2);
}
