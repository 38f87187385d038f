//! What the digest of errors needs: the errors of all streams, how far the last one got, and a reader.

use std::future::Future;

use super::Unavailable;
use crate::model::{Digest, DigestState, EpochMs, ParkedError, RecordKey, StreamId};

type Answer<T> = Result<T, Unavailable>;

/// The errors of all streams, and which of them were sent. Called by the digest, about once a day.
pub trait Digests: Send + Sync {
    /// The streams that ever parked a record, in order. One is there as soon as a record that it
    /// parked counts as settled.
    fn parking_streams(&self) -> impl Future<Output = Answer<Vec<StreamId>>> + Send;

    /// A stream's records parked from `from_ms` to before `until_ms`, without their data: in order of
    /// key, after `after`, at most `limit`. Fewer are the last.
    fn errors(
        &self,
        stream: &StreamId,
        from_ms: EpochMs,
        until_ms: EpochMs,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> impl Future<Output = Answer<Vec<ParkedError>>> + Send;

    /// How far the digests got; the default before the first.
    fn digest_state(&self) -> impl Future<Output = Answer<DigestState>> + Send;

    /// Writes `to`, if the state is still as `seen`. Answers whether it is `to` now: a repeat finds it
    /// so, and another writer of the same means the same.
    fn swap_digest_state(
        &self,
        seen: DigestState,
        to: DigestState,
    ) -> impl Future<Output = Answer<bool>> + Send;
}

/// To whom digests of errors are sent.
pub trait Notifier: Send + Sync {
    /// Sends a digest. `Ok` only once it was taken; a repeat sends a copy under the same name.
    fn notify(&self, digest: &Digest) -> impl Future<Output = Answer<()>> + Send;
}
