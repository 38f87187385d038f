//! From a flow's plain data and a connection's values to the application's ports.

use tidegate_core::{
    model::FlowSettings,
    ports::{Destination, Lookup, Source, Transform},
};
use tidegate_flow::{Connection, spec::FlowSpec};

use crate::{Options, Registry, error::ConnectError, lookup, resolver::Resolver};

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
    Ok(Connected {
        source: flow.source.connect(&resolver, options)?,
        lookup: lookup::build(flow, &connection, &resolver, options)?,
        transform: flow.transform.connect(looked_up_by(flow), &options.registry)?,
        destination: flow.destination.connect(&flow.limits, &resolver, options)?,
        settings: flow.settings.clone(),
    })
}

/// A flow's filter and shape alone: what `check --record` shows and test cases run.
///
/// # Errors
/// A program that does not compile, or a Rust transform that is not registered.
pub fn transform(flow: &FlowSpec, registry: &Registry) -> Result<Box<dyn Transform>, ConnectError> {
    flow.transform.connect(looked_up_by(flow), registry)
}

/// The path to the key that records are looked up by, where they are.
fn looked_up_by(flow: &FlowSpec) -> Option<&[String]> {
    flow.lookup.as_ref().map(|lookup| lookup.by.as_slice())
}
