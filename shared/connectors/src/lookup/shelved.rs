//! How what was found stands on the shelf.

use bytes::Bytes;
use tidegate_core::ports::Found;

use crate::json::Picker;

/// A record with more bytes is not put there: a hundred of them are read in one request.
const RECORD_BYTES_MAX: usize = 100 * 1024;
/// Fewer bytes are not packed: the table's smallest unit of writing holds them as they are.
const PACKED_BYTES_MIN: usize = 768;

/// The first byte says what follows.
const NOTHING: u8 = 0;
/// The JSON as it stood.
const PLAIN: u8 = 1;
/// LZ4 with the length before it.
const PACKED: u8 = 2;

/// As it is kept; `None` for what is too large.
pub(super) fn encode(found: &Found) -> Option<Bytes> {
    let Some(json) = found else { return Some(Bytes::from_static(&[NOTHING])) };
    if json.len() > RECORD_BYTES_MAX {
        return None;
    }
    if json.len() >= PACKED_BYTES_MIN {
        let packed = lz4_flex::block::compress_prepend_size(json);
        if packed.len() < json.len() {
            return Some([&[PACKED], &packed[..]].concat().into());
        }
    }
    Some([&[PLAIN], &json[..]].concat().into())
}

/// Reads it back; `None` for what is damaged, or was never ours.
pub(super) fn decode(value: &Bytes) -> Option<Found> {
    let json = match *value.first()? {
        NOTHING => return (value.len() == 1).then_some(None),
        PLAIN => value.slice(1..),
        PACKED => {
            let (size, block) = lz4_flex::block::uncompressed_size(&value[1..]).ok()?;
            if size > RECORD_BYTES_MAX {
                return None;
            }
            lz4_flex::block::decompress(block, size).ok()?.into()
        }
        _ => return None,
    };
    is_object(&json).then_some(Some(json))
}

/// Whether it is an object in JSON: it is copied into records as it stands.
fn is_object(json: &[u8]) -> bool {
    std::str::from_utf8(json).is_ok()
        && Picker::new().pick_all(json).is_ok()
        && json.trim_ascii_start().starts_with(b"{")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text_bytes: usize) -> Bytes {
        format!(r#"{{"a":"{}"}}"#, "x".repeat(text_bytes)).into()
    }

    #[test]
    fn it_reads_back_and_large_ones_are_packed() {
        for found in [None, Some(object(0)), Some(object(1_000)), Some(object(100_000))] {
            let kept = encode(&found).unwrap();
            assert_eq!(decode(&kept), Some(found.clone()));
            assert!(kept.len() <= PACKED_BYTES_MIN, "{} bytes", kept.len());
        }
        // What gets no smaller stays as it is.
        let noise: String =
            (0..900u32).map(|n| char::from(b'0' + (n * n % 97 % 75) as u8)).collect();
        let noise = Some(Bytes::from(serde_json::json!({ "a": noise }).to_string()));
        assert_eq!(decode(&encode(&noise).unwrap()), Some(noise));
        assert_eq!(encode(&Some(object(RECORD_BYTES_MAX))), None);
    }

    #[test]
    fn what_is_damaged_is_no_answer() {
        let packed = |bytes: &[u8]| [&[PACKED], bytes].concat();
        let bomb = lz4_flex::block::compress_prepend_size(&object(RECORD_BYTES_MAX));
        for damaged in [
            &b""[..],
            b"\0\0",
            b"\x01",
            b"\x01[]",
            b"\x01null",
            b"\x01{\"a\":1",
            b"\x01{\"a\":1}{}",
            b"\x01{\"a\":\"\xff\"}",
            b"\x02",
            b"\x02\x05\0\0\0",
            b"\x03{}",
            b"{}",
            &packed(&lz4_flex::block::compress_prepend_size(b"[1]")),
            &packed(&bomb),
            &packed(&[0xff; 40]),
        ] {
            assert_eq!(decode(&Bytes::copy_from_slice(damaged)), None, "{damaged:?}");
        }
    }
}
