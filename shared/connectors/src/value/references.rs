//! Which references a text may hold, by where it stands.

use std::fmt;

use super::template::{Part, Template, TemplateError};
use crate::file::{Fault, Site, note_param, note_secret};

/// Where a text stands, as far as references go.
pub(crate) trait Allows:
    fmt::Debug + Clone + Copy + PartialEq + Eq + Send + Sync + 'static
{
    /// Why it cannot refer to the record, if it cannot.
    fn refuses_record() -> Option<&'static str>;

    /// Why it cannot refer to a secret, if it cannot.
    fn refuses_secrets() -> Option<&'static str> {
        None
    }

    /// Whether it may refer to the keys of a look-up.
    fn allows_keys() -> bool {
        false
    }

    /// Whether it may refer to the cursor's bounds, and to a parent of the list's records.
    fn allows_request() -> bool {
        false
    }

    /// Whether it may refer to fields of what the transform made.
    fn allows_body() -> bool {
        false
    }

    /// Whether it may refer to the answer to the request before.
    fn allows_answer() -> bool {
        false
    }

    /// Whether it may stand for all that is sent: the one record, or those of a batch.
    fn allows_whole() -> Option<Whole> {
        None
    }

    /// Whether it may refer to the record's idempotency key.
    fn allows_idempotency_key() -> bool {
        false
    }
}

/// All that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// `${body}`
    Body,
    /// `${records}`
    Records,
}

/// There is no record yet, or not one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRecord;

/// The text is of a request for a list: the request has bounds, and perhaps a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed;

/// The text is of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record;

/// The text is of the request that one record is sent by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent;

/// The text is of the request that follows the answer to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Following;

/// The text is of the body that one record is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enveloped;

/// The text is of the body that the records of a batch are sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EnvelopedBatch;

/// The text is of a look-up's request, for many records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LookupKeys;

/// The text becomes a part of records, which are kept and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept;

impl Allows for Kept {
    fn refuses_record() -> Option<&'static str> {
        Some("this is a constant: for a value of the record, use a path in `transform.map`")
    }

    fn refuses_secrets() -> Option<&'static str> {
        Some(
            "it would be kept and shown with every record: secrets stand in `auth`, `url`, `query` and `headers`",
        )
    }
}

impl Allows for NoRecord {
    fn refuses_record() -> Option<&'static str> {
        Some("only `mark.url` and a destination's `url` without `batch` may hold it")
    }
}

impl Allows for Listed {
    fn refuses_record() -> Option<&'static str> {
        NoRecord::refuses_record()
    }

    fn allows_request() -> bool {
        true
    }
}

impl Allows for Record {
    fn refuses_record() -> Option<&'static str> {
        None
    }
}

impl Allows for Sent {
    fn refuses_record() -> Option<&'static str> {
        None
    }

    fn allows_body() -> bool {
        true
    }

    fn allows_idempotency_key() -> bool {
        true
    }
}

impl Allows for Following {
    fn refuses_record() -> Option<&'static str> {
        None
    }

    fn allows_body() -> bool {
        true
    }

    fn allows_answer() -> bool {
        true
    }

    fn allows_idempotency_key() -> bool {
        true
    }
}

impl Allows for Enveloped {
    fn refuses_record() -> Option<&'static str> {
        None
    }

    fn allows_body() -> bool {
        true
    }

    fn allows_whole() -> Option<Whole> {
        Some(Whole::Body)
    }

    fn allows_idempotency_key() -> bool {
        true
    }
}

impl Allows for EnvelopedBatch {
    fn refuses_record() -> Option<&'static str> {
        Some("a batch is one request for many records: write `${records}` where they stand")
    }

    fn allows_whole() -> Option<Whole> {
        Some(Whole::Records)
    }
}

impl Allows for LookupKeys {
    fn refuses_record() -> Option<&'static str> {
        Some("write `${lookup.keys}`, or `${lookup.key}` for one key alone")
    }

    fn allows_keys() -> bool {
        true
    }
}

/// Reads a text with references: notes them, and refuses those that cannot stand there.
pub(super) fn template<A: Allows>(text: &str, site: &Site) -> Result<Template, Fault> {
    let template: Template = text.parse().map_err(|fault: TemplateError| {
        Fault::new(site.place, fault.message, fault.remedy).of(fault.fragment)
    })?;
    let misplaced = |reference: String, why: &str| {
        let message = format!("`{reference}` cannot stand here");
        Err(Fault::new(site.place, message, why).of(reference))
    };
    for part in &template.parts {
        match part {
            Part::Literal(_) => {}
            Part::Param(name) => note_param(name, site.place),
            Part::Secret(name) => match A::refuses_secrets() {
                Some(why) => return misplaced(part.to_string(), why),
                None => note_secret(name, site.place),
            },
            Part::Record(_) => {
                if let Some(why) = A::refuses_record() {
                    return misplaced(part.to_string(), why);
                }
            }
            Part::Body(path) if path.is_empty() => {
                if A::allows_whole() != Some(Whole::Body) {
                    let why = "only `envelope` may hold it; a field of it is `${body.PATH}`";
                    return misplaced(part.to_string(), why);
                }
            }
            Part::Body(_) if !A::allows_body() => {
                let why = "only a destination's request for one record may hold it";
                return misplaced(part.to_string(), why);
            }
            Part::Item(path) if path.is_empty() && A::allows_whole() != Some(Whole::Body) => {
                let why = "only `envelope` may hold it; a field of it is `${item.PATH}`";
                return misplaced(part.to_string(), why);
            }
            Part::Item(_) if !A::allows_body() => {
                let why = "only the requests of a destination with `split` may hold it";
                return misplaced(part.to_string(), why);
            }
            Part::Answer(_) if !A::allows_answer() => {
                let why = "only `upsert.create.url` and `upsert.update.url` may hold it";
                return misplaced(part.to_string(), why);
            }
            Part::Records if A::allows_whole() != Some(Whole::Records) => {
                return misplaced(part.to_string(), "only `batch.envelope` may hold it");
            }
            Part::Lookup(_) if !A::allows_keys() => {
                let why = "only `url`, `query`, `form` and `body` of `lookup.http` may hold it";
                return misplaced(part.to_string(), why);
            }
            Part::Cursor(_) | Part::Parent(_) if !A::allows_request() => {
                let why = "only `url`, `query`, `headers` and `body` of `source.http` may hold it";
                return misplaced(part.to_string(), why);
            }
            Part::IdempotencyKey if !A::allows_idempotency_key() => {
                let why = "only a destination's request for one record may hold it";
                return misplaced(part.to_string(), why);
            }
            Part::Body(_)
            | Part::Item(_)
            | Part::Answer(_)
            | Part::Records
            | Part::Lookup(_)
            | Part::Cursor(_)
            | Part::Parent(_)
            | Part::IdempotencyKey => {}
        }
    }
    Ok(template)
}
