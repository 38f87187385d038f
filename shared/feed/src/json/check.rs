//! Whether a text is a record.

use memchr::{memchr, memchr2_iter, memmem};
use serde::de::IgnoredAny;

use super::scan::Scan;

/// Why a text is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("it is no JSON: {0}")]
    NotJson(String),
    #[error("it has more than {0} lists and objects within each other (depth_max)")]
    TooDeep(usize),
}

/// Checks that `text` is one value of JSON, with at most `depth_max` lists and objects within each other.
///
/// # Errors
/// It is not.
pub(super) fn check(text: &str, depth_max: usize) -> Result<(), Unfit> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|err| Unfit::NotJson(err.to_string()))?;
    // As many brackets as that cannot be too deep; most records have less.
    if memchr2_iter(b'{', b'[', text.as_bytes()).take(depth_max + 1).count() > depth_max {
        let mut scan = Scan::new(depth_max);
        let _ = scan.pass(text.as_bytes());
        if scan.is_too_deep() {
            return Err(Unfit::TooDeep(depth_max));
        }
    }
    Ok(())
}

/// Writes a record as it stands, but for halves of surrogate pairs. Answers with how many those were.
pub(super) fn write(record: &str, out: &mut Vec<u8>) -> u64 {
    let bytes = record.as_bytes();
    if memmem::find(bytes, b"\\u").is_none() {
        out.extend_from_slice(bytes);
        return 0;
    }
    let (mut at, mut from, mut halves) = (0, 0, 0);
    while let Some(escape) = memchr(b'\\', &bytes[at..]) {
        at += escape;
        match (unit(bytes, at), unit(bytes, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(&bytes[from..at]);
                out.extend_from_slice(b"\\ufffd");
                halves += 1;
                at += 6;
                from = at;
            }
            (Some(_), _) => at += 6,
            // An escaped character, which may be a backslash itself.
            (None, _) => at += 2,
        }
    }
    out.extend_from_slice(&bytes[from..]);
    halves
}

/// The unit of UTF-16 that is escaped at this place.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced_and_pairs_are_not() {
        for (text, expected, halves) in [
            (r#""a""#, r#""a""#, 0),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#, 0),
            (r#""cut \ud83d""#, r#""cut \ufffd""#, 1),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#, 2),
            (r#""\ud83d\ud83d\ude00\u00e9""#, r#""\ufffd\ud83d\ude00\u00e9""#, 1),
            (r#""\\ud83d \\\ud83d\n""#, r#""\\ud83d \\\ufffd\n""#, 1),
            (r#""\uD83D x""#, r#""\ufffd x""#, 1),
        ] {
            let mut out = Vec::new();
            assert_eq!(write(text, &mut out), halves, "{text}");
            assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);
            serde_json::from_slice::<String>(&out).unwrap();
        }
    }

    #[test]
    fn depth_is_told_from_brackets_in_texts() {
        assert_eq!(check(r#"[{"a":["[[[[[["]}]"#, 3), Ok(()));
        assert_eq!(check(r#"[{"a":[[1]]}]"#, 3), Err(Unfit::TooDeep(3)));
        assert!(check("{", 3).unwrap_err().to_string().contains("no JSON"));
        assert!(check("", 3).is_err());
        assert!(check("1 2", 3).is_err());
    }
}
