//! What proves one request.

use reqwest::header::{HeaderName, HeaderValue};
use tidegate_core::model::EpochMs;

use crate::http::request::Request;

/// Proves who sends a request. It holds secrets: it has no `Debug`.
pub(crate) trait Proof: Send + Sync {
    /// Adds the proof to a request that is otherwise as it will be sent: every header of its section is
    /// on it, and nothing but what the client says of the connection (`Host`, `Content-Length`,
    /// `User-Agent`, …) is added later. A request that is sent again is proved again, with the time
    /// of then.
    fn prove(&self, request: &mut Request, now_ms: EpochMs);

    /// Which token it is; `None` where nothing newer is to be had.
    fn generation(&self) -> Option<u64> {
        None
    }
}

/// The proof of a request that needs none.
pub(crate) struct Unproved;

/// A header that is the same on every request.
pub(crate) struct HeaderProof {
    name: HeaderName,
    value: HeaderValue,
    generation: Option<u64>,
}

impl Proof for Unproved {
    fn prove(&self, _: &mut Request, _: EpochMs) {}
}

impl HeaderProof {
    /// A header with this value; `None` if no header may carry it.
    pub(crate) fn new(name: HeaderName, value: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Self { name, value, generation: None })
    }

    /// It carries a token, of which newer ones may be had.
    pub(crate) fn of_generation(self, generation: u64) -> Self {
        Self { generation: Some(generation), ..self }
    }
}

impl Proof for HeaderProof {
    fn prove(&self, request: &mut Request, _: EpochMs) {
        request.headers.insert(self.name.clone(), self.value.clone());
    }

    fn generation(&self) -> Option<u64> {
        self.generation
    }
}
