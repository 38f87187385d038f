//! The ways along a list, of which a flow's cursor names one.

use std::sync::Arc;

use tidegate_core::{
    model::{EpochMs, Position},
    ports::Walk,
};

use super::{
    cursor::Cursor,
    delta::{Delta, DeltaWalk},
    list::List,
    newest::{NewestFirst, NewestWalk},
    steps::Halted,
    walk::HttpWalk,
    windows::{WindowWalk, Windows},
};
use crate::{
    error::ConnectError, json::Picker, options::Options, resolver::Resolver,
    source::notes::NoteStore, value::ParentValues,
};

/// How a list is gone along.
pub(super) enum Way {
    /// From the last record's key on.
    OldestFirst,
    /// Down to where the last walk began.
    NewestFirst(NewestFirst),
    /// By the token that the last answer brought.
    Delta(Delta),
    /// Window by window.
    Windows(Windows),
}

impl Way {
    /// The way that a cursor names, with a connection's values filled in.
    pub(super) fn new(
        cursor: &Cursor,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        if let Some(path) = cursor.by.delta_path() {
            let picker = Picker::of(&path.keys);
            let now = options.now.clone();
            return Ok(Self::Delta(Delta { path: path.keys.join("."), picker, now }));
        }
        if cursor.is_newest_first() {
            let notes = NoteStore::new(options);
            return Ok(Self::NewestFirst(NewestFirst { overlap_ms: cursor.overlap_ms(), notes }));
        }
        let Some(window_ms) = cursor.window_ms() else { return Ok(Self::OldestFirst) };
        // The flow's check has seen to it that it is given.
        let Some(start) = &cursor.start else { return Ok(Self::OldestFirst) };
        let text = start.fill(resolver)?;
        let start_ns = cursor.sent_ns(&text).ok_or_else(|| {
            let message = format!("`{text}` is no timestamp of the cursor's format");
            ConnectError::new(&start.site.key, message)
        })?;
        Ok(Self::Windows(Windows { window_ms, results_max: cursor.results_max(), start_ns }))
    }

    /// The bounds of the first request along a list, as they are sent.
    pub(super) fn first_bounds(
        &self,
        list: &List,
        until_ms: EpochMs,
    ) -> (Option<String>, Option<String>) {
        let since = list.anchors.opening(&Position::Start).0.value;
        match self {
            Self::OldestFirst | Self::NewestFirst(_) => (since, list.anchors.until(until_ms)),
            Self::Delta(_) => (None, list.anchors.until(until_ms)),
            Self::Windows(Windows { window_ms, start_ns, .. }) => {
                let end_ms = start_ns.div_euclid(1_000_000).saturating_add(*window_ms);
                (since, list.anchors.until(end_ms.min(until_ms)))
            }
        }
    }

    /// A walk along a list from a position; `parent` is whose children it lists.
    pub(super) fn walk<'a>(
        &'a self,
        list: &'a List,
        from: Position,
        until_ms: EpochMs,
        parent: Option<Arc<ParentValues>>,
    ) -> Box<dyn Walk + 'a> {
        match self {
            Self::OldestFirst | Self::Windows(_) if matches!(from, Position::Step(_)) => {
                Box::new(Halted)
            }
            Self::OldestFirst => Box::new(HttpWalk::new(list, from, until_ms, parent)),
            Self::NewestFirst(way) => Box::new(NewestWalk::new(list, way, from, until_ms, parent)),
            Self::Delta(way) => Box::new(DeltaWalk::new(list, way, from, until_ms, parent)),
            Self::Windows(way) => Box::new(WindowWalk::new(list, way, from, until_ms, parent)),
        }
    }
}
