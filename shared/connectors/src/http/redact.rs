//! Texts for operators, with our secrets taken out.

use base64::{Engine, engine::general_purpose::STANDARD};
use tidegate_core::model::Secret;
use url::Url;

/// Stands for a secret.
const MASK: &str = "[secret]";
/// Shorter secrets are no secrets, and masking them would eat half of every text.
const SECRET_LEN_MIN: usize = 4;

/// Takes the secrets that a connector was built with out of whatever it says.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Longest first, so that a secret inside another leaves no rest of it.
    needles: Vec<Box<str>>,
}

impl Redactor {
    /// Knows the secrets as they are, percent-encoded and in base64.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.add(secret.expose());
        }
        redactor
    }

    /// Adds a value that must not be shown, e.g. a header made of secrets.
    pub(crate) fn add(&mut self, value: &str) {
        if value.len() < SECRET_LEN_MIN {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let percent = super::encode_segment(value);
        for needle in [value.to_owned(), encoded, percent, STANDARD.encode(value)] {
            if !self.needles.iter().any(|known| **known == *needle) {
                self.needles.push(needle.into());
            }
        }
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
    }

    /// One line of at most `chars_max` characters without any secret.
    pub(crate) fn line(&self, text: &str, chars_max: usize) -> String {
        // Masked before it is cut, or the cut could leave half a secret.
        let mut masked = text.to_owned();
        for needle in &self.needles {
            if masked.contains(&**needle) {
                masked = masked.replace(&**needle, MASK);
            }
        }
        let mut line = String::new();
        for word in masked.split(|c: char| c.is_whitespace() || c.is_control()) {
            if word.is_empty() {
                continue;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        match line.char_indices().nth(chars_max) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None => line,
        }
    }

    /// A URL for people: no query, which may hold keys, and no secret in its path.
    pub(crate) fn url(&self, url: &Url) -> String {
        let mut shown = url.clone();
        let query = shown.query().is_some();
        shown.set_query(None);
        shown.set_fragment(None);
        let mark = if query { "?…" } else { "" };
        self.line(&format!("{shown}{mark}"), 300)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_form_before_the_text_is_cut() {
        let secret = Secret::new("p@ss word");
        let redactor = Redactor::new([&secret]);
        let encoded = STANDARD.encode("p@ss word");
        for text in ["p@ss word", "p%40ss+word", "p%40ss%20word", &encoded] {
            assert_eq!(redactor.line(&format!("bad key\n {text}!"), 300), "bad key [secret]!");
        }
        assert_eq!(redactor.line("12345 p@ss word", 10), "12345 [sec…");
    }

    #[test]
    fn a_url_is_shown_without_its_query() {
        let redactor = Redactor::new([&Secret::new("k3y-in-path")]);
        let url = Url::parse("https://a.test/k3y-in-path/orders?api_key=abc").unwrap();
        assert_eq!(redactor.url(&url), "https://a.test/[secret]/orders?…");
    }
}
