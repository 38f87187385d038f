//! The reference of the flow file, as Markdown, made from its JSON Schema.
//!
//! The schema comes from the types that read the file, with their doc comments, so the reference
//! cannot say anything else than the program does. Each section and each kind gets its keys, with what
//! may stand there, what counts when they are left out, and an example. The example stands in the
//! type's doc comment as a ```` ```yaml ```` block, or is given beside the schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use schema::{
    FENCE, alternatives, anchor, apart, description, keys, kind_of, kinds_of_value, one_of,
    reference_name, spoken, without_default,
};

mod schema;

const TAKES: &str = "a string takes all";

/// A reference, and what it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The Markdown, from the first heading on.
    pub markdown: String,
    /// Sections and kinds without an example, by the path that one is to be given for.
    pub without_example: Vec<String>,
}

/// Writes the reference of what this schema describes. `example` gives the YAML for a section or kind
/// whose description holds none, by its path: `source.http.pagination.token`.
pub fn flow_reference(schema: &Value, example: impl Fn(&str) -> Option<String>) -> Reference {
    let mut writer = Writer {
        root: schema,
        homes: BTreeMap::new(),
        values: BTreeSet::new(),
        given: &example,
        reference: Reference { markdown: String::new(), without_example: Vec::new() },
    };
    writer.find_homes("", schema);
    let (path, said) = (String::new(), "");
    writer.part(&Part { path, schema, said, is_kind: false, needs_example: false });
    writer.values();
    writer.reference
}

/// A section or a kind that is to be written.
struct Part<'a> {
    path: String,
    schema: &'a Value,
    /// What the key or the alternative says that leads to it.
    said: &'a str,
    is_kind: bool,
    /// Kinds and the sections at the top need one; others may stand in their parent's.
    needs_example: bool,
}

struct Writer<'a, E> {
    root: &'a Value,
    /// Where each shared definition is described: the path at which it was met first; then all others.
    homes: BTreeMap<&'a str, Vec<String>>,
    /// Definitions of single values that were met.
    values: BTreeSet<&'a str>,
    /// Examples that stand beside the schema.
    given: &'a E,
    reference: Reference,
}

impl<'a, E: Fn(&str) -> Option<String>> Writer<'a, E> {
    /// Walks all that the schema holds, and notes who is met where. What stands at a place itself is met before
    /// what stands below it: a definition is described as far up as it is used.
    fn find_homes(&mut self, path: &str, schema: &'a Value) {
        let mut met = Vec::new();
        for (below, child) in self.children(path, schema) {
            let Some(name) = reference_name(child).filter(|_| self.is_part(child)) else {
                met.push((below, child));
                continue;
            };
            let homes = self.homes.entry(name).or_default();
            homes.push(below.clone());
            if homes.len() == 1 {
                met.push((below, self.target(child)));
            }
        }
        for (below, child) in met {
            self.find_homes(&below, child);
        }
    }

    /// What may stand below: by its path, as it is written where it is used.
    fn children(&self, path: &str, schema: &'a Value) -> Vec<(String, &'a Value)> {
        let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let mut children: Vec<_> =
            keys(schema).into_iter().map(|(key, value)| (at(key), value)).collect();
        for alternative in alternatives(schema) {
            match kind_of(alternative) {
                Some((key, value)) => children.push((at(key), value)),
                None => children.extend(self.children(path, self.target(alternative))),
            }
        }
        for inner in [&schema["items"], &schema["additionalProperties"]] {
            if inner.is_object() {
                let path = if inner == &schema["items"] { path.to_owned() } else { at("NAME") };
                children.push((path, inner));
            }
        }
        children
    }

