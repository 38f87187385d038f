//! `used`: a header says how many requests are used of how many.

use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::count::{Count, text};
use crate::{http::limits::number::whole, value::HeaderName};

/// The header that says how many requests are used of how many, like `32/40`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Used(HeaderName);

impl Count for Used {
    fn remaining(&self, headers: &HeaderMap) -> Option<u64> {
        let (used, limit) = text(headers, &self.0)?.split_once('/')?;
        Some(whole(limit)?.saturating_sub(whole(used)?))
    }
}
