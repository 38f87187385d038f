//! `each`: every element of an array, one after the other.

use crate::json::{Elements, Picker, Picks, fault};

/// Writes an array of what `write` makes of every element of another one: it gets the element and what `picker` finds
/// in it, and says why it makes nothing. `target` is where the array goes, for messages.
///
/// # Errors
/// The first element that makes nothing, by its place, or what stands there instead of an array.
pub(super) fn write(
    json: &[u8],
    picker: &Picker,
    target: &str,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&[u8], Picks<'_>, &mut Vec<u8>) -> Result<(), Box<str>>,
) -> Result<(), Box<str>> {
    if json.first() != Some(&b'[') {
        let found = if json.first() == Some(&b'{') { "an object" } else { "a single value" };
        return Err(format!("`{target}` should be an array, but the record has {found}").into());
    }
    let mut elements = Elements::of(json);
    let mut index = 0_usize;
    out.push(b'[');
    loop {
        let element = elements.next(picker).map_err(|error| {
            Box::<str>::from(format!("`{target}.{index}` is no JSON: {}", fault(&error, json)))
        })?;
        let Some((range, picks)) = element else { break };
        if index > 0 {
            out.push(b',');
        }
        write(&json[range], picks, out)
            .map_err(|reason| Box::<str>::from(format!("in `{target}.{index}`: {reason}")))?;
        index += 1;
    }
    out.push(b']');
    Ok(())
}
