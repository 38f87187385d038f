//! Reading JSON without building it: values are picked out as byte ranges of the text.

pub(crate) mod bounds;
mod mend;
mod picker;
mod same;
mod scalar;
mod trie;

pub(crate) use mend::mended;
pub(crate) use picker::{Elements, Picker, Picks};
pub use same::is_same;
pub(crate) use same::is_same_text;
pub(crate) use scalar::{Scalar, quote};

/// Why a text is no JSON, in one line.
pub(crate) fn fault(error: &jiter::JiterError, text: &[u8]) -> String {
    let at = jiter::LinePosition::find(text, error.index);
    format!("{} at line {} column {}", error.error_type, at.line, at.column)
}
