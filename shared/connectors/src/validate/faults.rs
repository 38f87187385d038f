//! The faults of one record, in one line.

use std::fmt::{self, Write};

use tidegate_core::model::Parked;

/// So many faults are told; of those behind them, how many there are.
const TOLD_MAX: usize = 20;
/// No further fault is told behind so many bytes.
const BYTES_MAX: usize = 4_000;
/// So much of a value is shown.
const SHOWN_CHARS_MAX: usize = 40;

/// An element of an array that is being looked at, and those that it is in.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    pub(super) outer: Option<&'a Within<'a>>,
    /// The array, as the rule's path writes it.
    pub(super) array: &'a str,
    /// From 0.
    pub(super) index: usize,
}

/// What is wrong with a record.
#[derive(Default)]
pub(super) struct Faults {
    told: Vec<String>,
    bytes: usize,
    count: usize,
}

/// A value's JSON as a fault shows it: cut short.
pub(super) struct Shown<'a>(pub(super) &'a [u8]);

impl Faults {
    /// Adds one: `NAME: SAYS`, behind the element that it is in.
    pub(super) fn add(
        &mut self,
        within: Option<&Within<'_>>,
        name: &str,
        says: fmt::Arguments<'_>,
    ) {
        self.count += 1;
        if self.told.len() == TOLD_MAX || self.bytes > BYTES_MAX {
            return;
        }
        let mut fault = String::new();
        if let Some(within) = within {
            within.write(&mut fault);
            // The elements of an array in an array have no name.
            if !name.is_empty() && !name.starts_with(['.', '[']) {
                fault.push('.');
            }
        }
        // A string takes all.
        let _ = write!(fault, "{name}: {says}");
        self.bytes += fault.len();
        self.told.push(fault);
    }

    /// All of them in one line; none where nothing is wrong.
    pub(super) fn into_reason(mut self) -> Option<Box<str>> {
        let more = self.count - self.told.len();
        if more > 0 {
            self.told.push(format!("and {more} more"));
        }
        (self.count > 0).then(|| Parked::invalid(self.told.iter().map(String::as_str)))
    }
}

impl Within<'_> {
    fn write(&self, out: &mut String) {
        if let Some(outer) = self.outer {
            outer.write(out);
            if !self.array.is_empty() && !self.array.starts_with('.') {
                out.push('.');
            }
        }
        let _ = write!(out, "{}[{}]", self.array, self.index);
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.first() {
            Some(b'[') => return f.write_str("an array"),
            Some(b'{') => return f.write_str("an object"),
            _ => {}
        }
        let json = String::from_utf8_lossy(self.0);
        // Skipping a text does not look into it, and a reason is one line.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        json.chars().take(SHOWN_CHARS_MAX).try_for_each(|c| f.write_char(plain(c)))?;
        match json.chars().nth(SHOWN_CHARS_MAX) {
            None => Ok(()),
            Some(_) if json.starts_with('"') => f.write_str("…\""),
            Some(_) => f.write_str("…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        Shown(json.as_bytes()).to_string()
    }

    #[test]
    fn a_value_is_shown_short_and_in_one_line() {
        assert_eq!(shown(r#""abc""#), r#""abc""#);
        assert_eq!(shown("[1,2]"), "an array");
        assert_eq!(shown("\"a\nb\""), "\"a b\"");
        let long = shown(&format!("\"{}\"", "é".repeat(100)));
        assert!(long.ends_with("é…\"") && long.chars().count() == SHOWN_CHARS_MAX + 2, "{long}");
        assert_eq!(shown(&"9".repeat(50)).chars().count(), SHOWN_CHARS_MAX + 1);
    }

    #[test]
    fn faults_without_end_are_counted() {
        let mut faults = Faults::default();
        for index in 0..1_000_000 {
            let outer = Within { outer: None, array: "a.b", index };
            let within = Within { outer: Some(&outer), array: "", index: 1 };
            faults.add(Some(&within), "c", format_args!("is missing"));
        }
        let reason = faults.into_reason().expect("there are some");
        assert!(reason.starts_with("invalid: a.b[0][1].c: is missing; a.b[1][1].c: "), "{reason}");
        assert!(reason.ends_with("a.b[19][1].c: is missing; and 999980 more"), "{reason}");
        assert_eq!(Faults::default().into_reason(), None);
    }

    #[test]
    fn long_faults_are_fewer() {
        let mut faults = Faults::default();
        let long = "x".repeat(3_000);
        (0..5).for_each(|_| faults.add(None, "a", format_args!("{long}")));
        let reason = faults.into_reason().expect("there are some");
        assert!(reason.ends_with("; and 3 more") && reason.len() < 8_000);
    }
}
