//! What a smaller page shows of a source, where the whole one leaves it open.

use tidegate_core::{model::EpochMs, ports::SourceError};

use super::{
    list::List,
    page::Page,
    requests::{Fetched, PageRequest, Refusal},
};

/// How many records to ask for to get half of a page of so many.
pub(super) fn half(count: usize) -> u32 {
    u32::try_from(count / 2).unwrap_or(u32::MAX).max(1)
}

/// Asks once for half of a page of so many records, which names no next one: if a next one is named then, the
/// whole page was the last. What stands there is kept for all walks along the list.
///
/// # Errors
/// If the source is to be asked later.
pub(super) async fn look_for_place(
    list: &List,
    asked: &PageRequest,
    count: usize,
    deadline_ms: EpochMs,
    requests: &mut u32,
) -> Result<(), SourceError> {
    if list.learned.look() {
        return Ok(());
    }
    tracing::debug!(
        "a full page names no next one: half of it is asked for, to see where that stands"
    );
    let Some((page, fetched)) = fetch(list, asked, deadline_ms, requests).await? else {
        return Ok(());
    };
    let told = list.told(&fetched)?;
    if told.next.is_none() && (1..count).contains(&page.count) {
        list.learned.names_none();
    }
    Ok(())
}

/// Gets a page that nothing depends on. `None` where the source refuses it.
///
/// # Errors
/// If the source is to be asked later.
pub(super) async fn fetch(
    list: &List,
    asked: &PageRequest,
    deadline_ms: EpochMs,
    requests: &mut u32,
) -> Result<Option<(Page, Fetched)>, SourceError> {
    match list.fetch(asked, deadline_ms, requests).await {
        Ok(fetched) => Ok(Some(fetched)),
        Err(Refusal::Source(error @ SourceError::Later { .. })) => Err(error),
        Err(Refusal::Rejected { .. } | Refusal::Source(_)) => Ok(None),
    }
}
