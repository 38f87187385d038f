//! A file's text, and places in it.

use std::ops::Range;

/// A place in a file's text, in bytes. Never reaches beyond the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Its first byte.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
}

/// A file's name and text.
#[derive(Clone, Copy)]
pub struct SourceText<'t> {
    /// As errors name it.
    pub file: &'t str,
    /// All of it.
    pub text: &'t str,
    /// Whether it has lines to be shown: an embedded form has none.
    has_lines: bool,
}

/// Where something stands in a file, with the line to show for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Counted from 1; 0 where there are no lines.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The line, or the part of a long one that holds the place; on one line, without tabs.
    pub shown: Box<str>,
    /// Which characters of `shown` the place covers.
    pub marked: Range<usize>,
}

/// Most characters shown of a line: a flow on one endless line still gives readable errors.
const SHOWN_CHARS_MAX: usize = 120;
/// How many of them may stand before the place.
const SHOWN_CHARS_BEFORE: usize = 60;

impl Place {
    /// A place that covers nothing, at a byte.
    pub fn at(byte: usize) -> Self {
        Self { start: byte, end: byte }
    }
}

impl<'t> SourceText<'t> {
    /// A file as a person wrote it.
    pub fn of(file: &'t str, text: &'t str) -> Self {
        Self { file, text, has_lines: true }
    }

    /// What was made of a file, whose lines are gone.
    pub fn embedded(file: &'t str) -> Self {
        Self { file, text: "", has_lines: false }
    }

    /// The first place of all.
    pub fn beginning(&self) -> Place {
        let first = self.text.find(|c: char| !c.is_whitespace()).unwrap_or(0);
        Place::at(first)
    }

    /// Whether any line is indented with a tab, which YAML forbids, and where.
    pub fn tab_indent(&self) -> Option<Place> {
        let mut line_start = 0;
        for line in self.text.split_inclusive('\n') {
            let content = line.len() - line.trim_start().len();
            if let Some(tab) = line[..content].trim_end_matches(['\r', '\n']).find('\t') {
                return Some(Place { start: line_start + tab, end: line_start + tab + 1 });
            }
            line_start += line.len();
        }
        None
    }

    /// The place of the `nth` (from 0) occurrence of `fragment` inside `place`; `place` itself
    /// where the file spells it differently, for instance with escapes.
    pub fn inside(&self, place: Place, fragment: &str, nth: usize) -> Place {
        let found = (!fragment.is_empty())
            .then(|| self.slice(place).match_indices(fragment).nth(nth))
            .flatten();
        match found {
            None => place,
            Some((offset, _)) => {
                let start = place.start + offset;
                Place { start, end: start + fragment.len() }
            }
        }
    }

    /// Line, column and the text to show for a place.
    pub fn location(&self, place: Place) -> Location {
        if !self.has_lines {
            return Location { line: 0, column: 0, shown: "".into(), marked: 0..0 };
        }
        let start = self.floor(place.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |n| start + n);
        let line = self.text[line_start..line_end].trim_end();
        let before = self.text[line_start..start].chars().count();
        // A place over several lines is shown by its first.
        let end =
            self.floor(place.end).clamp(start, line_start + line.len().max(start - line_start));
        let width = self.text[start..end].trim_end().chars().count().max(1);

        let cut = if line.chars().count() <= SHOWN_CHARS_MAX {
            0
        } else {
            before.saturating_sub(SHOWN_CHARS_BEFORE)
        };
        let shown: String = line
            .chars()
            .skip(cut)
            .take(SHOWN_CHARS_MAX)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let from = before - cut;
        let to = (from + width).min(shown.chars().count().max(from + 1));
        Location {
            line: self.text[..start].matches('\n').count() + 1,
            column: before + 1,
            shown: shown.into(),
            marked: from..to,
        }
    }

    fn slice(&self, place: Place) -> &'t str {
        &self.text[self.floor(place.start)..self.floor(place.end)]
    }

    /// The nearest character boundary at or before a byte.
    fn floor(&self, byte: usize) -> usize {
        self.text.floor_char_boundary(byte.min(self.text.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> SourceText<'_> {
        SourceText::of("f.yaml", text)
    }

    #[test]
    fn columns_count_characters_and_the_mark_stays_on_its_line() {
        let source = text("a: 1\nklüg: wert\nz: 2\n");
        let start = source.text.find("wert").unwrap();
        let location = source.location(Place { start, end: source.text.len() });
        assert_eq!((location.line, location.column), (2, 7));
        assert_eq!((&*location.shown, location.marked), ("klüg: wert", 6..10));
    }

    #[test]
    fn an_endless_line_is_cut_around_the_place() {
        let long = format!("{}HERE{}", "x".repeat(5_000), "y".repeat(5_000));
        let location = text(&long).location(Place { start: 5_000, end: 5_004 });
        assert_eq!(location.column, 5_001);
        assert_eq!(location.shown.len(), SHOWN_CHARS_MAX);
        assert_eq!(&location.shown[location.marked], "HERE");
    }

    #[test]
    fn a_place_beyond_the_text_is_at_its_end() {
        for source in ["", "\n", "a", "ü"] {
            let location = text(source).location(Place { start: 99, end: 200 });
            assert!(location.line >= 1 && location.column >= 1, "{source:?}");
        }
    }

    #[test]
    fn tabs_count_only_as_indentation() {
        assert_eq!(text("a:\tb\n  c: \"\\t\"\n").tab_indent(), None);
        assert_eq!(text("a:\n \tb: 1\n").tab_indent(), Some(Place { start: 4, end: 5 }));
        assert_eq!(text("a: b\n\t\n").tab_indent(), Some(Place { start: 5, end: 6 }));
    }
}
