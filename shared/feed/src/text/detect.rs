//! Which encoding a file is in.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED};

/// As many bytes at the front of a file as are looked at to find out its encoding.
pub(super) const HEAD_BYTES: usize = 1024;

/// What is known of a file's encoding before its first byte.
///
/// In the order of their weight: what is `forced`, a byte order mark, the pattern of bytes that `<` makes in
/// UTF-16, what the `transfer` says, the file's own declaration, UTF-8.
#[derive(Debug, Clone, Copy, Default)]
pub struct Charset {
    /// The encoding that the flow says, whatever the file says.
    pub forced: Option<&'static Encoding>,
    /// The encoding that the transfer says: `charset` of HTTP's `Content-Type`.
    pub transfer: Option<&'static Encoding>,
}

impl Charset {
    /// The encoding of a label, by the WHATWG's list: `latin1`, `cp1251`, `Shift_JIS`. White space around it and
    /// capitals make no difference. `None` for what is not on the list, and for what browsers refuse to decode.
    #[must_use]
    pub fn named(label: &str) -> Option<&'static Encoding> {
        Encoding::for_label_no_replacement(label.as_bytes())
            .filter(|encoding| *encoding != X_USER_DEFINED)
    }
}

/// The encoding that was found.
pub(super) struct Detected {
    pub encoding: &'static Encoding,
    /// How many bytes at the front are a byte order mark, and no text.
    pub mark: usize,
    /// What an operator should know of it.
    pub notice: Option<String>,
}

/// Decides by the first bytes of a file: [`HEAD_BYTES`] of them, or all there are.
pub(super) fn detect(head: &[u8], charset: Charset) -> Detected {
    let marked = Encoding::for_bom(head);
    if let Some(encoding) = charset.forced {
        let mark = marked.filter(|(of, _)| *of == encoding).map_or(0, |(_, length)| length);
        return Detected { encoding, mark, notice: None };
    }
    let declared = declared(head);
    if let Some((encoding, mark)) = marked {
        let notice = declared
            .and_then(Charset::named)
            .filter(|declared| {
                *declared != encoding && !(is_utf_16(declared) && is_utf_16(encoding))
            })
            .map(|declared| {
                format!(
                    "declared as {}, but its byte order mark says {}",
                    declared.name(),
                    encoding.name()
                )
            });
        return Detected { encoding, mark, notice };
    }
    let pattern = match head {
        [b'<', 0, ..] => Some(UTF_16LE),
        [0, b'<', ..] => Some(UTF_16BE),
        _ => None,
    };
    if let Some(encoding) = pattern.or(charset.transfer) {
        return Detected { encoding, mark: 0, notice: None };
    }
    let (encoding, notice) = match declared.map(|label| (label, Charset::named(label))) {
        None => (UTF_8, None),
        // A declaration that could be read byte by byte is in no encoding of two bytes a character. Programs
        // that write a file from a text in memory leave such declarations behind.
        Some((_, Some(encoding))) if is_utf_16(encoding) => (
            UTF_8,
            Some("declared as UTF-16, but its bytes are not: it is read as UTF-8".to_owned()),
        ),
        Some((_, Some(encoding))) => (encoding, None),
        Some((label, None)) => {
            let label: String = label.chars().take(40).collect();
            (
                UTF_8,
                Some(format!(
                    "declared as {label:?}, which is no known encoding: it is read as UTF-8"
                )),
            )
        }
    };
    Detected { encoding, mark: 0, notice }
}

fn is_utf_16(encoding: &Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// The label in `<?xml … encoding="…"?>`, of any length and spacing within the head.
fn declared(head: &[u8]) -> Option<&str> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let inside = head.strip_prefix(b"<?xml")?;
    let inside = &inside[..inside.windows(2).position(|two| two == b"?>")?];
    let key = b"encoding";
    let after = inside.windows(key.len()).position(|word| word == key)? + key.len();
    let value = inside[after..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let end = value.iter().position(|byte| byte == quote)?;
    std::str::from_utf8(&value[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &[u8], charset: Charset) -> (&'static str, usize, bool) {
        let Detected { encoding, mark, notice } = detect(head, charset);
        (encoding.name(), mark, notice.is_some())
    }

    fn of(forced: &str, transfer: &str) -> Charset {
        Charset { forced: Charset::named(forced), transfer: Charset::named(transfer) }
    }

    #[test]
    fn the_order_of_what_says_an_encoding() {
        let cyrillic = b"<?xml version='1.0' encoding='windows-1251'?><a/>";
        let marked = b"\xef\xbb\xbf<?xml version='1.0' encoding='windows-1251'?><a/>";
        for (head, charset, expected) in [
            (&cyrillic[..], of("koi8-r", "latin1"), ("KOI8-R", 0, false)),
            (&marked[..], of("koi8-r", ""), ("KOI8-R", 0, false)),
            (&marked[..], of("utf8", ""), ("UTF-8", 3, false)),
            (&marked[..], of("", "latin1"), ("UTF-8", 3, true)),
            (b"\xff\xfe<\0", of("", "latin1"), ("UTF-16LE", 2, false)),
            (b"\xfe\xff\0<", of("", ""), ("UTF-16BE", 2, false)),
            (b"<\0?\0", of("", "latin1"), ("UTF-16LE", 0, false)),
            (b"\0<\0?", of("", "latin1"), ("UTF-16BE", 0, false)),
            (&cyrillic[..], of("", "latin1"), ("windows-1252", 0, false)),
            (&cyrillic[..], of("", ""), ("windows-1251", 0, false)),
            (b"<a/>", of("", ""), ("UTF-8", 0, false)),
            (b"", of("", ""), ("UTF-8", 0, false)),
        ] {
            assert_eq!(found(head, charset), expected, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_declaration_is_read_however_it_is_spaced() {
        for (declaration, expected) in [
            (
                "<?xml   version = \"1.0\"   encoding\n=\n \"  Windows-1251 \" standalone='yes' ?>",
                "windows-1251",
            ),
            ("\r\n  <?xml version='1.0' encoding='ISO-8859-1'?>", "windows-1252"),
            ("<?xml version='1.0' encoding='shift_jis'?>", "Shift_JIS"),
            ("<?xml version='1.0' encoding=utf-16?>", "UTF-8"),
            ("<?xml version='1.0'?><a encoding='windows-1251'/>", "UTF-8"),
            ("<?xml version='1.0' encoding='windows-1251'", "UTF-8"),
        ] {
            assert_eq!(found(declaration.as_bytes(), of("", "")).0, expected, "{declaration}");
        }
        let long = format!("<?xml version='1.0' {} encoding='gbk'?>", " ".repeat(900));
        assert_eq!(found(long.as_bytes(), of("", "")).0, "GBK");
    }

    #[test]
    fn declarations_that_cannot_be_are_told_of() {
        assert_eq!(
            found(b"<?xml version='1.0' encoding='utf-16'?>", of("", "")),
            ("UTF-8", 0, true)
        );
        assert_eq!(
            found(b"<?xml version='1.0' encoding='martian'?>", of("", "")),
            ("UTF-8", 0, true)
        );
        assert_eq!(
            found(b"<?xml version='1.0' encoding='iso-2022-kr'?>", of("", "")),
            ("UTF-8", 0, true)
        );
    }
}
