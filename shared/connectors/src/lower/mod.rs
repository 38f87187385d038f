//! From the file's structure to the flow: what the values mean, checked with all faults at once.
//!
//! A function here gives `None` only after it has reported why; so every part of a section is
//! looked at before the first `None` ends it.

mod address;
mod auth;
mod body;
mod headers;
mod lookup;
mod source;
mod texts;
mod tokens;
mod values;

pub(crate) use source::Credentials;

use std::collections::{BTreeMap, BTreeSet};

use tidegate_core::model::{EpochMs, FlowSettings, StreamId};

use crate::{
    at::{At, Entries},
    file::{self, Findings, FlowErrors, Node, Place, Reference},
    flow::Ordering,
    nearest,
    needs::Needs,
    path, raw,
    report::Report,
    spec::{AuthSpec, FlowSpec, ParamSpec},
    template,
    text::SourceText,
    transform::LooksUp,
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

impl FlowSpec {
    /// Reads the embedded form of a flow, which was checked when it was made.
    ///
    /// # Errors
    /// What another version of this crate would not have taken.
    pub fn embedded(file_name: &str, form: &str) -> Result<Self, FlowErrors> {
        let source = SourceText { file: file_name, text: "" };
        let failed = |message: String| {
            let mut report = Report::new(source);
            let remedy = "build the functions and the flows from the same version";
            report.add(Place::default(), message, remedy);
            report.finish::<Self>(None)
        };
        let tree: At<Node> = match serde_json::from_str(form) {
            Ok(tree) => tree,
            Err(error) => return failed(format!("the embedded form is damaged: {error}")),
        };
        match file::read(&tree) {
            (Ok(raw), findings) => flow(source, raw, findings),
            (Err(error), _) => failed(format!("the embedded form is another's: {error}")),
        }
    }
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
    raw.source.check(&mut check.findings);
    if let Some(credentials) = raw.source.credentials() {
        credentials.lower(check);
    }
    let id = raw.source.id_path();
    if let Some(lookup) = &raw.lookup {
        let by = path::parse_picked(&lookup.value.by.value.0).ok();
        let looks_up = LooksUp {
            one_at_a_time: match raw.ordering {
                Some(Ordering::Serial) => true,
                // What is no path is reported where it stands.
                Some(Ordering::Entity) | None => by.as_ref().is_none_or(|by| *by == id),
                Some(Ordering::None) => false,
            },
            by: by.as_deref().unwrap_or_default(),
            cache: lookup.value.cache.as_ref().map(|cache| cache.place),
            place: lookup.place,
        };
        raw.transform.check(Some(&looks_up), &mut check.findings);
    } else {
        raw.transform.check(None, &mut check.findings);
    }
    let lookup = values::optional(raw.lookup, |lookup| lookup::lookup(check, lookup));
    let default = FlowSettings::default();
    let ordering = raw.ordering.map_or(default.ordering, Into::into);
    if let Some(credentials) = raw.destination.credentials() {
        credentials.lower(check);
    }
    raw.destination.check(ordering, &mut check.findings);
    raw.limits.check(&mut check.findings);
    raw.retry.check(&mut check.findings);
    let ms =
        |ms: Option<u64>, default| ms.and_then(|ms| EpochMs::try_from(ms).ok()).unwrap_or(default);
    let mut settings = FlowSettings {
        ordering,
        page_records_max: raw.page.records_max.unwrap_or(default.page_records_max),
        window_pages_max: raw.page.window.unwrap_or(default.window_pages_max),
        retry: raw.retry.policy(),
        dead_letters: raw.retry.dead_letters().unwrap_or(default.dead_letters),
        stuck_after_ms: ms(raw.stuck_after.map(|it| it.0), default.stuck_after_ms),
        settle_lag_ms: raw.source.settle_lag_ms(),
        landing_ms: ms(raw.landing.map(|it| it.0), default.landing_ms),
        ..default
    };

    settings.request_timeout_ms = raw.destination.request_ms();
    settings.on_unknown = raw.destination.on_unknown();
    raw.limits.settle(&mut settings);
    let asking_ms = |auth: &Option<AuthSpec>| auth.as_ref().map_or(0, AuthSpec::asking_ms);
    let lookup = lookup?;
    if let Some(lookup) = &lookup {
        settings.lookup_timeout_ms = lookup.http.timeout_ms + asking_ms(&lookup.http.auth);
    }
    Some(FlowSpec {
        name: name?,
        description: raw.description,
        params: params?,
        source: raw.source,
        lookup,
        transform: raw.transform,
        destination: raw.destination,
        limits: raw.limits,
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
