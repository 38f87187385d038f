//! Numbers that are dates and times.

/// The last day that Excel has: 9999-12-31.
const DAYS_MAX: f64 = 2_958_465.0;

/// What a number's format shows of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dated {
    date: bool,
    time: bool,
}

impl Dated {
    /// What one of the formats shows that Excel has itself.
    pub(super) fn of_number(number: u32) -> Option<Self> {
        let (date, time) = match number {
            14..=17 | 27..=31 | 36 | 50..=54 | 57 | 58 => (true, false),
            22 => (true, true),
            // 46 is elapsed time, which stays a number.
            18..=21 | 32..=35 | 45 | 47 | 55 | 56 => (false, true),
            _ => return None,
        };
        Some(Self { date, time })
    }

    /// What a format of the workbook's own shows. `None` if that is no date, or elapsed time.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        let (mut date, mut time, mut month) = (false, false, false);
        let mut characters = code.chars();
        // Of a format for positive numbers, negative ones and zero the first counts.
        while let Some(character) = characters.next() {
            match character.to_ascii_lowercase() {
                ';' => break,
                '"' => {
                    characters.by_ref().find(|it| *it == '"');
                }
                '\\' | '_' | '*' => {
                    characters.next();
                }
                '[' => {
                    let inner: String = characters.by_ref().take_while(|it| *it != ']').collect();
                    if ["h", "hh", "m", "mm", "s", "ss"].contains(&&*inner.to_ascii_lowercase()) {
                        return None;
                    }
                }
                // `General`, and `E+00`.
                'g' | 'e' => {
                    let rest = characters.as_str().to_ascii_lowercase();
                    if character.eq_ignore_ascii_case(&'g') && rest.starts_with("eneral") {
                        return None;
                    }
                }
                'd' | 'y' => date = true,
                'h' | 's' => time = true,
                'm' => month = true,
                _ => {}
            }
        }
        // A month stands alone or beside a day or a year; beside hours or seconds it is minutes.
        date |= month && !time;
        (date || time).then_some(Self { date, time })
    }

    /// A number as a date, a time or both. `None` if it is none that Excel could show.
    pub(super) fn text(self, value: f64, from_1904: bool) -> Option<String> {
        if !(0.0..DAYS_MAX + 1.0).contains(&value) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation)]
        let (mut days, mut milliseconds) =
            (value as i64, (value.fract() * 86_400_000.0).round() as i64);
        if milliseconds == 86_400_000 {
            (days, milliseconds) = (days + 1, 0);
        }
        let time = time(milliseconds);
        if days == 0 && !from_1904 {
            // There is no such day: it is a time, if the format shows one.
            return self.time.then_some(time);
        }
        if !self.date && days == 0 {
            return Some(time);
        }
        let date = date(days, from_1904);
        Some(if milliseconds == 0 && !self.time { date } else { format!("{date}T{time}") })
    }
}

fn time(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match milliseconds % 1000 {
        0 => text,
        rest => format!("{text}.{rest:03}"),
    }
}

/// The date of a day's number. By the epoch of 1900 the first of January is 1, and there is a 29th of February in that year,
/// which there was not.
fn date(days: i64, from_1904: bool) -> String {
    let from_1970 = match days {
        _ if from_1904 => days - 24_107,
        60 => return "1900-02-29".to_owned(),
        0..60 => days - 25_568,
        _ => days - 25_569,
    };
    // Days of eras of 400 years that begin with March, as it is done by Howard Hinnant.
    let shifted = from_1970 + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_that_excel_shows() {
        for (days, expected) in [
            (1, "1900-01-01"),
            (59, "1900-02-28"),
            (60, "1900-02-29"),
            (61, "1900-03-01"),
            (366, "1900-12-31"),
            (36_526, "2000-01-01"),
            (36_585, "2000-02-29"),
            (43_831, "2020-01-01"),
            (46_354, "2026-11-28"),
            (2_958_465, "9999-12-31"),
        ] {
            assert_eq!(date(days, false), expected);
        }
        assert_eq!(date(0, true), "1904-01-01");
        assert_eq!(date(42_369, true), "2020-01-01");
    }

    #[test]
    fn what_is_shown_is_what_is_there() {
        let (date, time, both) = (
            Dated::of_number(14).unwrap(),
            Dated::of_number(20).unwrap(),
            Dated::of_number(22).unwrap(),
        );
        for (dated, value, expected) in [
            (date, 43_831.0, Some("2020-01-01")),
            (date, 43_831.5, Some("2020-01-01T12:00:00")),
            (both, 43_831.0, Some("2020-01-01T00:00:00")),
            (both, 43_831.524_305_555_555, Some("2020-01-01T12:35:00")),
            (both, 43_831.999_999_999, Some("2020-01-02T00:00:00")),
            (both, 43_831.000_011_58, Some("2020-01-01T00:00:01.001")),
            (time, 0.75, Some("18:00:00")),
            (time, 1.75, Some("1900-01-01T18:00:00")),
            (both, 0.5, Some("12:00:00")),
            (date, 0.0, None),
            (date, -1.0, None),
            (date, 2_958_466.0, None),
            (date, f64::NAN, None),
            (date, 1e300, None),
        ] {
            assert_eq!(dated.text(value, false).as_deref(), expected, "{value}");
        }
        assert_eq!(date.text(0.0, true).as_deref(), Some("1904-01-01"));
        assert_eq!(time.text(0.5, true).as_deref(), Some("12:00:00"));
    }

    #[test]
    fn codes_of_dates_are_told_from_others() {
        let (date, time, both) = (
            Some(Dated { date: true, time: false }),
            Some(Dated { date: false, time: true }),
            Some(Dated { date: true, time: true }),
        );
        for (code, expected) in [
            ("yyyy-mm-dd", date),
            ("DD.MM.YYYY", date),
            ("mmmm", date),
            ("[$-407]d. mmmm yyyy;@", date),
            ("dd\\.mm\\.yyyy\\ hh:mm", both),
            ("hh:mm:ss", time),
            ("mm:ss.0", time),
            ("[h]:mm", None),
            ("[ss]", None),
            ("General", None),
            ("0.00E+00", None),
            ("#,##0.00 \"days\"", None),
            ("0.00_d", None),
            ("\\d0", None),
            ("[Red]0", None),
            ("0%;yyyy", None),
            ("@", None),
            ("", None),
            ("\"unclosed d", None),
            ("[unclosed d", None),
        ] {
            assert_eq!(Dated::of_code(code), expected, "{code}");
        }
    }
}
