//! From a flow's plain data and a connection's values to the application's ports.

use tidegate_core::{
    model::FlowSettings,
    ports::{Destination, Lookup, Source, Transform},
};

use crate::{
    connection::Connection,
    error::ConnectError,
    flow::{Flow, FlowSpec},
    lookup::Surroundings,
    options::Options,
    registry::Registry,
    resolver::Resolver,
    source::Look,
};

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
    let sections = flow.sections();
    let around = Surroundings {
        flow: &flow.name,
        merges: sections.transform.merges(),
        limits: sections.limits.advertised(),
        connection: &connection,
    };
    let lookup = sections.lookup.as_ref();
    Ok(Connected {
        source: sections.source.connect(&resolver, options)?,
        lookup: lookup
            .map(|lookup| lookup.value.connect(around, &resolver, options))
            .transpose()?,
        transform: sections.transform.connect(looked_up_by(sections), &options.registry)?,
        destination: sections.destination.connect(&sections.limits, &resolver, options)?,
        settings: flow.settings.clone(),
    })
}

/// A flow's source for one connection, to look at a page of it. Makes no request.
///
/// # Errors
/// As with [`connect`].
pub fn look(
    flow: &FlowSpec,
    connection: &Connection,
    options: &Options,
) -> Result<Box<dyn Look>, ConnectError> {
    let connection = connection.clone().with_defaults(flow);
    flow.sections().source.look(&Resolver::new(&connection), options)
}

/// A flow's filter and shape alone: what `check --record` shows and test cases run.
///
/// # Errors
/// A program that does not compile, or a Rust transform that is not registered.
pub fn transform(flow: &FlowSpec, registry: &Registry) -> Result<Box<dyn Transform>, ConnectError> {
    let sections = flow.sections();
    sections.transform.connect(looked_up_by(sections), registry)
}

/// The path to the key that records are looked up by, where they are.
fn looked_up_by(sections: &Flow) -> Option<&[String]> {
    sections.lookup.as_ref().map(|lookup| lookup.value.by())
}
