//! From the file's structure to the flow: what the values mean, checked with all faults at once.
//!
//! A function here gives `None` only after it has reported why; so every part of a section is
//! looked at before the first `None` ends it.

mod address;
mod answers;
mod body;
mod cursor;
mod destination;
mod headers;
mod limits;
mod lookup;
mod source;
mod texts;
mod transform;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use tidegate_core::model::{EpochMs, FlowSettings, OnUnknown, RateLimit, StreamId};

use crate::{
    at::{At, Entries},
    file::{Findings, FlowErrors, Reference},
    http::Auth,
    nearest,
    needs::Needs,
    raw,
    report::Report,
    spec::{FlowSpec, ParamSpec},
    template,
    text::SourceText,
};

/// What checking one file goes along with.
struct Check<'t> {
    report: Report<'t>,
    /// The names under `params`, if the file has it.
    declared: Option<BTreeSet<String>>,
    needs: Needs,
    findings: Findings,
}

/// Checks a flow's meaning. `findings` are of reading it.
pub fn flow(
    source: SourceText<'_>,
    raw: raw::Flow,
    findings: Findings,
) -> Result<FlowSpec, FlowErrors> {
    let declared = raw
        .params
        .as_ref()
        .map(|params| params.0.iter().map(|(name, _)| name.value.clone()).collect());
    let mut check =
        Check { report: Report::new(source), declared, needs: Needs::default(), findings };
    let spec = lower(&mut check, raw);
    found(&mut check);
    let Check { report, needs, .. } = check;
    report.finish(spec.map(|spec| FlowSpec { needs, ..spec }))
}

/// Takes in what reading the file found.
fn found(check: &mut Check<'_>) {
    let findings = std::mem::take(&mut check.findings);
    for Reference { text: name, place } in findings.params {
        let place = check.report.source.inside(place, &format!("${{params.{name}}}"), 0);
        match &check.declared {
            Some(declared) if !declared.contains(&name) => {
                let near = nearest::nearest(&name, declared.iter().map(String::as_str));
                let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                let remedy = format!("{hint}or declare it: `params: {{ {name}: {{}} }}`");
                check.report.add(place, format!("the parameter `{name}` is not declared"), remedy);
            }
            _ => {
                let location = check.report.source.location(place);
                check.needs.params.entry(name).or_insert(location);
            }
        }
    }
    for Reference { text: name, place } in findings.secrets {
        let place = check.report.source.inside(place, &format!("${{secrets.{name}}}"), 0);
        let location = check.report.source.location(place);
        check.needs.secrets.entry(name).or_insert(location);
    }
    for Reference { text, place } in findings.addresses {
        let location = check.report.source.location(place);
        check.needs.addresses.extend(text.parse().ok().map(|address| (address, location)));
    }
    check.report.take(findings.faults);
}

fn lower(check: &mut Check<'_>, raw: raw::Flow) -> Option<FlowSpec> {
    let name = name(check, raw.flow);
    let params = params(check, raw.params.unwrap_or_default());
    let settle_lag_ms = match &raw.source {
        raw::Source::Http(http) => cursor::settle_lag_ms(check, &http.cursor.value),
    };
    let raw::Source::Http(http) = &raw.source;
    let id = http.id.as_ref().map_or_else(|| "id".to_owned(), |id| id.value.0.clone());
    let asked = raw.lookup.as_ref().map(|it| transform::Asked::of(it, &id, raw.ordering));
    let source = source::source(check, raw.source);
    let lookup = values::optional(raw.lookup, |lookup| lookup::lookup(check, lookup));
    let transform = transform::transform(check, raw.transform, asked.as_ref());
    let raw::Destination::Http(http) = &raw.destination;
    let resolves = answers::on_unknown_fits(check, http.on_unknown.as_ref(), raw.ordering);
    let destination = destination::destination(check, raw.destination);
    let limits = limits::limits(check, raw.limits);
    raw.retry.check(&mut check.findings);
    let default = FlowSettings::default();
    let ms =
        |ms: Option<u64>, default| ms.and_then(|ms| EpochMs::try_from(ms).ok()).unwrap_or(default);
    let mut settings = FlowSettings {
        ordering: raw.ordering.map_or(default.ordering, Into::into),
        page_records_max: raw.page.records_max.unwrap_or(default.page_records_max),
        window_pages_max: raw.page.window.unwrap_or(default.window_pages_max),
        retry: raw.retry.policy(),
        dead_letters: raw.retry.dead_letters().unwrap_or(default.dead_letters),
        stuck_after_ms: ms(raw.stuck_after.map(|it| it.0), default.stuck_after_ms),
        landing_ms: ms(raw.landing.map(|it| it.0), default.landing_ms),
        ..default
    };

    resolves.then_some(())?;
    let (limits, destination) = (limits?, destination?);
    let crate::spec::DestinationSpec::Http(http) = &destination;
    settings.settle_lag_ms = settle_lag_ms?;
    let asking_ms = |auth: &Option<Auth>| auth.as_ref().map_or(0, |auth| auth.asking_ms());
    settings.request_timeout_ms = http.timeout_ms + asking_ms(&http.auth);
    let lookup = lookup?;
    if let Some(lookup) = &lookup {
        settings.lookup_timeout_ms = lookup.http.timeout_ms + asking_ms(&lookup.http.auth);
    }
    // What is asked for over more than a minute is not spread over it.
    let (quotas, rates): (Vec<RateLimit>, Vec<RateLimit>) =
        limits.rate.iter().partition(|rate| rate.is_quota());
    settings.rates = rates;
    settings.quotas =
        quotas.into_iter().map(RateLimit::into_quota).chain(limits.daily.clone()).collect();
    settings.priority = limits.priority;
    settings.on_unknown = match &http.on_unknown {
        crate::spec::OnUnknown::Retry => OnUnknown::Retry,
        crate::spec::OnUnknown::Lookup(_) => OnUnknown::LookUp,
        crate::spec::OnUnknown::Park => OnUnknown::Park,
    };
    settings.budget = limits.budget.as_deref().map(Into::into);
    if let Some(concurrency) = limits.concurrency {
        settings.concurrency_max = concurrency;
    }
    Some(FlowSpec {
        name: name?,
        description: raw.description,
        params: params?,
        source: source?,
        lookup,
        transform: transform?,
        destination,
        limits,
        settings,
        schedule: raw.schedule.map(|schedule| schedule.0),
        needs: Needs::default(),
    })
}

fn name(check: &mut Check<'_>, name: At<String>) -> Option<String> {
    // A flow's name is half of a stream's, whose rule it is.
    if StreamId::new(&name.value, "x").is_ok() {
        return Some(name.value);
    }
    let message = format!("`{}` cannot name a flow", name.value);
    check.report.add(name.place, message, "write 1 to 64 letters, digits, `-`, `_` and `.`");
    None
}

fn params(
    check: &mut Check<'_>,
    params: Entries<raw::Param>,
) -> Option<BTreeMap<String, ParamSpec>> {
    values::all(params.0.into_iter().map(|(name, param)| {
        if !template::is_name(&name.value) {
            let message = format!("`{}` cannot name a parameter", name.value);
            let remedy = "names are letters, digits and `_`, and begin with a letter";
            check.report.add(name.place, message, remedy);
            return None;
        }
        let raw::Param { default, description } = param.value;
        Some((name.value, ParamSpec { default: default.map(|scalar| scalar.0), description }))
    }))
}
