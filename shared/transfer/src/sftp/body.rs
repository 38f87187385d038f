//! The bytes of a file, up to its length.

use std::io::SeekFrom;

use bytes::{Bytes, BytesMut};
use russh_sftp::client::{SftpSession, fs::File};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    time::{Instant, timeout_at},
};

use super::connection::Connection;
use crate::{Body, BoxFuture, Identity, TransferError};

/// Read at a time.
const PIECE_BYTES: usize = 256 * 1024;

pub(super) struct SftpBody {
    connection: Connection,
    sftp: SftpSession,
    /// `None` when it is over, well or not.
    file: Option<File>,
    path: String,
    /// As it was before the transfer.
    identity: Identity,
    at: u64,
    /// Where a part ends that is not the rest.
    end: Option<u64>,
}

impl SftpBody {
    pub(super) async fn open(
        connection: Connection,
        path: String,
        identity: Identity,
        (start, end): (u64, Option<u64>),
        until: Instant,
    ) -> Result<Self, TransferError> {
        let sftp = connection.sftp(until).await?;
        let mut file = connection.within("open", until, sftp.open(&path)).await?;
        // Sends nothing: reads say where they begin.
        let sought = file.seek(SeekFrom::Start(start)).await;
        sought.map_err(|error| connection.told.later("open", &error.to_string()))?;
        Ok(Self { connection, sftp, file: Some(file), path, identity, at: start, end })
    }

    async fn advance(&mut self, until: Instant) -> Result<Option<Bytes>, TransferError> {
        let Some(mut file) = self.file.take() else { return Err(self.cut()) };
        let left = self.end.map_or(u64::MAX, |end| end - self.at);
        if left == 0 {
            return Ok(None);
        }
        let mut piece =
            BytesMut::with_capacity(usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES));
        let mut limited = (&mut file).take(left);
        let told = &self.connection.told;
        let reading = limited.read_buf(&mut piece);
        let read = match timeout_at(self.connection.until(until), reading).await {
            Err(_) => return Err(told.later("the transfer", "no byte came in time")),
            Ok(read) => read.map_err(|error| told.later("the transfer", &error.to_string()))?,
        };
        if read == 0 {
            self.finish(until).await?;
            return Ok(None);
        }
        self.at += read as u64;
        if self.identity.length.is_some_and(|length| self.at > length) {
            return Err(self.changed());
        }
        self.file = Some(file);
        Ok(Some(piece.freeze()))
    }

    /// Whether all came, and the file at the path is what it was.
    async fn finish(&self, until: Instant) -> Result<(), TransferError> {
        if self.end.is_some() || self.identity.length.is_some_and(|length| self.at < length) {
            return Err(self.cut());
        }
        let now = self.connection.identity(&self.sftp, &self.path, until).await?;
        let Identity { length, modified, .. } = &self.identity;
        match now.length == *length && now.modified == *modified {
            true => Ok(()),
            false => Err(self.changed()),
        }
    }

    fn cut(&self) -> TransferError {
        TransferError::cut(&self.connection.told.what, self.at, self.identity.length)
    }

    fn changed(&self) -> TransferError {
        self.connection.told.later("the transfer", "the file was changed while it was read")
    }
}

impl Body for SftpBody {
    fn next(&mut self, until: Instant) -> BoxFuture<'_, Result<Option<Bytes>, TransferError>> {
        Box::pin(self.advance(until))
    }
}
