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

/// An id for a record without one: the same for the same text, so that parking it twice is parking
/// it once.
pub(super) fn unreadable_id(data: &[u8]) -> RecordId {
    // Its keys are fixed, and a change of them by a new compiler only parks it a second time.
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    RecordId::Text(format!("unreadable-{:016x}", hasher.finish()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
