//! Example APIs for one test, and the flow files that read them.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use tidegate_examples::orders::{Orders, OrdersConfig};
use tokio::runtime::Runtime;

use super::process::{Tidegate, tidegate};

/// Example APIs in this process, and a folder for flow files and state.
pub struct World {
    // Before its runtime: it stops on it.
    pub orders: Orders,
    _runtime: Runtime,
    pub folder: TempDir,
}

impl World {
    pub fn new(config: OrdersConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let orders = runtime.block_on(Orders::start(config)).expect("the example APIs start");
        Self { orders, _runtime: runtime, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Writes a flow file.
    pub fn flow(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("flow.yaml");
        fs::write(&path, text).expect("it can be written");
        path
    }

    /// A command on a flow file, with parameters, secrets and state.
    pub fn command(&self, name: &str, flow: &std::path::Path, options: &[&str]) -> Tidegate {
        let state = self.folder.path().join("state");
        let mut arguments = vec![
            name.to_owned(),
            flow.display().to_string(),
            "--json".to_owned(),
            "--state".to_owned(),
            state.display().to_string(),
        ];
        if !["status", "parked", "pause", "resume"].contains(&name) {
            for (name, value) in [
                ("source_url", &self.orders.source_url),
                ("destination_url", &self.orders.destination_url),
            ] {
                arguments.extend(["--param".to_owned(), format!("{name}={value}")]);
            }
        }
        arguments.extend(options.iter().map(ToString::to_string));
        tidegate(arguments)
            .secret("source_token", &self.orders.source_token)
            .secret("destination_key", &self.orders.destination_key)
    }

    /// Everything arrived, nothing twice.
    pub fn assert_whole(&self) {
        let audit = self.orders.audit();
        assert_eq!((audit.missing, audit.duplicates), (0, 0), "{audit:?}");
    }
}

/// The `orders` flow as it is shipped.
pub fn shipped_orders() -> &'static str {
    tidegate_flows::get("orders").expect("it is shipped")
}

/// The section that reads the example's orders by their ids, and may have more keys of its own behind it.
pub const ORDERS_BY_ID: &str = "\
source:
  http:
    url: ${params.source_url}/orders
    auth: { bearer: '${secrets.source_token}' }
    records: orders
    cursor: { by: id, since: since_id }
    pagination: { last_id: { param: since_id, size_param: limit } }
";
