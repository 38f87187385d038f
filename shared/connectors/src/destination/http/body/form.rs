//! `form`: JSON as fields of a form, brackets for what is nested.

use serde_json::value::RawValue;

use crate::json::{Scalar, fields, items};

/// A JSON object as a form's fields, in its order.
///
/// # Errors
/// What is no object.
pub(super) fn encode(json: &[u8]) -> Result<Vec<u8>, String> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err("only an object can be sent as a form".into());
    }
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields(json)? {
        write(&name, value, &mut form)?;
    }
    Ok(form.finish().into_bytes())
}

type Form = url::form_urlencoded::Serializer<'static, String>;

/// Null and what is empty have an empty text, by which such APIs unset a field.
fn write(name: &str, value: &RawValue, form: &mut Form) -> Result<(), String> {
    let json = value.get().as_bytes();
    match json.first() {
        Some(b'{') => {
            let fields = fields(json)?;
            if fields.is_empty() {
                form.append_pair(name, "");
            }
            for (key, value) in fields {
                write(&format!("{name}[{key}]"), value, form)?;
            }
        }
        Some(b'[') => {
            let items = items(json)?;
            if items.is_empty() {
                form.append_pair(name, "");
            }
            for (at, value) in items.into_iter().enumerate() {
                write(&format!("{name}[{at}]"), value, form)?;
            }
        }
        Some(b'n') => drop(form.append_pair(name, "")),
        _ => {
            let scalar = Scalar::read(json).ok_or("a text that is none in Unicode")?;
            form.append_pair(name, &scalar.into_text());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_stands_in_brackets_and_numbers_stay_as_they_are() {
        let form = |json: &str| String::from_utf8(encode(json.as_bytes()).unwrap()).unwrap();
        let json = r#"{"amount":12.10,"metadata":{"key":"v & w"},"items":[{"a":1},{"a":9007199254740993}],
            "off":null,"none":[],"on":true}"#;
        assert_eq!(
            form(json),
            "amount=12.10&metadata%5Bkey%5D=v+%26+w&items%5B0%5D%5Ba%5D=1\
             &items%5B1%5D%5Ba%5D=9007199254740993&off=&none=&on=true"
        );
        assert!(encode(b"[1]").is_err());
    }
}
