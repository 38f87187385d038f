//! docs/flow-file.md is what the schema says.
//!
//! `TIDEGATE_UPDATE_REFERENCE=1 cargo test -p tidegate-flow --test reference` writes it anew.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

/// What stands before the generated part.
const HEAD: &str = "# The flow file

A flow is one YAML file. This page lists every section and key; the program's own types are its source,
so it says what the program does. [recipes.md](recipes.md) has whole files for what APIs commonly ask for, and
[concepts.md](concepts.md) explains the words.

- A file is read strictly. `tidegate check FILE` names the line of an unknown key or a wrong value and says
  what to write instead; an editor does so while you type, if the file begins with
  `# yaml-language-server: $schema=…/infra/flow.schema.json`.
- `${params.NAME}` is a parameter that the connection gives, `${secrets.NAME}` a secret of it. A
  credential that is written into the file itself is refused.
- A YAML anchor (`&name`) and its alias (`*name`) may be used to write something once.

";

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn the_reference_is_fresh_and_has_an_example_for_each_section_and_kind() {
    let examples = docs().join("examples");
    let file = |path: &str| examples.join(format!("{path}.yaml"));
    let reference = tidegate_flow::flow_reference(tidegate_flow::flow_schema(), |path| {
        fs::read_to_string(file(path)).ok()
    });
    assert!(
        reference.without_example.is_empty(),
        "no example: give the type a ```yaml block at the end of its doc comment, or write {}",
        reference
            .without_example
            .iter()
            .map(|it| format!("docs/examples/{it}.yaml "))
            .collect::<String>()
    );
    let text = HEAD.to_owned() + &reference.markdown;

    let used: BTreeSet<&str> =
        text.split("\n```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    for entry in fs::read_dir(&examples).expect("docs/examples can be listed") {
        let path = entry.expect("it can be read").path();
        let example = fs::read_to_string(&path).expect("it can be read");
        assert!(used.contains(example.trim_end()), "{} is the example of nothing", path.display());
    }

    let page = docs().join("flow-file.md");
    if env::var_os("TIDEGATE_UPDATE_REFERENCE").is_some() {
        fs::write(&page, &text).expect("docs/flow-file.md can be written");
    }
    assert!(
        fs::read_to_string(&page).unwrap_or_default() == text,
        "docs/flow-file.md is stale: run \
         `TIDEGATE_UPDATE_REFERENCE=1 cargo test -p tidegate-flow --test reference`"
    );
}
