//! What every source file keeps to.

use super::tree;

#[test]
fn time_comes_through_the_clock() {
    // The wall clock's own file, and the connectors' one default. The example APIs and the command line
    // have a stopwatch of their own.
    let own = ["functions/runtime/src/wall_clock.rs", "shared/connectors/src/clock.rs"];
    let stopwatches = ["cli", "examples", "tests"];
    for folder in tree::members().iter().filter(|folder| !stopwatches.contains(&folder.as_str())) {
        for (file, text) in tree::sources(folder) {
            if own.contains(&file.as_str()) || file.ends_with("build.rs") {
                continue;
            }
            for call in ["SystemTime::now", "Timestamp::now", "Zoned::now"] {
                assert!(!text.contains(call), "{file}: use the Clock, not {call}");
            }
        }
    }
}

#[test]
fn main_files_only_wire() {
    for folder in tree::members().iter().filter(|folder| folder.starts_with("functions/")) {
        let main = format!("{folder}/src/main.rs");
        if let Some(text) = tree::find(&main) {
            let lines = text.lines().count();
            assert!(lines < 60, "{main} has {lines} lines: move what it does into the library");
        }
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for folder in tree::members() {
        for (file, text) in tree::sources(&folder) {
            assert!(
                text.starts_with("//!"),
                "{file} begins with no //! line: say there what the module is for"
            );
        }
    }
}
