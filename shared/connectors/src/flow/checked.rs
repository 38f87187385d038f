//! A flow that was checked: what the rest of the program knows of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tidegate_core::model::FlowSettings;

use super::{needs::Needs, params, section::Flow};
use crate::{
    connection::Connection,
    file::{
        self, At, Findings, FlowError, FlowErrors, Node, Place, Reference, Report, SourceText,
        nearest,
    },
};

/// A flow file, read and checked.
#[derive(Debug, Clone)]
pub struct FlowSpec {
    /// Its name; letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// What the protocol goes by.
    pub settings: FlowSettings,
    /// What is taken where a connection gives no parameter.
    defaults: BTreeMap<String, String>,
    needs: Needs,
    notes: Vec<FlowError>,
    sections: Arc<Flow>,
}

impl FlowSpec {
    /// Checks a flow that was read. `findings` are of reading it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn of(
        source: SourceText<'_>,
        flow: Flow,
        mut findings: Findings,
    ) -> Result<Self, FlowErrors> {
        flow.check(&mut findings);
        let mut report = Report::new(source);
        let needs = needs(&flow, &findings, &mut report);
        report.take(findings.faults);
        let notes = report.notes(findings.notes);
        report.finish(Some(Self {
            name: flow.flow.value.clone(),
            settings: flow.settings(),
            defaults: flow.params.as_ref().map(params::defaults).unwrap_or_default(),
            needs,
            notes,
            sections: Arc::new(flow),
        }))
    }

    /// Reads the embedded form of a flow, which was checked when it was made.
    ///
    /// # Errors
    /// What another version of this crate would not have taken.
    pub fn embedded(file_name: &str, form: &str) -> Result<Self, FlowErrors> {
        let source = SourceText::embedded(file_name);
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
            (Ok(flow), findings) => Self::of(source, flow, findings),
            (Err(error), _) => failed(format!("the embedded form is of another version: {error}")),
        }
    }

    /// One line for people.
    pub fn description(&self) -> Option<&str> {
        self.sections.description.as_deref()
    }

    /// When a deployed connection runs, as the file says.
    pub fn schedule(&self) -> Option<&str> {
        self.sections.schedule.as_ref().map(|schedule| schedule.0.as_str())
    }

    /// Whether another system is asked what it knows of a record.
    pub fn looks_up(&self) -> bool {
        self.sections.lookup.is_some()
    }

    /// The fields of what was looked up that a merge leaves as they are, in the file's order.
    pub fn never_overwritten(&self) -> Vec<String> {
        self.sections.transform.never_overwritten()
    }

    /// What is right and may not be meant.
    pub fn notes(&self) -> &[FlowError] {
        &self.notes
    }

    /// What a connection has to give.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Everything that keeps a connection from running this flow: missing parameters and secrets,
    /// and addresses that cannot be called. `file` is the flow file's name, for the errors.
    /// Empty where nothing is missing.
    pub fn missing(&self, connection: &Connection, file: &str) -> Vec<FlowError> {
        self.needs.missing(&connection.clone().with_defaults(self), &self.name, file)
    }

    /// The sections.
    pub(crate) fn sections(&self) -> &Flow {
        &self.sections
    }
}

impl Connection {
    /// Adds the flow's defaults where the connection gives nothing.
    #[must_use]
    pub fn with_defaults(mut self, flow: &FlowSpec) -> Self {
        for (name, default) in &flow.defaults {
            self.params.entry(name.clone()).or_insert_with(|| default.clone());
        }
        self
    }
}

/// What the flow refers to, each with its place; a parameter that is not declared is reported.
fn needs(flow: &Flow, findings: &Findings, report: &mut Report<'_>) -> Needs {
    let declared: Option<BTreeSet<&str>> = flow
        .params
        .as_ref()
        .map(|params| params.0.iter().map(|(name, _)| name.value.as_str()).collect());
    let mut needs = Needs::default();
    for Reference { text: name, place } in &findings.params {
        let place = report.source.inside(*place, &format!("${{params.{name}}}"), 0);
        match &declared {
            Some(declared) if !declared.contains(name.as_str()) => {
                let near = nearest(name, declared.iter().copied());
                let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                let remedy = format!("{hint}or declare it: `params: {{ {name}: {{}} }}`");
                report.add(place, format!("the parameter `{name}` is not declared"), remedy);
            }
            _ => needs.param(name, report.source.location(place)),
        }
    }
    for Reference { text: name, place } in &findings.secrets {
        let place = report.source.inside(*place, &format!("${{secrets.{name}}}"), 0);
        needs.secret(name, report.source.location(place));
    }
    for Reference { text, place } in &findings.addresses {
        if let Ok(address) = text.parse() {
            needs.address(address, report.source.location(*place));
        }
    }
    needs
}
