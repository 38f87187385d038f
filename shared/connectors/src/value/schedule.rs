//! The schedule's syntax, as EventBridge Scheduler takes it.

use super::{TextValue, text_value};
use crate::file::{Fault, Site};

/// `rate(5 minutes)` or `cron(0 6 * * ? *)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule(pub(crate) String);

impl TextValue for Schedule {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(fault) => {
                let message = format!("`{text}` is no schedule: {fault}");
                Err(Fault::new(site.place, message, REMEDY))
            }
        }
    }

    fn stand_in(_: Site) -> Self {
        Self("rate(1 hour)".into())
    }
}

text_value!(Schedule);

/// How schedules are written.
pub(crate) const REMEDY: &str = "write `rate(5 minutes)`, `rate(1 hour)` or `cron(0 6 * * ? *)`";

/// Checks a schedule; the error says what is wrong. Source: EventBridge Scheduler's user guide,
/// "Schedule types".
pub(crate) fn check(text: &str) -> Result<(), &'static str> {
    let inner = |kind: &str| text.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = inner("rate") {
        check_rate(rate)
    } else if let Some(cron) = inner("cron") {
        check_cron(cron)
    } else {
        Err("it is neither `rate(…)` nor `cron(…)`")
    }
}

fn check_rate(rate: &str) -> Result<(), &'static str> {
    let Some((number, unit)) = rate.split_once(' ') else {
        return Err("a rate is a number, a blank and a unit");
    };
    let number: u32 = number.parse().map_err(|_| "a rate begins with a whole number")?;
    match (number, unit) {
        (0, _) => Err("a rate of 0 never comes"),
        (1, "minute" | "hour" | "day") | (2.., "minutes" | "hours" | "days") => Ok(()),
        (1, "minutes" | "hours" | "days") => Err("1 takes the unit in the singular"),
        (_, "minute" | "hour" | "day") => Err("more than 1 takes the unit in the plural"),
        _ => Err("the unit is minutes, hours or days"),
    }
}

fn check_cron(cron: &str) -> Result<(), &'static str> {
    let fields: Vec<_> = cron.split_ascii_whitespace().collect();
    let [_, _, day_of_month, _, day_of_week, _] = fields.as_slice() else {
        return Err("cron has six fields: minute, hour, day of month, month, day of week, year");
    };
    let known = |c: char| c.is_ascii_alphanumeric() || "*,-/?#".contains(c);
    if !fields.iter().all(|field| field.chars().all(known)) {
        return Err("a cron field holds something else than digits, letters and `* , - / ? #`");
    }
    match (*day_of_month, *day_of_week) {
        ("?", "?") => Err("only one of day of month and day of week may be `?`"),
        ("?", _) | (_, "?") => Ok(()),
        _ => Err("one of day of month and day of week must be `?`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_scheduler_takes_passes_and_its_usual_slips_do_not() {
        for text in
            ["rate(5 minutes)", "rate(1 hour)", "cron(0/5 6 ? * MON-FRI *)", "cron(0 6 L * ? *)"]
        {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "5 minutes",
            "rate(5 minute)",
            "rate(1 minutes)",
            "rate(0 minutes)",
            "rate(5)",
            "cron(* * * * *)",
            "cron(0 6 * * * *)",
            "cron(0 6 ? * ? *)",
            "cron(0 6 * * ? ;)",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
