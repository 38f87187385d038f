//! `limits`: what the destination permits, as the flow says and as its answers do.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::{self, FlowSettings, Quota, RateLimit, Reset};

use crate::{
    file::{At, Fault, Findings, Place, Site},
    http::{AdvertisedLimits, LimitBody, LimitHeaders},
    value::{OneOrList, Rate, TextValue, TimeOfDay, Zone, text_value},
};

/// What the destination permits, over all processors together.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Most requests in flight. Default 10.
    #[schemars(range(min = 1, max = 1000))]
    concurrency: Option<u32>,
    /// Most requests in a time, like `50/s` or `100/20s`; of a list, every one holds.
    rate: Option<OneOrList<Rate>>,
    /// Most requests a day, and when the count begins anew.
    daily: Option<At<Daily>>,
    /// The name of a budget that the limits are shared through, by every flow and connection that
    /// names it; they should state the same limits. Default: the stream's own.
    budget: Option<At<BudgetName>>,
    /// Whose turn comes first among those who share a budget. Default `normal`.
    priority: Option<Priority>,
    /// Headers of the destination's own that say what is left. Default: `RateLimit`, `RateLimit-*`,
    /// `X-RateLimit-*` and `X-Rate-Limit-*`.
    headers: Option<At<LimitHeaders>>,
    /// Where the body of an answer says how many points are left.
    body: Option<LimitBody>,
}

/// Most requests a day. What is left over goes on after the reset.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Daily {
    /// Requests.
    #[schemars(range(min = 1))]
    count: u64,
    /// The time of day of the reset. Default `00:00`.
    #[schemars(example = "00:00")]
    reset: Option<TimeOfDay>,
    /// The time zone of the reset. Default `UTC`.
    #[schemars(example = "America/Chicago")]
    zone: Option<Zone>,
}

/// The name of a shared budget: 1 to 100 bytes.
#[derive(Debug, Clone)]
struct BudgetName(Box<str>);

/// Whose turn comes first.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Priority {
    /// A caller waits for it, as for what webhooks bring: the others leave it the greater part.
    High,
    /// Scheduled runs.
    Normal,
    /// Whatever is left is enough, as for back-fills.
    Low,
}

impl Limits {
    /// Notes keys that contradict each other.
    pub(crate) fn check(&self, findings: &mut Findings) {
        if let Some(daily) = &self.daily {
            daily.value.check(daily.place, findings);
        }
        let shares_nothing =
            self.concurrency.is_none() && self.rate.is_none() && self.daily.is_none();
        if let (Some(budget), true) = (&self.budget, shares_nothing) {
            let message = "`limits.budget` shares limits, and there are none";
            let remedy = "give `limits.rate`, `daily` or `concurrency`, or leave `budget` out";
            findings.add(Fault::new(budget.place, message, remedy));
        }
        if let Some(headers) = &self.headers {
            headers.value.check(headers.place, findings);
        }
    }

    /// What the protocol keeps to by them.
    pub(crate) fn settle(&self, settings: &mut FlowSettings) {
        // What is asked for over more than a minute is not spread over it.
        let (quotas, rates): (Vec<RateLimit>, Vec<RateLimit>) = self
            .rate
            .iter()
            .flat_map(|rates| &rates.0)
            .map(|rate| rate.value.0)
            .partition(RateLimit::is_quota);
        let daily = self.daily.as_ref().map(|daily| daily.value.quota());
        settings.rates = rates;
        settings.quotas = quotas.into_iter().map(RateLimit::into_quota).chain(daily).collect();
        settings.priority = self.priority.unwrap_or(Priority::Normal).into();
        settings.budget = self.budget.as_ref().map(|budget| budget.value.0.clone());
        if let Some(concurrency) = self.concurrency {
            settings.concurrency_max = concurrency;
        }
    }

    /// Whether they say how many requests may be in flight.
    pub(crate) fn limits_concurrency(&self) -> bool {
        self.concurrency.is_some()
    }

    /// Where answers say what is left of them.
    pub(crate) fn advertised(&self) -> AdvertisedLimits {
        let headers = self.headers.as_ref().map(|headers| headers.value.clone());
        AdvertisedLimits::new(headers, self.body.as_ref())
    }
}

impl Daily {
    fn check(&self, place: Place, findings: &mut Findings) {
        if self.count == 0 {
            let message = "a quota of 0 lets nothing through, ever";
            findings.add(Fault::new(place, message, "give the requests that a day has"));
        }
    }

    fn quota(&self) -> Quota {
        let zone = self.zone.as_ref().map_or_else(|| "UTC".into(), |zone| zone.0.clone());
        let minute = self.reset.map_or(0, |reset| reset.0);
        Quota { count: self.count, reset: Reset::Daily { zone, minute } }
    }
}

impl TextValue for BudgetName {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        if (1..=100).contains(&text.len()) {
            return Ok(Self(text.into()));
        }
        let remedy = "name it in 1 to 100 bytes, like `marketo`";
        Err(Fault::new(site.place, "`limits.budget` is no name", remedy))
    }

    fn stand_in(_: Site) -> Self {
        Self("x".into())
    }
}

text_value!(BudgetName);

impl From<Priority> for model::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::High => Self::High,
            Priority::Normal => Self::Normal,
            Priority::Low => Self::Low,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    #[test]
    fn long_windows_are_quotas_and_short_ones_rates() {
        let limits: Limits = section(json!({
            "concurrency": 4,
            "rate": ["100/20s", "50000/day"],
            "daily": { "count": 9, "reset": "17:30", "zone": "America/Chicago" },
            "budget": "crm",
            "priority": "low",
        }));
        let mut settings = FlowSettings::default();
        limits.settle(&mut settings);
        let sliding = RateLimit { count: 50_000, window_ms: 86_400_000 }.into_quota();
        let reset = Reset::Daily { zone: "America/Chicago".into(), minute: 1_050 };
        let expected = FlowSettings {
            concurrency_max: 4,
            rates: vec![RateLimit { count: 100, window_ms: 20_000 }],
            quotas: vec![sliding, Quota { count: 9, reset }],
            budget: Some("crm".into()),
            priority: model::Priority::Low,
            ..FlowSettings::default()
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn left_out_they_leave_the_defaults() {
        let mut settings = FlowSettings::default();
        Limits::default().settle(&mut settings);
        assert_eq!(settings, FlowSettings::default());
    }
}
