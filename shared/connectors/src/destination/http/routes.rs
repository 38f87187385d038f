//! `routes`: records to several addresses, by what they say.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    batch::Batch, body::Format, expect::Expect, method::HttpMethod, removal::Removal, split::Split,
    upsert::Upsert,
};
use crate::{
    file::At,
    http::{Answers, Auth},
    transform::Condition,
    value::{Enveloped, Headers, JsonTemplate, Query, Sent, Url},
};

/// Where some of the records go, and how. What is left out is as the destination says beside `routes`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DestinationRoute")]
pub(super) struct Route {
    /// A jq expression over the source's record: for which records it is neither false nor null, those take this route,
    /// unless one above takes them. Left out, in the last route alone: all that are left.
    #[schemars(example = ".type == \"invoice\"")]
    pub(super) when: Option<At<Condition>>,
    /// The address.
    pub(super) url: Option<Url<Sent>>,
    /// Query parameters, after those of the destination.
    #[serde(default)]
    pub(super) query: Query<Sent>,
    /// How to send.
    pub(super) method: Option<HttpMethod>,
    /// Headers, beside those of the destination; of one name, this one is sent.
    #[serde(default)]
    pub(super) headers: Headers<Sent>,
    /// The format of bodies.
    pub(super) body: Option<Format>,
    /// The body as JSON.
    pub(super) envelope: Option<JsonTemplate<Enveloped>>,
    /// What is sent for a deletion.
    pub(super) delete: Option<Removal>,
    /// Create or update.
    pub(super) upsert: Option<At<Upsert>>,
    /// One record to many requests.
    pub(super) split: Option<Split>,
    /// How requests prove who sends them. At another host it has to be said here: credentials go to one alone.
    pub(super) auth: Option<Auth>,
    /// Many records in a request.
    pub(super) batch: Option<Batch>,
    /// What answers mean by a code in their body.
    pub(super) answers: Option<Answers>,
    /// What an answer of success has for a body.
    pub(super) expect: Option<Expect>,
}

/// What becomes of a record that no route takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Otherwise {
    /// It is parked, with that reason.
    #[default]
    Park,
    /// It is skipped.
    Skip,
}
