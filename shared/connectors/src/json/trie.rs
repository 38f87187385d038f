//! Many paths looked up in one pass over a record.

use std::ops::Range;

use jiter::{Jiter, JiterError, Peek};

/// Paths, merged at their common beginnings. A segment that is a number also selects an array's
/// element. Where an object has a key twice, the last one counts, as in most parsers.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
    slots: usize,
}

#[derive(Debug, Default)]
struct Node {
    /// What this path's value is picked as; several outputs may read one path.
    slot: Option<usize>,
    children: Vec<(Box<str>, Option<usize>, usize)>,
}

/// Where each path's value stands in the text; `None` where it is absent or null.
pub(crate) type Picked = Vec<Option<Range<usize>>>;

impl Trie {
    /// A trie that picks nothing yet.
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()], slots: 0 }
    }

    /// Adds a path and answers with its slot; the same path has the same slot.
    pub(crate) fn add(&mut self, path: &[String]) -> usize {
        let mut at = 0;
        for segment in path {
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

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Reads one value with everything in it. `picked` must have [`Trie::slots`] places, all
    /// `None`; ranges are offsets into what `json` reads.
    pub(crate) fn pick(&self, json: &mut Jiter<'_>, picked: &mut Picked) -> Result<(), JiterError> {
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
            Peek::Array if node.children.iter().any(|(_, index, _)| index.is_some()) => {
                self.visit_array(node, json, picked)?;
            }
            _ => {
                // A value seen before under the same key is replaced, with all that it held.
                node.children.iter().for_each(|(_, _, child)| self.forget(*child, picked));
                json.known_skip(peek)?;
            }
        }
        if let Some(slot) = node.slot {
            picked[slot] = (peek != Peek::Null).then(|| start..json.current_index());
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

    fn forget(&self, at: usize, picked: &mut Picked) {
        let node = &self.nodes[at];
        if let Some(slot) = node.slot {
            picked[slot] = None;
        }
        node.children.iter().for_each(|(_, _, child)| self.forget(*child, picked));
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
        slots.into_iter().map(|slot| found[slot].clone().map(|range| &text[range])).collect()
    }

    #[test]
    fn one_pass_finds_every_path_wherever_it_stands() {
        let text = r#"{"b":{"c":[10,{"d":"x"}],"e":null},"a" : 1.50 ,"z":true}"#;
        assert_eq!(
            picked(&["a", "b.c.1.d", "b.e", "b", "q", "b.c.1.d", "b.c.0"], text),
            [
                Some("1.50"),
                Some("\"x\""),
                None,
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
        assert_eq!(picked(&["a"], r#"{"a":1,"a":null}"#), [None]);
        assert_eq!(picked(&["a.b"], r#"{"a":{"b":1},"a":7}"#), [None]);
    }

    #[test]
    fn escaped_keys_are_keys() {
        assert_eq!(picked(&["é"], r#"{"\u00e9":1}"#), [Some("1")]);
    }
}
