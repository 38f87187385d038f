//! What becomes of elements, and what is refused.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{Damage, Found, Limits, Notices, RecordReader};

fn format(record: &str, lists: &[&str], namespaces: &[(&str, &str)]) -> Arc<XmlFormat> {
    Arc::new(XmlFormat::new(record, lists.iter().copied(), namespaces.iter().copied()).unwrap())
}

struct Outcome {
    found: Vec<Found>,
    damage: Option<Damage>,
    whole: bool,
    notices: Notices,
}

fn read_within(format: Arc<XmlFormat>, limits: Limits, text: &str) -> Outcome {
    let mut reader = XmlReader::new(format, limits);
    let (mut found, mut done) = (Vec::new(), 0);
    let damage = loop {
        match reader.read(&text[done..], true, &mut found) {
            Ok(more) if reader.unread() => done += more,
            Ok(_) => break None,
            Err(damage) => break Some(damage),
        }
    };
    Outcome { found, damage, whole: reader.is_whole(), notices: reader.notices() }
}

fn read(format: Arc<XmlFormat>, text: &str) -> Outcome {
    read_within(format, Limits::default(), text)
}

/// The records of a sound file, `r` by its path.
fn records(text: &str) -> Vec<String> {
    let outcome = read(format("r", &["l", "m.l"], &[("g", "urn:g")]), text);
    assert_eq!((outcome.damage, outcome.whole), (None, true), "{text}");
    let data = outcome.found.iter().map(|found| {
        assert_eq!(found.fault, None, "{text}");
        String::from_utf8(found.data.to_vec()).unwrap()
    });
    data.collect()
}

