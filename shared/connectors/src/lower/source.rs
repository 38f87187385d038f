//! What other sections use until they check themselves.

use std::sync::{Mutex, OnceLock, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::{Check, auth};
use crate::{at::At, raw, spec::AuthSpec};

/// Longest request timeout: a Lambda function's own.
pub(super) const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=900_000;

/// The section `auth` of a section that checks itself, until `auth` does so too: it is read with the
/// others, and [`Credentials::lower`] makes of it what the constructors take.
#[derive(Debug)]
pub(crate) struct Credentials {
    raw: Mutex<Option<At<raw::Auth>>>,
    spec: OnceLock<AuthSpec>,
}

impl Credentials {
    /// Checks it.
    pub(super) fn lower(&self, check: &mut Check<'_>) {
        let raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(spec) = raw.and_then(|raw| auth::auth(check, raw)) {
            self.spec.get_or_init(|| spec);
        }
    }

    /// What it came to.
    pub(crate) fn spec(&self) -> Option<&AuthSpec> {
        self.spec.get()
    }
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Mutex::new(Some(At::deserialize(deserializer)?));
        Ok(Self { raw, spec: OnceLock::new() })
    }
}

impl JsonSchema for Credentials {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        raw::Auth::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        raw::Auth::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        raw::Auth::json_schema(generator)
    }
}
