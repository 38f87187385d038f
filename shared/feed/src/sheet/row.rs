//! The cells of one row.

use super::dates::Dated;
use super::number;
use super::strings::{Strings, Text, unescape};
use super::xml::Tag;
use crate::Damage;
use crate::quote::{escape, quote};
use crate::table::COLUMNS_MAX;

/// A cell while it is read.
#[derive(Default)]
pub(super) struct Cell {
    /// From zero.
    column: usize,
    kind: Kind,
    style: usize,
    has_formula: bool,
    value: Option<String>,
    inline: Option<Text>,
    /// Whether the value is being read.
    in_value: bool,
}

/// The type of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Number,
    Boolean,
    Shared,
    Inline,
    /// What a formula came to.
    Text,
    /// Errors, dates as text, and what later versions may have.
    AsWritten,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "n" => Self::Number,
            "b" => Self::Boolean,
            "s" => Self::Shared,
            "inlineStr" => Self::Inline,
            "str" => Self::Text,
            _ => Self::AsWritten,
        }
    }
}

/// The values of a row, as JSON one behind the other.
#[derive(Default)]
pub(super) struct Cells {
    json: Vec<u8>,
    /// The column of each value, and where it ends.
    pub(super) ends: Vec<(usize, usize)>,
    /// The column that the next cell has if it does not say.
    next: usize,
    pub(super) fault: Option<String>,
    /// How many formulas had no value.
    pub(super) uncalculated: u64,
    text: Vec<u8>,
}

/// What the values of cells are looked up in.
pub(super) struct Context<'a> {
    pub(super) strings: &'a mut Strings,
    pub(super) style: &'a dyn Fn(usize) -> Option<Dated>,
    pub(super) from_1904: bool,
    pub(super) bytes_max: usize,
}

impl Cell {
    /// Takes the start of an element within the cell.
    pub(super) fn begin(&mut self, name: &str) {
        if let Some(text) = &mut self.inline {
            return text.begin(name);
        }
        match name {
            "is" => {
                let mut text = Text::default();
                text.begin(name);
                self.inline = Some(text);
            }
            "v" => {
                self.in_value = true;
                self.value.get_or_insert_default();
            }
            "f" => self.has_formula = true,
            _ => {}
        }
    }

    /// Takes the end of an element within the cell.
    pub(super) fn end(&mut self) {
        if !self.inline.as_mut().is_some_and(Text::end) {
            self.in_value = false;
        }
    }

    /// Takes a piece of text; of one that is longer than a record may be no more than that.
    pub(super) fn add(&mut self, piece: &str, bytes_max: usize) {
        let inline = self.inline.as_mut().filter(|text| text.is_open());
        match (inline, &mut self.value) {
            (Some(text), _) if text.text.len() <= bytes_max => text.add(piece),
            (None, Some(value)) if self.in_value && value.len() <= bytes_max => {
                value.push_str(piece)
            }
            _ => {}
        }
    }
}

impl Cells {
    pub(super) fn clear(&mut self) {
        self.json.clear();
        self.ends.clear();
        self.next = 0;
        self.fault = None;
    }

    /// Begins a cell.
    pub(super) fn begin(&mut self, tag: &Tag<'_>) -> Cell {
        let [place, kind, style] = tag.attributes(["r", "t", "s"]);
        let column = place.as_deref().map_or(Some(self.next), column);
        if column.is_none() || column.is_some_and(|column| column < self.next) {
            let place = place.as_deref().unwrap_or("a cell");
            let place = &place[..place.floor_char_boundary(20)];
            self.amiss(format!(
                "{place:?} is not the place of a cell, or not behind the one before it"
            ));
        }
        let column = column.unwrap_or(self.next);
        if column >= COLUMNS_MAX {
            self.amiss(format!("it has more than {COLUMNS_MAX} columns"));
        }
        self.next = column + 1;
        Cell {
            column,
            kind: kind.as_deref().map(Kind::of).unwrap_or_default(),
            style: style.and_then(|it| it.parse().ok()).unwrap_or(0),
            ..Cell::default()
        }
    }

    fn amiss(&mut self, why: String) {
        self.fault.get_or_insert(why);
    }

    /// Adds the value of a cell that is read, if it has one.
    pub(super) fn add(&mut self, cell: Cell, context: &mut Context<'_>) -> Result<(), Damage> {
        if self.fault.is_some() {
            return Ok(());
        }
        let Cell { column, kind, style, has_formula, value, inline, .. } = cell;
        if kind == Kind::Inline
            && let Some(mut text) = inline
        {
            quote(&unescape(&text.take()), &mut self.json);
        } else {
            let Some(value) = value.filter(|value| !value.is_empty() || kind == Kind::Text) else {
                self.uncalculated += u64::from(has_formula);
                return Ok(());
            };
            self.value(kind, style, &value, context)?;
        }
        if self.json.len() > context.bytes_max {
            self.amiss(format!("it is longer than {} bytes (record_bytes_max)", context.bytes_max));
        }
        self.ends.push((column, self.json.len()));
        Ok(())
    }

    fn value(
        &mut self,
        kind: Kind,
        style: usize,
        value: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Damage> {
        let trimmed = value.trim();
        match kind {
            Kind::Shared => {
                self.text.clear();
                let number = trimmed.parse().unwrap_or(u64::MAX);
                if !context.strings.get(number, &mut self.text)? {
                    let trimmed = &trimmed[..trimmed.floor_char_boundary(20)];
                    self.amiss(format!(
                        "it refers to the shared text {trimmed:?}, which is not there"
                    ));
                    return Ok(());
                }
                self.json.push(b'"');
                escape(&self.text, &mut self.json);
                self.json.push(b'"');
            }
            Kind::Boolean => {
                let is_true = trimmed == "1" || trimmed.eq_ignore_ascii_case("true");
                self.json.extend_from_slice(if is_true { b"true" } else { b"false" });
            }
            Kind::Number => {
                let dated = (context.style)(style);
                let text =
                    dated.and_then(|dated| dated.text(number::parse(trimmed)?, context.from_1904));
                if let Some(text) = text {
                    quote(&text, &mut self.json);
                } else if !number::write(trimmed, &mut self.json) {
                    quote(value, &mut self.json);
                }
            }
            Kind::Text => quote(&unescape(value), &mut self.json),
            Kind::Inline | Kind::AsWritten => quote(value, &mut self.json),
        }
        Ok(())
    }

    /// The values, each with its column.
    pub(super) fn values(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut from = 0;
        self.ends.iter().map(move |(column, end)| {
            let value = &self.json[from..*end];
            from = *end;
            (*column, value)
        })
    }

    /// The values as a list of JSON, which is what stands for a row at fault.
    pub(super) fn list(&self) -> String {
        let values: Vec<_> =
            self.values().map(|(_, value)| String::from_utf8_lossy(value)).collect();
        format!("[{}]", values.join(","))
    }
}

/// The column of a cell's place, such as `AB12`, from zero.
fn column(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic).count();
    if !(1..=3).contains(&letters) {
        return None;
    }
    let number = place.bytes().take(letters).fold(0, |number, letter| {
        number * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1
    });
    Some(number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_columns() {
        for (place, expected) in [
            ("A1", Some(0)),
            ("Z9", Some(25)),
            ("AA1", Some(26)),
            ("XFD1048576", Some(16_383)),
            ("ab12", Some(27)),
            ("12", None),
            ("", None),
            ("ABCD1", None),
            ("é1", None),
        ] {
            assert_eq!(column(place), expected, "{place}");
        }
    }
}
