//! Where records come from: a file or a folder a kind, and a line here.

mod ids;
mod kind;
mod look;
mod notes;

use crate::kinds::kinds;
pub(crate) use http::TimeFormat;
pub(crate) use kind::SourceKind;
pub use look::{Fact, Look, Sight};

kinds! {
    /// Where records come from: exactly one kind.
    pub(crate) enum Source: SourceKind {
        mod http: Http;
        mod ndjson: Ndjson;
    }
}
