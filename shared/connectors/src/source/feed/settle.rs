//! Files that are still being written are not read.

use serde::{Deserialize, Serialize};
use tidegate_core::{
    model::{EpochMs, Stored, StoredKey},
    ports::{SourceError, Unavailable},
};
use tidegate_transfer::Identity;

use super::source::FeedSource;

/// A file is watched for no longer.
const KEPT_MS: EpochMs = 7 * 86_400_000;

/// The newest file, and since when it stands as it is.
#[derive(Serialize, Deserialize)]
struct Watched {
    file: Identity,
    since_ms: EpochMs,
}

/// Until when a file is to be left alone, if it may still be written. It is not where its own time says that nothing was
/// written for long enough, or where it has not changed since it was first seen, that long ago: a server's clock may be
/// wrong, or tell no time.
///
/// # Errors
/// If the store gives no answer.
pub(super) async fn unsettled_until_ms(
    source: &FeedSource,
    file: &Identity,
    now_ms: EpochMs,
) -> Result<Option<EpochMs>, SourceError> {
    let settle_ms = source.settle_ms;
    let changed_ms = file.modified_s.map(|modified_s| modified_s.saturating_mul(1_000));
    if settle_ms == 0 || changed_ms.is_some_and(|changed_ms| now_ms - changed_ms >= settle_ms) {
        return Ok(None);
    }
    let key = StoredKey::new("feed", &source.name);
    let kept = source.shelf.get(std::slice::from_ref(&key)).await.map_err(unanswered)?;
    let kept = kept.into_iter().flatten().next();
    let watched = kept.and_then(|kept| serde_json::from_slice::<Watched>(&kept.value).ok());
    let before = watched.filter(|watched| watched.file == *file && watched.since_ms <= now_ms);
    let since_ms = match before {
        Some(before) => before.since_ms,
        None => {
            let watched = Watched { file: file.clone(), since_ms: now_ms };
            let value = serde_json::to_vec(&watched).expect("it is plain data").into();
            let stored = Stored { value, expires_ms: now_ms + KEPT_MS };
            source.shelf.put(&[(key, stored)]).await.map_err(unanswered)?;
            now_ms
        }
    };
    let by_its_time_ms = changed_ms.map_or(EpochMs::MAX, |changed_ms| changed_ms + settle_ms);
    let until_ms = by_its_time_ms.min(since_ms + settle_ms);
    Ok((until_ms > now_ms).then_some(until_ms))
}

fn unanswered(error: Unavailable) -> SourceError {
    let reason = format!("since when the file stands as it is: {error}");
    SourceError::Later { reason, after_ms: None }
}
