//! Lists of what breaks a rule still. They only shrink: what is not listed fails, and so does an entry that
//! nothing breaks the rule for any more.

use std::{collections::BTreeMap, fmt::Write};

/// Compares what breaks a rule with what is known to. `found` holds a place, such as a file, with what is
/// wrong there; `remedy` says what to do instead; `list` is the name of the constant behind `waiting`.
pub fn only(found: &BTreeMap<String, String>, list: &str, waiting: &[&str], remedy: &str) {
    let mut report = String::new();
    for (place, what) in found.iter().filter(|(place, _)| !waiting.contains(&place.as_str())) {
        writeln!(report, "{place}: {what}").expect("a string takes it");
    }
    if !report.is_empty() {
        writeln!(report, "instead: {remedy}").expect("a string takes it");
    }
    for place in waiting.iter().filter(|place| !found.contains_key(**place)) {
        writeln!(report, "{place} is mended: take it off {list}").expect("a string takes it");
    }
    assert!(report.is_empty(), "\n{report}");
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::only;

    fn said(found: &[&str], waiting: &'static [&'static str]) -> String {
        let found =
            found.iter().map(|place| ((*place).to_owned(), "too long".to_owned())).collect();
        let failed = catch_unwind(|| only(&found, "LIST", waiting, "cut it"));
        failed.err().map_or_else(String::new, |said| *said.downcast::<String>().expect("a text"))
    }

    #[test]
    fn a_list_only_shrinks() {
        assert_eq!(said(&["a"], &["a"]), "");
        assert_eq!(said(&["a", "b"], &["a"]), "\nb: too long\ninstead: cut it\n");
        assert_eq!(said(&[], &["a"]), "\na is mended: take it off LIST\n");
    }
}
