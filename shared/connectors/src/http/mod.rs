//! What every HTTP connector shares: the client, credentials, origins, and what a response may
//! tell an operator.

mod auth;
mod client;
mod headers;
mod origin;
mod redact;
mod retry_after;
mod url;

pub(crate) use auth::{Auth, AuthError, Proof};
pub use client::HttpClient;
pub(crate) use client::describe;
pub(crate) use headers::headers;
pub(crate) use origin::Origin;
pub(crate) use redact::Redactor;
pub(crate) use retry_after::retry_after_ms;
pub(crate) use url::{RecordUrl, encode_segment};