#[test]
fn elements_become_json_as_the_table_says() {
    for (inside, expected) in [
        ("", "{}"),
        ("text", r##"{"#text":"text"}"##),
        ("<a>1</a><b>2</b>", r#"{"a":"1","b":"2"}"#),
        ("<b>1</b><a>2</a><b>3</b>", r#"{"b":["1","3"],"a":"2"}"#),
        ("<l>1</l>", r#"{"l":["1"]}"#),
        ("<m><l/></m><n><l/></n>", r#"{"m":{"l":[""]},"n":{"l":""}}"#),
        ("<a/><b></b><c> \n </c>", r#"{"a":"","b":"","c":""}"#),
        ("<a>\n  two  words\n </a>", r#"{"a":"two  words"}"#),
        (
            "<a x='1' y=\"\">t</a><b z='2'/>",
            r##"{"a":{"@x":"1","@y":"","#text":"t"},"b":{"@z":"2"}}"##,
        ),
        ("<a>one <b>2</b>three</a>", r##"{"a":{"b":"2","#text":"one three"}}"##),
        (
            "<a xsi:nil='true'/><b i:nil=' 1 ' x='2'>3</b><c xsi:nil='false'/>",
            r#"{"a":null,"b":null,"c":""}"#,
        ),
        ("<a><b><c>1</c></b></a>", r#"{"a":{"b":{"c":"1"}}}"#),
        ("<r><r/></r>", r#"{"r":{"r":""}}"#),
        ("<цена>5</цена>", r#"{"цена":"5"}"#),
        ("<a>x</a ><b\n/>", r#"{"a":"x","b":""}"#),
        ("<a x='1' x='2'/>", r#"{"a":{"@x":"1"}}"#),
        ("<a xmlns='urn:x' xmlns:p='urn:y'>1</a>", r#"{"a":"1"}"#),
    ] {
        assert_eq!(records(&format!("<l><r>{inside}</r></l>")), [expected], "{inside}");
    }
    assert_eq!(records("<l><r a='1'/><r/><q/>x<r>\n</r></l>"), [r#"{"@a":"1"}"#, "{}", "{}"]);
    assert_eq!(records("<r><a/></r>"), [r#"{"a":""}"#]);
}

#[test]
fn pieces_of_text_are_put_together() {
    for (text, expected) in [
        ("a&amp;b", "a&b"),
        ("a<!-- x --><![CDATA[ <b> & ]]>&lt;c", "a <b> & <c"),
        ("a<?p?>b", "ab"),
        ("&#65;&#x42; &#32;", "AB  "),
        (" &nbsp;&auml;&euro; ", "\u{a0}ä€"),
        ("<![CDATA[&#x2013;&amp;]]>", "&#x2013;&amp;"),
        ("a&#13;&#10;b\r\nc\rd", "a\r\nb\nc\nd"),
        ("<![CDATA[]]]]><![CDATA[>]]>", "]]>"),
        ("&#55357;&#56832;", "😀"),
        ("&quot;\\&apos;", "\"\\'"),
    ] {
        let record: Value =
            serde_json::from_str(&records(&format!("<r><a>{text}</a></r>"))[0]).unwrap();
        assert_eq!(record, json!({"a": expected}), "{text}");
    }
}

#[test]
fn attributes_have_references_and_blanks() {
    let text = "<r a='1 &amp;&#10;\n2' b=' x ' c='&auml;&foo;' d='AT&T' e='a & b; &' f='&#55357;&#56832;'/>";
    let record: Value = serde_json::from_str(&records(text)[0]).unwrap();
    assert_eq!(
        record,
        json!({"@a": "1 &\n 2", "@b": " x ", "@c": "ä&foo;", "@d": "AT&T", "@e": "a & b; &", "@f": "😀"})
    );
}

#[test]
fn what_is_mended_is_counted() {
    let text =
        "<r><a>&#x1F;\u{3}x&#55357;y&#56832;</a><b>&nbsp;&auml;</b><c>AT&T &unknown; a&</c></r>";
    let Outcome { found, notices, .. } = read(format("r", &[], &[]), text);
    assert_eq!(found[0].data, r#"{"a":"xy","b":" ä","c":"AT&T &unknown; a&"}"#.replace(' ', "\u{a0}").replacen("T\u{a0}&", "T &", 1).replacen(";\u{a0}a", "; a", 1));
    assert_eq!((notices.dropped, notices.entities, notices.literal), (4, 2, 3));
}

#[test]
fn prefixes_are_the_formats_whatever_the_file_writes() {
    let expected = r#"{"title":"t","g:price":"1"}"#;
    for text in [
        "<l xmlns:g='urn:g'><r><title>t</title><g:price>1</g:price></r></l>",
        "<l xmlns:x='urn:g'><r><title>t</title><x:price>1</x:price></r></l>",
        "<l><r xmlns:g='urn:g'><title>t</title><g:price>1</g:price></r></l>",
        "<l><r><title>t</title><price xmlns=\"urn:g\">1</price></r></l>",
        "<l><r><title>t</title><g:price>1</g:price></r></l>",
        "<l xmlns:g='urn:other'><r xmlns:x='urn:g'><g:title>t</g:title><x:price>1</x:price></r></l>",
    ] {
        assert_eq!(records(text), [expected], "{text}");
    }
    let scopes =
        "<l xmlns:x='urn:g'><r><a xmlns:x='urn:other'><x:b/></a><x:b/></r><r><x:b/></r></l>";
    assert_eq!(records(scopes), [r#"{"a":{"b":""},"g:b":""}"#, r#"{"g:b":""}"#]);
}

#[test]
fn elements_that_differ_by_prefix_alone_keep_it() {
    for (inside, expected) in [
        ("<p:a>1</p:a><b/>", r#"{"a":"1","b":""}"#),
        ("<p:a>1</p:a><a>2</a>", r#"{"p:a":"1","a":"2"}"#),
        ("<a>2</a><p:a>1</p:a><a>3</a><q:a/><p:a/>", r#"{"a":["2","3"],"p:a":["1",""],"q:a":""}"#),
    ] {
        let outcome = read(format("r", &[], &[]), &format!("<r>{inside}</r>"));
        assert_eq!(outcome.found[0].data, expected);
        assert_eq!(outcome.notices.told.len(), usize::from(expected.contains("p:a")), "{inside}");
    }
}

#[test]
fn many_children_are_grouped_as_few_are() {
    let inside: String = (0..3000).map(|n| format!("<k{}>{n}</k{0}>", n % 1000)).collect();
    let record: Value = serde_json::from_str(&records(&format!("<r>{inside}</r>"))[0]).unwrap();
    assert_eq!(record.as_object().unwrap().len(), 1000);
    assert_eq!(record["k7"], json!(["7", "1007", "2007"]));
}

#[test]
fn paths_end_in_the_record() {
    let text = "<shop xmlns:g='urn:g'><a><item n='1'/></a><b><g:item n='2'/><x><item n='3'/></x></b></shop>";
    for (path, namespaces, expected) in [
        ("item", &[][..], "123"),
        ("a.item", &[], "1"),
        ("shop.a.item", &[], "1"),
        ("shop/a/item", &[], "1"),
        ("shop.*.item", &[], "12"),
        ("*.x.item", &[], "3"),
        ("g:item", &[], "2"),
        ("h:item", &[("h", "urn:g")], "2"),
        ("h:item", &[], ""),
        ("q.shop.a.item", &[], ""),
        ("shop.item", &[], ""),
    ] {
        let outcome = read(format(path, &[], namespaces), text);
        let numbers: String = outcome
            .found
            .iter()
            .map(|found| {
                let record: Value = serde_json::from_slice(&found.data).unwrap();
                record["@n"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(numbers, expected, "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for bad in ["", "a..b", "a.", "a b", "@a", "a.#text", ":a", "g:"] {
        let error = XmlFormat::new(bad, [], []).unwrap_err().to_string();
        assert!(error.contains("no path"), "{bad}: {error}");
    }
    assert!(XmlFormat::new("a", ["b", "c."], []).is_err());
    assert!(XmlFormat::new("a", [], [("g", "urn:1"), ("g", "urn:2")]).is_err());
    assert!(XmlFormat::new("a", [], [("", "urn:1")]).is_err());
}

#[test]
fn a_file_that_has_no_place_for_records_is_not_whole() {
    for (path, text, whole) in [
        ("offers.offer", "<shop><offers/></shop>", true),
        ("offers.offer", "<shop><offers></offers></shop>", true),
        ("offers.offer", "<html><body>Maintenance</body></html>", false),
        ("offer", "<shop/>", true),
    ] {
        let outcome = read(format(path, &[], &[]), text);
        assert_eq!(
            (outcome.damage, outcome.whole, outcome.notices.told.len()),
            (None, whole, usize::from(!whole))
        );
    }
}

#[test]
fn what_stands_before_a_damage_is_found_and_the_damage_told() {
    for (text, found, told) in [
        ("", 0, "nothing in it"),
        (" \n ", 0, "nothing in it"),
        ("{\"a\": 1}", 0, "no XML: it begins with \"{\\\"a\\\": 1}\""),
        ("<s><r/>", 1, "ends inside <s>"),
        ("<s><r/><r>", 1, "ends inside a record"),
        ("<s><r/><r", 1, "ends in the middle"),
        ("<s><r/><r a='", 1, "ends in the middle"),
        ("<s><r/><r>x</q></r></s>", 1, "</q> ends <r>"),
        ("<s><r/><r><a></r></s>", 1, "</r> ends <a>"),
        ("<s><r/></t>", 1, "</t> ends <s>"),
        ("<s><r/></s></s>", 1, "</s> ends no element"),
        ("<s><r/></s><s/>", 1, "<s> stands behind the end"),
        ("<s><r/></s>x", 1, "\"x\" stands behind the end"),
        ("<s><r/></s><![CDATA[x]]>", 1, "outside the root"),
        ("<s><r/>< r></s>", 1, "a tag that begins with no name"),
        ("<s><r/><a\"b c\"/></s>", 1, "a tag that begins with no name"),
        ("<s><r/><a<b></s>", 1, "a tag that begins with no name"),
        ("<s><r/></s", 1, "ends in the middle"),
        ("<s><r/><!x></s>", 1, ""),
        ("<s><r/><!-- </s>", 1, "ends in the middle"),
        ("<!DOCTYPE s [<!ENTITY a 'b'>]><s><r/></s>", 0, "declarations of its own"),
        ("<!DOCTYPE s SYSTEM 'a' [", 0, "declarations of its own"),
        ("<s><r/><!DOCTYPE s></s>", 1, "a document type stands behind"),
    ] {
        let outcome = read(format("r", &[], &[]), text);
        assert_eq!(outcome.found.len(), found, "{text}");
        assert!(!outcome.whole, "{text}");
        let damage = outcome.damage.expect(text).to_string();
        assert!(damage.contains(told), "{text}: {damage}");
    }
}

#[test]
fn what_may_stand_around_the_root_does_no_harm() {
    for text in [
        "\n\n<?xml version='1.0'?>\n<s><r/></s>",
        "<!DOCTYPE s SYSTEM \"sh[op]s.dtd\"><s><r/></s>\n<!-- made by x -->\n<?p?>\n",
        "<!DOCTYPE s PUBLIC '-//x' 'http://x/y.dtd'>\n<!-- x --><s><r/></s>",
        "\u{feff}<s><r/></s>\u{feff}",
    ] {
        assert_eq!(records(text), ["{}"], "{text}");
    }
}

#[test]
fn a_record_at_fault_is_not_in_the_way() {
    let limits = Limits { record_bytes_max: 60, depth_max: 3, ..Limits::default() };
    let long = format!("<r><a>{}</a></r>", "x".repeat(60));
    for (bad, told) in [
        (long.as_str(), "longer than 60 bytes"),
        ("<r><a><b><c/></b></a></r>", "more than 3 deep"),
        ("<r><a b></a></r>", "<a> has attributes that are none"),
        ("<r><a b=c/></r>", "<a> has attributes that are none"),
    ] {
        let outcome =
            read_within(format("r", &[], &[]), limits, &format!("<s><r>1</r>{bad}<r>2</r></s>"));
        assert_eq!(
            (outcome.found.len(), &outcome.damage, outcome.whole),
            (3, &None, true),
            "{bad}"
        );
        assert_eq!((&outcome.found[0].fault, &outcome.found[2].fault), (&None, &None));
        assert!(
            outcome.found[1].fault.as_deref().unwrap().contains(told),
            "{:?}",
            outcome.found[1].fault
        );
        assert_eq!(outcome.found[1].data, bad);
    }
}

#[test]
fn the_parts_of_a_record_are_bounded() {
    for part in ["<a/>", "&lt;"] {
        let outcome =
            read(format("r", &[], &[]), &format!("<s><r>{}</r><r/></s>", part.repeat(140_000)));
        assert_eq!(outcome.found.len(), 2);
        assert!(outcome.found[0].fault.as_deref().unwrap().contains("pieces of text"));
        assert_eq!(outcome.found[1].fault, None);
    }
}

#[test]
fn elements_around_the_records_are_bounded() {
    let deep = "<a>".repeat(100);
    assert!(read(format("r", &[], &[]), &deep).damage.unwrap().0.contains("more than 64 deep"));
    let wide = format!("<{}><b>", "a".repeat(70_000));
    assert!(read(format("r", &[], &[]), &wide).damage.unwrap().0.contains("too long"));
    let declared: String = (0..300).map(|n| format!(" xmlns:n{n}='urn:{n}'")).collect();
    let format = format("r", &[], &[("g", "urn:299")]);
    let outcome = read(
        format,
        &format!(
            "<s><r{declared}/><r><a{declared}><n299:b/></a></r><r xmlns:n299='urn:299'><n299:b/></r></s>"
        ),
    );
    assert_eq!((outcome.found.len(), outcome.whole, outcome.notices.told.len()), (3, true, 1));
    assert_eq!(outcome.found[1].data, r#"{"a":{"b":""}}"#);
    assert_eq!(outcome.found[2].data, r#"{"g:b":""}"#);
}

#[test]
fn a_context_is_enough_to_read_on() {
    let text = "<l xmlns:x='urn:g' a='1'><i><r><x:a/></r></i><j xmlns:y=\"urn:g\"><r><y:b/></r><r/></j></l>";
    let format = format("r", &[], &[("g", "urn:g")]);
    let mut reader = XmlReader::new(format.clone(), Limits::default());
    let mut found = Vec::new();
    let done = reader.read(text, true, &mut found).unwrap();
    assert_eq!(
        (found.len(), reader.unread()),
        (1, true),
        "records that stand elsewhere come with the next call"
    );
    assert_eq!(reader.context().unwrap(), "<l xmlns:x=\"urn:g\"><i>");
    let rest = &text[found[0].end..];
    let mut resumed =
        XmlReader::resume(format, Limits::default(), &reader.context().unwrap()).unwrap();
    let (mut further, mut resumed_found) = (Vec::new(), Vec::new());
    reader.read(&text[done..], true, &mut further).unwrap();
    let done = resumed.read(rest, true, &mut resumed_found).unwrap();
    assert_eq!(
        resumed_found.iter().map(|found| &found.data).collect::<Vec<_>>(),
        further.iter().map(|found| &found.data).collect::<Vec<_>>()
    );
    assert_eq!(further[0].data, r#"{"g:b":""}"#);
    assert_eq!(resumed.context().unwrap(), "<l xmlns:x=\"urn:g\"><j xmlns:y=\"urn:g\">");
    assert!(resumed.is_whole() && reader.is_whole() && done > 0);
}

#[test]
fn what_is_no_context_is_refused() {
    for bad in ["x", "<a", "<a>x", "< a>", "</a>"] {
        assert!(XmlReader::resume(format("r", &[], &[]), Limits::default(), bad).is_err(), "{bad}");
    }
    let mut behind = XmlReader::resume(format("r", &[], &[]), Limits::default(), "").unwrap();
    assert_eq!(behind.read("\n", true, &mut Vec::new()), Ok(1));
    assert!(behind.is_whole());
}
