//! Kinds of values that several sections share.

use super::Check;
use crate::{
    at::At,
    path,
    raw::{DottedPath, Duration},
    time,
};

/// Nothing, or what the check makes of it.
pub(super) fn optional<T, U>(
    value: Option<T>,
    check: impl FnOnce(T) -> Option<U>,
) -> Option<Option<U>> {
    match value {
        None => Some(None),
        Some(value) => check(value).map(Some),
    }
}

/// All of them, if each passed. Unlike `collect`, it looks at every one, so that every fault shows.
pub(super) fn all<T, C: Default + Extend<T>>(items: impl Iterator<Item = Option<T>>) -> Option<C> {
    let mut passed = C::default();
    let mut sound = true;
    for item in items {
        sound &= item.is_some();
        passed.extend(item);
    }
    sound.then_some(passed)
}

/// A path into a JSON value.
pub(super) fn dotted(check: &mut Check<'_>, text: &At<DottedPath>) -> Option<Vec<String>> {
    match path::parse(&text.value.0) {
        Ok(path) => Some(path),
        Err(fault) => {
            let message = format!("`{}` is no path: {fault}", text.value.0);
            check.report.add(text.place, message, path::REMEDY);
            None
        }
    }
}

/// A path into a record, which may name an item of a list by a field of its own.
pub(super) fn picked(check: &mut Check<'_>, text: &At<DottedPath>) -> Option<Vec<String>> {
    match path::parse_picked(&text.value.0) {
        Ok(path) => Some(path),
        Err(fault) => {
            let message = format!("`{}` is no path: {fault}", text.value.0);
            check.report.add(text.place, message, path::PICKED_REMEDY);
            None
        }
    }
}

/// A duration in ms, from `least` to `most`.
pub(super) fn duration(
    check: &mut Check<'_>,
    text: &At<Duration>,
    range: std::ops::RangeInclusive<u64>,
) -> Option<u64> {
    let fault = match time::duration_ms(&text.value.0) {
        Ok(ms) if range.contains(&ms) => return Some(ms),
        Ok(_) => {
            let (least, most) = (spoken(*range.start()), spoken(*range.end()));
            let message = format!("the duration `{}` is out of range", text.value.0);
            check.report.add(text.place, message, format!("write one from {least} to {most}"));
            return None;
        }
        Err(fault) => fault,
    };
    let message = format!("`{}` is no duration: {fault}", text.value.0);
    check.report.add(text.place, message, time::DURATION_REMEDY);
    None
}

/// A duration as one would write it.
fn spoken(ms: u64) -> String {
    [(3_600_000, "h"), (60_000, "m"), (1_000, "s")]
        .into_iter()
        .find(|(unit_ms, _)| ms > 0 && ms.is_multiple_of(*unit_ms))
        .map_or_else(|| format!("{ms}ms"), |(unit_ms, unit)| format!("{}{unit}", ms / unit_ms))
}

/// Whether a text can name a query parameter or a field.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.contains("${") && name.trim() == name
}

/// A query parameter's or a field's name.
pub(super) fn plain_name(check: &mut Check<'_>, name: &At<String>) -> Option<String> {
    if is_plain_name(&name.value) {
        return Some(name.value.clone());
    }
    let message = format!("`{}` cannot be a name", name.value);
    check.report.add(name.place, message, "write the name as it is, without references or blanks");
    None
}