    /// What a schema refers to; itself, where it refers to nothing.
    fn target(&self, schema: &'a Value) -> &'a Value {
        reference_name(schema).map_or(schema, |name| &self.root["$defs"][name])
    }

    /// Whether it has a section of its own: an object with keys, or a choice of kinds that has one.
    fn is_part(&self, schema: &'a Value) -> bool {
        let target = self.target(schema);
        target["properties"].is_object()
            || alternatives(target).iter().any(|alternative| {
                kind_of(alternative).is_some()
                    || reference_name(alternative).is_some_and(|_| self.is_part(alternative))
            })
    }

    fn part(&mut self, part: &Part<'a>) {
        let path = part.path.as_str();
        let target = self.target(part.schema);
        let level = if path.contains('.') { "###" } else { "##" };
        let heading = if path.is_empty() { "The file" } else { path };
        self.line(&format!("{level} {heading}\n"));
        let (mut text, example) = self.doc(part);
        if part.is_kind && part.schema.is_object() && !self.is_part(part.schema) {
            write!(text, " Takes {}.", self.label(part.schema)).expect(TAKES);
        }
        if !text.is_empty() && !path.is_empty() {
            self.line(&format!("{text}\n"));
        }
        if !part.is_kind {
            self.also_at(part);
        }
        self.choice(path, target);
        self.table(path, target);
        self.example(part, example);
        self.parts_below(path, target);
    }

    /// What is said of a part, and the example in it: by the key or the alternative that leads there, or
    /// by its own type, whichever says more; a type that serves several parts speaks of none of them.
    fn doc(&self, part: &Part<'a>) -> (String, Option<String>) {
        let (led, led_example) = apart(part.said);
        let (own, own_example) = apart(description(self.target(part.schema)));
        let homes = reference_name(part.schema).and_then(|name| self.homes.get(name));
        let shared = homes.is_some_and(|homes| homes.len() > 1) && !led.is_empty();
        let general = shared || !self.is_part(part.schema) && !led.is_empty();
        let text = if !general && own.len() > led.len() { own } else { led };
        (without_default(&text).0, led_example.or(own_example))
    }

    fn example(&mut self, part: &Part<'a>, own: Option<String>) {
        match own.or_else(|| (self.given)(&part.path)) {
            Some(example) => self.line(&format!("{FENCE}{}\n```\n", example.trim_end())),
            None if part.needs_example => self.reference.without_example.push(part.path.clone()),
            None => {}
        }
    }

    /// The kinds that there are, where exactly one is to be chosen.
    fn choice(&mut self, path: &str, schema: &'a Value) {
        let choices = if self.is_part(schema) { alternatives(schema) } else { Vec::new() };
        let kinds = choices
            .into_iter()
            .filter_map(|it| kind_of(it).map(|(key, _)| key).or_else(|| it["const"].as_str()));
        let link = |key: &str| format!("[`{key}`](#{})", anchor(&format!("{path}.{key}")));
        let links: Vec<String> = kinds.map(link).collect();
        if !links.is_empty() {
            self.line(&format!("Kinds: {}.\n", links.join(", ")));
        }
    }

    /// Parts of what stands below, where it is described here.
    fn parts_below(&mut self, path: &str, target: &'a Value) {
        let choices = if self.is_part(target) { alternatives(target) } else { Vec::new() };
        for alternative in choices {
            let said = description(alternative);
            let (key, schema) = match (kind_of(alternative), alternative["const"].as_str()) {
                (Some(kind), _) => kind,
                (None, Some(word)) => (word, &Value::Null),
                // One value, or an object with the keys of this very part.
                (None, None) => continue,
            };
            let path = format!("{path}.{key}");
            let part = Part { path, schema, said, is_kind: true, needs_example: true };
            self.part(&part);
        }
        let kinds: Vec<&Value> =
            alternatives(target).into_iter().filter_map(|it| Some(kind_of(it)?.1)).collect();
        for (below, child) in self.children(path, target) {
            if kinds.iter().any(|kind| std::ptr::eq(*kind, child)) {
                continue;
            }
            if !self.is_part(child) {
                self.parts_below(&below, child);
            } else if self.is_home(child, &below) {
                let needs_example = path.is_empty() && alternatives(self.target(child)).is_empty();
                let (schema, said) = (child, description(child));
                self.part(&Part { path: below, schema, said, is_kind: false, needs_example });
            }
        }
    }

    fn is_home(&self, schema: &Value, path: &str) -> bool {
        let homes = reference_name(schema).and_then(|name| self.homes.get(name));
        homes.is_none_or(|homes| homes.first().is_some_and(|home| home == path))
    }

    fn also_at(&mut self, part: &Part<'a>) {
        let homes = reference_name(part.schema).and_then(|name| self.homes.get(name));
        let others: Vec<String> = homes
            .into_iter()
            .flatten()
            .filter(|home| **home != part.path)
            .map(|home| format!("`{home}`"))
            .collect();
        if !others.is_empty() {
            self.line(&format!("Also: {}.\n", others.join(", ")));
        }
    }

    /// The keys of an object.
    fn table(&mut self, path: &str, schema: &'a Value) {
        // A choice between one value and an object with keys has the object's.
        let named = alternatives(schema).into_iter().filter(|it| reference_name(it).is_some());
        let mut with_keys =
            named.map(|it| self.target(it)).filter(|it| it["properties"].is_object());
        let schema = with_keys.next().unwrap_or(schema);
        let mut keys = keys(schema);
        let required = |key: &str| {
            let names = schema["required"].as_array();
            names.is_some_and(|names| names.iter().any(|name| name == key))
        };
        if keys.is_empty() {
            return;
        }
        if !path.is_empty() {
            keys.sort_by_key(|(key, _)| !required(key));
        }
        self.line("| key | takes | default | what it is |\n|---|---|---|---|");
        for (key, value) in keys {
            let (said, default) = without_default(&apart(description(value)).0);
            let own = without_default(&apart(description(self.target(value))).0).0;
            let text = if said.is_empty() { own } else { said };
            let default = match &value["default"] {
                _ if required(key) => "required".to_owned(),
                Value::Null => default,
                default => format!("`{default}`"),
            };
            let mut text = text + &self.words(value);
            if let Some(example) = value["examples"][0].as_str() {
                write!(text, " For example `{example}`.").expect(TAKES);
            }
            let label = self.label(value);
            let row = [format!("`{key}`"), label, default, text.trim().to_owned()];
            self.line(&format!("| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | ")));
        }
        self.line("");
    }

