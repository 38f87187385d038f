//! Where a value ends in a text that is no strict JSON.
//!
//! Brackets and quotes alone count, so that one bad element of an array can be told from the others. Bytes are
//! read a bounded number of times, and nothing is kept but the open brackets.

use std::ops::Range;

use super::Scalar;

/// Finds elements that are no strict JSON in one text.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    /// Bytes that were read beyond the elements that were found.
    wasted: usize,
}

impl Finder {
    /// The value that stands at `from` among others, by whichever way to read quotes ends it sooner.
    pub(crate) fn element(&mut self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let guesses = self.wasted <= text.len();
        let guessed = guesses.then(|| element(text, from, Quotes::Guessed)).flatten();
        // What ends it may stand behind it.
        let end = guessed.as_ref().map_or(text.len(), |found| text.len().min(found.end + 64));
        let written = element(&text[..end], from, Quotes::AsWritten);
        let found = [written, guessed].into_iter().flatten().min_by_key(|found| found.end)?;
        if guesses {
            self.wasted += end.saturating_sub(found.end);
        }
        Some(found)
    }
}

/// Where a string is taken to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// At the next quote that is not escaped.
    AsWritten,
    /// At a quote before what may follow a string: those before that were not escaped by mistake.
    Guessed,
}

/// The value that stands at `from` among others: up to the comma or the bracket that ends it, whatever it
/// is made of. `None` if its brackets do not match, or the text breaks off in it.
fn element(text: &[u8], from: usize, quotes: Quotes) -> Option<Range<usize>> {
    let start = blank(text, from);
    let mut open = Vec::new();
    let mut at = start;
    loop {
        match *text.get(at)? {
            b'"' => {
                at = string(text, at, quotes)?;
                continue;
            }
            bracket @ (b'{' | b'[') => open.push(bracket),
            bracket @ (b'}' | b']') => match open.pop() {
                Some(opened) if opened + 2 == bracket => {}
                Some(_) => return None,
                None => break,
            },
            b',' if open.is_empty() => break,
            _ => {}
        }
        at += 1;
    }
    let end = start + text[start..at].trim_ascii_end().len();
    Some(start..end)
}

/// What stands at a path of keys in a text that is no strict JSON; of a key that stands twice, the first.
pub(crate) fn value<'t>(text: &'t [u8], path: &[String]) -> Option<&'t [u8]> {
    let Some((key, rest)) = path.split_first() else { return Some(text) };
    let mut at = blank(text, 0);
    if text.get(at) != Some(&b'{') {
        return None;
    }
    loop {
        at = blank(text, at + 1);
        if text.get(at) != Some(&b'"') {
            return None;
        }
        let end = string(text, at, Quotes::Guessed)?;
        let name = Scalar::read(&text[at..end]).map(Scalar::into_text);
        at = blank(text, end);
        if text.get(at) != Some(&b':') {
            return None;
        }
        let found = element(text, at + 1, Quotes::Guessed)?;
        if name.is_some_and(|name| *name == **key) {
            return value(&text[found], rest);
        }
        at = blank(text, found.end);
        if text.get(at) != Some(&b',') {
            return None;
        }
    }
}

/// The first place from here on that is not blank.
fn blank(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_ascii_start().len())
}

/// Behind the string that begins here.
fn string(text: &[u8], from: usize, quotes: Quotes) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match *text.get(at)? {
            b'\\' => at += 2,
            b'"' => {
                let after = blank(text, at + 1);
                if quotes == Quotes::AsWritten
                    || matches!(text.get(after), None | Some(b',' | b':' | b']' | b'}'))
                {
                    return Some(at + 1);
                }
                at = after;
            }
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Option<Vec<&str>> {
        let (mut found, mut finder) = (Vec::new(), Finder::default());
        let mut at = 1;
        loop {
            let text = text.as_bytes();
            let range = finder.element(text, at)?;
            at = range.end;
            found.push(std::str::from_utf8(&text[range]).unwrap());
            at = blank(text, at);
            match text[at] {
                b',' => at += 1,
                _ => return Some(found),
            }
        }
    }

    #[test]
    fn one_bad_element_ends_where_the_next_begins() {
        for bad in [
            r#"{"x":"\ud800"}"#,
            "{\"x\":\"a\u{1}\tb\"}",
            r#"{"x":NaN,"y":-Infinity}"#,
            r#"{"x":undefined,}"#,
            r#"{x:'it'}"#,
            r#"{"x":"say "hi" now"}"#,
            r#"{"x":"5" tall"}"#,
            r#"{"x":"\x41\'"}"#,
            r#"{"x" 1}"#,
            "0x1F",
            "NaN",
            &format!("{{\"x\":{}1{}}}", "[".repeat(300), "]".repeat(300)),
            &format!("{{\"x\":{}}}", "9".repeat(5_000)),
        ] {
            let text = format!(r#"[{{"id":1}} , {bad} ,{{"id":"}},]"}}]"#);
            let expected = vec![r#"{"id":1}"#, bad, r#"{"id":"},]"}"#];
            assert_eq!(elements(&text), Some(expected), "{bad}");
        }
    }

    #[test]
    fn a_text_that_breaks_off_has_no_end() {
        for text in ["[", "[{", "[{\"a\":1", "[{\"a", "[{]", "[\"\\", "[[}"] {
            for quotes in [Quotes::AsWritten, Quotes::Guessed] {
                assert_eq!(element(text.as_bytes(), 1, quotes), None, "{text}");
            }
        }
        assert_eq!(element("[".repeat(1_000_000).as_bytes(), 0, Quotes::Guessed), None);
    }

    #[test]
    fn what_can_be_read_of_a_bad_record_is() {
        let text = br#"{"a":{"b":NaN,"id":"x"},"y":"\ud800","at":5,"id":7}"#;
        let at = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            value(text, &path).map(|found| String::from_utf8_lossy(found).into_owned())
        };
        assert_eq!(at(&["a", "id"]).as_deref(), Some("\"x\""));
        assert_eq!(at(&["at"]).as_deref(), Some("5"));
        assert_eq!(at(&["id"]).as_deref(), Some("7"));
        assert_eq!(at(&["a", "c"]), None);
    }
}
