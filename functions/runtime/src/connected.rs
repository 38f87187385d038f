//! A stream, put together.

use tidegate_connectors::{
    ConnectError, Connected, Connection, FlowSpec, Options, connect, connect_to_deliver,
};
use tidegate_core::{app::Flow, model::StreamId};

/// How a program connects a flow for one stream.
pub type Connect = fn(&FlowSpec, &Connection, StreamId, &Options) -> Result<Flow, ConnectError>;

/// Connects a flow for one stream. Makes no request.
pub fn connected(
    spec: &FlowSpec,
    connection: &Connection,
    stream: StreamId,
    options: &Options,
) -> Result<Flow, ConnectError> {
    let connected = connect(spec, connection, &options.of_stream(stream.clone()))?;
    Ok(flow(stream, connected))
}

/// The same for a program that reads no source, and is smaller for that.
pub fn connected_to_deliver(
    spec: &FlowSpec,
    connection: &Connection,
    stream: StreamId,
    options: &Options,
) -> Result<Flow, ConnectError> {
    let connected = connect_to_deliver(spec, connection, &options.of_stream(stream.clone()))?;
    Ok(flow(stream, connected))
}

fn flow(stream: StreamId, connected: Connected) -> Flow {
    let Connected { source, lookup, transform, destination, settings } = connected;
    Flow { stream, settings, source, lookup, transform, destination }
}
