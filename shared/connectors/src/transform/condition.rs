//! A condition on a record, by jq: for sections that choose by what a record says.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::{Blame, Later, Outcome};
use tidegate_core::ports::Transformed;

use super::jq::{Jq, Program, Verdict};
use crate::{error::ConnectError, resolver::Resolver};

/// After this, in ms, there may be again what was missing of our own.
const OWN_SHORTAGE_MS: u64 = 10_000;

/// A jq expression; it holds where its first output is neither false nor null.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Condition(Program<false>);

impl Condition {
    /// The condition, compiled.
    ///
    /// # Errors
    /// A program that does not compile within its budget.
    pub(crate) fn compile(&self, resolver: &Resolver<'_>) -> Result<Compiled, ConnectError> {
        Jq::new(&self.0, resolver.params()).map(Compiled)
    }
}

/// A compiled [`Condition`].
pub(crate) struct Compiled(Jq);

impl Compiled {
    /// Whether it holds for a record.
    ///
    /// # Errors
    /// What becomes of a record for which it cannot be told.
    pub(crate) fn holds(&self, record: &[u8]) -> Result<bool, Outcome> {
        match self.0.holds(record).map_err(Transformed::from) {
            Ok(verdict) => Ok(verdict == Verdict::Holds),
            Err(Transformed::Later(reason)) => Err(Outcome::Later(Later {
                blame: Blame::NotAttempted,
                after_ms: Some(OWN_SHORTAGE_MS),
                unknown: false,
                reason: reason.into_string().into(),
            })),
            Err(Transformed::Refused(reason)) => Err(Outcome::Refused { status: None, reason }),
            Err(other) => unreachable!("a condition that fails says {other:?}"),
        }
    }
}
