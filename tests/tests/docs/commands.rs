//! Blocks of commands: each command of `tidegate` is run; those that need AWS or long are proven elsewhere.

use std::{fs, thread};

use super::{
    blocks_of,
    markdown::{Block, Page, root},
    pages,
    session::{Session, SetUp},
};

/// Commands that this test does not run. Each begins so, and a file has what runs or defines it.
const ELSEWHERE: [(&str, &str, &str); 24] = [
    ("cargo install --path cli", "cli/Cargo.toml", "name = \"tidegate\""),
    ("cargo test --workspace", ".ci/run", "cargo test --workspace"),
    ("git ls-files -co --exclude-standard '*.rs' | xargs rustfmt", ".ci/run", "xargs rustfmt"),
    ("cargo clippy --workspace --all-targets", ".ci/run", "cargo clippy --workspace"),
    (
        "cargo test -p tidegate-connectors",
        "shared/connectors/Cargo.toml",
        "name = \"tidegate-connectors\"",
    ),
    ("tests/deploy/run", ".ci/run", "tests/deploy/run"),
    (".ci/run", ".ci/run", "tests/deploy/run"),
    ("tests/bench/run", "tests/bench/run", "tests/bench/run [RECORDS]"),
    ("tests/bench/rates --peers", "tests/bench/rates", "--peers"),
    (
        "cargo run --release -p tidegate-simulation -- --seeds 1000000 --first 0",
        "tests/simulation/src/main.rs",
        "seeds: u64",
    ),
    (
        "cargo run --release -p tidegate-simulation -- --explain 17",
        "tests/simulation/src/main.rs",
        "explain: Option<u64>",
    ),
    (
        "cargo run --release -p tidegate-simulation -- --sweep",
        "tests/simulation/src/main.rs",
        "sweep: bool",
    ),
    (
        "cargo run --release -p tidegate-simulation -- --outages",
        "tests/simulation/src/main.rs",
        "outages: bool",
    ),
    (
        "cargo run --release -p tidegate-simulation -- --mutate",
        "tests/simulation/src/main.rs",
        "mutate: bool",
    ),
    (
        "TIDEGATE_UPDATE_SCHEMA=1 cargo test -p tidegate-flow --test schema",
        "shared/flow/tests/schema.rs",
        "TIDEGATE_UPDATE_SCHEMA",
    ),
    (
        "TIDEGATE_UPDATE_REFERENCE=1 cargo test -p tidegate-flow --test reference",
        "shared/flow/tests/reference.rs",
        "TIDEGATE_UPDATE_REFERENCE",
    ),
    (
        "pip install aws-sam-cli cargo-lambda ziglang",
        "tests/deploy/requirements.txt",
        "cargo-lambda==",
    ),
    ("aws ssm put-parameter ", "tests/deploy/drive.py", "ssm.put_parameter("),
    ("sam build && sam deploy ", "tests/deploy/run", "sam build --beta-features"),
    ("sam deploy --stack-name ", "tests/deploy/run", "--stack-name tidegate-test"),
    ("tidegate status orders --aws ", "cli/src/deployed.rs", "/tidegate/stacks/"),
    ("tidegate run docs/recipes/", "tests/tests/flows/recipes/recipe.rs", "docs/recipes"),
    ("cargo lambda watch ", "tests/deploy/watch.py", "\"lambda\", \"watch\", \"--invoke-address\""),
    ("cargo lambda invoke ", "tests/deploy/watch.py", "\"lambda\", \"invoke\""),
];

/// What a reader types here that is no command of `tidegate`.
const SHELL: [&str; 2] = ["echo ", "export "];

/// A line as the shell is to run it; `None` where it is proven elsewhere, or says nothing.
fn to_run(block: &Block, line: &str) -> Option<String> {
    let line = line.trim();
    let comment = line.starts_with('#') || line.is_empty();
    if comment || ELSEWHERE.iter().any(|(command, ..)| line.starts_with(command)) {
        return None;
    }
    let own = ["cargo run -- ", "cargo run --release -- ", "tidegate "]
        .iter()
        .find_map(|prefix| line.strip_prefix(prefix));
    if let Some(arguments) = own {
        return Some(format!("tidegate {arguments}"));
    }
    let known = SHELL.iter().any(|command| line.starts_with(command));
    assert!(known, "{}: no test knows how to run `{line}`", block.place());
    Some(line.to_owned())
}

fn scripts(page: &Page) -> Vec<(&Block, Vec<String>)> {
    let blocks = page.blocks().iter().filter(|block| block.language == "sh");
    let lines = |block: &Block| block.text.lines().filter_map(|line| to_run(block, line)).collect();
    blocks.map(|block| (block, lines(block))).collect()
}

#[test]
fn every_command_runs() {
    let pages = pages();
    let (readme, others) = pages.split_first().expect("the README is the first");
    // What the README sets up holds on every page.
    let set_up = SetUp {
        files: blocks_of(&pages, &["yaml"])
            .filter_map(|block| Some((block.file_name()?, block.text.as_str())))
            .collect(),
        exports: scripts(readme)
            .into_iter()
            .flat_map(|(_, lines)| lines)
            .filter(|line| line.starts_with("export "))
            .collect(),
    };
    let faults: Vec<String> = thread::scope(|scope| {
        let mut runs = Vec::new();
        for page in [readme].into_iter().chain(others) {
            let mut in_order = Vec::new();
            for (block, lines) in scripts(page) {
                // A demo has a world of its own: it goes beside the others.
                let (demos, others): (Vec<_>, Vec<_>) =
                    lines.into_iter().partition(|line| line.starts_with("tidegate demo "));
                runs.extend(demos.into_iter().map(|demo| {
                    let set_up = &set_up;
                    scope.spawn(move || Session::new(set_up).run(block, &[demo]))
                }));
                in_order.push((block, others));
            }
            let set_up = &set_up;
            runs.push(scope.spawn(move || {
                let session = Session::new(set_up);
                in_order.iter().find_map(|(block, lines)| session.run(block, lines))
            }));
        }
        runs.into_iter().filter_map(|run| run.join().expect("it ends")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn what_is_not_run_here_is_known_elsewhere_and_stands_in_a_document() {
    let pages = pages();
    let lines: Vec<&str> =
        blocks_of(&pages, &["sh"]).flat_map(|block| block.text.lines()).map(str::trim).collect();
    for (command, file, holds) in ELSEWHERE {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        assert!(text.contains(holds), "`{command}`: {file} holds no `{holds}`");
        assert!(lines.iter().any(|it| it.starts_with(command)), "no document says `{command}`");
    }
}
