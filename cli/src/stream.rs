//! Which stream a command means.

use std::path::Path;

use tidegate_core::model::StreamId;

use crate::{connection, failure::Failure, options::StreamOptions};

/// The stream: the flow's name is read from the file, where a file is given.
pub fn stream(options: &StreamOptions) -> Result<StreamId, Failure> {
    let path = Path::new(&options.flow);
    let is_file =
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let flow = if is_file { connection::read(path)?.spec.name } else { options.flow.clone() };
    id(&flow, &options.connection)
}

/// A stream of these names.
pub fn id(flow: &str, connection: &str) -> Result<StreamId, Failure> {
    StreamId::new(flow, connection).map_err(|error| Failure::usage(format!("error: {error}")))
}
