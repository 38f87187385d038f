//! Texts for operators, with our secrets taken out.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tidegate_core::model::Secret;
use url::Url;

/// Stands for a secret.
const MASK: &str = "[secret]";
/// Shorter secrets are no secrets, and masking them would eat half of every text.
const SECRET_LEN_MIN: usize = 4;

/// As many learned values are remembered; older tokens have long been replaced.
const LEARNED_MAX: usize = 64;

/// Takes the secrets that a connector was built with, and those that it learned since, out of whatever
/// it says. Clones share what they know.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Arc<RwLock<Needles>>);

#[derive(Default)]
struct Needles {
    /// Longest first, so that a secret inside another leaves no rest of it.
    sorted: Vec<Box<str>>,
    /// What was learned, oldest first, each in all its forms.
    learned: VecDeque<Vec<Box<str>>>,
}

impl Redactor {
    /// Knows the secrets as they are, percent-encoded, in base64 and in JSON.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let redactor = Self::default();
        for secret in secrets {
            redactor.add(secret.expose());
        }
        redactor
    }

    /// Adds a value that must never be shown, e.g. a header made of secrets.
    pub(crate) fn add(&self, value: &str) {
        self.write().add(value);
    }

    /// Adds a value that came at run time, like a token: in the place of the oldest such value, once
    /// they are many.
    pub(crate) fn learn(&self, value: &str) {
        let mut needles = self.write();
        let new = needles.add(value);
        if new.is_empty() {
            return;
        }
        needles.learned.push_back(new);
        if needles.learned.len() > LEARNED_MAX {
            let oldest = needles.learned.pop_front().unwrap_or_default();
            needles.sorted.retain(|needle| !oldest.contains(needle));
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Needles> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text without any secret.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        let needles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for needle in &needles.sorted {
            if masked.contains(&**needle) {
                masked = masked.replace(&**needle, MASK);
            }
        }
        masked
    }

    /// One line of at most `chars_max` characters without any secret.
    pub(crate) fn line(&self, text: &str, chars_max: usize) -> String {
        // Masked before it is cut, or the cut could leave half a secret.
        let masked = self.masked(text);
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

    /// Whether a text holds a secret.
    pub(crate) fn hides(&self, text: &str) -> bool {
        let needles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        needles.sorted.iter().any(|needle| text.contains(&**needle))
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

impl Needles {
    /// Adds a value in all its forms, and answers with those that were not known.
    fn add(&mut self, value: &str) -> Vec<Box<str>> {
        if value.len() < SECRET_LEN_MIN {
            return Vec::new();
        }
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let percent = super::encode_segment(value);
        let quoted = crate::json::quote(value);
        let json = quoted[1..quoted.len() - 1].to_owned();
        let mut new: Vec<Box<str>> = Vec::new();
        for needle in [value.to_owned(), encoded, percent, STANDARD.encode(value), json] {
            if !self.sorted.iter().chain(&new).any(|known| **known == *needle) {
                new.push(needle.into());
            }
        }
        self.sorted.extend(new.iter().cloned());
        self.sorted.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        new
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
    fn what_is_learned_is_masked_by_all_clones_and_the_oldest_is_forgotten_at_last() {
        let redactor = Redactor::new([&Secret::new("hunter2")]);
        let clone = redactor.clone();
        clone.learn("token-\"0\"");
        assert_eq!(redactor.line(r#"token-"0" token-\"0\""#, 99), "[secret] [secret]");
        for number in 1..=LEARNED_MAX {
            clone.learn(&format!("token-{number}-"));
            clone.learn("hunter2");
        }
        assert_eq!(
            redactor.line("token-\"0\" token-1- hunter2", 99),
            "token-\"0\" [secret] [secret]"
        );
    }

    #[test]
    fn a_url_is_shown_without_its_query() {
        let redactor = Redactor::new([&Secret::new("k3y-in-path")]);
        let url = Url::parse("https://a.test/k3y-in-path/orders?api_key=abc").unwrap();
        assert_eq!(redactor.url(&url), "https://a.test/[secret]/orders?…");
    }
}
