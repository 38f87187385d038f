//! Reading JSON without building it: values are picked out as byte ranges of the text.

pub(crate) mod bounds;
mod mend;
mod picker;
mod raw;
mod same;
mod scalar;
mod stands;
mod trie;

pub(crate) use mend::mended;
pub(crate) use picker::{Elements, Picker, Picks};
pub(crate) use raw::{fields, items, with};
pub use same::is_same;
pub(crate) use same::is_same_text;
pub(crate) use scalar::{Scalar, quote};
pub(crate) use stands::stands;

/// Why a text is no JSON, in one line.
pub(crate) fn fault(error: &jiter::JiterError, text: &[u8]) -> String {
    let at = jiter::LinePosition::find(text, error.index);
    format!("{} at line {} column {}", error.error_type, at.line, at.column)
}
