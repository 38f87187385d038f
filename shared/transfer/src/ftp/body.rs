//! The bytes of a transfer, up to the server's word that it is done.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout_at},
};

use super::{
    fault::Fault,
    session::{Session, Transfer},
};
use crate::{Body, BoxFuture, Identity, TransferError};

/// Memory for pieces, which share it: TLS gives 16 kB at a time.
const BUFFER_BYTES: usize = 128 * 1024;
/// Less than this is not read into.
const ROOM_MIN: usize = 16 * 1024;

pub(super) struct FtpBody {
    session: Session,
    /// `None` when it is over, well or not.
    transfer: Option<Transfer>,
    path: String,
    /// As it was before the transfer.
    identity: Identity,
    at: u64,
    /// Where a part ends that is not the rest.
    end: Option<u64>,
    buffer: BytesMut,
    /// What was read to see whether the transfer is let through.
    first: Option<Option<Bytes>>,
}

impl FtpBody {
    pub(super) fn new(
        session: Session,
        transfer: Transfer,
        path: String,
        identity: Identity,
        (start, end): (u64, Option<u64>),
    ) -> Self {
        let (transfer, buffer) = (Some(transfer), BytesMut::new());
        Self { session, transfer, path, identity, at: start, end, buffer, first: None }
    }

    /// Waits for the first bytes: servers refuse data connections only when they are there.
    pub(super) async fn begin(&mut self, until: Instant) -> Result<(), Fault> {
        self.first = Some(self.advance(until).await?);
        Ok(())
    }

    async fn advance(&mut self, until: Instant) -> Result<Option<Bytes>, Fault> {
        let Some(mut transfer) = self.transfer.take() else { return Err(self.cut().into()) };
        let left = self.end.map_or(u64::MAX, |end| end - self.at);
        if left == 0 {
            return Ok(None);
        }
        if self.buffer.capacity() < ROOM_MIN {
            self.buffer.reserve(BUFFER_BYTES);
        }
        let mut limited = (&mut transfer).take(left);
        let reading = limited.read_buf(&mut self.buffer);
        let read = match timeout_at(self.session.until(until), reading).await {
            Ok(Ok(read)) => read,
            // Servers close without saying so to TLS. The length and the final reply tell whether it is whole.
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Ok(Err(error)) => return Err(Fault::of_io(&self.session.told, "the transfer", &error)),
            Err(_) => {
                let silent = format!("{}: no byte came in time", self.session.told.what);
                return Err(TransferError::later(silent).into());
            }
        };
        if read == 0 {
            self.finish(transfer, until).await?;
            return Ok(None);
        }
        self.at += read as u64;
        if self.identity.length.is_some_and(|length| self.at > length) {
            return Err(self.changed().into());
        }
        self.transfer = Some(transfer);
        Ok(Some(self.buffer.split().freeze()))
    }

    /// Whether all came, and the file is what it was.
    async fn finish(&mut self, transfer: Transfer, until: Instant) -> Result<(), Fault> {
        self.session.finish(transfer, until).await?;
        if self.end.is_some() || self.identity.length.is_some_and(|length| self.at < length) {
            return Err(self.cut().into());
        }
        let now = self.session.identity(&self.path, until).await?;
        let Identity { length, modified, .. } = &self.identity;
        if now.length != *length || now.modified != *modified {
            return Err(self.changed().into());
        }
        self.session.quit().await;
        Ok(())
    }

    fn cut(&self) -> TransferError {
        TransferError::cut(&self.session.told.what, self.at, self.identity.length)
    }

    fn changed(&self) -> TransferError {
        let what = &self.session.told.what;
        TransferError::later(format!("{what}: the file was changed while it was read"))
    }
}

impl Body for FtpBody {
    fn next(&mut self, until: Instant) -> BoxFuture<'_, Result<Option<Bytes>, TransferError>> {
        Box::pin(async move {
            match self.first.take() {
                Some(first) => Ok(first),
                None => self.advance(until).await.map_err(|fault| fault.error),
            }
        })
    }
}
