//! Records of one timestamp over several pages, in no certain order, while rows may leave.
//!
//! A row that leaves shifts the rest, and a page read then has skipped one. So the tie is read
//! again, from its first page, until two passes in a row saw the same records.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_core::{
    model::{Mark, Moment, RecordId},
    ports::SourceError,
};

use super::{
    line::{Group, check_held},
    page::Row,
};

/// Passes over one tie. Where rows leave all the time, no two are the same; then a pass that saw
/// nothing new has to do.
const PASSES_MAX: u32 = 6;

/// What has been read of a tie.
pub(super) struct Tie {
    /// Its timestamp.
    pub(super) at: Moment,
    /// The first record seen behind it.
    pub(super) beyond: Option<Mark>,
    rows: BTreeMap<RecordId, Row>,
    bytes: usize,
    /// What this pass saw, and what the one before did.
    pass: BTreeSet<RecordId>,
    before: Option<BTreeSet<RecordId>>,
    /// Whether this pass saw a record that no pass had seen.
    news: bool,
    passes: u32,
    /// Pages of this pass that have records of the tie.
    pages: u32,
    /// Whether the last of them had room for more.
    had_room: bool,
}

/// What a pass came to.
pub(super) enum Pass {
    /// Every record of the tie has been seen.
    Settled(Group),
    /// Another pass is needed.
    Again,
}

impl Tie {
    pub(super) fn new(at: Moment) -> Self {
        Self {
            at,
            beyond: None,
            rows: BTreeMap::new(),
            bytes: 0,
            pass: BTreeSet::new(),
            before: None,
            news: false,
            passes: 0,
            pages: 0,
            had_room: false,
        }
    }

    /// Takes a page's rows; answers whether the tie's end is among them. `had_room` where the page could
    /// have had more.
    ///
    /// # Errors
    /// If the tie is too large to hold.
    pub(super) fn take(&mut self, rows: Vec<Row>, had_room: bool) -> Result<bool, SourceError> {
        let mut over = false;
        if rows.iter().any(|row| row.mark.at.as_ref() == Some(&self.at)) {
            self.pages += 1;
            self.had_room = had_room;
        }
        for row in rows {
            let Some(at) = &row.mark.at else { continue };
            if *at > self.at {
                over = true;
                if self.beyond.as_ref().is_none_or(|beyond| row.mark < *beyond) {
                    self.beyond = Some(row.mark.clone());
                }
            } else if *at == self.at {
                let id = row.mark.id.clone();
                self.pass.insert(id.clone());
                self.bytes += row.data.len();
                match self.rows.insert(id, row) {
                    Some(read_before) => self.bytes -= read_before.data.len(),
                    None => self.news = true,
                }
            }
        }
        check_held(self.rows.len(), self.bytes, &self.at)?;
        Ok(over)
    }

    /// Ends a pass.
    ///
    /// # Errors
    /// If it never comes to rest.
    pub(super) fn end_pass(&mut self) -> Result<Pass, SourceError> {
        self.passes += 1;
        let pass = std::mem::take(&mut self.pass);
        let news = std::mem::take(&mut self.news);
        // One answer had them all: no row can have been missed between two pages.
        let pages = std::mem::take(&mut self.pages);
        let at_once = self.passes == 1 && pages <= 1 && self.had_room;
        let same = at_once || self.before.as_ref() == Some(&pass);
        self.before = Some(pass);
        if !same && (news || self.passes < PASSES_MAX) {
            if self.passes < PASSES_MAX {
                return Ok(Pass::Again);
            }
            let reason = format!(
                "the records of {} change faster than they can be read: {PASSES_MAX} passes over \
                 them each saw new ones",
                self.at.text
            );
            return Err(SourceError::Later { reason, after_ms: None });
        }
        let mut group = Group::default();
        for row in std::mem::take(&mut self.rows).into_values() {
            group.push(row)?;
        }
        Ok(Pass::Settled(group))
    }

    /// Begins a pass anew: its pages did not meet.
    pub(super) fn restart_pass(&mut self) {
        self.pass.clear();
        self.pages = 0;
    }
}
