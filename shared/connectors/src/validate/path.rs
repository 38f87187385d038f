//! Paths of rules: as into a record, and `[]` for each element of an array.

use crate::value::path::{self, PICKED_REMEDY};

/// What to do about a text that is no path of a rule.
pub(super) const REMEDY: &str = "write the keys with dots between, like `customer.name`, `[]` for each element of an \
                                 array, like `images[].url`, and a key that holds a dot in quotes, like `data.\"x.y\"`";

/// A path of a rule: the keys to an array, from there the keys in each of its elements, and so on. Without an array
/// there is one part; the last may be empty, for the elements themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RulePath(pub(super) Vec<Vec<String>>);

impl RulePath {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub(super) fn read(text: &str) -> Result<Self, (&'static str, &'static str)> {
        let wrong = |fault| (fault, REMEDY);
        let pieces = pieces(text);
        let last = pieces.len() - 1;
        let part = |(index, piece): (usize, &str)| {
            let inside = match (index, piece) {
                (0, "") if last > 0 => return Err(wrong("a record is no array of its own")),
                (0, first) => first,
                // The elements themselves, or arrays in an array.
                (_, "") => return Ok(Vec::new()),
                (_, inner) => {
                    inner.strip_prefix('.').ok_or(wrong("a dot is missing behind `[]`"))?
                }
            };
            if inside.split('.').any(|key| key == "*") {
                return Err((
                    "`*` stands for nothing here",
                    "write `[]` for each element, like `images[].url`",
                ));
            }
            path::parse_picked(inside).map_err(|fault| match inside.contains('[') {
                true => (fault, PICKED_REMEDY),
                false => wrong(fault),
            })
        };
        pieces.into_iter().enumerate().map(part).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it leads to something inside of what the other one leads to; then, the next key, or none for an array's
    /// elements.
    pub(super) fn inside(&self, other: &Self) -> Option<Option<&str>> {
        let (last, before) = other.0.split_last()?;
        let part = self.0.get(before.len())?;
        let is_inside = self.0.starts_with(before) && part.starts_with(last);
        match part.get(last.len()) {
            Some(key) if is_inside => Some(Some(key)),
            None if is_inside && self.0.len() > other.0.len() => Some(None),
            _ => None,
        }
    }
}

/// The text, cut at each `[]` that does not stand in quotes.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted && text[at..].starts_with("[]") => {
                pieces.push(&text[from..at]);
                from = at + 2;
            }
            _ => {}
        }
    }
    pieces.push(&text[from..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Vec<String>> {
        RulePath::read(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).0
    }

    #[test]
    fn a_path_is_cut_at_its_arrays() {
        assert_eq!(read("a.b"), [["a", "b"]]);
        assert_eq!(read("images[].url"), [["images"], ["url"]]);
        assert_eq!(read("a.tags[]"), [vec!["a", "tags"], vec![]]);
        assert_eq!(read("grid[][].x"), [vec!["grid"], vec![], vec!["x"]]);
        assert_eq!(read(r#"a."x[]".b"#), [["a", "x[]", "b"]]);
        assert_eq!(read("users[type=a].mail"), [["users", "[type=a]", "mail"]]);
        assert_eq!(read(r#"a[]."x.y""#), [["a"], ["x.y"]]);
    }

    #[test]
    fn what_is_no_path_says_what_to_write() {
        for (text, said) in [
            ("", "`images[].url`"),
            ("[]", "`images[].url`"),
            ("[].a", "`images[].url`"),
            ("a[]b", "`images[].url`"),
            ("a[].", "`images[].url`"),
            ("a..b", "`images[].url`"),
            ("images.*.url", "`images[].url`"),
            ("a[0]", "`users[type=customer].name`"),
            ("/a/b", "`customer.name`"),
        ] {
            let (_, remedy) = RulePath::read(text).expect_err(text);
            assert!(remedy.contains(said), "{text}: {remedy}");
        }
    }

    #[test]
    fn what_stands_inside_of_another_is_told_with_the_next_key() {
        let inside = |one: &str, other: &str| {
            let (one, other) = (RulePath::read(one).unwrap(), RulePath::read(other).unwrap());
            one.inside(&other).map(|key| key.map(str::to_owned))
        };
        assert_eq!(inside("a.b", "a"), Some(Some("b".into())));
        assert_eq!(inside("a[].b", "a"), Some(None));
        assert_eq!(inside("a[].b.c", "a[].b"), Some(Some("c".into())));
        assert_eq!(inside("a[][]", "a[]"), Some(None));
        for (one, other) in
            [("a", "a"), ("a", "a.b"), ("ab", "a"), ("a[].b", "a[].c"), ("a.b", "a[]")]
        {
            assert_eq!(inside(one, other), None, "{one} in {other}");
        }
    }
}
