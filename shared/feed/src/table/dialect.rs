//! What stands between values, where nothing says so.

use super::over::Over;
use super::row::{End, Row};

/// What is taken for a delimiter, the first of them where nothing speaks for one.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many rows are looked at.
const ROWS: usize = 20;
/// How much text is looked at, in bytes.
pub(super) const SAMPLE_BYTES: usize = 64 << 10;

/// The delimiter that a first line `sep=…` names, and the line's length. `None` if there is none; the error is that more must
/// come to tell.
pub(super) fn separator(text: &str, last: bool) -> Result<Option<(u8, usize)>, ()> {
    let bytes = text.as_bytes();
    let quotes = usize::from(bytes.first() == Some(&b'"'));
    let mark = b"sep=";
    let seen = bytes.len().saturating_sub(quotes).min(mark.len());
    if !bytes[quotes..quotes + seen].eq_ignore_ascii_case(&mark[..seen]) {
        return Ok(None);
    }
    let from = quotes + mark.len();
    let behind = from + 1 + quotes;
    // The line, its end, and one byte behind a carriage return.
    if bytes.len() < behind + 2 && !last {
        return Err(());
    }
    let Some(&delimiter) = bytes.get(from) else { return Ok(None) };
    if matches!(delimiter, b'"' | b'\n' | b'\r') || !delimiter.is_ascii() {
        return Ok(None);
    }
    if quotes == 1 && bytes.get(from + 1) != Some(&b'"') {
        return Ok(None);
    }
    // Where the line is written by a program that pads all lines, delimiters follow it.
    let padding =
        bytes[behind.min(bytes.len())..].iter().take_while(|byte| **byte == delimiter).count();
    let behind = behind + padding;
    match (bytes.get(behind), bytes.get(behind + 1)) {
        (None, _) | (Some(b'\r'), None) if !last => Err(()),
        (None, _) => Ok(Some((delimiter, bytes.len()))),
        (Some(b'\r'), Some(b'\n')) => Ok(Some((delimiter, behind + 2))),
        (Some(b'\n' | b'\r'), _) => Ok(Some((delimiter, behind + 1))),
        _ => Ok(None),
    }
}

/// The delimiter that goes best with the rows of `sample`, of which the last may be cut unless it `ends` the file: with
/// the most rows that have as many values as the first, and of those the one with the most values.
pub(super) fn delimiter(sample: &[u8], comment: Option<u8>, ends: bool) -> u8 {
    let mut best = (0, CANDIDATES[0]);
    for candidate in CANDIDATES {
        let score = score(sample, candidate, comment, ends);
        if score > best.0 {
            best = (score, candidate);
        }
    }
    best.1
}

fn score(sample: &[u8], delimiter: u8, comment: Option<u8>, ends: bool) -> usize {
    let mut row = Row::default();
    let (mut at, mut rows, mut alike, mut first) = (0, 0, 0, None);
    while at < sample.len() && rows < ROWS {
        if Some(sample[at]) == comment {
            let Some(end) = Over::line().pass(&sample[at..], ends) else { break };
            at += end;
            continue;
        }
        match row.split(sample, at, delimiter, 0, ends) {
            End::At { end, .. } => at = end,
            End::Unknown | End::Open(_) => {
                // Of a first row that is cut, what can be seen counts.
                if rows == 0 && row.count > 1 {
                    return 1000 + row.count.min(999);
                }
                break;
            }
        }
        if row.filled == 0 {
            continue;
        }
        rows += 1;
        let first = *first.get_or_insert(row.count);
        if first > 1 && (row.count == first || row.filled == first) {
            alike += 1;
        }
    }
    match first {
        None | Some(0 | 1) => 0,
        Some(first) => alike * 1000 + first.min(999),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_goes_with_most_rows() {
        for (text, expected) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,7\n3,1;4,2\n", b';'),
            ("a\tb\tc\n1,2\t3;4\t5\n", b'\t'),
            ("a|b\n1|2\n", b'|'),
            ("\"a;b\",c\n\"1;2;3\",4\n", b','),
            ("\"a,b,c\";d\n1;2", b';'),
            ("alone\nvalue\n", b','),
            ("", b','),
            ("name;text\n1;\"a, b, c\nd, e\"\n2;x", b';'),
            // More columns alone do not decide.
            ("id;title, long;price\n1;a;2\n2;b;3\n", b';'),
            // Only the first row, and it is cut.
            ("a;b;c,d;e", b';'),
        ] {
            assert_eq!(delimiter(text.as_bytes(), None, true), expected, "{text:?}");
        }
        assert_eq!(delimiter(b"a;b;c,d;", None, false), b';');
        assert_eq!(delimiter(b"# a,b,c,d\n# ,\nx;y\n1;2\n", Some(b'#'), true), b';');
    }

    #[test]
    fn a_separator_line_is_told_from_a_header() {
        for (text, expected) in [
            ("sep=;\r\na;b", Some((b';', 7))),
            ("SEP=,\na", Some((b',', 6))),
            ("\"sep=;\"\na", Some((b';', 8))),
            ("sep=\t\na", Some((b'\t', 6))),
            ("sep=;;;;\r\na;b", Some((b';', 10))),
            ("sep=;", Some((b';', 5))),
            ("sep=;\ra", Some((b';', 6))),
            ("sep=ab\n", None),
            ("sep=\n", None),
            ("sep=", None),
            ("sepia,b\n", None),
            ("", None),
            ("\"sep=;\n", None),
        ] {
            assert_eq!(separator(text, true), Ok(expected), "{text:?}");
        }
        for cut in 1..7 {
            assert_eq!(
                separator(&"sep=;\r\n"[..cut], false),
                if cut < 7 { Err(()) } else { Ok(Some((b';', 7))) }
            );
        }
        assert_eq!(separator("sex", false), Ok(None));
    }
}
