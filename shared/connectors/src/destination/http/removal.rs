//! `delete`: what is sent for a record that is a deletion.

use schemars::JsonSchema;
use serde::Deserialize;

use super::method::HttpMethod;
use crate::{
    json::{Picker, stands},
    value::{Path, Sent, Url},
};

/// What is sent for a record that is a deletion.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Delete")]
pub(super) struct Removal {
    /// Path in the source's record: where something stands, neither null, false, 0 nor empty, the record is a deletion.
    /// Left out: those that the source gives as deletions.
    pub(super) when: Option<Path>,
    /// The address; may hold `${record.…}`. Default: the destination's own.
    #[schemars(example = "https://api.example.com/orders/${record.id}")]
    pub(super) url: Option<Url<Sent>>,
    /// Default DELETE.
    pub(super) method: Option<HttpMethod>,
}

/// Tells deletions from other records.
pub(super) struct Deletions(Option<Picker>);

impl Deletions {
    pub(super) fn new(when: Option<&Path>) -> Self {
        Self(when.map(|path| Picker::of(&path.keys)))
    }

    /// Whether a record is one.
    pub(super) fn has(&self, source: &[u8], deleted: bool) -> bool {
        deleted || self.0.as_ref().is_some_and(|when| stands(when, source) == Some(true))
    }
}
