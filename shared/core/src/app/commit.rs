//! Moving `committed` and the watermark, for any invocation that comes by: the "help" of the protocol.

use crate::{
    decide::chain,
    guard::Guard,
    model::{Cursor, StreamId},
    ports::{CursorStore, Moved, Platform, Unavailable},
};

/// Pages looked at in one request.
const LOOK_AHEAD: usize = 50;
/// Rounds in one call; what is left is the next caller's.
const ROUNDS_MAX: usize = 20;

/// Moves the commit over every DONE page that follows it. Answers with the cursor as last seen.
///
/// Fetcher and processors all call it: a processor that crashed between DONE and the commit would
/// otherwise leave a window full of DONE pages that are never committed.
pub(super) async fn help<P: Platform>(
    store: &P::Store,
    stream: &StreamId,
    mut cursor: Cursor,
) -> Result<Cursor, Unavailable> {
    for _ in 0..ROUNDS_MAX {
        if cursor.pages_open() == 0 {
            break;
        }
        let pages = store.pages_after(stream, cursor.committed, LOOK_AHEAD).await?;
        let Some(advance) = chain(&cursor, &pages, P::stands(Guard::Contiguous)) else { break };
        let whole = advance.to.0 - advance.from.0 == LOOK_AHEAD as u64;
        match store.advance(stream, &advance).await? {
            Moved::Yes => {
                (cursor.committed, cursor.watermark) = advance.to;
                if !whole {
                    break;
                }
            }
            // Look again from where it is now.
            Moved::No(stands) => cursor = *stands,
        }
    }
    Ok(cursor)
}
