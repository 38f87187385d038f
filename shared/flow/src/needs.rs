//! What a flow needs of a connection, and what a connection still lacks.

use std::collections::BTreeMap;

use crate::{
    address,
    connection::{Connection, secret_variable},
    error::FlowError,
    spec::FlowSpec,
    template::Template,
    text::Location,
};

/// The names that a flow refers to, each with the first place that does.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Names in `${params.…}`, those with a default included.
    pub params: BTreeMap<String, Location>,
    /// Names in `${secrets.…}`.
    pub secrets: BTreeMap<String, Location>,
    /// Addresses that only a connection completes.
    pub(crate) addresses: Vec<(Template, Location)>,
}

impl FlowSpec {
    /// What a connection has to give.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Everything that keeps a connection from running this flow: missing parameters and secrets,
    /// and addresses that cannot be called. `file` is the flow file's name, for the errors.
    /// Empty where nothing is missing.
    pub fn missing(&self, connection: &Connection, file: &str) -> Vec<FlowError> {
        let error = |location: &Location, message: String, remedy: String| FlowError {
            file: file.into(),
            location: location.clone(),
            message,
            remedy,
        };
        let connection = connection.clone().with_defaults(self);
        let mut missing = Vec::new();
        for (name, location) in &self.needs.params {
            if !connection.params.contains_key(name) {
                let message = format!("the connection gives no parameter `{name}`");
                missing.push(error(location, message, format!("pass --param {name}=VALUE")));
            }
        }
        for (name, location) in &self.needs.secrets {
            if !connection.secrets.contains_key(name) {
                let message = format!("the connection gives no secret `{name}`");
                let remedy = format!(
                    "set the environment variable {} (locally) or the parameter \
                     /tidegate/STAGE/{}/CONNECTION/secrets/{name} (on AWS)",
                    secret_variable(name),
                    self.name,
                );
                missing.push(error(location, message, remedy));
            }
        }
        for (template, location) in &self.needs.addresses {
            // What is not resolved has been reported above; the record's fields come later.
            let Ok(resolved) = template.resolve(&connection) else { continue };
            let stand_in = resolved.fill(|_| Some("x".into()), |text, out| out.push_str(text));
            let Ok(text) = stand_in else { continue };
            if let Err(fault) = address::address(text.expose()) {
                // With the parameter's value in hand, but never a secret's.
                let shown = if text.is_secret() { "(hidden)" } else { text.expose() };
                let message = format!("the address comes to `{shown}`: {fault}");
                missing.push(error(location, message, fault.remedy().into()));
            }
        }
        missing.sort_by_key(|error| (error.location.line, error.location.column));
        missing
    }
}
