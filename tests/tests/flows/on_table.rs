//! Flows in this process that share one table, each with a queue of its own.

use std::sync::Arc;

use tidegate::embedded::{self, EmbeddedApp, Fixed, State};
use tidegate_connectors::{HttpClient, Options};
use tidegate_core::model::{Secret, StreamId};
use tidegate_examples::orders::Orders;
use tidegate_flow::Connection;
use tidegate_local::HostSettings;
use tidegate_runtime::{OsEntropy, WallClock, connected};

/// How their hosts treat them.
pub const HOST: HostSettings = HostSettings { invocation_ms: 30_000, processors: 2, tick_ms: 50 };

/// The app of the flow that this file says, over the shared table.
pub fn app(name: &str, file: &str, orders: &Orders, state: &State) -> (StreamId, Arc<EmbeddedApp>) {
    let spec = tidegate_flow::parse(&format!("{name}.yaml"), file)
        .unwrap_or_else(|errors| panic!("{errors}"));
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let secret = |name: &str, value: &str| (name.to_owned(), Secret::new(value));
    let params =
        [text("source_url", &orders.source_url), text("destination_url", &orders.destination_url)];
    let secrets = [
        secret("source_token", &orders.source_token),
        secret("destination_key", &orders.destination_key),
    ];
    let connection = Connection { params: params.into(), secrets: secrets.into() };
    let http = HttpClient::new().expect("a client");
    let options = Options::new(http, Arc::new(state.table.clone()), Arc::new(OsEntropy));
    let stream = StreamId::new(name, "default").expect("a stream");
    let flow = connected(&spec, &connection, stream.clone(), &options).expect("it connects");
    let (table, flows) = (state.table.clone(), Fixed::one(flow));
    let HostSettings { invocation_ms, processors, .. } = HOST;
    let app = embedded::app(table, flows, invocation_ms, processors, None, WallClock::default());
    (stream, Arc::new(app))
}
