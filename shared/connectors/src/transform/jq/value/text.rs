//! Values as texts: their JSON, and the beginning of it for a message.

use std::fmt;

use jaq_json::Val;

use super::{made::Value, numbers::weigh_numbers};
use crate::transform::jq::budget::{check_text, spend_text, spend_work};

/// More of a value is not told in a message, in bytes.
const TOLD_MAX: usize = 400;

/// A value's JSON, as jaq writes it.
pub(in crate::transform::jq) fn json(value: &Val) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, usize::MAX, &mut out);
    out
}

/// Writes a value, until there is more than so much.
fn write(value: &Val, bytes_max: usize, out: &mut Vec<u8>) {
    spend_work(1);
    if out.len() > bytes_max {
        return;
    }
    let start = out.len();
    match value {
        Val::Arr(elements) => {
            let one = |element, out: &mut Vec<u8>| write(element, bytes_max, out);
            if !write_all(b"[]", elements.iter(), bytes_max, out, one) {
                return;
            }
        }
        Val::Obj(entries) => {
            let one = |(key, value), out: &mut Vec<u8>| {
                write(key, bytes_max, out);
                out.push(b':');
                write(value, bytes_max, out);
            };
            if !write_all(b"{}", entries.iter(), bytes_max, out, one) {
                return;
            }
        }
        single => {
            if let Val::Num(number) = single {
                weigh_numbers(number, number);
            }
            if let Val::TStr(text) | Val::BStr(text) = single {
                spend_text(text.len());
            }
            out.extend_from_slice(single.to_string().as_bytes());
        }
    }
    // Shared parts are written as often as they are there.
    spend_work((out.len() - start) / 64);
    check_text(out.len());
}

/// Writes all of these between brackets, with commas, until there is more than so much; answers whether it came to the
/// end.
fn write_all<T>(
    brackets: &[u8; 2],
    all: impl Iterator<Item = T>,
    bytes_max: usize,
    out: &mut Vec<u8>,
    one: impl Fn(T, &mut Vec<u8>),
) -> bool {
    out.push(brackets[0]);
    for (index, each) in all.enumerate() {
        if out.len() > bytes_max {
            return false;
        }
        if index > 0 {
            out.push(b',');
        }
        one(each, out);
    }
    out.push(brackets[1]);
    true
}

/// The beginning of its JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Val::TStr(text) | Val::BStr(text) = &self.0
            && text.len() > TOLD_MAX
        {
            let begun = String::from_utf8_lossy(&text[..TOLD_MAX]);
            return write!(f, "\"{begun}…");
        }
        let mut out = Vec::new();
        write(&self.0, TOLD_MAX, &mut out);
        let text = String::from_utf8_lossy(&out);
        match text.char_indices().nth(TOLD_MAX) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}
