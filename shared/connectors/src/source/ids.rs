//! Ids of records, as sources write them.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
};

use tidegate_core::model::RecordId;

use crate::json::Scalar;

/// A record's id. A text of digits alone counts as the number: such ids ascend as numbers.
pub(super) fn record_id(json: &[u8]) -> Option<RecordId> {
    let text = match Scalar::read(json)? {
        Scalar::Bool(_) => return None,
        Scalar::Number(text) => Cow::Borrowed(text),
        Scalar::Text(text) => text,
    };
    if text.is_empty() {
        return None;
    }
    // Only what prints as the same text again: an id like `007` stays the text that it is.
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == *text);
    Some(number.map_or_else(|| RecordId::Text(text.into()), RecordId::Number))
}

/// A longer one is none: it is part of keys and requests.
pub(super) const ID_BYTES_MAX: usize = 1_024;

/// An id that several values make together. A `/` between them, and none in them, keeps them apart.
pub(super) fn composite_id(parts: Vec<RecordId>) -> RecordId {
    let escaped = |part: RecordId| part.to_string().replace('~', "~0").replace('/', "~1");
    RecordId::Text(parts.into_iter().map(escaped).collect::<Vec<_>>().join("/").into())
}

/// An id for a record without one: the same for the same text, so that parking it twice is parking
/// it once.
pub(super) fn unreadable_id(data: &[u8]) -> RecordId {
    // Its keys are fixed, and a change of them by a new compiler only parks it a second time.
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    RecordId::Text(format!("{UNREADABLE}{:016x}", hasher.finish()).into())
}

const UNREADABLE: &str = "unreadable-";

/// Whether an id was made for a record without one.
pub(super) fn is_unreadable(id: &RecordId) -> bool {
    matches!(id, RecordId::Text(text) if text.starts_with(UNREADABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_several_values_keeps_them_apart() {
        let text = |text: &str| RecordId::Text(text.into());
        let id = |parts: [&str; 2]| composite_id(parts.map(text).to_vec());
        assert_eq!(composite_id(vec![RecordId::Number(7), text("a")]), text("7/a"));
        assert_ne!(id(["a/b", "c"]), id(["a", "b/c"]));
        assert_ne!(id(["a~1b", "c"]), id(["a/b", "c"]));
    }

    #[test]
    fn ids_of_digits_are_numbers_and_others_texts() {
        assert_eq!(record_id(b"12"), Some(RecordId::Number(12)));
        assert_eq!(record_id(b"\"12\""), Some(RecordId::Number(12)));
        assert_eq!(record_id(b"\"012\""), Some(RecordId::Text("012".into())));
        assert_eq!(
            record_id(b"\"99999999999999999999\""),
            Some(RecordId::Text("99999999999999999999".into()))
        );
        for none in [&b"null"[..], b"\"\"", b"true", b"{}"] {
            assert_eq!(record_id(none), None);
        }
    }
}
