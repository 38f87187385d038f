//! The keys of a flow file, and whether its sections go together.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::{self, EpochMs, FlowSettings, StreamId};

use super::{
    limits::Limits,
    ordering::Ordering,
    page::Page,
    params::{self, Param},
    retry::Retry,
};
use crate::{
    destination::Destination,
    file::{At, Entries, Fault, Findings},
    lookup::Lookup,
    source::Source,
    transform::{LooksUp, Transform},
    validate::Validate,
    value::{Millis, Schedule},
};

/// A Tidegate flow: records move from a source, through a transform, to a destination.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tidegate flow")]
pub struct Flow {
    /// The flow's name: 1 to 64 letters, digits, `-`, `_` or `.`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,64}$"))]
    pub(super) flow: At<String>,
    /// One line for people.
    pub(super) description: Option<String>,
    /// The parameters that a connection gives, used as `${params.NAME}`.
    pub(super) params: Option<Entries<Param>>,
    /// Where records come from.
    pub(crate) source: Source,
    /// What another system knows of a record, for the transform to read; left out: none is asked.
    pub(crate) lookup: Option<At<Lookup>>,
    /// What a record must be like, by the paths of its values: `price`, `customer.name`, `images[].url` for each element of
    /// an array. One that is not so is parked with everything that is wrong with it, and is in the way of no other.
    /// Deletions and what `transform.filter` leaves out are not looked at; left out: nothing is.
    pub(crate) validate: Option<At<Validate>>,
    /// What becomes of a record on its way; left out: it is passed on as it is.
    #[serde(default)]
    pub(crate) transform: Transform,
    /// Where records go.
    pub(crate) destination: At<Destination>,
    /// What the destination permits.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// How strictly records of one entity follow each other. Default `entity`.
    ordering: Option<Ordering>,
    /// How a failed delivery is tried again.
    #[serde(default)]
    retry: Retry,
    /// How the stream is cut into pages.
    #[serde(default)]
    page: Page,
    /// An open page that no processor worked on for so long has lost its message; waits that were asked
    /// for do not count. Default `1h`.
    stuck_after: Option<Millis<60_000, 1_209_600_000>>,
    /// The longest that the destination may take to apply a request it accepted. Default `30s`.
    landing: Option<Millis<0, 3_600_000>>,
    /// When the source is read, in UTC: `rate(5 minutes)` or `cron(0 * * * ? *)`. By `run` on the laptop; deployed, the
    /// template's `ScheduleExpression` says it.
    #[schemars(example = "rate(5 minutes)")]
    pub(super) schedule: Option<Schedule>,
}

impl Flow {
    /// Notes what does not go together.
    pub(super) fn check(&self, findings: &mut Findings) {
        // A flow's name is half of a stream's, whose rule it is.
        if StreamId::new(&self.flow.value, "x").is_err() {
            let message = format!("`{}` cannot name a flow", self.flow.value);
            let remedy = "write 1 to 64 letters, digits, `-`, `_` and `.`";
            findings.add(Fault::new(self.flow.place, message, remedy));
        }
        if let Some(params) = &self.params {
            params::check(params, findings);
        }
        self.source.check(findings);
        if let Some(lookup) = &self.lookup {
            lookup.value.check(lookup.place, findings);
        }
        if let Some(validate) = &self.validate {
            validate.value.check(validate.place, findings);
        }
        let id_path = self.source.id_path();
        let looks_up = self.lookup.as_ref().map(|lookup| LooksUp {
            one_at_a_time: match self.ordering {
                Some(Ordering::Serial) => true,
                Some(Ordering::Entity) | None => lookup.value.by() == id_path,
                Some(Ordering::None) => false,
            },
            cache: lookup.value.cache_place(),
            place: lookup.place,
        });
        self.transform.check(looks_up.as_ref(), findings);
        let At { value: destination, place } = &self.destination;
        destination.check(*place, self.ordering(), &self.transform.shape(), findings);
        self.limits.check(findings);
        self.retry.check(findings);
    }

    fn ordering(&self) -> model::Ordering {
        self.ordering.map(Into::into).unwrap_or_default()
    }

    /// What the protocol goes by.
    pub(super) fn settings(&self) -> FlowSettings {
        let default = FlowSettings::default();
        let ms = |ms: Option<u64>, default| {
            ms.and_then(|ms| EpochMs::try_from(ms).ok()).unwrap_or(default)
        };
        let lookup_ms = self.lookup.as_ref().map(|lookup| lookup.value.request_ms());
        let mut settings = FlowSettings {
            ordering: self.ordering(),
            page_records_max: self.page.records_max.unwrap_or(default.page_records_max),
            window_pages_max: self.page.window.unwrap_or(default.window_pages_max),
            retry: self.retry.policy(),
            dead_letters: self.retry.dead_letters().unwrap_or(default.dead_letters),
            stuck_after_ms: ms(self.stuck_after.map(|it| it.0), default.stuck_after_ms),
            settle_lag_ms: self.source.settle_lag_ms(),
            landing_ms: ms(self.landing.map(|it| it.0), default.landing_ms),
            request_timeout_ms: self.destination.value.request_ms(),
            lookup_timeout_ms: lookup_ms.unwrap_or(default.lookup_timeout_ms),
            on_unknown: self.destination.value.on_unknown(),
            ..default
        };
        self.limits.settle(&mut settings);
        settings
    }
}
