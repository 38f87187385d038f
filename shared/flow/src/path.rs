//! Dotted paths into a JSON value: `customer.name`.

/// What to do about a text that is no path.
pub(crate) const REMEDY: &str = "write the keys with dots between, like `customer.name`";

/// The keys of a path, from the root; the error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Vec<String>, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.contains('/') {
        return Err("keys are separated by dots, not by `/`");
    }
    if text.starts_with('$') || text.contains(['[', ']', '*']) {
        return Err("it names one place by keys alone; for more there is `transform.jq`");
    }
    if text.split('.').any(str::is_empty) {
        return Err("a key is missing beside a dot");
    }
    if text.split('.').any(|key| key.trim() != key) {
        return Err("a key begins or ends with a blank");
    }
    Ok(text.split('.').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_at_dots_and_other_languages_refused() {
        assert_eq!(parse("a.b c.0").unwrap(), ["a", "b c", "0"]);
        for text in ["", ".a", "a.", "a..b", "/a/b", "$.a", "a[0]", "a.*", "a. b"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