    /// What each word of a choice of words means.
    fn words(&self, schema: &'a Value) -> String {
        let target = self.target(schema);
        if self.is_part(schema) {
            return String::new();
        }
        let mut text = String::new();
        for alternative in alternatives(target) {
            // One, or a list of them: described once.
            if reference_name(alternative).is_some() {
                text += &self.words(alternative);
            }
            if let Some(word) = alternative["const"].as_str() {
                let (meaning, _) = apart(description(alternative));
                let named = meaning.starts_with(&format!("`{word}`"));
                let meaning = if named { meaning } else { format!("`{word}`: {meaning}") };
                write!(text, "<br>{meaning}").expect(TAKES);
            }
        }
        text
    }

    /// What may stand there, in a few words.
    fn label(&mut self, schema: &'a Value) -> String {
        if let Some(name) = reference_name(schema) {
            let target = self.target(schema);
            if self.is_part(schema) {
                let home = self.homes.get(name).and_then(|homes| homes.first());
                let home = home.cloned().unwrap_or_default();
                let label = if target["properties"].is_object() { "keys" } else { "one kind" };
                return format!("[{label}](#{})", anchor(&home));
            }
            let words = alternatives(target);
            if words.is_empty() && target["enum"].is_null() {
                self.values.insert(name);
                return format!("[{}](#{})", spoken(name), anchor(&spoken(name)));
            }
            return self.label(target);
        }
        let choices = alternatives(schema);
        if let Some(words) = schema["enum"].as_array() {
            return one_of(words.iter().filter_map(Value::as_str));
        }
        if !choices.is_empty() && choices.iter().all(|it| it["const"].is_string()) {
            return one_of(choices.iter().filter_map(|it| it["const"].as_str()));
        }
        if !choices.is_empty() {
            let labels: Vec<_> = choices.iter().map(|it| self.label(it)).collect();
            return labels.join(", or ");
        }
        match schema["type"].as_str().unwrap_or_default() {
            "array" => format!("list of {}", self.label(&schema["items"])),
            "object" if schema["additionalProperties"].is_object() => {
                format!("names, each with {}", self.label(&schema["additionalProperties"]))
            }
            "string" => "text".to_owned(),
            "boolean" => "true or false".to_owned(),
            kind @ ("integer" | "number") => match (&schema["minimum"], &schema["maximum"]) {
                (Value::Null, _) => kind.to_owned(),
                (least, Value::Null) => format!("{kind} from {least}"),
                (least, most) => format!("{kind}, {least} to {most}"),
            },
            other => other.to_owned(),
        }
    }

