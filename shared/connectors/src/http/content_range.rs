//! `Content-Range`: which part of a file an answer has (RFC 9110, section 14.4).

/// A part, or why there is none. In bytes from the file's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// Where it begins and where its last byte is; `None` where no part was to be had.
    pub(super) part: Option<(u64, u64)>,
    /// Of the whole file; `None` where it is not said.
    pub(super) length: Option<u64>,
}

impl ContentRange {
    /// What the header says; `None` where that makes no sense.
    pub(super) fn read(value: &str) -> Option<Self> {
        let (unit, said) = value.trim().split_once(' ')?;
        let (part, length) = said.trim().split_once('/')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let part = match part.trim() {
            "*" => None,
            part => {
                let (first, last) = part.split_once('-')?;
                Some((number(first)?, number(last)?))
            }
        };
        let length = match length.trim() {
            "*" => None,
            length => Some(number(length)?),
        };
        let is_sound = match part {
            Some((first, last)) => first <= last && length.is_none_or(|length| last < length),
            None => length.is_some(),
        };
        is_sound.then_some(Self { part, length })
    }
}

/// Digits alone: a parser takes a sign too.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_within_the_file() {
        let range = |part, length| Some(ContentRange { part, length });
        for (value, expected) in [
            ("bytes 0-499/1234", range(Some((0, 499)), Some(1_234))),
            ("BYTES 5-5/6", range(Some((5, 5)), Some(6))),
            ("bytes 5-7/*", range(Some((5, 7)), None)),
            ("bytes */1234", range(None, Some(1_234))),
            ("bytes */*", None),
            ("bytes 5-4/6", None),
            ("bytes 5-6/6", None),
            ("bytes -5/6", None),
            ("bytes +1-2/6", None),
            ("bytes 0-99999999999999999999/6", None),
            ("items 0-1/6", None),
            ("bytes=0-1/6", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::read(value), expected, "{value}");
        }
    }
}
