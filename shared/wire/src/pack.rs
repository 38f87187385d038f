//! A page's records as one text: base64 of LZ4 of a frame a record.
//!
//! A frame is a tag (0 for an id that is a number, 1 for a text; 2 is added for a deletion), the id (i64, or
//! its length as u32 and its bytes), the version (i64), the data's length (u32) and the data. All of it is
//! little-endian.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use tidegate_core::model::{RecordId, Version, WireRecord};

use crate::error::{WireError, damaged};

/// What an unpacked page may come to; a larger claim is refused before memory is taken for it.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

const NUMBER: u8 = 0;
const TEXT: u8 = 1;
const DELETED: u8 = 2;

/// Packs records whose data comes to so many bytes.
pub fn pack(records: &[WireRecord], data_bytes: usize) -> String {
    let mut frames = Vec::with_capacity(data_bytes + records.len() * 32);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a record is under 4 GiB");
    for record in records {
        let deleted = if record.deleted { DELETED } else { 0 };
        match &record.id {
            RecordId::Number(number) => {
                frames.push(NUMBER | deleted);
                frames.extend_from_slice(&number.to_le_bytes());
            }
            RecordId::Text(text) => {
                frames.push(TEXT | deleted);
                frames.extend_from_slice(&length(text.as_bytes()).to_le_bytes());
                frames.extend_from_slice(text.as_bytes());
            }
        }
        frames.extend_from_slice(&record.version.0.to_le_bytes());
        frames.extend_from_slice(&length(&record.data).to_le_bytes());
        frames.extend_from_slice(&record.data);
    }
    STANDARD.encode(lz4_flex::block::compress_prepend_size(&frames))
}

/// Reads what [`pack`] wrote. The records' data are slices of one buffer.
pub fn unpack(packed: &str) -> Result<Vec<WireRecord>, WireError> {
    let compressed = STANDARD.decode(packed).map_err(damaged)?;
    let (size, block) = lz4_flex::block::uncompressed_size(&compressed).map_err(damaged)?;
    if size > UNPACKED_BYTES_MAX {
        return Err(damaged(format!("{size} bytes unpacked, at most {UNPACKED_BYTES_MAX}")));
    }
    let frames = lz4_flex::block::decompress(block, size).map_err(damaged)?;
    let mut frames = Frames { bytes: Bytes::from(frames) };
    let mut records = Vec::new();
    while !frames.bytes.is_empty() {
        records.push(frames.record()?);
    }
    Ok(records)
}

struct Frames {
    bytes: Bytes,
}

impl Frames {
    fn take(&mut self, count: usize) -> Result<Bytes, WireError> {
        if self.bytes.len() < count {
            return Err(damaged("a frame is cut off"));
        }
        Ok(self.bytes.split_to(count))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        Ok(self.take(N)?.as_ref().try_into().expect("N bytes were taken"))
    }

    fn record(&mut self) -> Result<WireRecord, WireError> {
        let [tag] = self.fixed()?;
        let id = match tag & !DELETED {
            NUMBER => RecordId::Number(i64::from_le_bytes(self.fixed()?)),
            TEXT => {
                let length = u32::from_le_bytes(self.fixed()?) as usize;
                let text = self.take(length)?;
                RecordId::Text(std::str::from_utf8(&text).map_err(damaged)?.into())
            }
            _ => return Err(damaged(format!("unknown tag {tag}"))),
        };
        let version = Version(i64::from_le_bytes(self.fixed()?));
        let length = u32::from_le_bytes(self.fixed()?) as usize;
        Ok(WireRecord { id, version, deleted: tag & DELETED != 0, data: self.take(length)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn damage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&STANDARD.encode(bytes));
        }
    }

    #[test]
    fn a_claim_of_gigabytes_is_refused_before_memory_is_taken() {
        let bomb = STANDARD.encode(u32::MAX.to_le_bytes());
        assert!(unpack(&bomb).unwrap_err().to_string().contains("at most"));
    }
}
