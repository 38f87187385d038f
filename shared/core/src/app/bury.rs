//! Dead letters: what a dead page still held is parked, under the same emission check.

use serde::Serialize;

use super::{
    Flow, Ports,
    commit::help,
    process::{Standing, judge},
};
use crate::{
    model::{PageMessage, Parked, Settled},
    ports::{Clock, Settle, Store, Unavailable},
};

const REASON: &str = "dead letter: its page was received too often without being settled";

/// What came of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BuryReport {
    /// Records parked.
    pub parked: u64,
    /// Nothing of it is left to do: the letter may be deleted.
    pub buried: bool,
}

/// Buries a page message that was received too often. The record data is the message's own, so
/// nothing is lost; the watermark passes over the page.
pub async fn bury<S: Store, Q, C: Clock, E>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    message: &PageMessage,
) -> Result<BuryReport, Unavailable> {
    let (cursor, _, pages) = ports.store.load(&flow.stream, &[message.number]).await?;
    let page = match judge(&cursor, &pages, message) {
        Standing::Stale => return Ok(BuryReport { parked: 0, buried: true }),
        // Only the reaper can tell what becomes of it.
        Standing::Unsealed => return Ok(BuryReport { parked: 0, buried: false }),
        Standing::Live(page) => page,
    };
    let now_ms = ports.clock.now_ms();
    let unsettled = (0u32..).zip(&message.records).filter(|(at, _)| !page.settled.contains(*at));
    let parked: Vec<Parked> = unsettled
        .map(|(_, record)| {
            Parked::new(&flow.stream, message.number, record, None, REASON.into(), now_ms)
        })
        .collect();
    if !parked.is_empty() {
        ports.store.park(&parked).await?;
    }
    let all: Settled = (0..page.count).collect();
    let settle =
        ports.store.settle(&flow.stream, page.number, &page.emission, &all, true, now_ms).await?;
    if settle == Settle::Done {
        help(&ports.store, &flow.stream, cursor).await?;
    }
    tracing::error!(
        stream = %flow.stream, page = message.number, parked = parked.len(),
        "a dead page was parked"
    );
    Ok(BuryReport { parked: parked.len() as u64, buried: true })
}
