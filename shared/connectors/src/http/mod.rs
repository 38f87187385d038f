//! What every HTTP connector shares.
//!
//! [`transmit`] is the only place that sends, and [`exchange`] what sources, marks, destinations and look-ups
//! send by: it adds the credentials of [`auth`], which asks for its tokens by `transmit` itself, and keeps to
//! a source's [`budget`]. [`answers`] says what an answer means, [`limits`] what it permits, and [`redact`]
//! keeps secrets out of what is said.

mod answer;
mod answers;
mod auth;
mod budget;
mod client;
mod content_range;
mod decode;
mod download;
mod exchange;
mod limits;
mod no_answer;
mod origin;
mod percent;
mod post;
mod proof;
mod redact;
mod request;
mod retry_after;
mod transmit;
mod url;
mod witness;
mod words;

pub(crate) use answer::{Answer, BodyEnd, Reads};
pub(crate) use answers::{
    AnswerRule, Answers, Judged, ListedFailure, Meaning, Rules, ShortForms, counted_failures,
    listed_failure, worded_failure,
};
pub(crate) use auth::{Auth, authenticator};
pub(crate) use budget::RequestBudget;
pub use client::HttpClient;
pub(crate) use download::HttpFile;
pub(crate) use exchange::{Astray, Exchange, ExchangeError};
pub(crate) use limits::{Advertised, AdvertisedLimits, LimitBody, LimitHeaders};
pub(crate) use no_answer::{FailureKind, NoAnswer};
pub(crate) use origin::Origin;
pub(crate) use percent::encode_segment;
pub(crate) use redact::Redactor;
pub(crate) use request::Request;
pub(crate) use transmit::Transmitter;
pub(crate) use url::{RecordUrl, UrlError};
pub use witness::{AnswerPreview, RequestPreview, Witness};
pub(crate) use words::is_listed;
