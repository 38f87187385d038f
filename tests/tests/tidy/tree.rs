//! The workspace as files: its crates' folders, their manifests, and every source and document.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold nothing written by hand.
const NOT_OURS: [&str; 2] = ["target", "node_modules"];

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").to_owned()
}

/// A file's text. The path begins at the workspace's folder.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A file's text, if there is such a file.
pub fn find(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// The crates' folders, as the workspace's manifest lists them.
pub fn members() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let list = manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next());
    let names = list.expect("the workspace has members").split(',').map(str::trim);
    names.map(|name| name.trim_matches('"').to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Files with this ending under a folder, with their text, by their path from the workspace's folder.
pub fn files(folder: &str, extension: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("it has a name");
            if name.starts_with('.') || NOT_OURS.contains(&name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == extension) {
                let below = path.strip_prefix(root()).expect("it is below").display().to_string();
                found.insert(below, fs::read_to_string(&path).expect("it can be read"));
            }
        }
    }
    found
}

/// Rust files under a folder, with their text. There are some.
pub fn sources(folder: &str) -> BTreeMap<String, String> {
    let found = files(folder, "rs");
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// The `[dependencies]` of a crate: names only.
pub fn dependencies(folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in read(&format!("{folder}/Cargo.toml")).lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.push(name.to_owned());
        }
    }
    names
}
