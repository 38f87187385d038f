//! Whatever the text, the parser answers: a flow, or errors that can be shown.

use proptest::prelude::*;
use tidegate_flow::{cases, parse};

const GOOD: [&str; 2] = [include_str!("good.yaml"), include_str!("answers.yaml")];

/// What YAML, templates, jq and the value kinds trip over.
const FRAGMENTS: [&str; 24] = [
    "${",
    "}",
    "${params.}",
    "${record.id}",
    "$${",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "- ",
    ": ",
    "\t",
    "\n",
    "\r",
    "\"",
    "'",
    "{",
    "[",
    "\u{feff}",
    "\u{85}",
    "é",
    "999999999999999999999",
];

fn shown(text: &str) {
    if let Err(errors) = parse("f.yaml", text) {
        assert!(!errors.is_empty());
        assert!(errors.to_string().contains("f.yaml:"));
    }
    if let Err(errors) = cases::parse("f.test.yaml", text) {
        assert!(errors.to_string().contains("f.test.yaml:"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,200}|[ -~\\n\\t]{0,400}") {
        shown(&text);
    }

    #[test]
    fn a_good_file_with_a_slip(
        good in prop::sample::select(GOOD.as_slice()),
        cut in 0..2_000_usize,
        gone in 0..40_usize,
        fragment in prop::sample::select(FRAGMENTS.as_slice()),
    ) {
        let start = good.floor_char_boundary(cut.min(good.len()));
        let end = good.floor_char_boundary((start + gone).min(good.len()));
        shown(&format!("{}{fragment}{}", &good[..start], &good[end..]));
    }

    #[test]
    fn a_good_file_with_lines_moved(
        good in prop::sample::select(GOOD.as_slice()),
        from in 0..70_usize,
        to in 0..70_usize,
    ) {
        let mut lines: Vec<_> = good.lines().collect();
        let line = lines.remove(from.min(lines.len() - 1));
        lines.insert(to.min(lines.len()), line);
        shown(&lines.join("\n"));
    }
}
