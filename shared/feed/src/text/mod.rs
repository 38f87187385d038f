//! The text of a file: which encoding its bytes are in, and the same text in UTF-8.
//!
//! Readers of formats see sound UTF-8 alone. An operator reads places in the file as it lies there, and a later
//! reading begins at one, so a [`Transcoder`] also tells for any place in its text the exact offset in the bytes
//! it came from.

mod detect;
mod offsets;
mod transcoder;
mod utf8;

pub use detect::Charset;
pub use encoding_rs::Encoding;
pub use transcoder::Transcoder;

#[cfg(test)]
mod tests;
