//! Lists that end with a token for what will have changed since: the token is the cursor.
//!
//! A walk goes through the pages of one answer. The position says which token it was asked by and which page
//! comes next; the last page brings the token that the next walk asks by. A source that knows a token no more
//! is asked for everything anew. An empty answer, as with 204, says that nothing has changed: the token stays.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tidegate_core::{
    model::{EpochMs, Position, Record, Version},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

use super::{
    list::List,
    outlook::Outlook,
    pagination::{Answered, PageRef},
    place::Place,
    requests::{Fetched, Refusal},
    steps::{Resumed, Steps},
};
use crate::{
    Now,
    json::{Picker, Scalar},
    value::{ParentValues, RequestValues},
};

/// Pages in a row without records, before they are taken for a circle.
const EMPTY_PAGES_MAX: u32 = 15;
/// Between two of them.
const EMPTY_WAIT: Duration = Duration::from_millis(100);
/// How often in an invocation pages or tokens are refused, before that is the error that it is.
const REFUSALS_MAX: u32 = 3;
const NS_PER_MS: i64 = 1_000_000;

/// How a list is read that ends with a token.
pub(super) struct Delta {
    /// Where the token stands.
    pub(super) path: String,
    pub(super) picker: Picker,
    pub(super) now: Now,
}

/// One invocation's part of a walk.
pub(super) struct DeltaWalk<'a> {
    list: &'a List,
    settings: &'a Delta,
    from: Position,
    until_ms: EpochMs,
    parent: Option<Arc<ParentValues>>,
    under_way: Option<UnderWay>,
}

/// What a position carries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// What was asked for, or will be: what changed since this, or everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// The next page of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<Place>,
}

struct UnderWay {
    steps: Steps,
    token: Option<String>,
    page: PageRef,
    /// The state of the last position that was given out.
    given_out: State,
    asked: HashSet<PageRef>,
    empty_pages: u32,
    refusals: u32,
    largest: usize,
    /// Pages of this answer that were read, and records in them.
    pages: u64,
    records: u64,
    outlook: Outlook,
    ended: bool,
}

impl<'a> DeltaWalk<'a> {
    pub(super) fn new(
        list: &'a List,
        settings: &'a Delta,
        from: Position,
        until_ms: EpochMs,
        parent: Option<Arc<ParentValues>>,
    ) -> Self {
        Self { list, settings, from, until_ms, parent, under_way: None }
    }

    async fn read_page(
        &self,
        walk: &mut UnderWay,
        deadline_ms: EpochMs,
    ) -> Result<Batch, SourceError> {
        let mut batch = Batch::default();
        let asked = self.page(walk)?;
        let until = self.list.anchors.until(self.until_ms);
        let values = RequestValues {
            since: walk.token.as_deref(),
            until: until.as_deref(),
            parent: self.parent.as_deref(),
        };
        let request = self.list.pager.request(&asked, &values);
        let read = self.list.fetch(&request, deadline_ms, &mut batch.requests).await;
        let (page, fetched) = match read {
            Ok(read) => read,
            Err(Refusal::Source(error)) => return Err(error),
            Err(Refusal::Rejected { status, halt }) => {
                walk.rejected(status, halt)?;
                return Ok(batch);
            }
        };
        walk.largest = walk.largest.max(page.count);
        walk.empty_pages = if page.count == 0 { walk.empty_pages + 1 } else { 0 };
        if walk.empty_pages > 0 {
            tokio::time::sleep(EMPTY_WAIT).await;
        }
        let told = self.list.told(&fetched)?;
        (walk.pages, walk.records) = (walk.pages + 1, walk.records + page.count as u64);
        let pager = &self.list.pager;
        let next = pager.next(&Answered {
            asked: &asked,
            page: &page,
            url: &fetched.url,
            base: pager.base(),
            told: &told,
            pages_read: walk.pages,
            records_read: walk.records,
            largest: walk.largest,
            is_short: pager.is_short(page.count, walk.largest),
            is_empty: page.count == 0,
        })?;
        batch.refused = walk.outlook.unseen(page.aside);
        let read_ns = (self.settings.now)().saturating_mul(NS_PER_MS);
        let state = walk.state(self.list);
        for row in page.rows {
            // A later reading is newer, where records do not say themselves when they changed.
            let version = Version(row.changed_ns.unwrap_or(read_ns));
            let (id, mark, data, refused) = (row.mark.id.clone(), row.mark, row.data, row.refused);
            batch.records.push(Record {
                mark,
                step: None,
                id,
                version,
                deleted: false,
                data,
                refused,
            });
        }
        for record in &mut batch.records {
            record.step = Some(walk.steps.next(&state)?);
        }
        let known = walk.token.clone().filter(|_| fetched.is_nothing());
        walk.go_on(next, || known.map_or_else(|| self.token(&fetched), Ok))?;
        batch.end = walk.ended;
        let state = walk.state(self.list);
        if state != walk.given_out {
            batch.reached = Some(Position::Step(walk.steps.next(&state)?));
            walk.given_out = state;
        }
        Ok(batch)
    }

