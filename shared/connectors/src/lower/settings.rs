//! `ordering`, `retry`, `page`, `stuck_after`, `landing`: what the protocol goes by.

use tidegate_core::model::{DeadLetters, EpochMs, FlowSettings, Ordering, RetryPolicy};

use super::{Check, values};
use crate::{
    at::At,
    raw::{self, Duration},
};

/// Waits between tries. A queue hides a message for 12 hours at most: Amazon SQS's quotas.
const WAIT_MS: std::ops::RangeInclusive<u64> = 1..=43_200_000;
const STUCK_AFTER_MS: std::ops::RangeInclusive<u64> = 60_000..=1_209_600_000;
const LANDING_MS: std::ops::RangeInclusive<u64> = 0..=3_600_000;

/// The sections that only the protocol reads.
pub(super) struct Protocol {
    pub(super) ordering: Option<raw::Ordering>,
    pub(super) retry: raw::Retry,
    pub(super) page: raw::Page,
    pub(super) stuck_after: Option<At<Duration>>,
    pub(super) landing: Option<At<Duration>>,
}

/// The settings; what other sections say of them is still at its default.
pub(super) fn settings(check: &mut Check<'_>, protocol: Protocol) -> Option<FlowSettings> {
    let Protocol { ordering, retry, page, stuck_after, landing } = protocol;
    let default = FlowSettings::default();
    let dead_letters = match retry.dead_letters {
        None => default.dead_letters,
        Some(raw::DeadLetters::Park) => DeadLetters::Park,
        Some(raw::DeadLetters::Block) => DeadLetters::Block,
    };
    let retry = self::retry(check, retry);
    let mut ms = |text: Option<At<Duration>>, range, default| {
        values::optional(text, |text| values::duration(check, &text, range))
            .map(|ms| ms.and_then(|ms| EpochMs::try_from(ms).ok()).unwrap_or(default))
    };
    let stuck_after_ms = ms(stuck_after, STUCK_AFTER_MS, default.stuck_after_ms);
    let landing_ms = ms(landing, LANDING_MS, default.landing_ms);
    Some(FlowSettings {
        ordering: match ordering {
            None => default.ordering,
            Some(raw::Ordering::None) => Ordering::None,
            Some(raw::Ordering::Entity) => Ordering::Entity,
            Some(raw::Ordering::Serial) => Ordering::Serial,
        },
        page_records_max: page.records_max.unwrap_or(default.page_records_max),
        window_pages_max: page.window.unwrap_or(default.window_pages_max),
        retry: retry?,
        dead_letters,
        stuck_after_ms: stuck_after_ms?,
        landing_ms: landing_ms?,
        ..default
    })
}

fn retry(check: &mut Check<'_>, retry: raw::Retry) -> Option<RetryPolicy> {
    let default = RetryPolicy::default();
    let cap_place = retry.cap.as_ref().or(retry.base.as_ref()).map(|text| text.place);
    let base = values::optional(retry.base, |text| values::duration(check, &text, WAIT_MS));
    let cap = values::optional(retry.cap, |text| values::duration(check, &text, WAIT_MS));
    let (base_ms, cap_ms) = (base?.unwrap_or(default.base_ms), cap?.unwrap_or(default.cap_ms));
    if let (Some(place), true) = (cap_place, base_ms > cap_ms) {
        let message = "the first wait (`retry.base`) is longer than the longest (`retry.cap`)";
        check.report.add(place, message, "raise `cap` or lower `base`");
        return None;
    }
    let attempts_max = retry.attempts.unwrap_or(default.attempts_max);
    Some(RetryPolicy { attempts_max, base_ms, cap_ms })
}
