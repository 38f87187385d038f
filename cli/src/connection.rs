//! Flow files and their connections, from the command line and the environment.

use std::{env, fs, path::Path, sync::Arc};

use tidegate_aws::Table;
use tidegate_connectors::{ConnectError, HttpClient, Look, Options, Witness};
use tidegate_core::{
    app::Flow,
    model::{Secret, StreamId},
    ports::Clock,
};
use tidegate_flow::{Connection, FlowErrors, FlowSpec, secret_variable};
use tidegate_runtime::{OsEntropy, WallClock, connected};

use crate::failure::Failure;

/// A flow file that was read and found right.
pub struct FlowFile {
    /// As it was named.
    pub name: String,
    /// What it says.
    pub spec: FlowSpec,
}

/// Reads a flow file.
pub fn read(path: &Path) -> Result<FlowFile, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("error: {name} cannot be read: {error}\n   = help: give the path of a flow file, like flows/orders.yaml"))
    })?;
    parse(&name, &text)
}

/// A flow that is shipped with this program.
pub fn shipped(flow: &str) -> Result<FlowFile, Failure> {
    let text = tidegate_flows::get(flow).ok_or_else(|| {
        let names: Vec<_> = tidegate_flows::all().map(|(name, _)| name).collect();
        Failure::usage(format!(
            "error: no flow `{flow}` is shipped\n   = help: there are {}",
            names.join(", ")
        ))
    })?;
    parse(&format!("flows/{flow}.yaml"), text)
}

fn parse(name: &str, text: &str) -> Result<FlowFile, Failure> {
    let spec = tidegate_flow::parse(name, text).map_err(Failure::usage)?;
    Ok(FlowFile { name: name.to_owned(), spec })
}

/// The connection that parameters and the environment give, complete or not.
pub fn given(file: &FlowFile, params: &[(String, String)]) -> Connection {
    let needs = file.spec.needs();
    let secret = |name: &String| {
        let value = env::var(secret_variable(name)).ok().filter(|value| !value.is_empty())?;
        Some((name.clone(), Secret::new(value)))
    };
    let secrets = needs.secrets.keys().filter_map(secret).collect();
    let params = params.iter().cloned().collect();
    Connection { params, secrets }.with_defaults(&file.spec)
}

/// A connection of these parameters and secrets.
pub fn of(params: &[(&str, &str)], secrets: &[(&str, &str)]) -> Connection {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let secret = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new(*value));
    Connection {
        params: params.iter().map(text).collect(),
        secrets: secrets.iter().map(secret).collect(),
    }
}

/// Connects the flow, or says what is missing. Its tokens are kept in the table, and its time is the
/// clock's.
pub fn flow(
    file: FlowFile,
    stream: StreamId,
    connection: &Connection,
    table: &Table,
    clock: WallClock,
) -> Result<Flow, Failure> {
    complete(&file, connection)?;
    connected(&file.spec, connection, stream, &options(table, clock)?)
        .map_err(|error| unconnected(&file, &error))
}

/// The same by the machine's clock; `witness` is shown every request to the destination.
pub fn flow_seen_by(
    witness: Arc<dyn Witness>,
    file: &FlowFile,
    stream: StreamId,
    connection: &Connection,
    table: &Table,
) -> Result<Flow, Failure> {
    complete(file, connection)?;
    let options = Options { witness: Some(witness), ..options(table, WallClock::default())? };
    connected(&file.spec, connection, stream, &options).map_err(|error| unconnected(file, &error))
}

/// The flow's source, to look at a page of it, or what is missing.
pub fn look(
    file: &FlowFile,
    stream: StreamId,
    connection: &Connection,
    table: &Table,
) -> Result<Box<dyn Look>, Failure> {
    complete(file, connection)?;
    let options = options(table, WallClock::default())?.of_stream(stream);
    tidegate_connectors::look(&file.spec, connection, &options)
        .map_err(|error| unconnected(file, &error))
}

fn options(table: &Table, clock: WallClock) -> Result<Options, Failure> {
    let http = HttpClient::new().map_err(Failure::run)?;
    let options = Options::new(http, Arc::new(table.clone()), Arc::new(OsEntropy));
    Ok(Options { now: Arc::new(move || clock.now_ms()), ..options })
}

fn unconnected(file: &FlowFile, error: &ConnectError) -> Failure {
    Failure::usage(format!("error: {} cannot be connected: {error}", file.name))
}

/// Whether every parameter and secret is given.
pub fn complete(file: &FlowFile, connection: &Connection) -> Result<(), Failure> {
    let missing = file.spec.missing(connection, &file.name);
    if missing.is_empty() { Ok(()) } else { Err(Failure::usage(FlowErrors(missing))) }
}