    /// Where the token is an address, the first page of what changed since stands there.
    fn page(&self, walk: &UnderWay) -> Result<PageRef, SourceError> {
        let address = walk.token.as_ref().filter(|_| !self.list.anchors.takes_since);
        match address {
            Some(address) if walk.page == PageRef::First => {
                address.parse().map(PageRef::Address).map_err(|_| {
                    SourceError::Halt(format!(
                        "what stands at `{}` is no address: name the parameter that carries it in \
                         source.http.cursor.since",
                        self.settings.path
                    ))
                })
            }
            _ => Ok(walk.page.clone()),
        }
    }

    /// The token of the last page.
    fn token(&self, fetched: &Fetched) -> Result<String, SourceError> {
        let found = self.settings.picker.value(&fetched.body).and_then(Scalar::read);
        let token = found.map(|scalar| scalar.into_text()).filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| self.list.hides(token)) {
            return Err(SourceError::Halt(format!(
                "what stands at `{}` repeats a secret of this flow, which no position may carry: send the \
                 secret by source.http.auth",
                self.settings.path
            )));
        }
        token.map(Into::into).ok_or_else(|| {
            SourceError::Halt(format!(
                "the last page has no token at `{}`: see source.http.cursor.by.delta and \
                 source.http.pagination",
                self.settings.path
            ))
        })
    }
}

impl Walk for DeltaWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            let mut walk = match self.under_way.take() {
                Some(walk) => walk,
                None => UnderWay::open(self.list, &self.from)?,
            };
            if walk.ended {
                self.under_way = Some(walk);
                return Ok(Batch { end: true, ..Batch::default() });
            }
            let batch = self.read_page(&mut walk, deadline_ms).await;
            self.under_way = Some(walk);
            batch
        })
    }
}

impl UnderWay {
    fn open(list: &List, from: &Position) -> Result<Self, SourceError> {
        let (steps, resumed) = Steps::resume::<State>(from)?;
        let state = match resumed {
            // No token belongs to a moment: everything is read.
            Resumed::Start | Resumed::Mark(_) => State::default(),
            Resumed::State(state) => state,
        };
        Ok(Self {
            steps,
            token: state.token.clone(),
            page: state.page.clone().map_or(PageRef::First, Place::into_ref),
            given_out: state,
            asked: HashSet::new(),
            empty_pages: 0,
            refusals: 0,
            largest: 0,
            pages: 0,
            records: 0,
            outlook: Outlook::new(&list.anchors.cursor, &Position::Start),
            ended: false,
        })
    }

    fn state(&self, list: &List) -> State {
        let page = (self.page != PageRef::First).then(|| list.place(&self.page));
        State { token: self.token.clone(), page }
    }

    /// A page that is refused begins its answer again; a token that is refused has expired.
    fn rejected(&mut self, status: u16, halt: String) -> Result<(), SourceError> {
        let is_followed = self.page != PageRef::First;
        self.refusals += 1;
        if self.refusals > REFUSALS_MAX {
            return Err(SourceError::Halt(halt));
        }
        self.asked.clear();
        (self.pages, self.records) = (0, 0);
        self.page = PageRef::First;
        if is_followed {
            tracing::info!(status, "the next page is no more: the answer is read again");
            return Ok(());
        }
        if self.token.take().is_none() {
            return Err(SourceError::Halt(halt));
        }
        tracing::warn!(
            status,
            "the source knows the token for what has changed no more: everything is read anew"
        );
        Ok(())
    }

    /// Goes to the next page, or to the next answer.
    fn go_on(
        &mut self,
        next: Option<PageRef>,
        token: impl FnOnce() -> Result<String, SourceError>,
    ) -> Result<(), SourceError> {
        let Some(next) = next else {
            self.token = Some(token()?);
            self.page = PageRef::First;
            self.ended = true;
            return Ok(());
        };
        if !self.asked.insert(next.clone()) || self.empty_pages >= EMPTY_PAGES_MAX {
            return Err(SourceError::Halt(
                "the pages of what has changed lead in a circle: see source.http.pagination".into(),
            ));
        }
        self.page = next;
        Ok(())
    }
}
