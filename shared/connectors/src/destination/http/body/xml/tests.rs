//! XML as a reader finds it, and what is refused.

use proptest::prelude::*;
use quick_xml::{Reader, events::Event};
use serde_json::{Value, json};

use super::*;

fn xml(json: &str) -> Result<String, String> {
    encode(json.as_bytes()).map(|xml| String::from_utf8(xml).unwrap())
}

#[test]
fn fields_are_elements_and_attributes_and_everything_is_escaped() {
    let json = r#"{"soap:Envelope":{"@xmlns:soap":"a\"b\n","Body":{"Line":[{"Sku":"<&>","Price":1.50},7],
        "Note":{"@lang":"en","$text":"x\ny\r"},"None":null}}}"#;
    // A reader gives a line break in a text as it stands, and makes a blank of one in an attribute.
    assert_eq!(
        xml(json).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"a&quot;b&#10;\"><Body>\
         <Line><Sku>&lt;&amp;&gt;</Sku><Price>1.50</Price></Line><Line>7</Line>\
         <Note lang=\"en\">x\ny&#13;</Note><None></None></Body></soap:Envelope>"
    );
}

#[test]
fn what_is_no_xml_is_refused_with_the_reason() {
    for (bad, reason) in [
        (r#"{"a":1,"b":2}"#, "one root"),
        ("[1]", "one root"),
        (r#"{"a":[1,2]}"#, "one root"),
        (r#"{"@a":1}"#, "one root"),
        (r#"{"a b":1}"#, "`a b` cannot name"),
        (r#"{"1a":1}"#, "`1a` cannot name"),
        (r#"{"":1}"#, "`` cannot name"),
        (r#"{"a":{"-b":1}}"#, "`-b` cannot name"),
        (r#"{"a":{"b><c":1}}"#, "cannot name"),
        (r#"{"a":{"$x":1}}"#, "`$x` cannot name"),
        (r#"{"a":{"b²":1}}"#, "cannot name"),
        (r#"{"a":{"ªb":1}}"#, "cannot name"),
        (r#"{"a":{"@":1}}"#, "`` cannot name"),
        (r#"{"a":{"@b c":1}}"#, "`b c` cannot name"),
        (r#"{"a":{":b":1}}"#, "cannot name"),
        (r#"{"a":{"b:":1}}"#, "cannot name"),
        (r#"{"a":{"b:c:d":1}}"#, "cannot name"),
        (r#"{"xmlThing":1}"#, "XML's own"),
        (r#"{"XML":1}"#, "XML's own"),
        (r#"{"a":{"@xmlfoo":1}}"#, "XML's own"),
        (r#"{"a":{"xmlns:b":1}}"#, "XML's own"),
        (r#"{"soap:Envelope":1}"#, "nothing declares"),
        (r#"{"a":{"b":{"@xmlns:p":"x"},"p:c":1}}"#, "nothing declares"),
        (r#"{"a":{"@p:b":1}}"#, "nothing declares"),
        (r#"{"a":{"@xmlns:p":""}}"#, "has to name a namespace"),
        (r#"{"a":{"@b":1,"@b":2}}"#, "twice"),
        (r#"{"a":{"@b":{"c":1}}}"#, "a text where the record has none"),
        (r#"{"a":{"$text":[1]}}"#, "a text where the record has none"),
        (r#"{"a":"\u0000"}"#, "U+0000"),
        (r#"{"a":{"b":"\u0001"}}"#, "U+0001"),
        (r#"{"a":"x\u001f"}"#, "U+001F"),
        (r#"{"a":{"@b":"\ufffe"}}"#, "U+FFFE"),
        (r#"{"a":"\uffff"}"#, "U+FFFF"),
        (r#"{"a":"\ud800"}"#, "half a character"),
        (r#"{"a":{"@b":"\udc00x"}}"#, "half a character"),
    ] {
        let said = xml(bad).expect_err(bad);
        assert!(said.contains(reason), "{bad}: {said}");
    }
    for good in [
        r#"{"a":"\t\n\r \ud83c\udf0a\ufffd"}"#,
        r#"{"_a-1.b":1}"#,
        r#"{"Straße":{"größe":1}}"#,
        r#"{"a":{"@xml:lang":"en","@xmlns":"x"}}"#,
        r#"{"p:a":{"@xmlns:p":"x","p:b":{"@p:c":1}}}"#,
    ] {
        assert!(xml(good).is_ok(), "{good}: {:?}", xml(good));
    }
}

/// What a reader finds: names, attributes and texts, one after another.
fn found(xml: &[u8]) -> Vec<String> {
    let mut reader = Reader::from_reader(xml);
    reader.config_mut().check_end_names = true;
    let (mut found, mut buffer, mut text) = (Vec::new(), Vec::new(), String::new());
    loop {
        let event = reader.read_event_into(&mut buffer).expect("it is XML");
        let is_text = matches!(event, Event::Text(_) | Event::GeneralRef(_));
        if !is_text && !text.is_empty() {
            found.push(std::mem::take(&mut text));
        }
        match event {
            Event::Start(start) => {
                found.push(format!("<{}", start.name().as_ref()));
                for attribute in start.attributes() {
                    let attribute = attribute.expect("it is XML");
                    let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
                    let value = value.expect("it is XML");
                    found.push(format!("{}={value}", attribute.key.as_ref()));
                }
            }
            Event::End(_) => found.push(">".to_owned()),
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(name) => text.push_str(
                &quick_xml::escape::unescape(&format!("&{};", &*name)).expect("it is known"),
            ),
            Event::Eof => return found,
            _ => {}
        }
        buffer.clear();
    }
}

/// The same of the JSON that it was made of.
fn expected(name: &str, value: &Value, found: &mut Vec<String>) {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| expected(name, item, found)),
        Value::Object(fields) => {
            found.push(format!("<{name}"));
            let attributes = fields.iter().filter(|(key, _)| key.starts_with('@'));
            found.extend(attributes.map(|(key, value)| format!("{}={}", &key[1..], text(value))));
            for (key, value) in fields.iter().filter(|(key, _)| !key.starts_with('@')) {
                expected(key, value, found);
            }
            found.push(">".to_owned());
        }
        value => {
            found.push(format!("<{name}"));
            found.extend(Some(text(value)).filter(|text| !text.is_empty()));
            found.push(">".to_owned());
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = "[ -~\t\n\r\u{0}\u{1f}äé🌊\u{fffe}\u{2028}]{0,6}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let name = prop_oneof![8 => "[a-zA-Zé_][a-z0-9.-]{0,3}", 1 => "[ -~ªé:]{0,3}"];
    leaf.clone().prop_recursive(4, 24, 4, move |inner| {
        let attributes = prop::collection::btree_map("@[a-w]{1,2}", leaf.clone(), 0..3);
        let fields = prop::collection::btree_map(name.clone(), inner.clone(), 0..4);
        prop_oneof![
            2 => (attributes, fields).prop_map(|(all, fields)| {
                Value::Object(all.into_iter().chain(fields).collect())
            }),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Either a reader finds in it what was put in, or there is none.
    #[test]
    fn xml_is_read_as_it_was_written_or_is_refused(value in any_json()) {
        if let Ok(xml) = encode(json!({ "root": value }).to_string().as_bytes()) {
            let mut all = Vec::new();
            expected("root", &value, &mut all);
            prop_assert_eq!(found(&xml), all);
        }
    }
}
