//! What one tenant gives to a flow.

use std::collections::BTreeMap;

use tidegate_core::model::Secret;

/// A connection's values: what `${params.…}` and `${secrets.…}` stand for.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Parameters by name.
    pub params: BTreeMap<String, String>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
}

/// The environment variable that a secret is read from where there is no AWS:
/// `source_token` stands in `TIDEGATE_SECRET_SOURCE_TOKEN`.
pub fn secret_variable(name: &str) -> String {
    format!("TIDEGATE_SECRET_{}", name.to_ascii_uppercase())
}
