//! Sentences say who does what. Pronouns for a person or a process that the reader must guess hide it.

use std::{collections::BTreeMap, fmt::Write};

use super::tree;

/// The words, in two halves each, so that this file has none of them.
const UNNAMED: [(&str, &str); 3] = [("who", "ever"), ("no", "body"), ("some", "body")];

/// How many of them a file has still. Only smaller numbers, and fewer lines.
const HAVE_STILL: &[(&str, usize)] = &[
    ("functions/digest/src/deployed.rs", 1),
    ("functions/fetcher/src/handler.rs", 2),
    ("shared/aws/src/queue.rs", 1),
    ("shared/aws/src/table/page.rs", 2),
    ("shared/aws/src/table/parked.rs", 1),
    ("shared/connectors/tests/http/answers.rs", 4),
    ("shared/connectors/tests/http/auth/crashes.rs", 2),
    ("shared/connectors/tests/http/destination.rs", 1),
    ("shared/connectors/tests/http/issuer.rs", 1),
    ("shared/connectors/tests/http/lookup.rs", 1),
    ("shared/connectors/tests/http/lookup_answers.rs", 2),
    ("tests/simulation/src/episode.rs", 2),
    ("tests/simulation/src/executor.rs", 1),
    ("tests/simulation/src/exhaustive/canonical.rs", 3),
    ("tests/simulation/src/exhaustive/mod.rs", 1),
    ("tests/simulation/src/exhaustive/processor.rs", 1),
    ("tests/simulation/src/exhaustive/properties.rs", 1),
    ("tests/simulation/src/exhaustive/state.rs", 3),
    ("tests/simulation/src/exhaustive/store.rs", 1),
    ("tests/simulation/src/faults.rs", 1),
    ("tests/simulation/src/invariants.rs", 3),
    ("tests/simulation/src/operator.rs", 4),
    ("tests/simulation/src/run.rs", 3),
    ("tests/simulation/src/scenario.rs", 3),
    ("tests/simulation/src/sweep.rs", 2),
    ("tests/simulation/src/world.rs", 4),
    ("tests/tests/contracts/ledger.rs", 3),
    ("tests/tests/contracts/pages.rs", 3),
    ("tests/tests/contracts/queue/emulator.rs", 1),
    ("tests/tests/contracts/queue/mod.rs", 2),
    ("tests/tests/contracts/suspects.rs", 2),
    ("tests/tests/flows/look_ups.rs", 1),
    ("tests/tests/flows/unknown.rs", 1),
    ("tests/tests/simulation.rs", 3),
];

#[test]
fn sentences_say_who_does_what() {
    let mut files = tree::files("", "rs");
    files.extend(tree::files("", "md"));
    let waiting: BTreeMap<&str, usize> = HAVE_STILL.iter().copied().collect();
    let mut report = String::new();
    let mut remain = BTreeMap::new();
    for (file, text) in &files {
        let lines = unnamed(text);
        let permitted = waiting.get(file.as_str()).copied().unwrap_or(0);
        if lines.len() > permitted {
            writeln!(report, "{file} has {}, {permitted} at the most:", lines.len()).unwrap();
            for (line, word) in &lines {
                writeln!(report, "  line {line}: {word}").unwrap();
            }
        }
        if !lines.is_empty() {
            remain.insert(file.as_str(), lines.len());
        }
    }
    if !report.is_empty() {
        let remedy = "instead: say who it is: the processor that holds the claim, another fetcher, the \
                      operator, the caller, the process that died; or what is not done: `no request waits`";
        panic!("\n{report}{remedy}");
    }
    for (file, permitted) in &waiting {
        let has = remain.get(file).copied().unwrap_or(0);
        if has < *permitted {
            writeln!(report, "{file} has only {has}: write so in HAVE_STILL, not {permitted}")
                .unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// Each of the words with its line, from 1 on; in names as well as in sentences.
fn unnamed(text: &str) -> Vec<(usize, String)> {
    let words = UNNAMED.map(|(first, rest)| format!("{first}{rest}"));
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.to_ascii_lowercase();
        for word in &words {
            found.extend(line.matches(word.as_str()).map(|word| (number, word.to_owned())));
        }
    }
    found
}

#[test]
fn the_words_are_found_in_names_and_sentences() {
    let [ever, no, some] = UNNAMED.map(|(first, rest)| format!("{first}{rest}"));
    let text = format!("a\nfn {no}_waits() {{}} // {some} does\n{}", ever.to_ascii_uppercase());
    assert_eq!(unnamed(&text), [(2, no), (2, some), (3, ever)]);
}
