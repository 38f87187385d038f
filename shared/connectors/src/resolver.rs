//! A connection's values, filled into a flow's templates.

use std::collections::BTreeMap;

use tidegate_core::model::Secret;

use crate::{
    connection::Connection,
    error::ConnectError,
    http::Redactor,
    value::template::{Part, Template},
};

/// Fills a connection's values into templates.
pub(crate) struct Resolver<'a> {
    connection: &'a Connection,
    redactor: Redactor,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        let secrets = connection.secrets.values().collect::<Vec<&Secret>>();
        Self { connection, redactor: Redactor::new(secrets) }
    }

    /// The whole text of a template that no record takes part in.
    pub(crate) fn text(&self, template: &Template, place: &str) -> Result<String, ConnectError> {
        template.parts.iter().map(|part| self.part(part, place)).collect()
    }

    /// One part's text.
    pub(crate) fn part(&self, part: &Part, place: &str) -> Result<String, ConnectError> {
        let missing = |what: &str, name: &str| {
            ConnectError::new(place, format!("the connection has no {what} `{name}`"))
        };
        match part {
            Part::Literal(text) => Ok(text.clone()),
            Part::Param(name) => {
                let value = self.connection.params.get(name);
                value.cloned().ok_or_else(|| missing("parameter", name))
            }
            Part::Secret(name) => {
                let value = self.connection.secrets.get(name);
                value
                    .map(|secret| secret.expose().to_owned())
                    .ok_or_else(|| missing("secret", name))
            }
            Part::Record(_)
            | Part::Body(_)
            | Part::Item(_)
            | Part::Answer(_)
            | Part::Records
            | Part::Lookup(_)
            | Part::Cursor(_)
            | Part::Parent(_)
            | Part::IdempotencyKey => {
                Err(ConnectError::new(place, format!("`{part}` has no meaning here")))
            }
        }
    }

    /// The connection's parameters, by name.
    pub(crate) fn params(&self) -> &BTreeMap<String, String> {
        &self.connection.params
    }

    /// What must never be shown, whichever section uses it. All of the connection's share it.
    pub(crate) fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }
}
