//! `xml`: JSON as elements, attributes and texts, all of them escaped.

use serde_json::value::RawValue;

use crate::json::{Scalar, fields, items};

/// The text beside attributes.
const TEXT: &str = "$text";

/// A JSON object with one field as XML, which is the root.
///
/// # Errors
/// What no XML can be made of.
pub(super) fn encode(json: &[u8]) -> Result<Vec<u8>, String> {
    const ONE_ROOT: &str =
        "XML has one root: map all of it under one field, or write an `envelope`";
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(ONE_ROOT.into());
    }
    let fields = fields(json)?;
    let [(name, root)] = fields.as_slice() else { return Err(ONE_ROOT.into()) };
    if root.get().starts_with('[') || name.starts_with(['@', '$']) {
        return Err(ONE_ROOT.into());
    }
    let mut out = r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned();
    element(name, root, &mut out)?;
    Ok(out.into_bytes())
}

fn element(name: &str, value: &RawValue, out: &mut String) -> Result<(), String> {
    check_name(name)?;
    let json = value.get().as_bytes();
    if json.first() == Some(&b'[') {
        return items(json)?.into_iter().try_for_each(|item| element(name, item, out));
    }
    out.push('<');
    out.push_str(name);
    let is_object = json.first() == Some(&b'{');
    let fields = if is_object { fields(json)? } else { Vec::new() };
    for (key, value) in &fields {
        let Some(attribute) = key.strip_prefix('@') else { continue };
        check_name(attribute)?;
        out.push_str(&format!(" {attribute}=\""));
        text(value, out)?;
        out.push('"');
    }
    out.push('>');
    if !is_object {
        text(value, out)?;
    }
    for (key, value) in fields.iter().filter(|(key, _)| !key.starts_with('@')) {
        if key == TEXT { text(value, out)? } else { element(key, value, out)? }
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
    Ok(())
}

/// A scalar's text, escaped for an element and for an attribute; null is none.
fn text(value: &RawValue, out: &mut String) -> Result<(), String> {
    let json = value.get();
    if json == "null" {
        return Ok(());
    }
    let scalar = Scalar::read(json.as_bytes()).ok_or("XML has a text where the record has none")?;
    for c in scalar.into_text().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As they are, a reader would make a blank or a line break of them.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                return Err(format!("XML cannot have the character U+{:04X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    Ok(())
}

/// The names of XML 1.0, but for rare letters.
fn check_name(name: &str) -> Result<(), String> {
    let begins = |c: char| c.is_alphabetic() || c == '_';
    let goes_on = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
    if name.starts_with(begins) && name.chars().all(goes_on) {
        return Ok(());
    }
    Err(format!("`{name}` cannot name an element or an attribute of XML"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_elements_and_attributes_and_everything_is_escaped() {
        let xml = |json: &str| encode(json.as_bytes()).map(|xml| String::from_utf8(xml).unwrap());
        let json = r#"{"soap:Envelope":{"@xmlns:soap":"a\"b","Body":{"Line":[{"Sku":"<&>","Price":1.50},7],
            "Note":{"@lang":"en","$text":"x\ny"},"None":null}}}"#;
        assert_eq!(
            xml(json).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"a&quot;b\"><Body>\
             <Line><Sku>&lt;&amp;&gt;</Sku><Price>1.50</Price></Line><Line>7</Line>\
             <Note lang=\"en\">x&#10;y</Note><None></None></Body></soap:Envelope>"
        );
        for bad in
            [r#"{"a":1,"b":2}"#, "[1]", r#"{"a b":1}"#, r#"{"a":"\u0001"}"#, r#"{"a":[1,2]}"#]
        {
            assert!(xml(bad).is_err(), "{bad}");
        }
    }
}
