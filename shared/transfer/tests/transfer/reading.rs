//! Reading, as the tests do it.

use std::{sync::Arc, time::Duration};

use tidegate_transfer::{Answer, Ask, Identity, Now, Opened, RemoteFile, TransferError};
use tokio::time::Instant;

/// Later than any test takes.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// The time at which the tests are, in s since 1970: 2026-11-28, 18:00.
pub const NOW_S: i64 = 1_795_888_800;

/// A clock that stands still.
pub fn now() -> Now {
    Arc::new(|| NOW_S * 1_000)
}

/// Bytes that are all over the place: no part of them is like another.
pub fn bytes(length: usize) -> Vec<u8> {
    let byte = |at: usize| ((at as u32).wrapping_mul(2_654_435_761) >> 13) as u8;
    (0..length).map(byte).collect()
}

/// Opens a file that is there and was not read before.
pub async fn open(file: &dyn RemoteFile, ask: Ask<'_>) -> Result<Opened, TransferError> {
    match file.open(ask, soon()).await? {
        Answer::Opened(opened) => Ok(opened),
        Answer::Unchanged => panic!("it is unchanged"),
    }
}

/// What came, and why no more did.
pub async fn drain(opened: &mut Opened) -> (Vec<u8>, Option<TransferError>) {
    let mut all = Vec::new();
    loop {
        match opened.body.next(soon()).await {
            Ok(Some(piece)) => {
                assert!(!piece.is_empty(), "a piece has bytes");
                all.extend_from_slice(&piece);
            }
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

/// What comes of an ask: the identity, where the body begins, and all of it.
pub async fn read(file: &dyn RemoteFile, ask: Ask<'_>) -> (Identity, u64, Vec<u8>) {
    let mut opened = open(file, ask).await.unwrap_or_else(|error| panic!("{error}"));
    let (all, error) = drain(&mut opened).await;
    assert_eq!(error, None);
    (opened.identity, opened.start, all)
}

/// The whole file.
pub const WHOLE: Ask<'static> = Ask::Whole { unless: None };

/// It passes, and says this.
pub fn is_later(error: &TransferError, word: &str) {
    assert!(matches!(error, TransferError::Later { .. }), "{error:?}");
    assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
}

/// An operator has to act, and is told this.
pub fn is_halt(error: &TransferError, word: &str) {
    assert!(matches!(error, TransferError::Halt(_)), "{error:?}");
    assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
}
