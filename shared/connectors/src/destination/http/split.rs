//! `split`: one record to many requests, an item of a list of it in each.
//!
//! The record is claimed, settled, parked and replayed as one: its items are known here alone. Each has a key of its own,
//! the record's with its place or its id, and so is known to the destination when all of them are sent again.

use std::collections::HashMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{Outcome, SkipReason},
    ports::Outgoing,
};

use crate::{
    file::{Fault, Site},
    json::{Elements, Picker, Scalar},
    value::{
        Path, Shape, TextValue,
        template::{Part, Template},
        text_value,
    },
};

const ITEMS_DEFAULT: u32 = 1_000;

/// One record to many requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    /// The list: `${body.PATH}` of what the transform made, which a path alone means too, or `${record.PATH}` of the
    /// source's record. `${body}` is a list by itself.
    #[schemars(example = "${record.lines}")]
    pub(super) items: ItemsAt,
    /// Path in an item to what it is named by, in its idempotency key and where it is refused: an item that another one is
    /// put before then keeps its key. Default: its place in the list.
    id: Option<Path>,
    /// What becomes of a record whose list is empty, null or not there. Default `park`.
    #[serde(default)]
    when_empty: WhenEmpty,
    /// Most items of a record, up to 10000; one that has more is parked. Default 1000.
    #[schemars(range(min = 1, max = 10000))]
    items_max: Option<u32>,
}

/// What becomes of a record without items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WhenEmpty {
    /// It is parked, with that reason.
    #[default]
    Park,
    /// It is skipped: there is nothing to send.
    Skip,
}

/// Where a list of items stands.
#[derive(Debug, Clone)]
pub(super) struct ItemsAt {
    pub(super) part: Part,
    pub(super) site: Site,
}

impl TextValue for ItemsAt {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        if !text.contains("${") {
            let path = Path::read(text, site.clone())?;
            return Ok(Self { part: Part::Body(path.keys), site });
        }
        let template: Template =
            text.parse().map_err(|fault: crate::value::template::TemplateError| {
                Fault::new(site.place, fault.message, fault.remedy).of(fault.fragment)
            })?;
        match <[Part; 1]>::try_from(template.parts) {
            Ok([part @ (Part::Body(_) | Part::Record(_))]) => Ok(Self { part, site }),
            _ => {
                let message = format!("`{text}` is no list of a record");
                let remedy = "write `${body.PATH}` for a list that the transform made, or `${record.PATH}` for one of \
                              the source's record";
                Err(Fault::new(site.place, message, remedy))
            }
        }
    }

    fn stand_in(site: Site) -> Self {
        Self { part: Part::Body(Vec::new()), site }
    }
}

text_value!(ItemsAt, "ItemsAt", {
    "description": "A list of the record: `${body.PATH}`, `PATH` or `${record.PATH}`.",
    "type": "string",
    "examples": ["${record.lines}", "${body.lines}"],
});

impl Split {
    /// Notes a list that is never there. `shape` says what becomes of records before.
    pub(super) fn check(&self, shape: &Shape) -> Option<Fault> {
        let Part::Body(path) = &self.items.part else { return None };
        if shape.writes(path) {
            return None;
        }
        let part = &self.items.part;
        let message = format!("`{part}` is never there: `transform.map` writes no such field");
        let remedy = "write `${record.…}` for a list of the source's record, or map it";
        Some(Fault::new(self.items.site.place, message, remedy))
    }

    /// What splits records.
    pub(super) fn splitter(&self) -> Splitter {
        let (path, of_source) = match &self.items.part {
            Part::Record(path) => (path.as_slice(), true),
            Part::Body(path) => (path.as_slice(), false),
            _ => (&[][..], false),
        };
        Splitter {
            list: (!path.is_empty()).then(|| Picker::of(path)),
            shown: self.items.part.to_string(),
            of_source,
            id: self.id.as_ref().map(|id| (Picker::of(&id.keys), id.keys.join("."))),
            skips_empty: self.when_empty == WhenEmpty::Skip,
            items_max: self.items_max.unwrap_or(ITEMS_DEFAULT) as usize,
        }
    }
}

/// Splits records into items.
pub(super) struct Splitter {
    /// Where the list stands; none where it is all there is.
    list: Option<Picker>,
    shown: String,
    of_source: bool,
    id: Option<(Picker, String)>,
    skips_empty: bool,
    items_max: usize,
}

impl Splitter {
    /// A record's items, each as if it were a record: with a key of its own, and as the body that is sent.
    ///
    /// # Errors
    /// What becomes of a record that has none, or too many, or two of one name.
    pub(super) fn items(&self, record: &Outgoing) -> Result<Vec<Outgoing>, Outcome> {
        let text = if self.of_source { &record.source } else { &record.body };
        let list = match &self.list {
            None => Some(&text[..]),
            Some(picker) => picker.value(text),
        };
        let list = list.map(<[u8]>::trim_ascii).filter(|list| !list.is_empty() && *list != b"null");
        let Some(list) = list else { return Err(self.empty("is not there")) };
        if list.first() != Some(&b'[') {
            return Err(refused(format!("`{}` is no list", self.shown)));
        }
        let none = Picker::new();
        let picker = self.id.as_ref().map_or(&none, |(picker, _)| picker);
        let (mut elements, mut items, mut names) = (Elements::of(list), Vec::new(), HashMap::new());
        while let Some((range, picks)) = elements.next(picker).map_err(|error| {
            refused(format!("`{}` is no list: {}", self.shown, crate::json::fault(&error, list)))
        })? {
            if items.len() == self.items_max {
                let message = format!(
                    "`{}` has more than {} items: raise `split.items_max`",
                    self.shown, self.items_max
                );
                return Err(refused(message));
            }
            let place = items.len() + 1;
            let name = match &self.id {
                None => place.to_string(),
                Some((_, path)) => {
                    let name =
                        picks.scalar(0).map(Scalar::into_text).filter(|name| !name.is_empty());
                    let name = name.ok_or_else(|| {
                        refused(format!("item {place} has no `{path}` (split.id)"))
                    })?;
                    if let Some(before) = names.insert(name.to_string(), place) {
                        let message = format!(
                            "items {before} and {place} have the same `{path}` (split.id): {name}"
                        );
                        return Err(refused(message));
                    }
                    name.into_owned()
                }
            };
            items.push(item(record, text, &list[range], &name));
        }
        if items.is_empty() { Err(self.empty("is empty")) } else { Ok(items) }
    }

    /// Whether items have names, beside their places.
    pub(super) fn has_names(&self) -> bool {
        self.id.is_some()
    }

    fn empty(&self, why: &str) -> Outcome {
        if self.skips_empty {
            return Outcome::Skipped(SkipReason::Unchanged);
        }
        let shown = &self.shown;
        refused(format!(
            "`{shown}` {why}, so there is nothing to send (split.when_empty: skip leaves such records out)"
        ))
    }
}

fn refused(reason: String) -> Outcome {
    Outcome::Refused { status: None, reason: reason.into() }
}

fn item(record: &Outgoing, text: &Bytes, item: &[u8], name: &str) -> Outgoing {
    Outgoing {
        id: record.id.clone(),
        version: record.version,
        deleted: record.deleted,
        key: format!("{}/{name}", record.key).into(),
        body: text.slice_ref(item),
        source: record.source.clone(),
    }
}
