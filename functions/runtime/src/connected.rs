//! A stream, put together.

use tidegate_connectors::{ConnectError, Connected, Connection, FlowSpec, Options, connect};
use tidegate_core::{app::Flow, model::StreamId};

/// Connects a flow for one stream. Makes no request.
pub fn connected(
    spec: &FlowSpec,
    connection: &Connection,
    stream: StreamId,
    options: &Options,
) -> Result<Flow, ConnectError> {
    let Connected { source, lookup, transform, destination, settings } =
        connect(spec, connection, &options.of_stream(stream.clone()))?;
    Ok(Flow { stream, settings, source, lookup, transform, destination })
}
