//! `feed`: a file of records at a URL, on a server, or at hand, read record by record.
//!
//! [`location`] is where the file is, [`mod@format`] what its records look like. A walk [begins](begin) with a file
//! that is new, or goes on in one; [`reading`] makes records of its bytes, each with a position ([`state`]) at which
//! another invocation can go on. [`lists`] are what a file held: by the one before ([`base`]) it is known what is new,
//! and behind the last record what is [`gone`]. A file that may still be written is left alone ([`settle`]).

mod base;
mod begin;
mod errors;
mod format;
mod gone;
mod lists;
mod location;
mod reading;
mod settle;
mod share;
mod source;
mod state;
mod walk;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{EpochMs, Position},
    ports::{Source, Walk},
};
use tidegate_feed::Limits;

use super::{SourceKind, SourceReader};
use crate::{
    error::ConnectError,
    file::Findings,
    json::Picker,
    options::Options,
    resolver::Resolver,
    value::{Millis, RecordPath},
};
use format::Format;
use lists::Lists;
use location::Location;
use share::{Charset, Share};
use source::FeedSource;
use walk::FeedWalk;

/// A record has at most so many bytes, unless the flow says otherwise.
const RECORD_BYTES_DEFAULT: u32 = 4 << 20;

/// A file of records: XML, CSV, NDJSON or JSON, packed by gzip or not, of any size. It is read record by record; one that
/// cannot be read is parked, and never in the way of the others. Where the file is another one than before, it is read
/// from its beginning, and every record is delivered again unless it is the same (`changed_only`). An unchanged
/// file costs one request.
///
/// ```yaml
/// source:
///   feed:
///     location: { http: { url: "https://erp.example.com/offers.xml" } }
///     format: { xml: { record: offers.offer, lists: [picture] } }
///     id: "@id"
///     changed_only: true
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feed {
    /// Where the file is.
    location: Location,
    /// What its records look like.
    format: Format,
    /// Path to a record's id. Default `id`.
    id: Option<RecordPath>,
    /// The file's encoding, whatever the file or its server says, by a name of the WHATWG's list: `windows-1251`. Left
    /// out: a byte order mark, the server's `charset` or the XML declaration tells it; otherwise it is UTF-8.
    encoding: Option<Charset>,
    /// Whether only records are delivered that are new or not as they were in the file before. Default false. A digest
    /// of each record is kept in the table: for 1,000 records about 25 write units of each file that is another one, and
    /// 6 read units.
    #[serde(default)]
    changed_only: bool,
    /// Records that are gone from the file are given as deletions, which a destination sends by its `delete`. Only of a
    /// file that was read to a sound end, with the id of every record. Left out: nothing is deleted.
    deletions: Option<Deletions>,
    /// For how long a file must not have changed before it is read: it may still be written. Default `0s` for `http`,
    /// since servers give files that are whole, and `1m` otherwise.
    settle: Option<Millis<0, 86_400_000>>,
    /// Most bytes of one record; a longer one is parked. Default 4 MiB.
    #[schemars(range(min = 1024, max = 67108864))]
    record_bytes_max: Option<u32>,
}

/// What becomes of records that are gone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Deletions {
    /// How much of what there was may be gone at once, as `10%`. Where it is more, nothing is deleted, and the run
    /// fails until the next file is there: a broken export looks like that. Default `10%`.
    #[serde(default)]
    share_max: Share,
}

impl SourceKind for Feed {
    fn check(&self, findings: &mut Findings) {
        self.location.check(findings);
        self.format.check(findings);
    }

    fn id_path(&self) -> Vec<String> {
        self.id.as_ref().map_or_else(|| vec!["id".into()], |id| id.keys.clone())
    }
}

impl SourceReader for Feed {
    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn Source>, ConnectError> {
        let record_bytes_max = self.record_bytes_max.unwrap_or(RECORD_BYTES_DEFAULT);
        let record_bytes_max = usize::try_from(record_bytes_max).unwrap_or(usize::MAX);
        let (file, shown) = self.location.connect(resolver, options)?;
        let settle_ms = self.settle.map_or(self.location.settle_ms(), |settle| settle.0);
        let name = options.stream.as_ref().map_or_else(|| shown.clone(), ToString::to_string);
        Ok(Box::new(FeedSource {
            file,
            shown,
            name,
            format: self.format.records(),
            id: Picker::of(&self.id_path()),
            id_keys: self.id_path(),
            encoding: self.encoding.as_ref().map(|charset| charset.0),
            limits: Limits { record_bytes_max, ..Limits::default() },
            changed_only: self.changed_only,
            share_max: self.deletions.as_ref().map(|deletions| deletions.share_max.0),
            settle_ms: EpochMs::try_from(settle_ms).unwrap_or(EpochMs::MAX),
            lists: Lists::new(options),
            shelf: options.shelf.clone(),
            now: options.now.clone(),
        }))
    }
}

impl Source for FeedSource {
    fn walk(&self, from: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(FeedWalk::new(self, from))
    }
}
