//! What a remote file can be asked for.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{Identity, TransferError};

/// A future behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A file on a server, or the newest of several. One call is one connection at most, but for HTTP, which shares them.
pub trait RemoteFile: Send + Sync {
    /// Opens the file, or a part of it. Over at `until` at the latest.
    ///
    /// A body begins elsewhere than at byte 0 only where the file is known to be the version that was asked
    /// for, by [`Identity::is_same`]. Where that is not known, where it is another version, or where the
    /// server knows no parts, it is the whole file from byte 0, with the identity that it has now.
    ///
    /// # Errors
    /// There is nothing to be read.
    fn open<'a>(
        &'a self,
        ask: Ask<'a>,
        until: Instant,
    ) -> BoxFuture<'a, Result<Answer, TransferError>>;

    /// Which version there is now; no more of the file is read than it takes. Two looks some time apart tell
    /// whether a file is still being written. Over at `until` at the latest.
    ///
    /// # Errors
    /// There is nothing to be read.
    fn look(&self, until: Instant) -> BoxFuture<'_, Result<Identity, TransferError>>;
}

/// What is to be opened.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// All of it, unless it is the version that was read last.
    Whole {
        /// That version, where there is one.
        unless: Option<&'a Identity>,
    },
    /// The rest of a version.
    Rest {
        /// The version.
        of: &'a Identity,
        /// Where it begins, in bytes from the file's beginning.
        from: u64,
    },
    /// A part of a version.
    Range {
        /// The version.
        of: &'a Identity,
        /// Where it begins, in bytes from the file's beginning.
        from: u64,
        /// How many bytes, more than none. The body ends behind them, or at the end of the file.
        length: u64,
    },
}

/// What became of it.
pub enum Answer {
    /// It is the version that was read last.
    Unchanged,
    /// It can be read.
    Opened(Opened),
}

/// A file that can be read.
pub struct Opened {
    /// Which version it is.
    pub identity: Identity,
    /// Where the body begins, in bytes from the file's beginning.
    pub start: u64,
    /// Whether the end of the body is told from a connection that broke: by its length, or by a word of the
    /// server's. Where it is not, nothing may be concluded from what is absent.
    pub is_delimited: bool,
    /// The charset that the server says the file has.
    pub charset: Option<String>,
    /// Its bytes, as they are: nothing is unpacked.
    pub body: Box<dyn Body>,
}

/// Bytes on their way. Dropped, they are given up.
pub trait Body: Send {
    /// The next bytes, some at least; `None` only where all came that was asked for, as far as the
    /// protocol can tell: the length is reached, and the server says that it is done. Over at `until` at the
    /// latest.
    ///
    /// # Errors
    /// The transfer broke off, took too long, or the file was changed meanwhile. Nothing comes after it; what
    /// came before stands, but where the file was changed.
    fn next(&mut self, until: Instant) -> BoxFuture<'_, Result<Option<Bytes>, TransferError>>;
}

impl Opened {
    /// The same from `at` on, by reading what is before. `None` where it begins behind that, or ends before.
    ///
    /// # Errors
    /// As [`Body::next`].
    pub async fn skip_to(mut self, at: u64, until: Instant) -> Result<Option<Self>, TransferError> {
        if self.start > at {
            return Ok(None);
        }
        while self.start < at {
            let Some(bytes) = self.body.next(until).await? else { return Ok(None) };
            self.put_back(bytes, at);
        }
        Ok(Some(self))
    }

    /// Goes on behind bytes that were just read, or at `at` where that is among them.
    pub(crate) fn put_back(&mut self, mut bytes: Bytes, at: u64) {
        let read = bytes.len() as u64;
        let surplus = usize::try_from(at - self.start).ok().filter(|before| *before < bytes.len());
        let Some(before) = surplus else {
            self.start += read;
            return;
        };
        let first = bytes.split_off(before);
        self.start = at;
        let nothing = Box::new(Nothing);
        let rest = std::mem::replace(&mut self.body, nothing);
        self.body = Box::new(After { first: Some(first), rest });
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { identity, start, is_delimited, charset, .. } = self;
        f.debug_struct("Opened")
            .field("identity", identity)
            .field("start", start)
            .field("is_delimited", is_delimited)
            .field("charset", charset)
            .finish_non_exhaustive()
    }
}

/// Bytes that were read already, and the body that they came from.
struct After {
    first: Option<Bytes>,
    rest: Box<dyn Body>,
}

/// No bytes.
pub(crate) struct Nothing;

/// What is asked for, as files with a length and a place to begin at answer it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    of: Option<&'a Identity>,
    /// Where it begins, and how long it is unless it is the rest; `None` for the whole.
    part: Option<(u64, Option<u64>)>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(ask: Ask<'a>) -> Self {
        match ask {
            Ask::Whole { unless } => Self { of: unless, part: None },
            Ask::Rest { of, from } => Self { of: Some(of), part: Some((from, None)) },
            Ask::Range { of, from, length } => {
                Self { of: Some(of), part: Some((from, Some(length))) }
            }
        }
    }

    /// The name of the file that a part is asked of, where it was chosen among several.
    pub(crate) fn name(&self) -> Option<&'a str> {
        self.of.filter(|_| self.part.is_some())?.name.as_deref()
    }

    /// Whether all is asked for, and all of it was read.
    pub(crate) fn is_unchanged(&self, now: &Identity) -> bool {
        self.part.is_none() && self.of.is_some_and(|of| of.is_unchanged(now))
    }

    /// Where the answer begins, and where it ends unless at the end of the file.
    pub(crate) fn place(&self, now: &Identity) -> (u64, Option<u64>) {
        let is_same = self.of.is_some_and(|of| of.is_same(now));
        match self.part {
            Some((from, length)) if is_same && now.length.is_none_or(|all| from <= all) => {
                let end = length.map(|length| from.saturating_add(length));
                (from, end.filter(|end| now.length.is_none_or(|all| *end < all)))
            }
            _ => (0, None),
        }
    }
}

impl Body for After {
    fn next(&mut self, until: Instant) -> BoxFuture<'_, Result<Option<Bytes>, TransferError>> {
        match self.first.take() {
            Some(first) => Box::pin(async move { Ok(Some(first)) }),
            None => self.rest.next(until),
        }
    }
}

impl Body for Nothing {
    fn next(&mut self, _: Instant) -> BoxFuture<'_, Result<Option<Bytes>, TransferError>> {
        Box::pin(async { Ok(None) })
    }
}
