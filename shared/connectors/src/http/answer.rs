//! What came back for a request.

use bytes::{Bytes, BytesMut};
use reqwest::{
    Response, StatusCode,
    header::{AsHeaderName, CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use tidegate_core::model::EpochMs;
use url::Url;

use super::{
    decode,
    no_answer::NoAnswer,
    redact::Redactor,
    retry_after::{WAIT_MS_MAX, retry_after_ms},
};

/// An answer, as far as it was read. It may hold secrets: it has no `Debug`.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// When its headers came, in ms since 1970.
    pub(crate) arrived_ms: EpochMs,
    /// Where it came from, after redirects, without credentials.
    pub(crate) url: Url,
    /// As much of its body as was read, decompressed, and as UTF-8 where it says what it is.
    pub(crate) body: Bytes,
    /// Where that ends.
    pub(crate) end: BodyEnd,
    /// Its body as it comes, where that is left to the caller.
    pub(crate) rest: Option<Response>,
}

/// Where the reading of a body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// At its end.
    Whole,
    /// At the limit: there was more.
    Cut,
    /// It broke off, or the time was up.
    Broken(NoAnswer),
    /// Before its first byte: there was no need to read it.
    Unread,
}

/// Which bodies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// None: the status says all.
    Nothing,
    /// All of them.
    Everything,
    /// Those of failures. What comes with a success is left to the caller, as it is: see [`Answer::rest`].
    Failures,
}

impl Answer {
    /// Takes a response's head, and reads its body up to `body_bytes_max` bytes where it is to be read.
    pub(super) async fn of(
        mut response: Response,
        url: Url,
        arrived_ms: EpochMs,
        (reads, body_bytes_max): (Reads, usize),
        redactor: &Redactor,
    ) -> Self {
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let (body, end, rest) = match reads {
            Reads::Nothing => (Bytes::new(), BodyEnd::Unread, None),
            Reads::Failures if status.is_success() => {
                (Bytes::new(), BodyEnd::Unread, Some(response))
            }
            Reads::Everything | Reads::Failures => {
                let (body, end) = read(response, body_bytes_max, redactor).await;
                (body, end, None)
            }
        };
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let body = decode::utf8(body, content_type);
        Self { status, headers, arrived_ms, url, body, end, rest }
    }

    /// An answer with nothing but a status and a body.
    #[cfg(test)]
    pub(crate) fn for_test(status: u16, body: &str) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            arrived_ms: 0,
            url: Url::parse("https://api.test/").unwrap(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            end: BodyEnd::Whole,
            rest: None,
        }
    }

    /// Whether all of its body was read.
    pub(crate) fn is_whole(&self) -> bool {
        self.end == BodyEnd::Whole
    }

    /// How long it asks us to wait by `Retry-After`, in ms, at most an hour.
    pub(crate) fn after_ms(&self) -> Option<u64> {
        self.after_ms_up_to(WAIT_MS_MAX)
    }

    /// The same, in ms, at most `ms_max`.
    pub(crate) fn after_ms_up_to(&self, ms_max: u64) -> Option<u64> {
        let asked_ms = retry_after_ms(self.header(RETRY_AFTER)?, self.arrived_ms);
        asked_ms.map(|ms| ms.min(ms_max))
    }

    /// What came instead of JSON, for people. `None` where it may be JSON.
    pub(crate) fn instead_of_json(&self) -> Option<String> {
        decode::instead_of_json(self.header(CONTENT_TYPE), &self.body)
    }

    /// A header's value; of several, the first. `None` also where it is no text.
    pub(crate) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Reads a body, counting decompressed bytes: a small one may unpack to gigabytes.
async fn read(mut response: Response, bytes_max: usize, redactor: &Redactor) -> (Bytes, BodyEnd) {
    let mut body = BytesMut::new();
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = bytes_max - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    break BodyEnd::Cut;
                }
            }
            Ok(None) => break BodyEnd::Whole,
            Err(error) => break BodyEnd::Broken(NoAnswer::of(error, redactor)),
        }
    };
    (body.freeze(), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(status: u16, reads: Reads, body_bytes_max: usize) -> Answer {
        let response = axum::http::Response::builder().status(status).header("retry-after", "2");
        let response = response.body("12345").unwrap().into();
        let url = Url::parse("https://api.test/").unwrap();
        Answer::of(response, url, 0, (reads, body_bytes_max), &Redactor::default()).await
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_bound_and_says_whether_there_was_more() {
        for (body_bytes_max, body, end) in [
            (6, "12345", BodyEnd::Whole),
            (5, "12345", BodyEnd::Whole),
            (4, "1234", BodyEnd::Cut),
            (0, "", BodyEnd::Cut),
        ] {
            let answer = answer(200, Reads::Everything, body_bytes_max).await;
            assert_eq!(
                (&answer.body[..], &answer.end),
                (body.as_bytes(), &end),
                "{body_bytes_max}"
            );
            assert_eq!(answer.is_whole(), end == BodyEnd::Whole);
            assert_eq!(answer.after_ms(), Some(2_000));
        }
    }

    #[tokio::test]
    async fn what_need_not_be_read_is_left() {
        for (status, reads, is_read) in
            [(404, Reads::Everything, true), (200, Reads::Nothing, false)]
        {
            let answer = answer(status, reads, 9).await;
            assert_eq!(answer.end != BodyEnd::Unread, is_read, "{status} {reads:?}");
            assert_eq!(answer.body.is_empty(), !is_read);
        }
    }
}
