//! Words and codes that a flow lists.

/// Whether what an answer says is listed: as a word, whatever its case, or as a code, which may be in
/// a listed range like `200-299`.
pub(crate) fn is_listed(said: &str, listed: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
    let code = said.parse::<u32>().ok();
    listed.into_iter().any(|word| {
        let word = word.as_ref();
        let range = word.split_once(['-', '–']).and_then(|(from, to)| {
            Some(from.trim().parse::<u32>().ok()?..=to.trim().parse::<u32>().ok()?)
        });
        word.eq_ignore_ascii_case(said)
            || range.zip(code).is_some_and(|(range, code)| range.contains(&code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_case_and_codes_may_be_ranges() {
        let words = ["OK", "600-609", "1001 – 1003", "rate-limited", "07"];
        for said in ["ok", "Ok", "600", "609", "1002", "rate-limited", "07"] {
            assert!(is_listed(said, words), "{said}");
        }
        for said in ["", "610", "7", "rate", "600-609x", "-1"] {
            assert!(!is_listed(said, words), "{said}");
        }
        assert!(is_listed("600-609", words), "the range itself, as a word");
    }
}
