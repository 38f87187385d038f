//! Which crate may know which, and which library is named by which crate alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{tree, waiting};

/// Each crate with those of the workspace that its code may name.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("shared/core", &[]),
    ("shared/feed", &[]),
    ("shared/transfer", &[]),
    ("shared/connectors", &["core", "feed", "transfer"]),
    ("shared/flow", &["core", "connectors"]),
    ("shared/wire", &["core"]),
    ("shared/aws", &["core", "wire"]),
    ("shared/credentials", &["aws"]),
    ("shared/local", &["core", "wire"]),
    ("shared/testkit", &["core", "wire"]),
    ("flows", &["flow"]),
    ("functions/runtime", &["core", "connectors", "aws", "flows"]),
    ("functions/fetcher", &["core", "wire", "runtime"]),
    ("functions/processor", &["core", "wire", "runtime"]),
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
            "wire",
            "flows",
            "runtime",
            "fetcher",
            "processor",
            "digest",
            "examples",
        ],
    ),
    // The example APIs play the outside world.
    ("examples", &[]),
    ("tests", &[]),
    ("tests/simulation", &["core", "wire", "testkit"]),
];

#[test]
fn crates_know_only_those_that_the_plan_allows() {
    for (folder, allowed) in MAY_KNOW {
        for dependency in tree::dependencies(folder) {
            if let Some(name) = dependency.strip_prefix("tidegate-") {
                assert!(
                    allowed.contains(&name),
                    "{folder} may not know {name}: hand it in through a port of the core, or let the crate \
                     that assembles both do it"
                );
            }
        }
    }
}

#[test]
fn every_crate_is_in_the_plan() {
    for member in tree::members() {
        let known = MAY_KNOW.iter().any(|(folder, _)| *folder == member);
        assert!(known, "{member} has no line in MAY_KNOW: say there which crates it may name");
    }
}

#[test]
fn only_its_own_crate_names_a_library() {
    let owners: [(&str, &[&str]); 11] = [
        ("aws-sdk-", &["shared/aws"]),
        ("aws-config", &["shared/credentials"]),
        ("aws-smithy-", &["shared/aws"]),
        // One HTTP client for the APIs and for AWS: two would be two in every function.
        ("reqwest", &["shared/connectors", "shared/aws"]),
        ("ring", &["shared/connectors", "shared/transfer"]),
        ("quick-xml", &["shared/connectors", "shared/feed"]),
        ("jiter", &["shared/connectors"]),
        ("moka", &["shared/connectors"]),
        ("dynoxide-rs", &["shared/local"]),
        ("serde-saphyr", &["shared/flow"]),
        ("hyper", &["examples"]),
    ];
    for (folder, _) in MAY_KNOW {
        for dependency in tree::dependencies(folder) {
            for (library, owners) in owners {
                let named = dependency.starts_with(library);
                assert!(
                    !named || owners.contains(folder),
                    "{folder} may not name {dependency}: call a function of {owners:?}, which does"
                );
            }
        }
    }
}

/// The one crate with a feature: SSH is more crates than all the rest of a function, so that a build has it
/// only where it is asked for. It adds a module and changes none.
const HAS_A_FEATURE: &str = "shared/transfer";

/// A feature is on for a whole build: with one for tests alone, the tests would run other code than ships.
#[test]
fn what_ships_is_what_is_tested() {
    for (folder, _) in MAY_KNOW.iter().filter(|(folder, _)| *folder != HAS_A_FEATURE) {
        let manifest = tree::read(&format!("{folder}/Cargo.toml"));
        assert!(
            !manifest.contains("[features]"),
            "{folder}: crates are the boundary, not features: move what only some need into a crate"
        );
        for (path, text) in tree::sources(folder) {
            let asks = ["cfg(feature", "cfg_attr(feature", "cfg!(feature"];
            let asks =
                asks.iter().any(|it| text.contains(it)) && !path.starts_with("tests/tests/tidy");
            assert!(!asks, "{path}: it is other code where a feature is on: hand it in instead");
        }
    }
}

