//! Checks a file's structure against its schema: keys, kinds of values, ranges. All faults at once.
//!
//! The schema is the one that editors get, so what an editor underlines and what is refused here
//! cannot drift apart. Of JSON Schema it knows what the types in `tidegate_connectors` use.

use std::collections::BTreeSet;

use serde_json::Value;

use tidegate_connectors::file::{self, At, Node, Place, Report};

/// Checks the whole file.
pub(crate) fn check(schema: &Value, file: &At<Node>, report: &mut Report<'_>) {
    Structure { root: schema, report }.value(schema, file, &Path(String::new()));
}

/// Where in the file, as a person would write it: `source.http.url`.
struct Path(String);

impl Path {
    fn key(&self, key: &str) -> Self {
        Self(if self.0.is_empty() { key.into() } else { format!("{}.{key}", self.0) })
    }

    fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// To stand in a sentence.
    fn named(&self) -> String {
        if self.0.is_empty() { "the file".into() } else { format!("`{}`", self.0) }
    }
}

struct Structure<'s, 'r, 't> {
    root: &'s Value,
    report: &'r mut Report<'t>,
}

impl<'s> Structure<'s, '_, '_> {
    fn value(&mut self, schema: &'s Value, node: &At<Node>, path: &Path) {
        let kinds = self.kinds(schema);
        let fitting: Vec<_> =
            kinds.iter().copied().filter(|kind| fits(kind, &node.value)).collect();
        match fitting.as_slice() {
            [] => self.wrong_kind(&kinds, node, path),
            [only] if !is_tagged(only) => self.content(only, node, path),
            several => match &node.value {
                Node::Text(word) => self.word(several, word, node.place, path),
                Node::Section(entries) => self.tagged(&kinds, entries, node.place, path),
                _ => {}
            },
        }
    }

    /// The schemas that a value may follow: one, or the alternatives of `anyOf` and `oneOf`.
    fn kinds(&self, schema: &'s Value) -> Vec<&'s Value> {
        let schema = self.resolve(schema);
        match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
            None => vec![schema],
            Some(kinds) => kinds.iter().flat_map(|kind| self.kinds(kind)).collect(),
        }
    }

    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let target = schema.get("$ref").and_then(Value::as_str);
        match target.and_then(|target| self.root.pointer(target.trim_start_matches('#'))) {
            None => schema,
            Some(target) => self.resolve(target),
        }
    }

    fn wrong_kind(&mut self, kinds: &[&Value], node: &At<Node>, path: &Path) {
        let wanted = wanted(kinds);
        let example = kinds.iter().find_map(|kind| kind["examples"].get(0));
        let remedy = match (&node.value, example) {
            (Node::Null, _) if path.0.is_empty() => "write a flow into it".into(),
            // The word is a text in YAML only in quotes.
            (Node::Null, _) => {
                let wanted = wanted.replace("`null`", "`\"null\"`, in quotes,");
                format!("write {wanted} after it, or remove the key")
            }
            (_, Some(Value::String(example))) => format!("write {wanted}, for example `{example}`"),
            (Node::Boolean(..) | Node::Integer(..) | Node::Number(..), None)
                if wanted == "a text" =>
            {
                "put it in quotes to make it a text".into()
            }
            _ => format!("write {wanted}"),
        };
        let is = node.value.kind();
        let message = format!("{} must be {wanted}, and is {is}", path.named());
        self.report.add(node.place, message, remedy);
    }

    /// Checks a value that has the right kind.
    fn content(&mut self, schema: &'s Value, node: &At<Node>, path: &Path) {
        match &node.value {
            Node::Section(entries) => self.section(schema, entries, node.place, path),
            Node::List(items) => self.list(schema, items, node.place, path),
            Node::Integer(number, _) => self.range(schema, *number, node.place, path),
            Node::Text(word) => self.word(&[schema], word, node.place, path),
            Node::Null | Node::Boolean(..) | Node::Number(..) => {}
        }
    }

    fn section(
        &mut self,
        schema: &'s Value,
        entries: &[(At<String>, At<Node>)],
        place: Place,
        path: &Path,
    ) {
        let known = schema["properties"].as_object();
        let known_names: Vec<_> = known.iter().flat_map(|p| p.keys().map(String::as_str)).collect();
        for (key, value) in entries {
            match known.and_then(|known| known.get(&key.value)) {
                Some(schema) => self.value(schema, value, &path.key(&key.value)),
                None => match schema.get("additionalProperties") {
                    Some(Value::Bool(false)) => self.unknown_key(key, &known_names, path),
                    Some(schema) => self.value(schema, value, &path.key(&key.value)),
                    None => {}
                },
            }
        }
        // A misspelt key is not missing as well.
        let given: BTreeSet<_> = entries
            .iter()
            .map(|(key, _)| key.value.as_str())
            .flat_map(|key| [Some(key), file::nearest(key, known_names.iter().copied())])
            .flatten()
            .collect();
        let required = schema["required"].as_array().into_iter().flatten();
        for missing in required.filter_map(Value::as_str).filter(|key| !given.contains(key)) {
            let what = self.description(&schema["properties"][missing]);
            let inside =
                if path.0.is_empty() { String::new() } else { format!(" in {}", path.named()) };
            let message = format!("missing key `{missing}`{inside}");
            self.report.add(place, message, format!("add `{missing}:` {what}"));
        }
    }

    /// Checks a section that holds exactly one of several kinds, named by its key.
    fn tagged(
        &mut self,
        kinds: &[&'s Value],
        entries: &[(At<String>, At<Node>)],
        place: Place,
        path: &Path,
    ) {
        let kinds: Vec<(&str, &Value)> = kinds.iter().filter_map(|kind| tag(kind)).collect();
        let names: Vec<_> = kinds.iter().map(|(name, _)| *name).collect();
        let one_of = format!("write one of {}", file::listed(names.iter().copied()));
        let mut first: Option<&str> = None;
        for (key, value) in entries {
            let Some((name, schema)) = kinds.iter().find(|(name, _)| *name == key.value) else {
                self.unknown_key(key, &names, path);
                continue;
            };
            match first {
                Some(first) => {
                    let message = format!("{} takes one kind: `{first}` or `{name}`", path.named());
                    self.report.add(key.place, message, format!("remove one of the two; {one_of}"));
                }
                None => self.value(schema, value, &path.key(name)),
            }
            first = first.or(Some(name));
        }
        if entries.is_empty() {
            self.report.add(place, format!("{} names no kind", path.named()), one_of);
        }
    }

    fn unknown_key(&mut self, key: &At<String>, known: &[&str], path: &Path) {
        let inside =
            if path.0.is_empty() { String::new() } else { format!(" in {}", path.named()) };
        let message = format!("unknown key `{}`{inside}", key.value);
        self.report.add(key.place, message, file::remedy(&key.value, "known keys", known));
    }

    fn list(&mut self, schema: &'s Value, items: &[At<Node>], place: Place, path: &Path) {
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(schema, item, &path.item(index));
            }
        }
        if items.is_empty() && schema.get("minItems").is_some() {
            let message = format!("{} is an empty list", path.named());
            self.report.add(place, message, "write at least one item, or remove the key");
        }
    }

    fn range(&mut self, schema: &Value, number: i64, place: Place, path: &Path) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
            return;
        }
        let allowed = match (least, most) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("{least} or more"),
            (None, Some(most)) => format!("{most} or less"),
            (None, None) => return,
        };
        let message = format!("{} is {number}, out of range", path.named());
        self.report.add(place, message, format!("write a number {allowed}"));
    }

    /// Checks a text against the words that are allowed, where only some are.
    fn word(&mut self, kinds: &[&Value], word: &str, place: Place, path: &Path) {
        let mut allowed = Vec::new();
        for kind in kinds {
            match (kind.get("const"), kind.get("enum")) {
                (Some(only), _) => allowed.extend(only.as_str()),
                (_, Some(Value::Array(words))) => {
                    allowed.extend(words.iter().filter_map(Value::as_str))
                }
                // Any text will do.
                _ => return,
            }
        }
        if !allowed.contains(&word) {
            let message = format!("{} cannot be `{word}`", path.named());
            self.report.add(place, message, file::remedy(word, "known values", &allowed));
        }
    }

    /// A key's first sentence, to tell a person what to write.
    fn description(&self, schema: &Value) -> String {
        let text = |schema: &Value| schema["description"].as_str().map(str::to_owned);
        let target =
            schema["$ref"].as_str().and_then(|r| self.root.pointer(r.trim_start_matches('#')));
        let text = text(schema).or_else(|| target.and_then(text)).unwrap_or_default();
        let sentence = text.split(". ").next().unwrap_or_default().trim_end_matches('.');
        format!("({})", sentence.replace('\n', " "))
    }
}

