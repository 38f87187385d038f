//! `retry`: the record is sent again.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model;

use super::kind::OnUnknownKind;

/// It is sent again, under the same idempotency key (default).
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Retry;

impl OnUnknownKind for Retry {
    fn protocol(&self) -> model::OnUnknown {
        model::OnUnknown::Retry
    }
}
