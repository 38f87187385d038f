//! What ARCHITECTURE.md says is absent, is absent.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Each crate with those of the workspace that its code may name.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("shared/core", &[]),
    ("shared/flow", &["core"]),
    ("shared/connectors", &["core", "flow"]),
    ("shared/aws", &["core"]),
    ("shared/credentials", &["aws"]),
    ("shared/local", &["core"]),
    ("flows", &["flow"]),
    ("functions/runtime", &["core", "flow", "connectors", "aws", "flows"]),
    ("functions/fetcher", &["core", "runtime"]),
    ("functions/processor", &["core", "runtime"]),
    ("functions/digest", &["core", "aws", "runtime"]),
    (
        "cli",
        &[
            "core",
            "flow",
            "connectors",
            "aws",
            "credentials",
            "local",
            "flows",
            "runtime",
            "fetcher",
            "processor",
            "digest",
            "tests",
        ],
    ),
    // The example APIs play the outside world.
    ("tests", &[]),
    ("tests/simulation", &["core"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").to_owned()
}

/// Rust files under a folder, with their text.
fn sources(folder: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("it can be read");
                found.insert(path.strip_prefix(root()).expect("it is below").to_owned(), text);
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// The `[dependencies]` of a crate: names only.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn crates_know_only_those_that_the_plan_allows() {
    for (folder, allowed) in MAY_KNOW {
        for dependency in dependencies(folder) {
            if let Some(name) = dependency.strip_prefix("tidegate-") {
                assert!(allowed.contains(&name), "{folder} may not know {name}");
            }
        }
    }
}

#[test]
fn every_crate_is_in_the_plan() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let members = manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next());
    for member in members.expect("members").split(',') {
        let member = member.trim().trim_matches('"');
        let known = MAY_KNOW.iter().any(|(folder, _)| *folder == member);
        assert!(member.is_empty() || known, "{member} has no line in MAY_KNOW");
    }
}

#[test]
fn only_its_own_crate_names_a_library() {
    let owners = [
        ("aws-sdk-", "shared/aws"),
        ("aws-config", "shared/credentials"),
        ("aws-smithy-", "shared/aws"),
        ("reqwest", "shared/connectors"),
        ("ring", "shared/connectors"),
        ("quick-xml", "shared/connectors"),
        ("jiter", "shared/connectors"),
        ("moka", "shared/connectors"),
        ("dynoxide-rs", "shared/local"),
        ("serde-saphyr", "shared/flow"),
        ("hyper", "tests"),
    ];
    for (folder, _) in MAY_KNOW {
        for dependency in dependencies(folder) {
            for (library, owner) in owners {
                let named = dependency.starts_with(library);
                assert!(
                    !named || *folder == owner,
                    "{folder} may not name {dependency}: {owner} does"
                );
            }
        }
    }
}

/// The core's modules know each other in one direction only.
#[test]
fn the_core_is_layered() {
    let layers = [
        ("model", &["decide", "ports", "app", "memory"][..]),
        ("ports", &["decide", "app", "memory"]),
        ("decide", &["app", "memory"]),
        ("memory", &["decide", "app"]),
        ("app", &["memory"]),
    ];
    for (layer, banned) in layers {
        for (path, text) in sources(&format!("shared/core/src/{layer}")) {
            for other in banned {
                let direct = text.contains(&format!("crate::{other}::"));
                let grouped = text.contains(&format!("\n    {other}::"));
                assert!(!direct && !grouped, "{} may not know {other}", path.display());
            }
        }
    }
}

#[test]
fn the_core_names_no_cloud_and_no_wire_protocol() {
    let names = ["aws", "sqs", "dynamo", "lambda", "http", "reqwest", "tokio", "s3"];
    for (path, text) in sources("shared/core/src") {
        for word in text.split(|letter: char| !letter.is_ascii_alphanumeric()) {
            let word = word.to_ascii_lowercase();
            assert!(!names.contains(&word.as_str()), "{} names {word}", path.display());
        }
    }
}

#[test]
fn time_comes_through_the_clock() {
    // The wall clock's own file, the connectors' one default, the example APIs, and the command
    // line's own stopwatch.
    let own = ["functions/runtime/src/wall_clock.rs", "shared/connectors/src/clock.rs"];
    for (folder, _) in MAY_KNOW.iter().filter(|(folder, _)| !["cli", "tests"].contains(folder)) {
        for (path, text) in sources(folder) {
            if own.iter().any(|own| path == Path::new(own)) || path.ends_with("build.rs") {
                continue;
            }
            for call in ["SystemTime::now", "Timestamp::now", "Zoned::now"] {
                assert!(!text.contains(call), "{}: use the Clock, not {call}", path.display());
            }
        }
    }
}

#[test]
fn main_files_only_wire() {
    for (folder, _) in MAY_KNOW.iter().filter(|(folder, _)| folder.starts_with("functions/")) {
        let main = root().join(folder).join("src/main.rs");
        if let Ok(text) = fs::read_to_string(&main) {
            let lines = text.lines().count();
            assert!(lines < 60, "{} has {lines} lines", main.display());
        }
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for (folder, _) in MAY_KNOW {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//!"), "{} begins with no //! line", path.display());
        }
    }
}

#[test]
fn files_are_one_idea_and_not_thousands_of_lines() {
    for (folder, _) in MAY_KNOW {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 700, "{} has {lines} lines: cut it", path.display());
        }
    }
}

#[test]
fn only_the_simulation_can_take_out_a_guard() {
    for (folder, _) in MAY_KNOW {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let asks = manifest.contains("mutation");
        let may = ["shared/core", "tests/simulation"].contains(folder);
        assert_eq!(asks, may, "{folder}: the feature `mutation` is the simulation's alone");
    }
}
