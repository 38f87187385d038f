//! What the readers of formats share: how they are asked for, and what bounds what they hand on.

use bytes::Bytes;

/// Why a format cannot be read as it was asked for, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFormat(pub String);

/// Most bytes of the text of a record at fault that are handed on.
const FAULTY_BYTES_MAX: usize = 64 << 10;
/// Most bytes of a context.
pub(crate) const CONTEXT_BYTES_MAX: usize = 1024;

/// As much of the text of a record at fault as is handed on.
pub(crate) fn faulty(text: &str) -> Bytes {
    Bytes::copy_from_slice(&text.as_bytes()[..text.floor_char_boundary(FAULTY_BYTES_MAX)])
}

/// Most bytes of a name that stands in a file, where it is told in an error.
const NAME_TOLD_MAX: usize = 200;

/// A name that stands in a file, as it is told in an error: in quotes, on one line, and cut where it is too long.
pub(crate) fn told(name: &str) -> String {
    match name.floor_char_boundary(NAME_TOLD_MAX) {
        end if end < name.len() => format!("{:?}…", &name[..end]),
        _ => format!("{name:?}"),
    }
}
