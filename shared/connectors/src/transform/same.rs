//! No shape: a record is passed on as it is.

use tidegate_core::ports::{Transform, Transformed};

use super::check::{check_fields, check_json};

/// Passes a record on as it is.
pub(super) struct Same;

impl Transform for Same {
    fn apply(&self, record: &[u8], _: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        if let Err(reason) = check_json(record).and_then(|()| check_fields(record)) {
            return Transformed::Refused(reason);
        }
        out.extend_from_slice(record);
        Transformed::Written
    }
}