/// The name and the content of a kind that is named by its only key.
fn tag(schema: &Value) -> Option<(&str, &Value)> {
    let properties = schema.get("properties")?.as_object()?;
    match (properties.len(), properties.iter().next()) {
        (1, Some((name, content))) if schema["required"][0] == **name => Some((name, content)),
        _ => None,
    }
}

/// Whether a schema is one of an enum's kinds. A section whose only key is required reads the same.
fn is_tagged(schema: &Value) -> bool {
    tag(schema).is_some()
}

/// Whether a value has the kind that a schema asks for, whatever its content.
fn fits(schema: &Value, node: &Node) -> bool {
    let kinds = match schema.get("type") {
        None => return true,
        Some(Value::Array(kinds)) => kinds.as_slice(),
        Some(kind) => std::slice::from_ref(kind),
    };
    kinds.iter().filter_map(Value::as_str).any(|kind| {
        matches!(
            (kind, node),
            ("string", Node::Text(_))
                | ("boolean", Node::Boolean(..))
                | ("integer" | "number", Node::Integer(..))
                | ("number", Node::Number(..))
                | ("array", Node::List(_))
                | ("object", Node::Section(_))
        )
    })
}

/// What the schemas ask for, as a person would say it.
fn wanted(kinds: &[&Value]) -> String {
    let mut names = Vec::new();
    for kind in kinds {
        let types = match kind.get("type") {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(only)) => vec![only.as_str()],
            _ => Vec::new(),
        };
        for name in types {
            let name = match (name, kind.get("const")) {
                ("string", Some(Value::String(word))) => format!("`{word}`"),
                ("string", _) => "a text".into(),
                ("boolean", _) => "true or false".into(),
                ("integer", _) => "a whole number".into(),
                ("number", _) => "a number".into(),
                ("array", _) => "a list".into(),
                _ => "a section with keys".into(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.join(" or ")
}