    /// The single values that keys take.
    fn values(&mut self) {
        if !self.values.is_empty() {
            self.line("## Values\n");
        }
        for name in self.values.clone() {
            let target = &self.root["$defs"][name];
            let (text, _) = apart(description(target));
            let text = if text.is_empty() { kinds_of_value(target) } else { text };
            self.line(&format!("### {}\n\n{text}", spoken(name)));
            if let Some(pattern) = target["pattern"].as_str() {
                self.line(&format!("Matches `{pattern}`."));
            }
            let examples = target["examples"].as_array().into_iter().flatten();
            let examples: Vec<String> = examples.map(|it| format!("`{it}`")).collect();
            if !examples.is_empty() {
                self.line(&format!("For example {}.", examples.join(" or ")));
            }
            self.line("");
        }
        let end = self.reference.markdown.trim_end().len();
        self.reference.markdown.truncate(end);
        self.reference.markdown.push('\n');
    }

    fn line(&mut self, text: &str) {
        self.reference.markdown.push_str(text);
        self.reference.markdown.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(schema: &Value) -> Reference {
        flow_reference(schema, |path| (path == "how.push").then(|| "how: { push: 3 }".to_owned()))
    }

    #[test]
    fn a_section_has_its_keys_with_bounds_defaults_and_an_example() {
        let reference = of(&json!({
            "properties": { "limits": { "$ref": "#/$defs/Limits" } },
            "$defs": { "Limits": {
                "description": "What it bears.\n\n```yaml\nlimits: { most: 5 }\n```",
                "properties": {
                    "most": { "type": "integer", "minimum": 1, "maximum": 9,
                              "description": "Requests at once. Default 4. No more." },
                },
            } },
        }));
        assert!(reference.without_example.is_empty(), "{reference:?}");
        let expected = [
            "## The file\n",
            "| key | takes | default | what it is |\n|---|---|---|---|",
            "| `limits` | [keys](#limits) |  | What it bears. |\n",
            "## limits\n",
            "What it bears.\n",
            "| key | takes | default | what it is |\n|---|---|---|---|",
            "| `most` | integer, 1 to 9 | 4 | Requests at once. No more. |\n",
            "```yaml\nlimits: { most: 5 }\n```\n",
        ];
        assert_eq!(reference.markdown, expected.join("\n"));
    }

    #[test]
    fn a_kind_without_an_example_is_told() {
        let reference = of(&json!({
            "properties": { "how": { "$ref": "#/$defs/How" } },
            "$defs": { "How": { "oneOf": [
                { "properties": { "push": { "type": "integer" } }, "description": "By pushing." },
                { "properties": { "pull": { "type": "string" } }, "description": "By pulling." },
            ] } },
        }));
        assert_eq!(reference.without_example, ["how.pull"]);
        assert!(reference.markdown.contains("how: { push: 3 }"), "{}", reference.markdown);
    }
}
