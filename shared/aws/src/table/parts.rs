//! What is too large for one item, cut into parts.
//!
//! The parts are named by a digest of the whole, so that a record parked again with other data never
//! mixes with what was there.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use tidegate_core::{model::StreamId, ports::Unavailable};

use super::{
    item::{Item, bytes, damaged},
    key::{Key, digest},
};

const PART_BYTES_MAX: usize = 350_000;
/// What unpacking may come to; a larger claim is refused before memory is taken for it.
const UNPACKED_BYTES_MAX: usize = 256 * 1_024 * 1_024;

/// How a record was cut.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts {
    count: usize,
    digest: String,
}

impl Parts {
    pub fn of(packed: &[u8]) -> Self {
        Self { count: packed.len().div_ceil(PART_BYTES_MAX), digest: digest(packed) }
    }

    /// The attribute that names them: `COUNT DIGEST`.
    pub fn encode(&self) -> String {
        format!("{} {}", self.count, self.digest)
    }

    pub fn decode(text: &str) -> Result<Self, Unavailable> {
        let parse = |(count, digest): (&str, &str)| {
            Some(Self { count: count.parse().ok()?, digest: digest.to_owned() })
        };
        text.split_once(' ').and_then(parse).ok_or_else(|| damaged("parts"))
    }

    /// Their keys, in order.
    pub fn keys(&self, stream: &StreamId, sk: &str) -> Vec<Key> {
        (0..self.count).map(|number| Key::part(stream, sk, &self.digest, number)).collect()
    }

    /// Their items, in order.
    pub fn cut(&self, stream: &StreamId, sk: &str, packed: &[u8]) -> Vec<(Key, Item)> {
        let item = |part: &[u8]| Item::from([("packed".to_owned(), bytes(part))]);
        self.keys(stream, sk).into_iter().zip(packed.chunks(PART_BYTES_MAX).map(item)).collect()
    }

    /// The whole, from items among which its parts are.
    pub fn join(keys: &[Key], items: &[Item]) -> Result<Vec<u8>, Unavailable> {
        let mut whole = Vec::with_capacity(keys.len() * PART_BYTES_MAX);
        for key in keys {
            let part =
                items.iter().find(|item| key.is_of(item)).and_then(|item| item.get("packed"));
            match part {
                Some(AttributeValue::B(part)) => whole.extend_from_slice(part.as_ref()),
                _ => return Err(damaged("parts")),
            }
        }
        Ok(whole)
    }
}

/// LZ4 with the length before it.
pub fn pack(data: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(data)
}

pub fn unpack(packed: &[u8]) -> Result<Bytes, Unavailable> {
    let (size, block) =
        lz4_flex::block::uncompressed_size(packed).map_err(|_| damaged("packed"))?;
    if size > UNPACKED_BYTES_MAX {
        return Err(damaged("packed"));
    }
    lz4_flex::block::decompress(block, size).map(Bytes::from).map_err(|_| damaged("packed"))
}
