//! The table's keys.

use std::fmt::Write;

use aws_sdk_dynamodb::types::AttributeValue;
use tidegate_core::model::{PageNumber, RecordId, RecordKey, StoredKey, StreamId};

use super::item::{Item, text};

/// The cursor's sort key.
pub const CURSOR: &str = "C";
/// A kept value's sort key.
pub const SHELF: &str = "K";
/// A ledger entry's sort key.
pub const LEDGER: &str = "L";
/// After every page's sort key.
pub const PAGES_END: &str = "P#:";
/// Before and after every parked record's sort key: those begin with `m`, `p` or `t`.
pub const PARKED_BEGIN: &str = "m";
pub const PARKED_END: &str = "u";

/// The partition that names the streams that ever parked a record, by their names; it has room for
/// every one of them.
pub const STREAMS: &str = "streams";
/// Before and after every stream's name: those begin with a letter, a digit, `-`, `_` or `.`.
pub const STREAMS_RANGE: (&str, &str) = ("-", "{");
/// Where it is kept how far the digests got.
const DIGESTS: (&str, &str) = ("digests", "D");

/// DynamoDB takes 1,024 bytes of sort key; the rest is for a version and a part's suffix.
const ID_BYTES_MAX: usize = 900;

/// An item's place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub pk: String,
    pub sk: String,
}

impl Key {
    pub fn cursor(stream: &StreamId) -> Self {
        Self { pk: stream.to_string(), sk: CURSOR.to_owned() }
    }

    pub fn page(stream: &StreamId, number: PageNumber) -> Self {
        Self { pk: stream.to_string(), sk: page(number) }
    }

    pub fn ledger(stream: &StreamId, entity: &RecordId) -> Self {
        let mut pk = stream.to_string();
        pk.push_str("#e#");
        pk.push_str(&record(entity));
        Self { pk, sk: LEDGER.to_owned() }
    }

    pub fn parked(stream: &StreamId, key: &RecordKey) -> Self {
        Self { pk: parked_pk(stream), sk: parked(key) }
    }

    pub fn shelf(key: &StoredKey) -> Self {
        Self { pk: format!("kept#{}", key.as_str()), sk: SHELF.to_owned() }
    }

    /// Where it is noted that a stream parks.
    pub fn parking(stream: &StreamId) -> Self {
        Self { pk: STREAMS.to_owned(), sk: stream.to_string() }
    }

    pub fn digest() -> Self {
        Self { pk: DIGESTS.0.to_owned(), sk: DIGESTS.1.to_owned() }
    }

    /// Where it is noted that a record is in hand.
    pub fn suspect(stream: &StreamId, generation: u64, key: &RecordKey) -> Self {
        Self { pk: format!("{stream}#suspects"), sk: format!("{generation} {}", parked(key)) }
    }

    /// A part of what the parked item at `sk` holds; `digest` names the whole.
    pub fn part(stream: &StreamId, sk: &str, digest: &str, number: usize) -> Self {
        Self { pk: format!("{stream}#parts"), sk: format!("{sk} {digest} {number:04}") }
    }

    pub fn attributes(self) -> Item {
        Item::from([("pk".to_owned(), text(self.pk)), ("sk".to_owned(), text(self.sk))])
    }

    /// Whether an item is the one here.
    pub fn is_of(&self, item: &Item) -> bool {
        let is = |name: &str, value: &str| matches!(item.get(name), Some(AttributeValue::S(s)) if s == value);
        is("sk", &self.sk) && is("pk", &self.pk)
    }
}

/// A page's sort key; pages sort by number.
pub fn page(number: PageNumber) -> String {
    format!("P#{number:012}")
}

/// The partition of a stream's parked records.
pub fn parked_pk(stream: &StreamId) -> String {
    format!("{stream}#parked")
}

