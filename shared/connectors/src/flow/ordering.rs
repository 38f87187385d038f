//! `ordering`: how strictly records of one entity follow each other.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model;

/// How strictly records of one entity follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ordering {
    /// Records never change: no ledger, cheapest.
    None,
    /// An older version of an entity never lands after a newer one.
    Entity,
    /// One page at a time, one record after the other.
    Serial,
}

impl From<Ordering> for model::Ordering {
    fn from(ordering: Ordering) -> Self {
        match ordering {
            Ordering::None => Self::None,
            Ordering::Entity => Self::Entity,
            Ordering::Serial => Self::Serial,
        }
    }
}
