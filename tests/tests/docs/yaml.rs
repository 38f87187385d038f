//! Blocks of YAML: whole flow files, parts of them, and flows' tests.

use std::{collections::BTreeSet, fmt::Write, fs, thread};

use tempfile::TempDir;

use super::{
    blocks_of,
    markdown::{Block, Page},
    pages,
};
use crate::flows::process::tidegate;

/// What may stand at the top of a flow file.
const FILE: [&str; 15] = [
    "description",
    "destination",
    "landing",
    "limits",
    "lookup",
    "ordering",
    "page",
    "params",
    "retry",
    "schedule",
    "source",
    "stuck_after",
    "transform",
    "validate",
    "flow",
];
/// Keys of a destination that a part of a file may begin with; all others are a source's.
const DESTINATION: [&str; 10] = [
    "answers",
    "batch",
    "delete",
    "duplicate",
    "envelope",
    "idempotency",
    "idempotency_key",
    "on_unknown",
    "refuse",
    "upsert",
];

/// Keys of a file of records.
const FEED: [&str; 2] = ["location", "format"];

/// A file's text, cut at the keys that stand at its left edge.
struct Parts<'a>(Vec<(&'a str, String)>);

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let mut parts: Vec<(&str, String)> = Vec::new();
        for line in text.lines() {
            let begins = line.starts_with(|letter: char| letter.is_ascii_alphabetic());
            if let Some((key, _)) = line.split_once(':').filter(|_| begins) {
                parts.push((key, String::new()));
            }
            if let Some((_, part)) = parts.last_mut() {
                writeln!(part, "{line}").expect("a string takes all");
            }
        }
        Self(parts)
    }

    fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| *name == key)
    }

    /// The parts of these keys, each as far to the right as asked for.
    fn indented(&self, indentation: usize, wanted: impl Fn(&str) -> bool) -> String {
        let lines = self.0.iter().filter(|(key, _)| wanted(key)).flat_map(|(_, part)| part.lines());
        lines.map(|line| format!("{:indentation$}{line}\n", "")).collect()
    }
}

/// The least flow file that holds this part of one.
fn around(part: &str) -> String {
    let parts = Parts::of(part);
    let of_file = |key: &str| FILE.contains(&key);
    let of_destination = |key: &str| DESTINATION.contains(&key);
    let mut text = "flow: part\n".to_owned() + &parts.indented(0, of_file);
    if !parts.has("params") {
        let names: BTreeSet<&str> =
            part.split("${params.").skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let names: String = names
            .into_iter()
            .filter(|name| *name != "crm_url")
            .map(|it| format!("  {it}: {{}}\n"))
            .collect();
        text += &format!("params:\n  crm_url: {{}}\n{names}");
    }
    if FEED.iter().any(|key| parts.has(key)) {
        text += "source:\n  feed:\n    id: id\n";
        text += &parts.indented(4, |key| FEED.contains(&key));
        if !parts.has("location") {
            text += "    location: { file: { path: things } }\n";
        }
        if !parts.has("format") {
            text += "    format: { ndjson: {} }\n";
        }
    } else if !parts.has("source") {
        text += "source:\n  http:\n    url: https://source.example/things\n";
        text += &parts.indented(4, |key| !of_file(key) && !of_destination(key));
        if !parts.has("cursor") {
            text += "    cursor: { by: timestamp, field: updated_at, since: since }\n";
        }
        if !parts.has("pagination") {
            text += "    pagination: none\n";
        }
    }
    if !parts.has("destination") {
        let url = if parts.has("params") { "https://crm.example" } else { "${params.crm_url}" };
        text += &format!("destination:\n  http:\n    url: {url}/things\n");
        text += &parts.indented(4, of_destination);
    }
    text
}

/// `tidegate check`, on this block; what it said, where it refuses it.
fn refused(block: &Block, folder: &TempDir, number: usize, flows: &[&Block]) -> Option<String> {
    let parts = Parts::of(&block.text);
    let path = folder.path().join(format!("block-{number}.yaml"));
    let text = if parts.has("cases") {
        // The flow that the tests are of, and they beside it.
        let name = block.file_name().and_then(|name| name.strip_suffix(".test.yaml"));
        let of = name.map(|name| format!("{name}.yaml"));
        let flow = flows.iter().find(|flow| flow.file_name() == of.as_deref());
        let flow = flow.unwrap_or_else(|| panic!("{}: no flow has these tests", block.place()));
        fs::write(path.with_extension("test.yaml"), &block.text).expect("it can be written");
        flow.text.clone()
    } else if parts.has("flow") {
        block.text.clone()
    } else {
        around(&block.text)
    };
    fs::write(&path, &text).expect("it can be written");
    let ended = tidegate(["check".to_owned(), path.display().to_string()]).run();
    (ended.code != Some(0)).then(|| format!("{}\n{}\n{text}", block.place(), ended.stderr))
}

#[test]
fn every_flow_and_every_part_of_one_is_right() {
    let pages: Vec<Page> = pages();
    let blocks: Vec<&Block> = blocks_of(&pages, &["yaml"]).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let numbered: Vec<(usize, &Block)> = blocks.iter().copied().enumerate().collect();
    let faults: Vec<String> = thread::scope(|scope| {
        let halves = numbered.chunks(numbered.len().div_ceil(2));
        let checks: Vec<_> = halves
            .map(|half| {
                let (folder, blocks) = (&folder, &blocks);
                scope.spawn(move || {
                    let check =
                        |(number, block): &(usize, &Block)| refused(block, folder, *number, blocks);
                    half.iter().filter_map(check).collect::<Vec<_>>()
                })
            })
            .collect();
        checks.into_iter().flat_map(|check| check.join().expect("it ends")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
