//! Whether a record is JSON at all.

use jiter::JiterError;

use crate::json::{Picker, fault};

/// Whether a text is one JSON value, nested no deeper than 200.
pub(super) fn check_json(text: &[u8]) -> Result<(), Box<str>> {
    Picker::new().pick_all(text).map_err(|error| no_json(&error, text))?;
    // Skipping does not look into texts.
    std::str::from_utf8(text).map_err(|_| "the record is not UTF-8")?;
    Ok(())
}

/// Whether a JSON text can have fields. A source may give anything: a list of texts, or a line that was no JSON,
/// as a text.
pub(crate) fn check_fields(text: &[u8]) -> Result<(), Box<str>> {
    match text.trim_ascii_start().first() {
        Some(b'{' | b'[') => Ok(()),
        _ => Err("the record is a single value, and no JSON object with fields".into()),
    }
}

/// Why a record is refused that is no JSON.
pub(crate) fn no_json(error: &JiterError, text: &[u8]) -> Box<str> {
    format!("the record is no JSON: {}", fault(error, text)).into()
}
