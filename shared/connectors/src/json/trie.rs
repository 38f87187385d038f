//! Many paths looked up in one pass over a record.
//!
//! An item that is found by a field of its own (`[type=customer]`) is read a second time, and only
//! the items of such a list are.

use std::ops::Range;

use jiter::{Jiter, JiterError, Peek};

use super::Scalar;

/// Paths, merged at their common beginnings. A segment that is a number also selects an array's
/// element; one like `[type=customer]` its first element with that field. Where an object has a
/// key twice, the last one counts, as in most parsers.
#[derive(Debug, Default, Clone)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    slots: usize,
}

#[derive(Debug, Default, Clone)]
struct Node {
    /// What this path's value is picked as; several outputs may read one path.
    slot: Option<usize>,
    children: Vec<(Box<str>, Option<usize>, usize)>,
    /// Elements of an array by a field of their own.
    items: Vec<Item>,
}

/// `[type=customer]`
#[derive(Debug, Clone)]
struct Item {
    field: Box<str>,
    value: Box<str>,
    child: usize,
}

impl Item {
    /// Whether an element is the one.
    fn is(&self, element: &[u8]) -> Result<bool, JiterError> {
        let mut json = Jiter::new(element);
        if json.peek()? != Peek::Object {
            return Ok(false);
        }
        let mut found = false;
        let mut key = json.known_object()?;
        while let Some(name) = key {
            let is_field = *self.field == *name;
            let peek = json.peek()?;
            let start = json.current_index();
            json.known_skip(peek)?;
            if is_field {
                let scalar = Scalar::read(json.slice_to_current(start));
                found = scalar.is_some_and(|scalar| scalar.into_text() == *self.value);
            }
            key = json.next_key()?;
        }
        Ok(found)
    }
}

/// Where each path's value stands in the text, a null too; `None` where it is absent.
pub(super) type Picked = Vec<Option<Range<usize>>>;

