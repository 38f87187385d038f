//! Where in a file's bytes a place in its text is.

use std::collections::VecDeque;

use encoding_rs::{Decoder, Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes kept in front of the place before those that follow are moved to the front.
const PASSED_BYTES_MAX: usize = 64 << 10;

/// The offset in the file of a place that moves on through its text.
pub(super) struct Offsets {
    /// How many bytes of UTF-8 lie before the place.
    text: u64,
    /// How many bytes of the file do.
    raw: u64,
    kind: Kind,
}

/// How the length of a character in the file is known from the text.
enum Kind {
    /// As many bytes as in the text, but for sequences that were replaced: behind each the two go on side by side
    /// from the places given, first in the text.
    Utf8(VecDeque<(u64, u64)>),
    /// One byte a character.
    Single,
    /// Two bytes, or four.
    Utf16,
    /// By decoding once more, one place behind the other. What was not passed yet is kept for it.
    Decoded { decoder: Box<Decoder>, bytes: Vec<u8>, passed: usize },
}

impl Offsets {
    pub fn new(encoding: &'static Encoding, raw: u64) -> Self {
        let kind = if encoding == UTF_8 {
            Kind::Utf8(VecDeque::new())
        } else if encoding == UTF_16LE || encoding == UTF_16BE {
            Kind::Utf16
        } else if encoding.is_single_byte() {
            Kind::Single
        } else {
            let decoder = Box::new(encoding.new_decoder_without_bom_handling());
            Kind::Decoded { decoder, bytes: Vec::new(), passed: 0 }
        };
        Self { text: 0, raw, kind }
    }

    /// Whether a decoder that knows nothing of what came before can begin behind any character.
    pub fn begin_anywhere(encoding: &'static Encoding) -> bool {
        encoding != ISO_2022_JP
    }

    /// Bytes that will be decoded to the text that follows.
    pub fn keep(&mut self, raw: &[u8]) {
        if let Kind::Decoded { bytes, passed, .. } = &mut self.kind {
            if *passed > PASSED_BYTES_MAX {
                bytes.drain(..*passed);
                *passed = 0;
            }
            bytes.extend_from_slice(raw);
        }
    }

    /// A sequence was replaced, and the text behind it begins at `text` bytes of UTF-8 and `raw` bytes of the file.
    pub fn replaced(&mut self, text: u64, raw: u64) {
        if let Kind::Utf8(segments) = &mut self.kind {
            segments.push_back((text, raw));
        }
    }

    /// Moves on over some text, and answers with the offset in the file behind it.
    pub fn pass(&mut self, text: &str) -> u64 {
        let to = self.text + text.len() as u64;
        match &mut self.kind {
            Kind::Utf8(segments) => {
                while let Some((segment, raw)) =
                    segments.front().copied().filter(|(segment, _)| *segment <= to)
                {
                    (self.text, self.raw) = (segment, raw);
                    segments.pop_front();
                }
                self.raw += to - self.text;
            }
            Kind::Single => self.raw += text.chars().count() as u64,
            Kind::Utf16 => self.raw += 2 * text.chars().map(char::len_utf16).sum::<usize>() as u64,
            Kind::Decoded { decoder, bytes, passed } => {
                let read = decode_on(decoder, &bytes[*passed..], text.len());
                *passed += read;
                self.raw += read as u64;
            }
        }
        self.text = to;
        self.raw
    }
}

/// Decodes until `length` bytes of UTF-8 came, and answers with how many of the bytes they came from.
fn decode_on(decoder: &mut Decoder, bytes: &[u8], length: usize) -> usize {
    let mut buffer = [0; 4096];
    let (mut read, mut written) = (0, 0);
    while written < length && read < bytes.len() {
        // A decoder stops a character or two before its buffer is full. The last ones are fed byte by byte.
        let left = length - written;
        let (from, room) = if left > 32 {
            (&bytes[read..], left.min(buffer.len()) - 16)
        } else {
            (&bytes[read..=read], 16)
        };
        let (_, took, gave, _) = decoder.decode_to_utf8(from, &mut buffer[..room], false);
        read += took;
        written += gave;
    }
    read
}
