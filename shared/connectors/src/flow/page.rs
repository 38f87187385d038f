//! `page`: how the stream is cut into pages.

use schemars::JsonSchema;
use serde::Deserialize;

/// How the stream is cut into pages: each is at most one queue message.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Most records in a page. Default 100.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) records_max: Option<u32>,
    /// Most pages emitted and not committed. Default 100.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) window: Option<u64>,
}
