//! Files over real HTTP: record by record, from any place on, and what changed in the next one.

mod changes;
mod reading;
mod server;

use serde_json::{Value, json};
use tidegate_connectors::{Options, connect};
use tidegate_core::{
    model::{Position, Record},
    ports::{Source, SourceError},
};

use crate::flow::{NOW_MS, UNTIL_MS, connection, destination_spec, flow_from, options};

/// A source of the file at this address; keys are those of `source.feed` beside `location`.
fn feed(url: &str, keys: Value, options: &Options) -> Box<dyn Source> {
    let mut spec = keys;
    spec["location"] = json!({ "http": { "url": url } });
    let flow = flow_from(json!({ "feed": spec }), destination_spec("http://127.0.0.1:9/"));
    connect(&flow, &connection(), options).unwrap().source
}

/// What a run gave, and where the next one begins.
struct Run {
    records: Vec<Record>,
    position: Position,
    requests: u32,
    /// What it ended by, if not the end of the file.
    failed: Option<SourceError>,
    held_until_ms: Option<i64>,
}

impl Run {
    fn ids(&self) -> Vec<String> {
        self.records.iter().map(|record| record.id.to_string()).collect()
    }
}

/// A run of so many records at the most, from where the last one stopped.
async fn run_of(source: &dyn Source, from: Position, most: usize) -> Run {
    let mut walk = source.walk(from.clone(), UNTIL_MS);
    let mut run =
        Run { records: Vec::new(), position: from, requests: 0, failed: None, held_until_ms: None };
    for _ in 0..100_000 {
        let batch = match walk.next(NOW_MS + 3_600_000).await {
            Ok(batch) => batch,
            Err(error) => {
                run.failed = Some(error);
                return run;
            }
        };
        run.requests += batch.requests;
        run.held_until_ms = batch.held.map(|held| held.until_ms);
        for record in batch.records {
            if run.records.len() == most {
                return run;
            }
            assert!(record.position() > run.position, "positions ascend");
            run.position = record.position();
            run.records.push(record);
        }
        if let Some(reached) = batch.reached {
            assert!(reached > run.position, "positions ascend");
            run.position = reached;
        }
        if batch.end {
            return run;
        }
    }
    panic!("the walk does not end");
}

/// A run to the end.
async fn run(source: &dyn Source, from: Position) -> Run {
    run_of(source, from, usize::MAX).await
}

/// Options whose table the next source has, too.
fn table() -> Options {
    options()
}

/// A file of offers with these ids and prices.
fn offers(offers: &[(u32, u32)]) -> String {
    let offer = |(id, price): &(u32, u32)| {
        format!(
            "<offer id=\"{id}\"><price>{price}</price><title>Flat &amp; garden {id}</title></offer>\n"
        )
    };
    let all: String = offers.iter().map(offer).collect();
    format!("<?xml version=\"1.0\"?>\n<offers>\n{all}</offers>\n")
}

/// Keys for these.
fn xml() -> Value {
    json!({ "format": { "xml": { "record": "offers.offer" } }, "id": "@id" })
}
