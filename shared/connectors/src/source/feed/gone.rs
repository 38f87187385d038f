//! The end of a file: what is gone from it is given as deletions, and its position says that it is done.

use tidegate_core::{
    model::{Mark, Position, Record, RecordId},
    ports::{Batch, SourceError},
};

use super::{
    base::{self, Gone},
    lists::{List, Listed},
    source::FeedSource,
    state::{At, Pass, Stage, State, There},
};
use crate::source::steps::Steps;

/// Deletions that are given at a time.
const BATCH: usize = 1_000;

/// Ids that are kept in one chunk of a list.
const KEPT_TOGETHER: usize = 5_000;

/// A file of which all records were given.
pub(super) struct Leaving {
    steps: Steps,
    state: State,
    /// What is left to be given, once it is known.
    left: Option<std::vec::IntoIter<RecordId>>,
}

/// What was given, and what it fails by behind that.
pub(super) struct Left {
    pub(super) batch: Batch,
    pub(super) failed: Option<SourceError>,
}

impl Leaving {
    /// All records were given.
    pub(super) fn new(steps: Steps, pass: Pass, there: There) -> Self {
        let at = At::of_deletions(0, there.at.number());
        let there = There { stage: Stage::Gone, at, seam: None, ..there };
        Self { steps, state: State { pass, there }, left: None }
    }

    /// Some of what is gone was given.
    pub(super) fn resume(steps: Steps, state: State) -> Self {
        Self { steps, state, left: None }
    }

    /// Gives some of what is gone; at the end, the position of a file that is done.
    pub(super) async fn next(&mut self, source: &FeedSource) -> Result<Left, SourceError> {
        if self.left.is_none() {
            match self.find(source).await? {
                Found::Ids(ids) => self.left = Some(ids.into_iter()),
                Found::TooMany { kept, thousandths } => {
                    self.state.there.list = Some(kept);
                    let failed = source.too_much_is_gone(thousandths);
                    return self.done(Stage::Kept { thousandths }, Some(failed));
                }
                Found::Kept(kept) => self.state.there.list = Some(kept),
            }
        }
        let ids: Vec<_> = self.left.iter_mut().flatten().take(BATCH).collect();
        if ids.is_empty() {
            return self.done(Stage::Done, None);
        }
        let mut batch = Batch::default();
        for id in ids {
            let there = &mut self.state.there;
            there.at = At::of_deletions(there.at.deletions() + 1, there.at.number() + 1);
            let version = self.state.pass.version(there.at.number());
            let step = Some(self.steps.next(&self.state)?);
            let mark = Mark { at: None, id: id.clone() };
            let data = source.deletion(&id);
            batch.records.push(Record {
                mark,
                step,
                id,
                version,
                deleted: true,
                data,
                refused: None,
            });
        }
        Ok(Left { batch, failed: None })
    }

    /// Finds out what is gone.
    async fn find(&self, source: &FeedSource) -> Result<Found, SourceError> {
        let (lists, there) = (&source.lists, &self.state.there);
        let (Some(base), true) = (&self.state.pass.base, source.share_max().is_some()) else {
            return Ok(Found::Ids(Vec::new()));
        };
        let (before, now) = (lists.open(Some(base)).await?, lists.open(there.list.as_ref()).await?);
        let (Some(before), Some(now)) = (before, now) else { return Ok(expired(source)) };
        let Some(gone) = base::gone(lists, &before, &now).await? else {
            return Ok(expired(source));
        };
        let given = usize::try_from(there.at.deletions()).unwrap_or(usize::MAX);
        let thousandths = gone.thousandths();
        // What was begun is ended: it was permitted then.
        let is_permitted = given > 0 || (!there.unread && source.permits(thousandths));
        if gone.entries.is_empty() || is_permitted {
            return Ok(Found::Ids(gone.ids().into_iter().skip(given).collect()));
        }
        let kept = keep(source, now, gone).await?;
        if there.unread {
            tracing::warn!(
                file = %source.shown,
                "a record of the file has no id that can be read, and may be one of those that are missing, or the server \
                 does not say where the file ends: nothing is deleted"
            );
            return Ok(Found::Kept(kept));
        }
        tracing::error!(file = %source.shown, thousandths, "too much is gone from the file: nothing is deleted");
        Ok(Found::TooMany { kept, thousandths })
    }

    /// The position of a file that is done.
    fn done(&mut self, stage: Stage, failed: Option<SourceError>) -> Result<Left, SourceError> {
        let State { pass, there } = &self.state;
        let pass = Pass { base: None, context: None, encoding: None, packed: None, ..pass.clone() };
        let at = At::of_deletions(0, there.at.number());
        let there = There { stage, at, list: there.list.clone(), ..There::default() };
        let step = self.steps.next(&State { pass, there })?;
        let reached = Some(Position::Step(step));
        let batch = Batch { reached, end: failed.is_none(), ..Batch::default() };
        Ok(Left { batch, failed })
    }
}

/// What of the file before is missing.
enum Found {
    /// These are to be deleted.
    Ids(Vec<RecordId>),
    /// More than may be; the list of what is there holds them, too.
    TooMany { kept: Listed, thousandths: u32 },
    /// It cannot be told what is; the list of what is there holds what may be.
    Kept(Listed),
}

/// What is missing is not forgotten: it stays in the list as it was.
async fn keep(source: &FeedSource, mut now: List, gone: Gone) -> Result<Listed, SourceError> {
    let mut last = (0, 0);
    for some in gone.entries.chunks(KEPT_TOGETHER) {
        last = (source.lists.add(&mut now, some).await?, some.len());
    }
    Ok(Listed::at(last.0, last.1))
}

fn expired(source: &FeedSource) -> Found {
    tracing::warn!(file = %source.shown, "what the file before held has expired: nothing is deleted");
    Found::Ids(Vec::new())
}
