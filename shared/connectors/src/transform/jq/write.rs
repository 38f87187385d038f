//! A jq value as strict JSON, within a limit.

use jaq_json::Val;

/// An output larger than this is a mistake, in bytes.
const BYTES_MAX: usize = 1024 * 1024;
/// As deep as JSON is read anywhere here.
const DEPTH_MAX: usize = 200;

/// Writes a value to the end of `out`.
///
/// # Errors
/// If it is too large, too deep, or has no JSON (NaN, a byte string, a key that is no text).
pub(super) fn json(value: &Val, out: &mut Vec<u8>) -> Result<(), Box<str>> {
    let end_max = out.len() + BYTES_MAX;
    write(value, 0, end_max, out)
}

fn write(value: &Val, depth: usize, end_max: usize, out: &mut Vec<u8>) -> Result<(), Box<str>> {
    // Checked at every value: parts may be shared, and the whole be far larger than its memory.
    if out.len() > end_max {
        return Err(format!("the program's output is larger than {BYTES_MAX} bytes").into());
    }
    if depth > DEPTH_MAX {
        return Err(format!("the program's output is nested deeper than {DEPTH_MAX}").into());
    }
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(number) => {
            let text = number.to_string();
            let mut check = jiter::Jiter::new(text.as_bytes());
            if check.next_number_bytes().is_err() || check.finish().is_err() {
                return Err(format!("the program's output holds {text}, which is no JSON").into());
            }
            out.extend_from_slice(text.as_bytes());
        }
        Val::TStr(text) => {
            // Nothing but memory can fail, and a record's text fits that.
            serde_json::to_writer(&mut *out, &String::from_utf8_lossy(text))
                .map_err(|error| error.to_string())?;
        }
        Val::BStr(_) => return Err("the program's output holds a byte string".into()),
        Val::Arr(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(value, depth + 1, end_max, out)?;
            }
            out.push(b']');
        }
        Val::Obj(entries) => {
            out.push(b'{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                if !matches!(key, Val::TStr(_)) {
                    return Err("the program's output has a key that is no text".into());
                }
                write(key, depth + 1, end_max, out)?;
                out.push(b':');
                write(value, depth + 1, end_max, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}
