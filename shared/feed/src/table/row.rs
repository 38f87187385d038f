//! Where the values of a row are.

use memchr::{memchr, memchr3};

use crate::quote::escape;

/// A value, by the places in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    /// The text, or what is between the quotes.
    from: usize,
    to: usize,
    /// The end of what follows the closing quote.
    tail: usize,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bare,
    Quoted,
    /// With quotes within, each doubled.
    Doubled,
}

impl Value {
    pub(super) fn is_empty(&self) -> bool {
        self.from == self.to && (self.form == Form::Bare || self.tail == self.to + 1)
    }

    /// Whether it is nothing but white space that no quotes stand around.
    pub(super) fn is_blank(&self, window: &str) -> bool {
        self.form == Form::Bare && window[self.from..self.to].trim().is_empty()
    }

    /// Its text, as it goes between the quotes of a string of JSON.
    pub(super) fn write(&self, window: &[u8], out: &mut Vec<u8>) {
        let mut text = &window[self.from..self.to];
        if self.form == Form::Doubled {
            while let Some(quote) = memchr(b'"', text) {
                escape(&text[..=quote], out);
                text = &text[quote + 2..];
            }
        }
        escape(text, out);
        if self.form != Form::Bare {
            escape(&window[self.to + 1..self.tail], out);
        }
    }

    /// Its text.
    pub(super) fn text(&self, window: &str) -> String {
        let inner = &window[self.from..self.to];
        match self.form {
            Form::Bare => inner.to_owned(),
            Form::Quoted => format!("{inner}{}", &window[self.to + 1..self.tail]),
            Form::Doubled => {
                format!("{}{}", inner.replace("\"\"", "\""), &window[self.to + 1..self.tail])
            }
        }
    }
}

/// The values of one row. It is kept from row to row, for its memory.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The values, but no more than were asked for.
    pub(super) values: Vec<Value>,
    /// How many there are.
    pub(super) count: usize,
    /// How many there are up to the last that is not empty.
    pub(super) filled: usize,
}

/// How the search for a row's end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The row ends here, in bytes of the window, its line end with it. Only at the end of the file there may be none.
    At { end: usize, line_end: bool },
    /// More must come.
    Unknown,
    /// The file ends, and the quote at this place was never closed.
    Open(usize),
}

impl Row {
    /// Finds the values of the row that begins at `at`, and keeps `most` of them.
    pub(super) fn split(
        &mut self,
        text: &[u8],
        mut at: usize,
        delimiter: u8,
        most: usize,
        last: bool,
    ) -> End {
        self.values.clear();
        (self.count, self.filled) = (0, 0);
        loop {
            let (from, mut to, mut behind, mut form) = (at, at, at, Form::Bare);
            if text.get(at) == Some(&b'"') {
                let Some((close, doubled)) = closing(text, at + 1) else {
                    return if last { End::Open(at) } else { End::Unknown };
                };
                // The next quote, if one follows, would make it a doubled one.
                if close + 1 == text.len() && !last {
                    return End::Unknown;
                }
                form = if doubled { Form::Doubled } else { Form::Quoted };
                (to, behind) = (close, close + 1);
            }
            let found = memchr3(delimiter, b'\n', b'\r', &text[behind..]).map(|it| behind + it);
            if found.is_none() && !last {
                return End::Unknown;
            }
            let tail = found.unwrap_or(text.len());
            let value = if form == Form::Bare {
                Value { from, to: tail, tail, form }
            } else {
                Value { from: from + 1, to, tail, form }
            };
            self.add(value, most);
            let Some(found) = found else { return End::At { end: tail, line_end: false } };
            match text[found] {
                b'\n' => return End::At { end: found + 1, line_end: true },
                b'\r' => match text.get(found + 1) {
                    None if !last => return End::Unknown,
                    Some(b'\n') => return End::At { end: found + 2, line_end: true },
                    _ => return End::At { end: found + 1, line_end: true },
                },
                _ => at = found + 1,
            }
        }
    }

    fn add(&mut self, value: Value, most: usize) {
        self.count += 1;
        if !value.is_empty() {
            self.filled = self.count;
        }
        if self.values.len() < most {
            self.values.push(value);
        }
    }
}

/// The closing quote of what begins at `from`, and whether there are doubled ones before it.
fn closing(text: &[u8], mut from: usize) -> Option<(usize, bool)> {
    let mut doubled = false;
    loop {
        let quote = from + memchr(b'"', &text[from..])?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some((quote, doubled));
        }
        doubled = true;
        from = quote + 2;
    }
}
