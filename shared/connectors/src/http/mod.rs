//! What every HTTP connector shares: the client, credentials, origins, what an answer means and permits,
//! and what it may tell an operator.

mod auth;
mod client;
mod headers;
mod limits;
mod origin;
mod post;
mod redact;
mod retry_after;
mod rules;
mod url;
mod words;

pub(crate) use auth::{Auth, AuthError, Proof};
pub use client::HttpClient;
pub(crate) use client::{describe, failure};
pub(crate) use headers::headers;
pub(crate) use limits::{Left, Limits};
pub(crate) use origin::Origin;
pub(crate) use redact::Redactor;
pub(crate) use retry_after::{WAIT_MS_MAX, retry_after_ms};
pub(crate) use rules::{Judged, Rules, ShortForms, Verdict};
pub(crate) use url::{RecordUrl, UrlError, encode_segment};
pub(crate) use words::Words;
