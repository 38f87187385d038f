//! What every HTTP connector shares.
//!
//! [`transmit`] is the only place that sends, and [`exchange`] what sources, marks, destinations and look-ups
//! send by: it adds the credentials of [`auth`], which asks for its tokens by `transmit` itself. [`rules`]
//! says what an answer means, [`limits`] what it permits, and [`redact`] keeps secrets out of what is said.

mod answer;
mod auth;
mod client;
mod exchange;
mod headers;
mod limits;
mod no_answer;
mod origin;
mod percent;
mod post;
mod redact;
mod request;
mod retry_after;
mod rules;
mod transmit;
mod url;
mod words;

pub(crate) use answer::{Answer, BodyEnd, Reads};
pub(crate) use auth::{Auth, authenticator};
pub use client::HttpClient;
pub(crate) use exchange::{Astray, Exchange, ExchangeError, is_unauthorized};
pub(crate) use headers::headers;
pub(crate) use limits::Limits;
pub(crate) use no_answer::NoAnswer;
pub(crate) use origin::Origin;
pub(crate) use percent::encode_segment;
pub(crate) use redact::Redactor;
pub(crate) use request::Request;
pub(crate) use rules::{Judged, Rules, ShortForms, Verdict};
pub(crate) use transmit::Transmitter;
pub(crate) use url::{RecordUrl, UrlError};
pub(crate) use words::Words;
