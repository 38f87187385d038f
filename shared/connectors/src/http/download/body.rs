//! The bytes of an answer, counted.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tidegate_transfer::{Body, BoxFuture, TransferError};
use tokio::time::{Instant, timeout_at};

use crate::http::no_answer::chain;

pub(super) struct HttpBody {
    /// `None` when it is over, well or not.
    response: Option<Response>,
    what: String,
    /// In bytes from the file's beginning.
    at: u64,
    /// How many bytes are before what was asked for.
    surplus: u64,
    /// Where it ends, where that is known.
    end: Option<u64>,
    silence_max: Duration,
}

impl HttpBody {
    /// A body that begins at `place.0` in the file, of which `place.1` bytes were not asked for, up to `end`.
    pub(super) fn new(
        response: Response,
        what: String,
        place: (u64, u64),
        end: Option<u64>,
        silence_max: Duration,
    ) -> Self {
        let (at, surplus) = place;
        Self { response: Some(response), what, at, surplus, end, silence_max }
    }

    async fn advance(&mut self, until: Instant) -> Result<Option<Bytes>, TransferError> {
        loop {
            let Some(mut response) = self.response.take() else { return Err(self.cut("")) };
            let until = until.min(Instant::now() + self.silence_max);
            let mut bytes = match timeout_at(until, response.chunk()).await {
                Err(_) => return Err(self.cut(": no byte came in time")),
                // The address may hold secrets.
                Ok(Err(error)) => {
                    return Err(self.cut(&format!(": {}", chain(&error.without_url()))));
                }
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) if self.end.is_none_or(|end| self.at == end) => return Ok(None),
                Ok(Ok(None)) => return Err(self.cut("")),
            };
            let unasked = usize::try_from(self.surplus).unwrap_or(usize::MAX).min(bytes.len());
            let _ = bytes.split_to(unasked);
            self.surplus -= unasked as u64;
            self.at += unasked as u64;
            let left = self.end.map_or(u64::MAX, |end| end - self.at);
            // What is behind the end was not asked for either.
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            self.at += bytes.len() as u64;
            if bytes.is_empty() && left == 0 {
                return Ok(None);
            }
            self.response = Some(response);
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    fn cut(&self, why: &str) -> TransferError {
        let Self { what, at, .. } = self;
        let of = self.end.map_or_else(String::new, |end| format!(" of {end}"));
        TransferError::later(format!("{what}: the transfer broke off at byte {at}{of}{why}"))
    }
}

impl Body for HttpBody {
    fn next(&mut self, until: Instant) -> BoxFuture<'_, Result<Option<Bytes>, TransferError>> {
        Box::pin(self.advance(until))
    }
}
