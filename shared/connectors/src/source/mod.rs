//! Where records come from: a file or a folder a kind, and a line here.

mod ids;
mod kind;
mod look;
mod notes;
mod steps;

use crate::kinds::kinds;
pub(crate) use http::TimeFormat;
pub(crate) use kind::{SourceKind, SourceReader};
pub use look::{Fact, Look, Sight};

kinds! {
    /// Where records come from: exactly one kind.
    pub(crate) enum Source: SourceKind, SourceReader by reader {
        mod http: Http;
        mod feed: Feed;
        mod ndjson: Ndjson;
    }
}
