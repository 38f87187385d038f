//! What a flow needs of a connection, and what a connection still lacks.

use std::collections::BTreeMap;

use crate::{
    connection::{Connection, secret_variable},
    file::{FlowError, Location},
    value::{
        address,
        template::{Part, Template},
    },
};

/// The names that a flow refers to, each with the first place that does.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Names in `${params.…}`, those with a default included.
    pub params: BTreeMap<String, Location>,
    /// Names in `${secrets.…}`.
    pub secrets: BTreeMap<String, Location>,
    /// Addresses that only a connection completes.
    addresses: Vec<(Template, Location)>,
}

impl Needs {
    /// Notes a reference to a parameter.
    pub(super) fn param(&mut self, name: &str, location: Location) {
        self.params.entry(name.to_owned()).or_insert(location);
    }

    /// Notes a reference to a secret.
    pub(super) fn secret(&mut self, name: &str, location: Location) {
        self.secrets.entry(name.to_owned()).or_insert(location);
    }

    /// Notes an address.
    pub(super) fn address(&mut self, address: Template, location: Location) {
        self.addresses.push((address, location));
    }

    /// What a connection still lacks of it: see [`super::FlowSpec::missing`].
    pub(super) fn missing(
        &self,
        connection: &Connection,
        flow: &str,
        file: &str,
    ) -> Vec<FlowError> {
        let error = |location: &Location, message: String, remedy: String| FlowError {
            file: file.into(),
            location: location.clone(),
            message,
            remedy,
        };
        let mut missing = Vec::new();
        for (name, location) in &self.params {
            if !connection.params.contains_key(name) {
                let message = format!("the connection gives no parameter `{name}`");
                missing.push(error(location, message, format!("pass --param {name}=VALUE")));
            }
        }
        for (name, location) in &self.secrets {
            if !connection.secrets.contains_key(name) {
                let message = format!("the connection gives no secret `{name}`");
                let remedy = format!(
                    "set the environment variable {} (locally) or the parameter \
                     /tidegate/STAGE/{}/CONNECTION/secrets/{name} (on AWS)",
                    secret_variable(name),
                    flow,
                );
                missing.push(error(location, message, remedy));
            }
        }
        for (template, location) in &self.addresses {
            // What the connection lacks has been reported above.
            let Some(text) = stand_in(template, connection) else { continue };
            if let Err(fault) = address::address(&text) {
                // With the parameter's value in hand, but never a secret's.
                let shown =
                    if template.secrets().next().is_some() { "(hidden)" } else { text.as_str() };
                let message = format!("the address comes to `{shown}`: {fault}");
                missing.push(error(location, message, fault.remedy().into()));
            }
        }
        missing.sort_by_key(|error| (error.location.line, error.location.column));
        missing
    }
}

/// An address with the connection's values, and a letter for what each record gives.
fn stand_in(template: &Template, connection: &Connection) -> Option<String> {
    let mut text = String::new();
    for part in &template.parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Param(name) => text.push_str(connection.params.get(name)?),
            Part::Secret(name) => text.push_str(connection.secrets.get(name)?.expose()),
            Part::Record(_)
            | Part::Body(_)
            | Part::Item(_)
            | Part::Answer(_)
            | Part::Records
            | Part::Lookup(_)
            | Part::Cursor(_)
            | Part::Parent(_)
            | Part::IdempotencyKey => text.push('x'),
        }
    }
    Some(text)
}
