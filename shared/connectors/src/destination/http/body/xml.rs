//! `xml`: JSON as elements, attributes and texts.

mod name;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use serde_json::value::RawValue;

use crate::json::{Scalar, fields, items};
use name::{Kind, Prefixes, check_name};

/// The text beside attributes.
const TEXT: &str = "$text";
/// What a field's name begins with that is an attribute.
const ATTRIBUTE: char = '@';
const ONE_ROOT: &str = "XML has one root: map all of it under one field, or write an `envelope`";

/// A JSON object with one field as XML, which is the root.
///
/// # Errors
/// What no XML can be made of.
pub(super) fn encode(json: &[u8]) -> Result<Vec<u8>, String> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(ONE_ROOT.into());
    }
    let fields = fields(json)?;
    let [(name, root)] = fields.as_slice() else { return Err(ONE_ROOT.into()) };
    if root.get().starts_with('[') || name.starts_with([ATTRIBUTE, '$']) {
        return Err(ONE_ROOT.into());
    }
    let mut writer = Writer::new(Vec::new());
    write(&mut writer, Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    element(name, root, &Prefixes::default(), &mut writer)?;
    Ok(writer.into_inner())
}

/// Why a field of this name makes no XML, whatever it has.
///
/// # Errors
/// That.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    match key.strip_prefix(ATTRIBUTE) {
        Some(attribute) => check_name(attribute, Kind::Attribute),
        None if key == TEXT => Ok(()),
        None => check_name(key, Kind::Element),
    }
}

/// Why fields of these names are no body by themselves.
///
/// # Errors
/// That.
pub(super) fn check_root<'k>(mut keys: impl Iterator<Item = &'k str>) -> Result<(), String> {
    let first = keys.next();
    match keys.all(|key| Some(key) == first) {
        true => Ok(()),
        false => Err(ONE_ROOT.into()),
    }
}

fn element(
    name: &str,
    value: &RawValue,
    prefixes: &Prefixes<'_>,
    writer: &mut Writer<Vec<u8>>,
) -> Result<(), String> {
    check_name(name, Kind::Element)?;
    let json = value.get().as_bytes();
    if json.first() == Some(&b'[') {
        let mut items = items(json)?.into_iter();
        return items.try_for_each(|item| element(name, item, prefixes, writer));
    }
    let is_object = json.first() == Some(&b'{');
    let fields = if is_object { fields(json)? } else { Vec::new() };
    let mut attributes: Vec<(&str, String)> = Vec::new();
    for (key, value) in &fields {
        let Some(attribute) = key.strip_prefix(ATTRIBUTE) else { continue };
        check_name(attribute, Kind::Attribute)?;
        if attributes.iter().any(|(name, _)| *name == attribute) {
            return Err(format!("`{name}` would have the attribute `{attribute}` twice"));
        }
        attributes.push((attribute, text(value)?));
    }
    let prefixes = prefixes.with(attributes.iter().map(|(name, value)| (*name, value.as_str())))?;
    prefixes.check(name)?;
    attributes.iter().try_for_each(|(name, _)| prefixes.check(name))?;

    let mut start = BytesStart::new(name);
    start.extend_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())));
    write(writer, Event::Start(start))?;
    if !is_object {
        write(writer, Event::Text(BytesText::new(&text(value)?)))?;
    }
    for (key, value) in fields.iter().filter(|(key, _)| !key.starts_with(ATTRIBUTE)) {
        if key == TEXT {
            write(writer, Event::Text(BytesText::new(&text(value)?)))?;
        } else {
            element(key, value, &prefixes, writer)?;
        }
    }
    write(writer, Event::End(BytesEnd::new(name)))
}

/// A scalar's text; null is none.
fn text(value: &RawValue) -> Result<String, String> {
    let json = value.get();
    if json == "null" {
        return Ok(String::new());
    }
    let scalar = Scalar::read(json.as_bytes()).ok_or_else(|| match json.starts_with('"') {
        true => "XML cannot have half a character: the text is none in Unicode",
        false => "XML has a text where the record has none",
    })?;
    let text = scalar.into_text();
    match text.chars().find(|c| !name::is_char(*c)) {
        Some(c) => Err(format!("XML cannot have the character U+{:04X}", u32::from(c))),
        None => Ok(text.into_owned()),
    }
}

fn write(writer: &mut Writer<Vec<u8>>, event: Event<'_>) -> Result<(), String> {
    writer.write_event(event).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