/// A guard can be taken out by its platform alone, and only one platform does.
#[test]
fn only_the_simulation_can_take_out_a_guard() {
    for (folder, _) in MAY_KNOW {
        for (path, text) in tree::sources(folder) {
            let takes_out = text.contains("impl Platform for") && text.contains("fn stands(");
            let may = ["tests/simulation", "tests"].contains(folder);
            assert!(
                may || !takes_out,
                "{path} takes out guards: write a test of the simulation that fails without the guard"
            );
        }
    }
}

/// What reads a flow file's text, or describes it. Flows are checked when they are built.
const OF_FLOW_FILES: [&str; 4] = ["yaml", "saphyr", "schemars", "jsonschema"];

/// Functions that link a library of flow files still: `folder: library`.
const LINKS_FLOW_FILES: &[&str] = &[
    "functions/digest: schemars",
    "functions/fetcher: schemars",
    "functions/processor: schemars",
    "functions/runtime: schemars",
];

#[test]
fn functions_link_nothing_that_reads_flow_files() {
    let mut found = BTreeMap::new();
    for (folder, _) in MAY_KNOW.iter().filter(|(folder, _)| folder.starts_with("functions/")) {
        for (library, way) in links(folder) {
            if OF_FLOW_FILES.iter().any(|part| library.contains(part)) {
                found.insert(format!("{folder}: {library}"), format!("linked through {way}"));
            }
        }
    }
    let remedy =
        "flows/build.rs reads and checks a flow file; let the function load what that embeds";
    waiting::only(&found, "LINKS_FLOW_FILES", LINKS_FLOW_FILES, remedy);
}

/// Every crate that is linked into this one, with a shortest way to it. Of the workspace's crates those that
/// `[dependencies]` names, of others all that Cargo.lock has of them.
fn links(folder: &str) -> BTreeMap<String, String> {
    let locked = locked();
    let folders: BTreeMap<String, String> =
        tree::members().into_iter().map(|folder| (package(&folder), folder)).collect();
    let first = package(folder);
    let mut ways = BTreeMap::from([(first.clone(), first.clone())]);
    let mut queue = VecDeque::from([first]);
    while let Some(name) = queue.pop_front() {
        let of_ours = folders.get(&name).map(|folder| tree::dependencies(folder));
        let of_others = || locked.get(&name).into_iter().flatten().cloned().collect();
        let is_of_flow_files = OF_FLOW_FILES.iter().any(|part| name.contains(part));
        if is_of_flow_files {
            continue;
        }
        for next in of_ours.unwrap_or_else(of_others) {
            if !ways.contains_key(&next) {
                let way = format!("{} → {next}", ways[&name]);
                ways.insert(next.clone(), way);
                queue.push_back(next);
            }
        }
    }
    ways
}

/// The package's name in its manifest.
fn package(folder: &str) -> String {
    let manifest = tree::read(&format!("{folder}/Cargo.toml"));
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    name.expect("a package has a name").trim_matches('"').to_owned()
}

/// Each package of Cargo.lock with the packages that it depends on, of whatever version.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for section in tree::read("Cargo.lock").split("[[package]]").skip(1) {
        let mut name = String::new();
        for line in section.lines() {
            if let Some(named) = line.strip_prefix("name = ") {
                named.trim_matches('"').clone_into(&mut name);
            } else if let Some(dependency) = line.strip_prefix(" \"") {
                let end = dependency.find([' ', '"']).expect("it is quoted");
                packages.entry(name.clone()).or_default().insert(dependency[..end].to_owned());
            }
        }
    }
    packages
}

#[test]
fn what_is_linked_is_found_through_other_crates() {
    let ways = links("functions/fetcher");
    assert_eq!(
        ways["tidegate-connectors"],
        "tidegate-fetcher → tidegate-runtime → tidegate-connectors"
    );
    assert!(ways.contains_key("hyper"), "through reqwest");
    assert!(!ways.contains_key("proptest"), "the core's tests are not linked");
}
