//! What one tenant gives to a flow.

use std::collections::BTreeMap;

use tidegate_core::model::Secret;

use crate::spec::FlowSpec;

/// A connection's values: what `${params.…}` and `${secrets.…}` stand for.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Parameters by name.
    pub params: BTreeMap<String, String>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
}

impl Connection {
    /// Adds the flow's defaults where the connection gives nothing.
    #[must_use]
    pub fn with_defaults(mut self, flow: &FlowSpec) -> Self {
        for (name, param) in &flow.params {
            if let (Some(default), false) = (&param.default, self.params.contains_key(name)) {
                self.params.insert(name.clone(), default.clone());
            }
        }
        self
    }
}

/// The environment variable that a secret is read from where there is no AWS:
/// `source_token` stands in `TIDEGATE_SECRET_SOURCE_TOKEN`.
pub fn secret_variable(name: &str) -> String {
    format!("TIDEGATE_SECRET_{}", name.to_ascii_uppercase())
}
