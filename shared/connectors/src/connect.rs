//! From a flow's plain data and a connection's values to the application's ports.

use std::{fmt, sync::Arc};

use tidegate_core::{
    model::{FlowSettings, Secret},
    ports::{Destination, KeyValueStore, Lookup, Random, Source, Transform},
};
use tidegate_flow::{
    Connection,
    spec::{DestinationSpec, FlowSpec, SourceSpec},
    template::{Part, Template},
};

use crate::{
    HttpClient, LookupCache, Now, Registry, destination::http::HttpDestination, http::Redactor,
    lookup, source::http::HttpSource, transform::build, wall_clock,
};

/// What all connectors of a process share.
#[derive(Clone)]
pub struct Options {
    /// The Rust transforms that flows may name.
    pub registry: Registry,
    /// Tells the time.
    pub now: Now,
    /// Sends requests; share one over all connections, for its warm connections.
    pub http: HttpClient,
    /// Keeps tokens, and what was looked up, between invocations and for all of them.
    pub shelf: Arc<dyn KeyValueStore>,
    /// Tells one invocation's writes on the shelf from another's.
    pub random: Arc<dyn Random>,
    /// What was looked up, in memory; share one over all connections, for it is bounded.
    pub lookups: LookupCache,
}

impl Options {
    /// No Rust transforms, and the machine's clock.
    pub fn new(http: HttpClient, shelf: Arc<dyn KeyValueStore>, random: Arc<dyn Random>) -> Self {
        let lookups = LookupCache::new();
        Self { registry: Registry::new(), now: wall_clock(), http, shelf, random, lookups }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// One connection, ready to run.
pub struct Connected {
    /// Where records come from.
    pub source: Box<dyn Source>,
    /// What another system knows of them, if the flow asks one.
    pub lookup: Option<Box<dyn Lookup>>,
    /// What becomes of them.
    pub transform: Box<dyn Transform>,
    /// Where they go.
    pub destination: Box<dyn Destination>,
    /// What the protocol goes by, as the flow says.
    pub settings: FlowSettings,
}

/// Why a connection cannot be made: where in the flow file, and what to do. Holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConnectError {
    /// The key in the flow file, like `source.http.url`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl ConnectError {
    pub(crate) fn new(place: &str, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), message: message.into() }
    }
}

/// Makes a flow's ports for one connection. Makes no request. The connection's values must be
/// complete: the flow's defaults are filled in here.
///
/// # Errors
/// The first section that cannot work with these values.
pub fn connect(
    flow: &FlowSpec,
    connection: &Connection,
    options: &Options,
) -> Result<Connected, ConnectError> {
    let connection = connection.clone().with_defaults(flow);
    let resolver = Resolver::new(&connection);
    let SourceSpec::Http(source) = &flow.source;
    let DestinationSpec::Http(destination) = &flow.destination;
    Ok(Connected {
        source: Box::new(HttpSource::new(source, &resolver, options)?),
        lookup: lookup::build(flow, &connection, &resolver, options)?,
        transform: build(&flow.transform, &options.registry)?,
        destination: Box::new(HttpDestination::new(destination, &flow.limits, &resolver, options)?),
        settings: flow.settings.clone(),
    })
}

/// A flow's filter and shape alone: what `check --record` shows and test cases run.
///
/// # Errors
/// A program that does not compile, or a Rust transform that is not registered.
pub fn transform(flow: &FlowSpec, registry: &Registry) -> Result<Box<dyn Transform>, ConnectError> {
    build(&flow.transform, registry)
}

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
            Part::Record(path) => Err(ConnectError::new(
                place,
                format!("`${{record.{}}}` has no meaning here", path.join(".")),
            )),
            Part::Lookup(what) => {
                Err(ConnectError::new(place, format!("`{what}` has no meaning here")))
            }
            Part::IdempotencyKey => {
                Err(ConnectError::new(place, "`${idempotency_key}` has no meaning here"))
            }
        }
    }

    /// What must never be shown, whichever section uses it. All of the connection's share it.
    pub(crate) fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }
}
