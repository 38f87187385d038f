//! Text as JSON.

/// How white space in a text is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// Line ends of any kind are line feeds.
    Lines,
    /// In an attribute each is a blank.
    Blanks,
    /// As it is: by reference.
    Kept,
}

/// What a byte is to the writer.
const PLAIN: u8 = 0;
const QUOTED: u8 = 1;
const WHITE: u8 = 2;
const CONTROL: u8 = 3;
/// The first byte of U+FFFE and U+FFFF, which no XML may hold, and of characters that it may.
const HIGH: u8 = 4;

static CLASSES: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    let mut byte = 0;
    while byte < 0x20 {
        classes[byte] = CONTROL;
        byte += 1;
    }
    classes[b'\t' as usize] = WHITE;
    classes[b'\n' as usize] = WHITE;
    classes[b'\r' as usize] = WHITE;
    classes[b'"' as usize] = QUOTED;
    classes[b'\\' as usize] = QUOTED;
    classes[0xEF] = HIGH;
    classes
};

/// Writes text within a string of JSON. Answers with how many characters that no XML may hold were left out.
pub(super) fn escape(text: &str, space: Space, out: &mut Vec<u8>) -> u64 {
    let bytes = text.as_bytes();
    let (mut from, mut at, mut dropped) = (0, 0, 0);
    while let Some(plain) = bytes[at..].iter().position(|byte| CLASSES[*byte as usize] != PLAIN) {
        at += plain;
        let byte = bytes[at];
        let length = match CLASSES[byte as usize] {
            HIGH if matches!(bytes[at..], [0xEF, 0xBF, 0xBE | 0xBF, ..]) => 3,
            HIGH => {
                at += 3;
                continue;
            }
            WHITE if byte == b'\r' && space != Space::Kept && bytes.get(at + 1) == Some(&b'\n') => {
                2
            }
            _ => 1,
        };
        out.extend_from_slice(&bytes[from..at]);
        match CLASSES[byte as usize] {
            QUOTED => out.extend_from_slice(&[b'\\', byte]),
            WHITE => out.extend_from_slice(white(byte, space)),
            _ => dropped += 1,
        }
        at += length;
        from = at;
    }
    out.extend_from_slice(&bytes[from..]);
    dropped
}

fn white(byte: u8, space: Space) -> &'static [u8] {
    match (space, byte) {
        (Space::Blanks, _) => b" ",
        (_, b'\t') => b"\\t",
        (Space::Kept, b'\r') => b"\\r",
        _ => b"\\n",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str, space: Space) -> (String, u64) {
        let mut out = b"\"".to_vec();
        let dropped = escape(text, space, &mut out);
        out.push(b'"');
        (serde_json::from_slice(&out).unwrap(), dropped)
    }

    #[test]
    fn line_ends_are_as_xml_has_them() {
        assert_eq!(escaped("a\r\nb\rc\n\td\r\r\n", Space::Lines).0, "a\nb\nc\n\td\n\n");
        assert_eq!(escaped("a\r\nb\rc\n\td", Space::Blanks).0, "a b c  d");
        assert_eq!(escaped("a\r\nb", Space::Kept).0, "a\r\nb");
    }

    #[test]
    fn what_no_xml_may_hold_is_left_out_and_counted() {
        assert_eq!(
            escaped("a\u{0}\u{3}b\u{1f}\u{fffe}\u{ffff}\u{fffd}！\u{7f}\u{85}\"\\", Space::Lines),
            ("ab\u{fffd}！\u{7f}\u{85}\"\\".to_owned(), 5)
        );
    }

    proptest! {
        #[test]
        fn any_other_text_comes_back(text in "[^\u{0}-\u{1f}\u{fffe}\u{ffff}]{0,40}") {
            prop_assert_eq!(escaped(&text, Space::Lines), (text, 0));
        }
    }
}
