//! Texts with `${params.x}`, `${secrets.y}`, `${record.z}` and `${idempotency_key}` in them.

use std::{fmt, str::FromStr};

use super::path;

/// A text of a flow file, cut at its references. `$${` stands for a plain `${`.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    /// Its pieces, in order.
    pub parts: Vec<Part>,
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Literal(String),
    /// `${params.NAME}`: the connection's parameter.
    Param(String),
    /// `${secrets.NAME}`: the connection's secret.
    Secret(String),
    /// `${record.a.b}`: a field of the record (where the place allows it), as a path.
    Record(Vec<String>),
    /// `${body.a.b}`: a field of what the transform made (where the place allows it), as a path; `${body}` is all
    /// of it.
    Body(Vec<String>),
    /// `${item.a.b}`: a field of the item that a record was split into (where the place allows it), as a path; `${item}`
    /// is all of it.
    Item(Vec<String>),
    /// `${answer.a.b}`: a field of the answer to the request before (where the place allows it), as a path.
    Answer(Vec<String>),
    /// `${records}`: the records of a batch (in its envelope alone).
    Records,
    /// `${lookup.key}` or `${lookup.keys}`: what is looked up (in a look-up's request alone).
    Lookup(LookupPart),
    /// `${cursor.since}` or `${cursor.until}`: the bounds of a list's request (there alone).
    Cursor(CursorPart),
    /// `${parent.a.b}`: a field of the record whose children a list is of (there alone), as a path.
    Parent(Vec<String>),
    /// `${idempotency_key}`: the record's (where the place allows it).
    IdempotencyKey,
}

/// A bound of what a list's request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorPart {
    /// `${cursor.since}`: where it begins.
    Since,
    /// `${cursor.until}`: where it ends.
    Until,
}

/// What of the keys that are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupPart {
    /// `${lookup.key}`: a key alone.
    Key,
    /// `${lookup.keys}`: all of a request's, with the separator between.
    Keys,
}

impl LookupPart {
    /// As it is written after `lookup.`
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Keys => "keys",
        }
    }
}

impl fmt::Display for LookupPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{lookup.{}}}", self.name())
    }
}

impl Part {
    /// Whether it is another one for each record.
    pub fn is_of_record(&self) -> bool {
        matches!(
            self,
            Self::Record(_)
                | Self::Body(_)
                | Self::Item(_)
                | Self::Answer(_)
                | Self::IdempotencyKey
        )
    }
}

/// As it is written in a file.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Param(name) => write!(f, "${{params.{name}}}"),
            Self::Secret(name) => write!(f, "${{secrets.{name}}}"),
            Self::Record(path) => write!(f, "${{record.{}}}", path::written(path)),
            Self::Body(path) if path.is_empty() => f.write_str("${body}"),
            Self::Body(path) => write!(f, "${{body.{}}}", path::written(path)),
            Self::Item(path) if path.is_empty() => f.write_str("${item}"),
            Self::Item(path) => write!(f, "${{item.{}}}", path::written(path)),
            Self::Answer(path) => write!(f, "${{answer.{}}}", path::written(path)),
            Self::Records => f.write_str("${records}"),
            Self::Lookup(what) => what.fmt(f),
            Self::Cursor(CursorPart::Since) => f.write_str("${cursor.since}"),
            Self::Cursor(CursorPart::Until) => f.write_str("${cursor.until}"),
            Self::Parent(path) => write!(f, "${{parent.{}}}", path.join(".")),
            Self::IdempotencyKey => write!(f, "${{{IDEMPOTENCY_KEY}}}"),
        }
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {remedy}")]
pub struct TemplateError {
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead, in one line.
    pub remedy: String,
    /// The part of the text that is wrong.
    pub fragment: String,
}

/// The name of the record's idempotency key in a reference.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// What may stand in `${…}`.
const REFERENCES: &str = "write `${params.NAME}`, `${secrets.NAME}` or `${record.PATH}`; \
                          `$${` stands for a plain `${`";

