//! Bodies as UTF-8: byte order marks and charsets.

use std::borrow::Cow;

use bytes::Bytes;
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// As much is looked at to tell what a body is.
const HEAD_BYTES: usize = 1_024;

/// A body as UTF-8, without a byte order mark, where it is told by that, by the header's charset or by its
/// first characters what it is written in. One that is not what it says stays as it came.
pub(super) fn utf8(body: Bytes, content_type: Option<&str>) -> Bytes {
    if let Some((encoding, mark_len)) = Encoding::for_bom(&body) {
        return decoded(body.slice(mark_len..), encoding);
    }
    // JSON and XML begin with a character of ASCII.
    match body.as_ref() {
        [0, second, ..] if *second != 0 => return decoded(body, UTF_16BE),
        [first, 0, ..] if *first != 0 => return decoded(body, UTF_16LE),
        _ => {}
    }
    let charset = content_type.and_then(charset);
    let encoding = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    match encoding {
        // Its texts would pass as UTF-8.
        Some(encoding) if encoding == ISO_2022_JP => decoded(body, encoding),
        // Many servers name a charset and send UTF-8: what is UTF-8 is hardly ever anything else.
        Some(encoding) if encoding != UTF_8 && std::str::from_utf8(&body).is_err() => {
            decoded(body, encoding)
        }
        _ => body,
    }
}

/// What came instead of JSON, for people: its type and its beginning. `None` where it may be JSON.
pub(crate) fn instead_of_json(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let head = body.get(..HEAD_BYTES).unwrap_or(body).trim_ascii_start();
    let may_be_json = match head.first() {
        None => true,
        Some(first) => {
            matches!(first, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
        }
    };
    if may_be_json {
        return None;
    }
    let content_type = content_type.unwrap_or("without a content type");
    Some(format!("{content_type}, which begins with: {}", String::from_utf8_lossy(head)))
}

/// The charset of a `Content-Type` (RFC 9110, section 8.3.2).
pub(super) fn charset(content_type: &str) -> Option<Cow<'_, str>> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches(['"', '\'']).into())
    })
}

fn decoded(body: Bytes, encoding: &'static Encoding) -> Bytes {
    match encoding.decode_without_bom_handling_and_without_replacement(&body) {
        Some(Cow::Owned(text)) => text.into(),
        Some(Cow::Borrowed(_)) | None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &[u8], content_type: &str) -> String {
        let body = utf8(Bytes::copy_from_slice(body), Some(content_type));
        String::from_utf8_lossy(&body).into_owned()
    }

    fn utf16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(write).collect()
    }

    #[test]
    fn a_body_is_read_as_what_it_says_it_is() {
        let json = "[{\"name\":\"Jörg €\"}]";
        let marked = |mark: &[u8], body: &[u8]| [mark, body].concat();
        let (le, be) = (utf16(json, u16::to_le_bytes), utf16(json, u16::to_be_bytes));
        for (body, content_type) in [
            (json.as_bytes().to_vec(), "application/json"),
            (marked(b"\xef\xbb\xbf", json.as_bytes()), "application/json"),
            (marked(b"\xff\xfe", &le), "application/json"),
            (marked(b"\xfe\xff", &be), "application/json; charset=utf-8"),
            (le.clone(), "application/json; charset=UTF-16LE"),
            (le, "application/json"),
            (be.clone(), "application/json; charset=utf-16"),
            (be, ""),
            (json.as_bytes().to_vec(), "application/json;charset=ISO-8859-1"),
            (json.as_bytes().to_vec(), "application/json; charset=nonsense"),
        ] {
            assert_eq!(text(&body, content_type), json, "{content_type}");
        }
        let latin = b"[\"J\xf6rg\"]";
        for charset in ["iso-8859-1", "\"Latin1\"", "windows-1252", "iso-8859-15"] {
            let content_type = format!("application/json; charset={charset}");
            assert_eq!(text(latin, &content_type), "[\"Jörg\"]", "{charset}");
        }
        let japanese = b"[\"\x93\xfa\x96{\"]";
        assert_eq!(text(japanese, "application/json; charset=Shift_JIS"), "[\"日本\"]");
    }

    #[test]
    fn what_is_not_what_it_says_stays_as_it_came() {
        let body = Bytes::from_static(b"[\"J\xf6rg\"]");
        assert_eq!(utf8(body.clone(), Some("application/json")), body);
        assert_eq!(utf8(Bytes::from_static(b"\x81"), Some("a/b; charset=shift_jis")), b"\x81"[..]);
        for short in [&b""[..], b"{", b"\0", b"\0\0"] {
            assert_eq!(utf8(Bytes::copy_from_slice(short), None), short);
        }
    }

    #[test]
    fn what_came_instead_of_json_is_told() {
        let html = instead_of_json(Some("text/html"), b" <html><title>Sign in</title>").unwrap();
        assert_eq!(html, "text/html, which begins with: <html><title>Sign in</title>");
        assert!(
            instead_of_json(None, b"Bad gateway").unwrap().starts_with("without a content type")
        );
        for body in [&b"{\"cut"[..], b"[", b"", b" null", b"12"] {
            assert_eq!(instead_of_json(Some("text/html"), body), None);
        }
    }
}
