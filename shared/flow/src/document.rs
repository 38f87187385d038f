//! From a file's text to its typed structure.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{Error, Options, options::MergeKeyPolicy};
use tidegate_connectors::file::{self, At, Findings, FlowErrors, Node, Place, Report, SourceText};

use crate::{
    structure,
    yaml::{Yaml, place_of},
};

/// Largest file that is read, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting that is read. The deepest place of a flow is 8 deep; constants may go on.
const DEPTH_MAX: usize = 32;

/// Reads a file into a structure that its schema allows, with what reading it found.
pub(crate) fn read<T: DeserializeOwned>(
    source: SourceText<'_>,
    schema: &Value,
) -> Result<(T, Findings), FlowErrors> {
    from_tree(source, &tree(source, schema)?)
}

/// Reads a file into a tree that the schema allows.
pub(crate) fn tree(source: SourceText<'_>, schema: &Value) -> Result<At<Node>, FlowErrors> {
    let mut report = Report::new(source);
    if source.text.len() > FILE_BYTES_MAX {
        let (size, most) = (source.text.len(), FILE_BYTES_MAX);
        let message = format!("the file has {size} bytes, and {most} is the most");
        report.add(Place::at(0), message, "split it, one flow a file");
        return report.finish(None);
    }
    if is_blank(source.text) {
        let remedy = "start with `flow: NAME`; flows/orders.yaml is an example";
        report.add(Place::at(0), "the file is empty", remedy);
        return report.finish(None);
    }
    let tree = match parse(source.text) {
        Ok(tree) => tree,
        Err(error) => {
            syntax(&error, &mut report);
            return report.finish(None);
        }
    };
    structure::check(schema, &tree, &mut report);
    let sound = report.is_clean();
    report.finish(sound.then_some(tree))
}

/// Makes a structure of a tree that its schema allows.
pub(crate) fn from_tree<T: DeserializeOwned>(
    source: SourceText<'_>,
    tree: &At<Node>,
) -> Result<(T, Findings), FlowErrors> {
    // The structure holds, so this cannot fail but where the schema says less than the type.
    let (value, findings) = file::read(tree);
    let mut report = Report::new(source);
    if let Err(error) = &value {
        let remedy = "check indentation, colons and quotes around it";
        report.add(error.place, format!("this cannot be read: {}", error.message), remedy);
    }
    report.finish(value.ok().map(|value| (value, findings)))
}

/// A file's tree.
fn parse(text: &str) -> Result<At<Node>, Error> {
    let yaml: Yaml = serde_saphyr::from_str_with_options(text, options())?;
    Ok(yaml.into_tree(text))
}

fn is_blank(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_documents: 2,
            max_nodes: 100_000,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000 },
        merge_keys: MergeKeyPolicy::Error,
        // `no` and `on` are texts, as in YAML 1.2: Norway is no boolean.
        strict_booleans: true,
        with_snippet: false,
    }
}

/// Says what YAML itself found wrong.
fn syntax(error: &Error, report: &mut Report<'_>) {
    let place = error.location().map_or(report.source.beginning(), place_of);
    if let Some(tab) = report.source.tab_indent()
        && !matches!(error, Error::DuplicateMappingKey { .. })
    {
        report.add(tab, "a line is indented with a tab", "indent with spaces: YAML takes no tabs");
        return;
    }
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("?");
            let remedy = "remove one of the two, or merge what they hold";
            report.add(place, format!("the key `{key}` is given twice"), remedy);
        }
        Error::Budget { .. } => {
            let message = format!("the file is nested too deeply, or too large: {}", plain(error));
            report.add(place, message, format!("stay within {DEPTH_MAX} levels and 100000 values"));
        }
        Error::MultipleDocuments { .. } => {
            let message = "a second document begins here";
            report.add(place, message, "write one flow a file, without `---` between");
        }
        Error::MergeKeyNotAllowed { .. } => {
            report.add(place, "merge keys (`<<`) are not taken", "write the keys out");
        }
        _ => {
            let remedy = "check indentation, colons and quotes around it";
            report.add(place, format!("this is no YAML: {}", plain(error)), remedy);
        }
    }
}

/// The parser's own words, on one line and without its place.
fn plain(error: &Error) -> String {
    use serde_saphyr::MessageFormatter as _;
    serde_saphyr::UserMessageFormatter.format_message(error).replace(['\n', '\r'], " ")
}
