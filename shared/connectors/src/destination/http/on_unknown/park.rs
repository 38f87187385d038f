//! `park`: the record is parked as unknown.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::{self, Ordering};

use super::kind::{OnUnknownKind, check_ledger};
use crate::file::{Findings, Place};

/// It is parked, for an operator to look at.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Park;

impl OnUnknownKind for Park {
    fn protocol(&self) -> model::OnUnknown {
        model::OnUnknown::Park
    }

    fn check(&self, place: Place, ordering: Ordering, findings: &mut Findings) {
        check_ledger("park", place, ordering, findings);
    }
}
