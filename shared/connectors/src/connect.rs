//! From a flow's plain data and a connection's values to the application's ports.

use tidegate_core::{
    decide::idempotency_key,
    model::{EpochMs, FlowSettings, Position, RecordId, Secret, StreamId, Version},
    ports::{
        Batch, BoxFuture, Destination, Lookup, Marker, Outgoing, Source, SourceError, Transform,
        Walk,
    },
};

use crate::{
    connection::Connection,
    error::ConnectError,
    flow::{Flow, FlowSpec},
    http::RequestPreview,
    json::{Picker, Scalar},
    lookup::Surroundings,
    options::Options,
    registry::Registry,
    resolver::Resolver,
    source::{self, Look},
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
    connected(flow, connection, options, |source, resolver| {
        source.reader().connect(resolver, options)
    })
}

/// The same for a program that delivers and reads nothing: of the source it has what marks records. A walk along
/// it halts.
///
/// # Errors
/// As with [`connect`].
pub fn connect_to_deliver(
    flow: &FlowSpec,
    connection: &Connection,
    options: &Options,
) -> Result<Connected, ConnectError> {
    connected(flow, connection, options, |source, resolver| {
        Ok(Box::new(Unread(source.marker(resolver, options)?)))
    })
}

/// A source that is not read.
struct Unread(Option<Box<dyn Marker>>);

impl Source for Unread {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(Nothing)
    }

    fn marker(&self) -> Option<&dyn Marker> {
        self.0.as_deref()
    }
}

/// A walk of a program that reads nothing.
struct Nothing;

impl Walk for Nothing {
    fn next(&mut self, _: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        let message = "this program delivers and reads no source: let the fetcher read it";
        Box::pin(std::future::ready(Err(SourceError::Halt(message.into()))))
    }
}

fn connected(
    flow: &FlowSpec,
    connection: &Connection,
    options: &Options,
    source: impl FnOnce(&source::Source, &Resolver<'_>) -> Result<Box<dyn Source>, ConnectError>,
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
        source: source(&sections.source, &resolver)?,
        lookup: lookup
            .map(|lookup| lookup.value.connect(around, &resolver, options))
            .transpose()?,
        transform: shaped(sections, &options.registry, &resolver)?,
        destination: sections.destination.value.connect(
            &sections.limits,
            &sections.transform.shape(),
            &resolver,
            options,
        )?,
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
    flow.sections().source.reader().look(&Resolver::new(&connection), options)
}

/// A flow's rules, filter and shape alone for one connection, of which they take parameters: what `check --record` shows and
/// test cases run.
///
/// # Errors
/// A parameter that is not given, a program that does not compile, or a Rust transform that is not registered.
pub fn transform(
    flow: &FlowSpec,
    connection: &Connection,
    registry: &Registry,
) -> Result<Box<dyn Transform>, ConnectError> {
    let connection = connection.clone().with_defaults(flow);
    shaped(flow.sections(), registry, &Resolver::new(&connection))
}

/// Whether a record is sent as the source gave it, by no map, as a deletion is.
pub fn takes_unshaped(flow: &FlowSpec, connection: &Connection, record: &[u8]) -> bool {
    let connection = connection.clone().with_defaults(flow);
    flow.sections().destination.value.takes_unshaped(record, &Resolver::new(&connection))
}

/// The request that a record would be sent by, the first where another may follow; `body` is what the transform made
/// of it. Or why the record makes no request, and would be parked. Secrets are masked. Sends nothing.
///
/// # Errors
/// A parameter that is not given.
pub fn preview(
    flow: &FlowSpec,
    connection: &Connection,
    record: &[u8],
    body: &[u8],
) -> Result<Result<RequestPreview, String>, ConnectError> {
    let mut connection = connection.clone().with_defaults(flow);
    let masked = |name: &String| (name.clone(), Secret::new("***"));
    connection.secrets = flow.needs().secrets.keys().map(masked).collect();
    let sections = flow.sections();
    let id = Picker::of(&sections.source.id_path()).value(record).and_then(Scalar::read);
    let id = RecordId::Text(id.map(Scalar::into_text).unwrap_or_default().into());
    let stream = StreamId::new(&flow.name, "default")
        .map_err(|_| ConnectError::new("flow", "it has no name"))?;
    let record = Outgoing {
        key: idempotency_key(&stream, &id, Version(0)),
        id,
        version: Version(0),
        deleted: false,
        body: body.to_vec().into(),
        source: record.to_vec().into(),
    };
    let shape = sections.transform.shape();
    sections.destination.value.preview(&record, &shape, &Resolver::new(&connection))
}

/// What is made of a record that keeps the flow's rules.
fn shaped(
    sections: &Flow,
    registry: &Registry,
    resolver: &Resolver<'_>,
) -> Result<Box<dyn Transform>, ConnectError> {
    let looked_up_by = sections.lookup.as_ref().map(|lookup| lookup.value.by());
    let transform = sections.transform.connect(looked_up_by, registry, resolver)?;
    Ok(match &sections.validate {
        Some(validate) => validate.value.before(transform),
        None => transform,
    })
}
