//! What a page message is worth, by the page item: the rule of the protocol.

use super::{Flow, Ports};
use crate::{
    guard::Guard,
    model::{Cursor, Page, PageMessage, PageNumber, PageState},
    ports::{CursorStore, Loaded, Platform, Unavailable},
};

/// What a message is worth.
pub(super) enum Standing<'a> {
    /// Its page is committed or void, or another emission's: it carries nothing.
    Stale,
    /// Its page is not sealed yet.
    Unsealed,
    /// Its page is settled, and perhaps not committed yet.
    Done,
    /// It carries this page.
    Live(&'a Page),
}

/// The cursor, the budget, and the pages of these messages, as [`judge`] needs them.
pub(super) async fn look<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    messages: &[&PageMessage],
) -> Result<Loaded, Unavailable> {
    let numbers: Vec<PageNumber> = messages.iter().map(|message| message.number).collect();
    let budget = flow.settings.budget_of(&flow.stream).key();
    let mut loaded = ports.store.load(&flow.stream, &numbers, Some(&budget)).await?;
    // One request, and yet no snapshot: a page may have been looked for before it was sealed, and the
    // cursor read after the next fetcher's lease. Only what is not there after that never will be.
    let absent = |message: &&&PageMessage| {
        message.number > loaded.cursor.committed
            && message.fence < loaded.cursor.fence
            && loaded.pages.iter().all(|page| page.number != message.number)
    };
    let again: Vec<PageNumber> =
        messages.iter().filter(absent).map(|message| message.number).collect();
    if !again.is_empty() && P::stands(Guard::LookTwice) {
        let found = ports.store.load(&flow.stream, &again, None).await?;
        loaded.pages.extend(found.pages);
    }
    Ok(loaded)
}

/// Judges a message by the page item.
pub(super) fn judge<'a, P: Platform>(
    cursor: &Cursor,
    pages: &'a [Page],
    message: &PageMessage,
) -> Standing<'a> {
    if message.number <= cursor.committed {
        return Standing::Stale;
    }
    match pages.iter().find(|page| page.number == message.number) {
        Some(page) if page.emission == message.emission || !P::stands(Guard::Emission) => {
            match page.state {
                PageState::Done => Standing::Done,
                PageState::Open => Standing::Live(page),
            }
        }
        Some(_) => Standing::Stale,
        // A fetcher with an older fence can never seal it any more.
        None if message.fence < cursor.fence || !P::stands(Guard::UnsealedWaits) => Standing::Stale,
        None => Standing::Unsealed,
    }
}
