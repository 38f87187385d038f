//! Reads every flow beside this file, fails the build at a broken one, and embeds the rest.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    // The folder, for files that come and go; the files, for what changes in them.
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut flows = BTreeMap::new();
    let mut broken = false;
    for file in files(&folder) {
        println!("cargo::rerun-if-changed={}", file.display());
        match read(&file) {
            Ok(Some((name, embedded))) => _ = flows.insert(name, (file, embedded)),
            Ok(None) => {}
            Err(said) => {
                broken = true;
                eprintln!("{said}\n");
            }
        }
    }
    if broken {
        return ExitCode::FAILURE;
    }
    let embedded = embed(&flows);
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("flows.rs");
    fs::write(&target, embedded).expect("OUT_DIR can be written");
    ExitCode::SUCCESS
}

/// The flow files, and the tests beside them.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of this file can be read");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the folder of this file can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// Checks a file and gives its flow's name and embedded form, or none for a flow's tests. A broken
/// one gives its errors, as they are to be shown.
fn read(file: &Path) -> Result<Option<(String, String)>, String> {
    let shown = format!("flows/{}", file.file_name().unwrap_or_default().display());
    let text = fs::read_to_string(file).map_err(|error| format!("error: {shown}: {error}"))?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    if let Some(flow) = stem.strip_suffix(".test") {
        tidegate_flow::cases::parse(&shown, &text).map_err(|errors| errors.to_string())?;
        if !file.with_file_name(format!("{flow}.yaml")).exists() {
            return Err(format!("error: {shown} tests flows/{flow}.yaml, which is not there"));
        }
        return Ok(None);
    }
    let (flow, embedded) =
        tidegate_flow::compile(&shown, &text).map_err(|errors| errors.to_string())?;
    if flow.name != stem {
        let name = flow.name;
        return Err(format!("error: {shown} holds the flow `{name}`: name both the same"));
    }
    Ok(Some((flow.name, embedded)))
}

/// The Rust source of the tables of flows: their texts, and their embedded forms. Two tables, so that
/// a function carries only the one that it reads.
fn embed(flows: &BTreeMap<String, (PathBuf, String)>) -> String {
    let text = |(name, (file, _)): (&String, &(PathBuf, String))| {
        format!("    ({name:?}, include_str!({:?})),\n", file.display().to_string())
    };
    let form =
        |(name, (_, form)): (&String, &(PathBuf, String))| format!("    ({name:?}, {form:?}),\n");
    let (texts, forms): (String, String) =
        (flows.iter().map(text).collect(), flows.iter().map(form).collect());
    format!(
        "static TEXTS: &[(&str, &str)] = &[\n{texts}];\nstatic FORMS: &[(&str, &str)] = &[\n{forms}];\n"
    )
}
