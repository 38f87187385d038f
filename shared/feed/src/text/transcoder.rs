//! From the bytes of a file to UTF-8.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use super::{
    detect::{Charset, Detected, HEAD_BYTES, detect},
    offsets::Offsets,
    utf8::Utf8,
};
use crate::Notices;

/// Brings bytes in any encoding of the WHATWG's list to UTF-8, piece by piece.
///
/// Sequences that the encoding does not have become U+FFFD, and are counted: one bad byte is a blemish of one
/// record. It holds at most a KiB until the encoding is known and some bytes thereafter; encodings of several bytes a
/// character other than UTF-8 and UTF-16 also need what was not [passed](Self::pass) yet a second time.
pub struct Transcoder {
    charset: Charset,
    state: State,
    notices: Notices,
}

enum State {
    /// The first bytes, until there are enough to tell the encoding by.
    Head(Vec<u8>),
    Text {
        encoding: &'static Encoding,
        decoding: Decoding,
        offsets: Offsets,
    },
}

enum Decoding {
    Utf8(Utf8),
    Other(Box<Decoder>),
}

impl Transcoder {
    /// For a file from its first byte on.
    #[must_use]
    pub fn new(charset: Charset) -> Self {
        Self { charset, state: State::Head(Vec::new()), notices: Notices::default() }
    }

    /// For a file whose encoding is known, from the offset `raw` on.
    #[must_use]
    pub fn resume(encoding: &'static Encoding, raw: u64) -> Self {
        let charset = Charset { forced: Some(encoding), transfer: None };
        Self { charset, state: State::text(encoding, raw), notices: Notices::default() }
    }

    /// The encoding, once some of the text came.
    #[must_use]
    pub fn encoding(&self) -> Option<&'static Encoding> {
        match &self.state {
            State::Head(_) => None,
            State::Text { encoding, .. } => Some(encoding),
        }
    }

    /// Whether [`resume`](Self::resume) can begin behind any character. It cannot where the meaning of bytes depends
    /// on those before them.
    #[must_use]
    pub fn begins_anywhere(&self) -> bool {
        self.encoding().is_some_and(Offsets::begin_anywhere)
    }

    /// Appends the text of a piece to the window.
    pub fn push(&mut self, piece: &[u8], window: &mut String) {
        match &mut self.state {
            State::Head(head) => {
                head.extend_from_slice(piece);
                if head.len() >= HEAD_BYTES {
                    self.begin(window);
                }
            }
            State::Text { decoding, offsets, .. } => {
                self.notices.replaced += match decoding {
                    Decoding::Utf8(utf8) => utf8.push(piece, window, offsets),
                    Decoding::Other(decoder) => {
                        offsets.keep(piece);
                        decode(decoder, piece, false, window)
                    }
                };
            }
        }
    }

    /// No more comes: appends what was held back.
    pub fn finish(&mut self, window: &mut String) {
        if let State::Head(_) = self.state {
            self.begin(window);
        }
        if let State::Text { decoding, offsets, .. } = &mut self.state {
            self.notices.replaced += match decoding {
                Decoding::Utf8(utf8) => utf8.finish(window, offsets),
                Decoding::Other(decoder) => decode(decoder, &[], true, window),
            };
        }
    }

    /// Moves on over text that was appended, from the place behind what was passed last, and answers with the offset
    /// in the file behind it. What text is passed is never asked for again.
    pub fn pass(&mut self, text: &str) -> u64 {
        match &mut self.state {
            State::Head(_) => 0,
            State::Text { offsets, .. } => offsets.pass(text),
        }
    }

    /// What was replaced or noticed since the last call.
    pub fn notices(&mut self) -> Notices {
        std::mem::take(&mut self.notices)
    }

    /// Finds out the encoding by what came.
    fn begin(&mut self, window: &mut String) {
        let State::Head(head) = &mut self.state else { return };
        let head = std::mem::take(head);
        let Detected { encoding, mark, notice } = detect(&head, self.charset);
        if let Some(notice) = notice {
            self.notices.tell(notice);
        }
        self.state = State::text(encoding, mark as u64);
        self.push(&head[mark..], window);
    }
}

impl State {
    fn text(encoding: &'static Encoding, raw: u64) -> Self {
        let decoding = if encoding == UTF_8 {
            Decoding::Utf8(Utf8::at(raw))
        } else {
            Decoding::Other(Box::new(encoding.new_decoder_without_bom_handling()))
        };
        Self::Text { encoding, decoding, offsets: Offsets::new(encoding, raw) }
    }
}

/// Decodes all of a piece, and answers with how many sequences were replaced.
fn decode(decoder: &mut Decoder, mut piece: &[u8], last: bool, window: &mut String) -> u64 {
    let mut replaced = 0;
    loop {
        let room = decoder.max_utf8_buffer_length_without_replacement(piece.len().min(64 << 10));
        window.reserve(room.unwrap_or_default().max(16));
        let (result, read) = decoder.decode_to_string_without_replacement(piece, window, last);
        piece = &piece[read..];
        match result {
            DecoderResult::InputEmpty => return replaced,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                window.push(char::REPLACEMENT_CHARACTER);
                replaced += 1;
            }
        }
    }
}
