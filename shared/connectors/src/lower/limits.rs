//! `limits`

use tidegate_core::model::{Priority, Quota, RateLimit, Reset};

use super::{Check, headers, values};
use crate::{
    at::At,
    raw::{self, OneOrList, Rate},
    spec::{CountHeader, LimitBodySpec, LimitHeadersSpec, LimitsSpec},
    time,
};

const BUDGET_BYTES_MAX: usize = 100;
const WINDOW_MS: std::ops::RangeInclusive<u64> = 1..=86_400_000;

pub(super) fn limits(check: &mut Check<'_>, limits: raw::Limits) -> Option<LimitsSpec> {
    let rate = values::optional(limits.rate, |rates| {
        values::all(OneOrList::items(rates).map(|rate| self::rate(check, rate)))
    });
    let daily = values::optional(limits.daily, |daily| self::daily(check, daily));
    let shares_nothing = limits.concurrency.is_none()
        && rate.as_ref().is_some_and(Option::is_none)
        && daily.as_ref().is_some_and(Option::is_none);
    let budget = budget(check, limits.budget, shares_nothing);
    let headers = values::optional(limits.headers, |headers| self::headers(check, headers));
    let body = values::optional(limits.body, |body| self::body(check, body));
    Some(LimitsSpec {
        concurrency: limits.concurrency,
        rate: rate?.unwrap_or_default(),
        daily: daily?,
        budget: budget?,
        priority: match limits.priority {
            Some(raw::Priority::High) => Priority::High,
            None | Some(raw::Priority::Normal) => Priority::Normal,
            Some(raw::Priority::Low) => Priority::Low,
        },
        headers: headers?,
        body: body?,
    })
}

fn budget(
    check: &mut Check<'_>,
    budget: Option<At<String>>,
    shares_nothing: bool,
) -> Option<Option<String>> {
    match budget {
        Some(budget) if shares_nothing => {
            let message = "`limits.budget` shares limits, and there are none";
            let remedy = "give `limits.rate`, `daily` or `concurrency`, or leave `budget` out";
            check.report.add(budget.place, message, remedy);
            None
        }
        Some(budget) if budget.value.is_empty() || budget.value.len() > BUDGET_BYTES_MAX => {
            let message = "`limits.budget` is no name";
            check.report.add(budget.place, message, "name it in 1 to 100 bytes, like `marketo`");
            None
        }
        budget => Some(budget.map(|budget| budget.value)),
    }
}

fn daily(check: &mut Check<'_>, daily: At<raw::Daily>) -> Option<Quota> {
    let raw::Daily { count, reset, zone } = daily.value;
    let mut sound = count > 0;
    if !sound {
        let message = "a quota of 0 lets nothing through, ever";
        check.report.add(daily.place, message, "give the requests that a day has");
    }
    let minute = reset.map_or(Some(0), |reset| {
        let minute = time::minute_of_day(&reset.value);
        if minute.is_none() {
            let message = format!("`{}` is no time of day", reset.value);
            check.report.add(reset.place, message, "write it like `00:00` or `17:30`, in quotes");
        }
        minute
    });
    let zone = zone.map_or_else(
        || "UTC".to_owned(),
        |zone| {
            if jiff::tz::TimeZone::get(&zone.value).is_err() {
                let message = format!("`{}` is no time zone", zone.value);
                check.report.add(zone.place, message, "write an IANA name, like `America/Chicago`");
                sound = false;
            }
            zone.value
        },
    );
    let reset = Reset::Daily { zone: zone.into(), minute: minute? };
    sound.then_some(Quota { count, reset })
}

fn rate(check: &mut Check<'_>, rate: At<Rate>) -> Option<RateLimit> {
    match time::rate(&rate.value.0) {
        Ok(rate) => Some(rate),
        Err(fault) => {
            let message = format!("`{}` is no rate: {fault}", rate.value.0);
            check.report.add(rate.place, message, time::RATE_REMEDY);
            None
        }
    }
}

fn headers(check: &mut Check<'_>, headers: At<raw::LimitHeaders>) -> Option<LimitHeadersSpec> {
    let At { value: raw, place } = headers;
    let count = match (raw.remaining, raw.used) {
        (Some(name), None) => headers::header_name(check, &name).map(CountHeader::Remaining),
        (None, Some(name)) => headers::header_name(check, &name).map(CountHeader::Used),
        (Some(_), Some(used)) => {
            let message = "what is left is counted once, by `remaining` or by `used`";
            check.report.add(used.place, message, "remove one of the two");
            None
        }
        (None, None) => {
            let message = "no header says how many requests are left";
            check.report.add(place, message, "add `remaining:` or `used:` with its name");
            None
        }
    };
    if raw.reset.is_none() && raw.interval.is_none() && raw.window.is_none() {
        let message = "nothing says when the count begins anew";
        check.report.add(place, message, "add `reset:` or `interval:` with a header, or `window:`");
        return None;
    }
    if let (None, Some(reset_in)) = (&raw.reset, &raw.reset_in) {
        let message = "`reset_in` says what `reset` counts, which is not given";
        check.report.add(reset_in.place, message, "add `reset:`, or remove it");
        return None;
    }
    let reset = values::optional(raw.reset, |name| headers::header_name(check, &name));
    let interval = values::optional(raw.interval, |name| headers::header_name(check, &name));
    let window_ms = values::optional(raw.window, |text| values::duration(check, &text, WINDOW_MS));
    Some(LimitHeadersSpec {
        count: count?,
        reset: reset?,
        reset_in: raw.reset_in.map(|at| at.value),
        interval: interval?,
        window_ms: window_ms?,
    })
}

fn body(check: &mut Check<'_>, body: raw::LimitBody) -> Option<LimitBodySpec> {
    let available = values::dotted(check, &body.available);
    let cost = values::optional(body.cost, |path| values::dotted(check, &path));
    let per_second = values::dotted(check, &body.per_second);
    Some(LimitBodySpec { available: available?, cost: cost?, per_second: per_second? })
}
