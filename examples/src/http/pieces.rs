//! A body that is made while it is sent, so that a file of any size stands in no memory.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::hangup::Hangup;

/// Before a connection is closed on purpose, so that what was given arrives.
const FLUSHED_AFTER: Duration = Duration::from_millis(20);

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// All of it is there.
    Whole(Full<Bytes>),
    /// It is made piece by piece.
    Pieces(Pieces),
}

/// Bytes that are made one piece after the other.
pub(crate) struct Pieces {
    next: Box<dyn FnMut() -> Option<Bytes> + Send>,
    /// Bytes that are still to be sent, as `Content-Length` promised.
    left: u64,
    /// Bytes that may be sent before the connection is closed on purpose.
    until_cut: Option<u64>,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
}

impl Pieces {
    /// `length` bytes in all, which `next` gives one piece after the other.
    pub(crate) fn new(length: u64, next: impl FnMut() -> Option<Bytes> + Send + 'static) -> Self {
        let (next, pause) = (Box::new(next), Duration::ZERO);
        Self { next, left: length, until_cut: None, pause, pausing: None }
    }

    /// The connection is closed after so many bytes.
    pub(crate) fn cut_after(self, bytes: Option<u64>) -> Self {
        Self { until_cut: bytes, ..self }
    }

    /// Each piece comes so long after the one before.
    pub(crate) fn with_pauses(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// How long to wait for the next frame.
    fn wait(&self) -> Duration {
        // What was given before is written only while nothing is given.
        if self.is_cut() { self.pause.max(FLUSHED_AFTER) } else { self.pause }
    }

    /// The connection is to be closed in the middle.
    fn is_cut(&self) -> bool {
        self.until_cut == Some(0) && self.left > 0
    }

    fn next_frame(&mut self) -> Option<Result<Frame<Bytes>, Hangup>> {
        if self.is_cut() {
            return Some(Err(Hangup));
        }
        let mut piece = (self.next)()?;
        if let Some(until_cut) = &mut self.until_cut {
            piece.truncate(usize::try_from(*until_cut).unwrap_or(usize::MAX));
            *until_cut -= piece.len() as u64;
        }
        self.left -= piece.len() as u64;
        Some(Ok(Frame::data(piece)))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Hangup;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Hangup>>> {
        let pieces = match self.get_mut() {
            Self::Whole(whole) => {
                return Pin::new(whole).poll_frame(context).map_err(|never| match never {});
            }
            Self::Pieces(pieces) => pieces,
        };
        let wait = pieces.wait();
        if wait > Duration::ZERO {
            let until = || Box::pin(sleep_until(Instant::now() + wait));
            let pausing = pieces.pausing.get_or_insert_with(until);
            if pausing.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            pieces.pausing = None;
        }
        Poll::Ready(pieces.next_frame())
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Pieces(pieces) => pieces.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Pieces(pieces) => SizeHint::with_exact(pieces.left),
        }
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("left", &self.left).finish_non_exhaustive()
    }
}
