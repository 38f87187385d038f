//! Times of day, and the time zones that they are in.

use super::{TextValue, text_value};
use crate::file::{Fault, Site};

/// An IANA time zone: `America/Chicago`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone(pub(crate) Box<str>);

/// A time of day, in minutes after midnight: `17:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeOfDay(pub(crate) u16);

impl TextValue for Zone {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        if jiff::tz::TimeZone::get(text).is_ok() {
            return Ok(Self(text.into()));
        }
        let message = format!("`{text}` is no time zone");
        Err(Fault::new(site.place, message, "write an IANA name, like `America/Chicago`"))
    }

    fn stand_in(_: Site) -> Self {
        Self("UTC".into())
    }
}

impl TextValue for TimeOfDay {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        minute_of_day(text).map(Self).ok_or_else(|| {
            let message = format!("`{text}` is no time of day");
            Fault::new(site.place, message, "write it like `00:00` or `17:30`, in quotes")
        })
    }

    fn stand_in(_: Site) -> Self {
        Self(0)
    }
}

text_value!(Zone);
text_value!(TimeOfDay);

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let part = |digits: &str, below: u16| -> Option<u16> {
        let two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        two.then(|| digits.parse().ok()).flatten().filter(|number| *number < below)
    };
    Some(part(hour, 24)? * 60 + part(minute, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_two_digits_on_either_side() {
        assert_eq!(minute_of_day("17:30"), Some(1_050));
        for text in ["", "24:00", "7:30", "07:60", "0730", "07:30:00"] {
            assert_eq!(minute_of_day(text), None, "{text}");
        }
    }
}