impl Template {
    /// A text without references.
    pub fn literal(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Literal(text.into())] }
    }

    /// The text, if it has no references.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Its text with this for each reference.
    pub fn with(&self, reference: impl Fn(&Part) -> String) -> String {
        let text = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            part => reference(part),
        };
        self.parts.iter().map(text).collect()
    }

    /// The names of the secrets it refers to, in order; a name may come twice.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether only a request for a list completes it.
    pub fn needs_request(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Cursor(_) | Part::Parent(_)))
    }

    /// Whether it refers to this bound of a list's request.
    pub fn names_cursor(&self, what: CursorPart) -> bool {
        self.parts.contains(&Part::Cursor(what))
    }

    /// The fields of a parent that it refers to.
    pub fn parent_paths(&self) -> impl Iterator<Item = &[String]> {
        self.parts.iter().filter_map(|part| match part {
            Part::Parent(path) => Some(path.as_slice()),
            _ => None,
        })
    }

    /// Whether it refers to the record.
    pub fn needs_record(&self) -> bool {
        self.parts.iter().any(Part::is_of_record)
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find("${") {
            let (before, reference) = rest.split_at(dollar);
            if let Some(escaped) = before.strip_suffix('$') {
                literal.push_str(escaped);
                literal.push_str("${");
                rest = &reference[2..];
                continue;
            }
            literal.push_str(before);
            let Some(end) = end_of(reference) else {
                return Err(TemplateError {
                    message: "a reference is not closed".into(),
                    remedy: format!("add the `}}`; {REFERENCES}"),
                    fragment: reference.into(),
                });
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(reference_part(&reference[..=end])?);
            rest = &reference[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }
}

/// Where a reference ends that a text begins with: at a `}` that no quoted key holds.
fn end_of(reference: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    let end = reference.char_indices().find(|(_, c)| {
        quoted ^= *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        *c == '}' && !quoted
    });
    // A quote that is never closed quotes nothing.
    end.map(|(end, _)| end).or_else(|| reference.find('}'))
}

/// Reads one `${…}`.
fn reference_part(reference: &str) -> Result<Part, TemplateError> {
    let error = |message: String, remedy: String| TemplateError {
        message,
        remedy,
        fragment: reference.into(),
    };
    let inner = &reference[2..reference.len() - 1];
    if inner == IDEMPOTENCY_KEY {
        return Ok(Part::IdempotencyKey);
    }
    match inner {
        "body" => return Ok(Part::Body(Vec::new())),
        "item" => return Ok(Part::Item(Vec::new())),
        "records" => return Ok(Part::Records),
        _ => {}
    }
    let Some((kind, name)) = inner.split_once('.') else {
        return Err(error(format!("`{reference}` refers to nothing"), REFERENCES.into()));
    };
    match kind {
        "params" | "secrets" if !is_name(name) => Err(error(
            format!("`{name}` is no name for a value of `{kind}`"),
            "names are letters, digits and `_`, and begin with a letter".into(),
        )),
        "params" => Ok(Part::Param(name.into())),
        "secrets" => Ok(Part::Secret(name.into())),
        "record" | "body" | "item" | "answer" | "parent" => match path::parse(name) {
            Ok(path) if kind == "parent" => Ok(Part::Parent(path)),
            Ok(path) if kind == "body" => Ok(Part::Body(path)),
            Ok(path) if kind == "item" => Ok(Part::Item(path)),
            Ok(path) if kind == "answer" => Ok(Part::Answer(path)),
            Ok(path) => Ok(Part::Record(path)),
            Err(fault) => Err(error(format!("`{name}` is no path: {fault}"), path::REMEDY.into())),
        },
        "cursor" => match name {
            "since" => Ok(Part::Cursor(CursorPart::Since)),
            "until" => Ok(Part::Cursor(CursorPart::Until)),
            _ => Err(error(
                format!("`{reference}` refers to nothing"),
                "write `${cursor.since}` or `${cursor.until}`".into(),
            )),
        },
        "lookup" => match name {
            "key" => Ok(Part::Lookup(LookupPart::Key)),
            "keys" => Ok(Part::Lookup(LookupPart::Keys)),
            _ => Err(error(
                format!("`{reference}` refers to nothing"),
                "write `${lookup.keys}` for all keys of a request, or `${lookup.key}` for one; a field of what \
                 was looked up is `lookup: PATH` in `transform.map`"
                    .into(),
            )),
        },
        other => {
            let kinds =
                ["params", "secrets", "record", "body", "item", "lookup", "cursor", "parent"];
            let near = crate::file::nearest(other, kinds);
            let hint = near.map(|near| format!("did you mean `${{{near}.{name}}}`? "));
            let message = format!("`{reference}` refers to nothing: there is no `{other}`");
            Err(error(message, format!("{}{REFERENCES}", hint.unwrap_or_default())))
        }
    }
}

/// Whether a text can name a parameter or a secret: it becomes part of an environment variable's
/// name and of a parameter's path on AWS.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parts).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_cut_out_and_the_rest_stands() {
        let template: Template =
            "a${params.b}/${record.c.d}?${secrets.e}${idempotency_key}".parse().unwrap();
        assert_eq!(
            template.parts,
            [
                Part::Literal("a".into()),
                Part::Param("b".into()),
                Part::Literal("/".into()),
                Part::Record(vec!["c".into(), "d".into()]),
                Part::Literal("?".into()),
                Part::Secret("e".into()),
                Part::IdempotencyKey,
            ]
        );
    }

    #[test]
    fn a_doubled_dollar_stands_for_itself_before_a_brace() {
        let plain = |text: &str| text.parse::<Template>().unwrap().as_literal().map(str::to_owned);
        assert_eq!(plain("$${params.x}"), Some("${params.x}".into()));
        assert_eq!(plain("costs $5 {x}"), Some("costs $5 {x}".into()));
        assert_eq!(plain("$$"), Some("$$".into()));
        assert_eq!(plain(""), Some(String::new()));
    }

    #[test]
    fn what_refers_to_nothing_is_refused_with_its_fragment() {
        for (text, fragment) in [
            ("x ${foo} y", "${foo}"),
            ("${param.x}", "${param.x}"),
            ("${params.}", "${params.}"),
            ("${params.a-b}", "${params.a-b}"),
            ("${record.a..b}", "${record.a..b}"),
            ("${lookup.email}", "${lookup.email}"),
            ("${cursor.from}", "${cursor.from}"),
            ("${parent.a..b}", "${parent.a..b}"),
            ("a ${params.x", "${params.x"),
        ] {
            assert_eq!(text.parse::<Template>().unwrap_err().fragment, fragment, "{text}");
        }
    }
}
