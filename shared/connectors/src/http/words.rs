//! Words and codes that a flow lists.

/// Words, whatever their case, and codes; a code may be a range, like `200-299`.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn new(words: &[impl AsRef<str>]) -> Self {
        Self(words.iter().map(|word| word.as_ref().to_owned()).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has(&self, said: &str) -> bool {
        let code = said.parse::<u32>().ok();
        self.0.iter().any(|word| {
            let range = word.split_once(['-', '–']).and_then(|(from, to)| {
                Some(from.trim().parse::<u32>().ok()?..=to.trim().parse::<u32>().ok()?)
            });
            word.eq_ignore_ascii_case(said)
                || range.zip(code).is_some_and(|(range, code)| range.contains(&code))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_case_and_codes_may_be_ranges() {
        let words = Words::new(&["OK", "600-609", "1001 – 1003", "rate-limited", "07"]);
        for said in ["ok", "Ok", "600", "609", "1002", "rate-limited", "07"] {
            assert!(words.has(said), "{said}");
        }
        for said in ["", "610", "7", "rate", "600-609x", "-1"] {
            assert!(!words.has(said), "{said}");
        }
        assert!(words.has("600-609"), "the range itself, as a word");
    }
}