/// A parked record's sort key. Sorts, byte by byte, as [`RecordKey`] does.
pub fn parked(key: &RecordKey) -> String {
    format!("{} {}", record(&key.id), number(key.version.0))
}

/// `m…` and `p…` for numbers below and from zero, `t…` for texts.
fn record(id: &RecordId) -> String {
    match id {
        RecordId::Number(id) => number(*id),
        RecordId::Text(id) => format!("t{}", bounded(escaped(id))),
    }
}

/// As many as any number from zero has at the most.
const ZEROS: &str = "0000000000000000000";

/// Nineteen digits after the sign; below zero they count up from the least number.
fn number(number: i64) -> String {
    let (sign, counted) = match number < 0 {
        true => ("m", number.abs_diff(i64::MIN)),
        false => ("p", number.unsigned_abs()),
    };
    let digits = counted.to_string();
    [sign, &ZEROS[digits.len()..], &digits].concat()
}

/// The text without a space, in the same order: a space ends it in a key, so what sorts up to `!`
/// is written as `!` and two hex digits, and the space sorts before all that is left.
fn escaped(id: &str) -> String {
    let mut key = String::with_capacity(id.len());
    for character in id.chars() {
        if character <= '!' {
            write!(key, "!{:02x}", u32::from(character)).expect("a string takes all");
        } else {
            key.push(character);
        }
    }
    key
}

/// An id longer than a key can be keeps its beginning and is told apart by a digest; only the order
/// among those that share this beginning is lost.
fn bounded(mut key: String) -> String {
    if key.len() > ID_BYTES_MAX {
        let digest = digest(key.as_bytes());
        key.truncate(key.floor_char_boundary(ID_BYTES_MAX - digest.len()));
        key.push_str(&digest);
    }
    key
}

/// 32 hex digits of FNV-1a: the same in every build, which is all that is asked of it.
pub fn digest(bytes: &[u8]) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let step = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    format!("{:032x}", bytes.iter().fold(BASIS, step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tidegate_core::model::Version;

    use super::*;

    fn any_key() -> impl Strategy<Value = RecordKey> {
        let id = prop_oneof![
            any::<i64>().prop_map(RecordId::Number),
            (-2i64..3).prop_map(RecordId::Number),
            "[\u{0} !\"a]{0,4}".prop_map(|text| RecordId::Text(text.into())),
            ".{0,12}".prop_map(|text| RecordId::Text(text.into())),
        ];
        let version = prop_oneof![any::<i64>(), -2i64..3];
        (id, version).prop_map(|(id, version)| RecordKey { id, version: Version(version) })
    }

    proptest! {
        #[test]
        fn parked_records_sort_as_their_keys_do(left in any_key(), right in any_key()) {
            prop_assert_eq!(parked(&left).cmp(&parked(&right)), left.cmp(&right));
        }
    }

    #[test]
    fn keys_are_plain_to_read() {
        let key = |id| parked(&RecordKey { id, version: Version(7) });
        assert_eq!(key(RecordId::Number(42)), "p0000000000000000042 p0000000000000000007");
        assert_eq!(key(RecordId::Text("a b".into())), "ta!20b p0000000000000000007");
        assert_eq!(page(5), "P#000000000005");
    }

    #[test]
    fn long_ids_fit_and_stay_apart() {
        let key = |end| {
            let id = RecordId::Text(format!("{}{end}", "ä".repeat(2_000)).into());
            let key = RecordKey { id, version: Version(i64::MIN) };
            Key::part(&StreamId::new("f", "c").unwrap(), &parked(&key), &digest(b""), 0).sk
        };
        assert!(key("a").len() <= 1_024, "{}", key("a").len());
        assert_ne!(key("a"), key("b"));
    }

    #[test]
    fn the_digest_is_fnv_1a() {
        // The test vector of draft-eastlake-fnv for "a".
        assert_eq!(digest(b"a"), "d228cb696f1a8caf78912b704e4a8964");
    }
}
