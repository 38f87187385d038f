//! Dead letters: what a dead page still held is parked, under the same emission check.

use serde::Serialize;

use super::{
    Flow, Ports,
    commit::help,
    standing::{Standing, judge, look},
};
use crate::{
    model::{DeadLetters, PageMessage, Parked, Settling},
    ports::{Clock, CursorStore, Loaded, ParkedStore, Platform, Settle, Unavailable},
};

const REASON: &str = "dead letter: its page was received too often without being settled";

/// What came of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Burial {
    /// Nothing of it is left to do: the letter may be deleted. So many records were parked.
    Buried(u64),
    /// Its page is not sealed: the letter stays until a fetcher can tell what becomes of it.
    Unsealed,
    /// The flow has it stay: its page blocks the watermark.
    Blocks,
}

/// Buries a page message that was received too often. The record data is the message's own, so
/// nothing is lost; the watermark passes over the page, unless the flow has it blocked.
pub async fn bury<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    message: &PageMessage,
) -> Result<Burial, Unavailable> {
    let Loaded { cursor, pages, .. } = look(ports, flow, &[message]).await?;
    let page = match judge::<P>(&cursor, &pages, message) {
        Standing::Stale => return Ok(Burial::Buried(0)),
        Standing::Unsealed => return Ok(Burial::Unsealed),
        Standing::Done => {
            help::<P>(&ports.store, &flow.stream, cursor).await?;
            return Ok(Burial::Buried(0));
        }
        Standing::Live(page) => page,
    };
    if flow.settings.dead_letters == DeadLetters::Block {
        tracing::error!(
            stream = %flow.stream, page = message.number,
            "a dead page blocks its stream: `retry.dead_letters` says so"
        );
        return Ok(Burial::Blocks);
    }
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
    let settled = (0..page.count).collect();
    let settling = Settling { settled, done: true, now_ms, ..Settling::default() };
    let settle = ports.store.settle(&flow.stream, page.number, &page.emission, &settling).await?;
    if settle == Settle::Done {
        help::<P>(&ports.store, &flow.stream, cursor).await?;
    }
    tracing::error!(
        stream = %flow.stream, page = message.number, parked = parked.len(),
        "a dead page was parked"
    );
    Ok(Burial::Buried(parked.len() as u64))
}
