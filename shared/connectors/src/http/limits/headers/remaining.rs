//! `remaining`: a header says how many requests are left.

use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::count::{Count, text};
use crate::{http::limits::number::whole, value::HeaderName};

/// The header that says how many requests are left.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Remaining(HeaderName);

impl Count for Remaining {
    fn remaining(&self, headers: &HeaderMap) -> Option<u64> {
        whole(text(headers, &self.0)?)
    }
}