impl Trie {
    /// A trie that picks nothing yet.
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default()], slots: 0 }
    }

    /// Adds a path and answers with its slot; the same path has the same slot.
    pub(super) fn add(&mut self, path: &[String]) -> usize {
        let mut at = 0;
        for segment in path {
            let item = segment.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            if let Some((field, value)) = item.and_then(|item| item.split_once('=')) {
                at = self.item(at, field, value);
                continue;
            }
            let known = self.nodes[at].children.iter().find(|(key, ..)| **key == **segment);
            at = match known {
                Some((_, _, child)) => *child,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(Node::default());
                    let index = segment.parse().ok();
                    self.nodes[at].children.push((segment.as_str().into(), index, child));
                    child
                }
            };
        }
        let slots = &mut self.slots;
        *self.nodes[at].slot.get_or_insert_with(|| {
            *slots += 1;
            *slots - 1
        })
    }

    /// The node of an array's elements with this field.
    fn item(&mut self, at: usize, field: &str, value: &str) -> usize {
        let known =
            self.nodes[at].items.iter().find(|item| *item.field == *field && *item.value == *value);
        if let Some(item) = known {
            return item.child;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[at].items.push(Item { field: field.into(), value: value.into(), child });
        child
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Reads one value with everything in it. `picked` must have [`Trie::slots`] places, all
    /// `None`; ranges are offsets into what `json` reads.
    pub(super) fn pick(&self, json: &mut Jiter<'_>, picked: &mut Picked) -> Result<(), JiterError> {
        let peek = json.peek()?;
        self.visit(0, json, peek, picked)
    }

    fn visit(
        &self,
        at: usize,
        json: &mut Jiter<'_>,
        peek: Peek,
        picked: &mut Picked,
    ) -> Result<(), JiterError> {
        let node = &self.nodes[at];
        let start = json.current_index();
        match peek {
            Peek::Object if !node.children.is_empty() => self.visit_object(node, json, picked)?,
            Peek::Array if !node.items.is_empty() => self.visit_items(node, json, picked)?,
            Peek::Array if node.children.iter().any(|(_, index, _)| index.is_some()) => {
                self.visit_array(node, json, picked)?;
            }
            _ => {
                // A value seen before under the same key is replaced, with all that it held.
                self.forget_below(node, picked);
                json.known_skip(peek)?;
            }
        }
        if let Some(slot) = node.slot {
            picked[slot] = Some(start..json.current_index());
        }
        Ok(())
    }

    fn visit_object(
        &self,
        node: &Node,
        json: &mut Jiter<'_>,
        picked: &mut Picked,
    ) -> Result<(), JiterError> {
        let mut key = json.known_object()?;
        while let Some(name) = key {
            let child = node.children.iter().find(|(key, ..)| **key == *name).map(|found| found.2);
            let peek = json.peek()?;
            match child {
                Some(child) => self.visit(child, json, peek, picked)?,
                None => json.known_skip(peek)?,
            }
            key = json.next_key()?;
        }
        Ok(())
    }

    fn visit_array(
        &self,
        node: &Node,
        json: &mut Jiter<'_>,
        picked: &mut Picked,
    ) -> Result<(), JiterError> {
        let mut element = json.known_array()?;
        let mut index = 0;
        while let Some(peek) = element {
            let child =
                node.children.iter().find(|(_, wanted, _)| *wanted == Some(index)).map(|c| c.2);
            match child {
                Some(child) => self.visit(child, json, peek, picked)?,
                None => json.known_skip(peek)?,
            }
            index += 1;
            element = json.array_step()?;
        }
        Ok(())
    }

    /// An array of which elements are found by a field: each is read whole before it is known whether
    /// it is wanted.
    fn visit_items(
        &self,
        node: &Node,
        json: &mut Jiter<'_>,
        picked: &mut Picked,
    ) -> Result<(), JiterError> {
        self.forget_below(node, picked);
        let mut wanted: Vec<&Item> = node.items.iter().collect();
        let mut element = json.known_array()?;
        let mut index = 0;
        while let Some(peek) = element {
            let start = json.current_index();
            json.known_skip(peek)?;
            let text = json.slice_to_current(start);
            let by_index =
                node.children.iter().find(|(_, wanted, _)| *wanted == Some(index)).map(|c| c.2);
            if let Some(child) = by_index {
                self.visit_inside(child, text, start, picked)?;
            }
            let mut still = Vec::with_capacity(wanted.len());
            for item in wanted {
                if item.is(text)? {
                    self.visit_inside(item.child, text, start, picked)?;
                } else {
                    still.push(item);
                }
            }
            wanted = still;
            index += 1;
            element = json.array_step()?;
        }
        Ok(())
    }

    /// Visits a value that has been cut out of the text at `start`.
    fn visit_inside(
        &self,
        at: usize,
        text: &[u8],
        start: usize,
        picked: &mut Picked,
    ) -> Result<(), JiterError> {
        let mut json = Jiter::new(text);
        let peek = json.peek()?;
        self.visit(at, &mut json, peek, picked)?;
        self.shift(at, start, picked);
        Ok(())
    }

    fn shift(&self, at: usize, by: usize, picked: &mut Picked) {
        let node = &self.nodes[at];
        if let Some(range) = node.slot.and_then(|slot| picked[slot].as_mut()) {
            *range = range.start + by..range.end + by;
        }
        let children = node.children.iter().map(|(_, _, child)| *child);
        for child in children.chain(node.items.iter().map(|item| item.child)) {
            self.shift(child, by, picked);
        }
    }

    fn forget(&self, at: usize, picked: &mut Picked) {
        let node = &self.nodes[at];
        if let Some(slot) = node.slot {
            picked[slot] = None;
        }
        self.forget_below(node, picked);
    }

    fn forget_below(&self, node: &Node, picked: &mut Picked) {
        node.children.iter().for_each(|(_, _, child)| self.forget(*child, picked));
        node.items.iter().for_each(|item| self.forget(item.child, picked));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked<'a>(paths: &[&str], text: &'a str) -> Vec<Option<&'a str>> {
        let mut trie = Trie::new();
        let slots: Vec<usize> = paths
            .iter()
            .map(|path| trie.add(&path.split('.').map(str::to_owned).collect::<Vec<_>>()))
            .collect();
        let mut found = vec![None; trie.slots()];
        let mut json = Jiter::new(text.as_bytes());
        trie.pick(&mut json, &mut found).unwrap();
        json.finish().unwrap();
        let value = |slot: usize| found[slot].clone().map(|range| &text[range]);
        slots.into_iter().map(value).collect()
    }

    #[test]
    fn one_pass_finds_every_path_wherever_it_stands() {
        let text = r#"{"b":{"c":[10,{"d":"x"}],"e":null},"a" : 1.50 ,"z":true}"#;
        assert_eq!(
            picked(&["a", "b.c.1.d", "b.e", "b", "q", "b.c.1.d", "b.c.0"], text),
            [
                Some("1.50"),
                Some("\"x\""),
                Some("null"),
                Some(r#"{"c":[10,{"d":"x"}],"e":null}"#),
                None,
                Some("\"x\""),
                Some("10"),
            ]
        );
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_one_counts_with_all_that_is_in_it() {
        assert_eq!(picked(&["a"], r#"{"a":1,"a":2}"#), [Some("2")]);
        assert_eq!(picked(&["a"], r#"{"a":1,"a":null}"#), [Some("null")]);
        assert_eq!(picked(&["a.b"], r#"{"a":{"b":1},"a":7}"#), [None]);
    }

    #[test]
    fn an_item_is_found_by_a_field_wherever_it_stands() {
        let text = r#"{"users":[ 3, {"type":"agent","mail":"a"} ,
            {"mail":"c","tags":[{"k":1,"v":"x"},{"k":2,"v":"y"}],"type":"c\u0075st"},
            {"type":"cust","mail":"late"}],"after":true}"#;
        assert_eq!(
            picked(
                &[
                    "users.[type=cust].mail",
                    "users.[type=agent].mail",
                    "users.[type=bot].mail",
                    "users.[type=cust].tags.[k=2].v",
                    "users.[type=cust].tags.0.v",
                    "users.1.type",
                    "users.[mail=late]",
                    "after",
                ],
                text
            ),
            [
                Some("\"c\""),
                Some("\"a\""),
                None,
                Some("\"y\""),
                Some("\"x\""),
                Some("\"agent\""),
                Some(r#"{"type":"cust","mail":"late"}"#),
                Some("true"),
            ]
        );
        for other in
            [r#"{"users":{}}"#, r#"{"users":[]}"#, r#"{"users":[{"type":"cust"}],"users":7}"#]
        {
            assert_eq!(picked(&["users.[type=cust].type"], other), [None], "{other}");
        }
    }

    #[test]
    fn escaped_keys_are_keys() {
        assert_eq!(picked(&["é"], r#"{"\u00e9":1}"#), [Some("1")]);
    }
}
