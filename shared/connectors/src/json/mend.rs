//! Answers that are nearly JSON: half a surrogate pair, a raw control character, bytes that are no UTF-8, NaN.
//!
//! One such letter in one record's message must not hide what the answer says of the others.

use std::borrow::Cow;

use bytes::Bytes;

/// What stands for a letter that is none.
const REPLACEMENT: &[u8] = br"\ufffd";
/// Numbers that JSON does not have, as some servers write them.
const NO_NUMBERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// The same text with what is no JSON replaced, as far as a letter or a number can be told from its
/// neighbours: letters by U+FFFD, numbers by null. As it came where nothing is to be replaced.
pub(crate) fn mended(text: Bytes) -> Bytes {
    let lossy = String::from_utf8_lossy(&text);
    let bytes = lossy.as_bytes();
    // What was written of it with something replaced, and how far.
    let (mut out, mut copied) = (Vec::new(), 0);
    let (mut at, mut in_text) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let (taken, written): (usize, &[u8]) = match byte {
            b'\\' if in_text => escape(rest),
            ..0x20 if in_text => (1, REPLACEMENT),
            b'-' | b'I' | b'N' if !in_text => {
                match NO_NUMBERS.iter().find(|number| rest.starts_with(number)) {
                    Some(number) => (number.len(), b"null"),
                    None => (1, &rest[..1]),
                }
            }
            _ => {
                in_text ^= byte == b'"';
                at += 1;
                continue;
            }
        };
        if written != &rest[..taken] {
            out.extend_from_slice(&bytes[copied..at]);
            out.extend_from_slice(written);
            copied = at + taken;
        }
        at += taken;
    }
    if copied > 0 {
        out.extend_from_slice(&bytes[copied..]);
        return out.into();
    }
    match lossy {
        Cow::Owned(mended) => mended.into(),
        Cow::Borrowed(_) => text,
    }
}

/// How many bytes an escape takes that a text begins with, and what is written for it.
fn escape(text: &[u8]) -> (usize, &[u8]) {
    let unit = |text: &[u8]| {
        let hex = text.strip_prefix(br"\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    };
    match unit(text) {
        Some(0xd800..=0xdbff) => match unit(&text[6..]) {
            Some(0xdc00..=0xdfff) => (12, &text[..12]),
            _ => (6, REPLACEMENT),
        },
        Some(0xdc00..=0xdfff) => (6, REPLACEMENT),
        Some(_) => (6, &text[..6]),
        None => {
            let taken = text.len().min(2);
            (taken, &text[..taken])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8]) -> String {
        String::from_utf8(mended(Bytes::copy_from_slice(text)).to_vec()).unwrap()
    }

    #[test]
    fn what_is_no_json_is_replaced_and_all_else_stays() {
        for (came, mended) in [
            (&br#"{"a":"x\ud83d y"}"#[..], r#"{"a":"x\ufffd y"}"#),
            (br#"{"a":"\udc00"}"#, r#"{"a":"\ufffd"}"#),
            (br#"{"a":"\ud83d\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            (b"{\"a\":\"tab\there\",\n\"b\":1}", "{\"a\":\"tab\\ufffdhere\",\n\"b\":1}"),
            (b"{\"a\":\"\xff\"}", "{\"a\":\"\u{fffd}\"}"),
            (
                br#"{"a":NaN,"b":[-Infinity,Infinity,-1],"c":"NaN"}"#,
                r#"{"a":null,"b":[null,null,-1],"c":"NaN"}"#,
            ),
            (br#"{"a":"\"\\","b":"\\ud800"}"#, r#"{"a":"\"\\","b":"\\ud800"}"#),
            (br#"{"a":"\u"#, r#"{"a":"\u"#),
            (br#"{"a":"\"#, r#"{"a":"\"#),
            (br#"{"a":"\ud83d"#, r#"{"a":"\ufffd"#),
        ] {
            assert_eq!(of(came), mended);
        }
    }
}
