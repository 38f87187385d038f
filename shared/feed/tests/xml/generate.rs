//! Random trees of elements, and many ways to write each.

use proptest::prelude::*;

#[derive(Debug, Clone)]
pub struct Element {
    pub name: &'static str,
    pub attributes: Vec<(&'static str, String)>,
    pub nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
pub enum Node {
    Element(Element),
    Text(String, Way),
    Nothing(&'static str),
}

/// A way to write text.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Escaped,
    Cdata,
    Numbers,
}

pub fn element() -> impl Strategy<Value = Element> {
    let leaf = named(prop::collection::vec(prop_oneof![4 => text(), 1 => nothing()], 0..4));
    leaf.prop_recursive(5, 40, 7, |inner| {
        named(prop::collection::vec(
            prop_oneof![4 => inner.prop_map(Node::Element), 1 => text(), 1 => nothing()],
            0..20,
        ))
    })
}

fn named(nodes: impl Strategy<Value = Vec<Node>>) -> impl Strategy<Value = Element> {
    let name = prop::sample::select(vec!["a", "b", "c-d", "ж", "_e.1"]);
    let attributes = prop::sample::subsequence(vec!["a", "x", "я"], 0..3).prop_flat_map(|names| {
        let values = prop::collection::vec("[a-c&<>\"' éж😀]{0,6}", names.len());
        values.prop_map(move |values| names.clone().into_iter().zip(values).collect())
    });
    (name, attributes, nodes).prop_map(|(name, attributes, nodes)| Element {
        name,
        attributes,
        nodes,
    })
}

fn text() -> impl Strategy<Value = Node> {
    let way = prop::sample::select(vec![Way::Escaped, Way::Cdata, Way::Numbers]);
    ("[a-c&<>\"'\\]; \n\téж😀]{0,10}", way).prop_map(|(text, way)| Node::Text(text, way))
}

fn nothing() -> impl Strategy<Value = Node> {
    prop::sample::select(vec!["<!-- <a> & -- > -->", "<?p ?> > <a>?>", "<![CDATA[]]>", "\n  ", ""])
        .prop_map(|text| Node::Nothing(if text.contains("?> >") { "<?p ? > <a>?>" } else { text }))
}

impl Element {
    pub fn write(&self, name: &str, out: &mut String) {
        *out += &format!("<{name}");
        for (key, value) in &self.attributes {
            *out += &format!(" {key}=\"{}\"", escaped(value));
        }
        if self.nodes.is_empty() {
            *out += "/>";
            return;
        }
        *out += ">";
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.write(element.name, out),
                Node::Nothing(nothing) => *out += nothing,
                Node::Text(text, Way::Escaped) => *out += &escaped(text),
                Node::Text(text, Way::Cdata) => {
                    *out += &format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>"))
                }
                Node::Text(text, Way::Numbers) => text.chars().for_each(|c| match c {
                    c if c.is_whitespace() => out.push(c),
                    c => *out += &format!("&#{};", u32::from(c)),
                }),
            }
        }
        *out += &format!("</{name} >");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
        .replace("]]>", "]]&gt;")
}
