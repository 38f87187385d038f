//! Random records against the simplest mapping of a tree there is.

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::{
    generate::{Element, Node, element},
    kit::*,
};

const LISTS: [&str; 3] = ["a", "b.a", "*.c-d"];

/// What an element becomes; `way` is the path to it from the record.
fn expected(element: &Element, way: &[&str]) -> Value {
    let mut object = Map::new();
    for (key, value) in &element.attributes {
        object.insert(format!("@{key}"), Value::from(value.as_str()));
    }
    let mut text = String::new();
    for node in &element.nodes {
        match node {
            Node::Text(piece, _) => text += piece,
            Node::Nothing(nothing) if nothing.trim().is_empty() => text += nothing,
            Node::Nothing(_) => {}
            Node::Element(child) => {
                let way: Vec<&str> = way.iter().copied().chain([child.name]).collect();
                let value = expected(child, &way);
                match object.get_mut(child.name) {
                    None if is_list(&way) => {
                        _ = object.insert(child.name.to_owned(), Value::from(vec![value]))
                    }
                    None => _ = object.insert(child.name.to_owned(), value),
                    Some(Value::Array(values)) => values.push(value),
                    Some(one) => *one = Value::from(vec![one.take(), value]),
                }
            }
        }
    }
    let text = text.trim_matches([' ', '\n', '\t']);
    if object.is_empty() && !way.is_empty() {
        return Value::from(text);
    }
    if !text.is_empty() {
        object.insert("#text".to_owned(), Value::from(text));
    }
    Value::Object(object)
}

fn is_list(way: &[&str]) -> bool {
    LISTS.iter().any(|list| {
        let list: Vec<&str> = list.split('.').collect();
        list.len() == way.len()
            && list.iter().zip(way).all(|(step, name)| *step == "*" || step == name)
    })
}

proptest! {
    #[test]
    fn random_records_become_what_a_tree_of_them_says(
        elements in prop::collection::vec(element(), 0..4),
        label in prop::sample::select(vec!["utf-8", "gb18030", "utf-16le"]),
        size in 1usize..200,
    ) {
        let mut text = "<s>\n".to_owned();
        for element in &elements {
            element.write("record", &mut text);
            text += "\n";
        }
        text += "</s>";
        let format = format("s.record", &LISTS, &[]);
        let file = file(&text, label);
        let outcome = read(&format, &file, size);
        prop_assert_eq!((&outcome.damage, outcome.whole), (&None, true), "{}", text);
        let records: Vec<Value> = outcome.records.iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect();
        let expected: Vec<Value> = elements.iter().map(|element| expected(element, &[])).collect();
        prop_assert_eq!(records, expected, "{}", text);
        for (number, record) in outcome.records.iter().enumerate() {
            let rest = resume(&format, &file, record, outcome.encoding.unwrap(), false);
            prop_assert_eq!(&rest.records[..], &outcome.records[number + 1..]);
        }
    }
}
