//! The children of each parent: a sweep through the parents, and a walk along the children of each.
//!
//! A position says where in the parents a sweep is, and where in the children of the parent at hand. How far the
//! children of every parent were read is noted ([`Notes`]), with what the parent said then of having changed.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tidegate_core::{
    model::{EpochMs, Position, Record, RecordId, Refused, WireRecord},
    ports::{Batch, BoxFuture, Held, SourceError, Walk},
};

use super::{
    list::List,
    refused_parents::Refusals,
    steps::{Resumed, Steps},
    walk::HttpWalk,
    way::Way,
};
use crate::{
    json::{Picker, Scalar, quote},
    source::notes::{NoteStore, Noted, Notes},
    value::ParentValues,
};

/// So many parents that the source fails for are left to the end of a sweep. With more it is not they that are at fault.
const POSTPONED_MAX: usize = 3;
/// Most parents whose children are followed.
const PARENTS_MAX: usize = 100_000;

/// The parents of a source's lists.
pub(super) struct Children {
    pub(super) parents: List,
    pub(super) picker: Picker,
    /// The fields that the children are asked for by: path and slot.
    pub(super) slots: Vec<(String, usize)>,
    /// The slot of what tells that children have changed.
    pub(super) changed: Option<usize>,
    /// The key under which a child gets its parent.
    pub(super) embed: Option<String>,
    pub(super) notes: NoteStore,
}

/// One invocation's part of the sweeps.
pub(super) struct ChildrenWalk<'a> {
    lists: Lists<'a>,
    from: Position,
    sweep: Option<Sweep<'a>>,
}

/// The lists of parents and children.
struct Lists<'a> {
    children: &'a List,
    way: &'a Way,
    settings: &'a Children,
    until_ms: EpochMs,
}

/// What a position carries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// The last parent of this sweep whose children have all been read.
    #[serde(default)]
    parents: Position,
    /// The parent at hand, and how far its children have been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    child: Option<(Box<str>, Position)>,
    /// A parent was answered in this sweep: one that is refused is so for its own sake.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    answered: bool,
    notes: Noted,
}

/// What is noted of a parent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    /// How far its children have been read.
    p: Position,
    /// What it said of having changed, when all of them had been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<Box<str>>,
}

struct Sweep<'a> {
    steps: Steps,
    notes: Notes,
    parents: Position,
    /// The state of the last position that was given out.
    given_out: State,
    list: HttpWalk<'a>,
    waiting: VecDeque<Record>,
    all_listed: bool,
    at_hand: Option<AtHand<'a>>,
    /// What is said of records that are too young, of all lists together.
    held: Option<Held>,
    refusals: Refusals,
    /// Those that the source failed for, while it answered for others: tried once more at the end. The position
    /// passes none of them.
    postponed: Vec<AtHand<'a>>,
    /// The end has come: what fails now ends the invocation.
    is_last_try: bool,
    ended: bool,
}

/// The parent whose children are read.
struct AtHand<'a> {
    parent: Record,
    id: Box<str>,
    changed: Option<Box<str>>,
    walk: Box<dyn Walk + 'a>,
    /// How far.
    position: Position,
}

impl<'a> ChildrenWalk<'a> {
    pub(super) fn new(
        list: &'a List,
        way: &'a Way,
        settings: &'a Children,
        from: Position,
        until_ms: EpochMs,
    ) -> Self {
        let lists = Lists { children: list, way, settings, until_ms };
        Self { lists, from, sweep: None }
    }
}

impl<'a> Lists<'a> {
    async fn open(&self, from: &Position) -> Result<Sweep<'a>, SourceError> {
        let (steps, resumed) = Steps::resume::<State>(from)?;
        let state = match resumed {
            Resumed::Start => State::default(),
            Resumed::State(state) => state,
            Resumed::Mark(_) => {
                let message = "a flow with `for_each` has a position of its own for each parent: rewind it to \
                               the start";
                return Err(SourceError::Halt(message.into()));
            }
        };
        let mut notes = self.settings.notes.open(state.notes.clone()).await?;
        let given_out = state.clone();
        if let Some((id, p)) = state.child {
            // Perhaps another parent comes next: what was read of this one stays known.
            notes.set(&id, Note { p, c: None }.to_json()).await?;
        }
        let parents = state.parents;
        let list = HttpWalk::new(&self.settings.parents, parents.clone(), self.until_ms, None);
        Ok(Sweep {
            steps,
            notes,
            parents,
            given_out,
            list,
            waiting: VecDeque::new(),
            all_listed: false,
            at_hand: None,
            held: None,
            refusals: Refusals::resumed(state.answered),
            postponed: Vec::new(),
            is_last_try: false,
            ended: false,
        })
    }

    async fn read(
        &self,
        sweep: &mut Sweep<'a>,
        deadline_ms: EpochMs,
    ) -> Result<Batch, SourceError> {
        if sweep.ended {
            return Ok(Batch { end: true, ..Batch::default() });
        }
        if let Some(mut at_hand) = sweep.at_hand.take() {
            let read = at_hand.walk.next(deadline_ms).await;
            return match read {
                Ok(read) => self.take(sweep, at_hand, read).await,
                Err(error) => self.give_up(sweep, at_hand, error, deadline_ms).await,
            };
        }
        if let Some(parent) = sweep.waiting.pop_front() {
            return self.begin(sweep, parent).await;
        }
        if !sweep.all_listed {
            let read = sweep.list.next(deadline_ms).await?;
            sweep.all_listed = read.end;
            sweep.hold(read.held);
            sweep.waiting.extend(read.records);
            let refused = read.refused.into_iter().map(of_parents).collect();
            return Ok(Batch { refused, requests: read.requests, ..Batch::default() });
        }
        if let Some(at_hand) = sweep.postponed.pop() {
            (sweep.at_hand, sweep.is_last_try) = (Some(at_hand), true);
            return Ok(Batch::default());
        }
        sweep.refusals.end()?;
        sweep.ended = true;
        sweep.parents = Position::Start;
        sweep.refusals = Refusals::default();
        sweep.notes.keep().await?;
        let reached = sweep.reached()?;
        Ok(Batch { end: true, reached, held: sweep.held, ..Batch::default() })
    }

    /// Begins with a parent's children, unless they are as they were.
    async fn begin(&self, sweep: &mut Sweep<'a>, parent: Record) -> Result<Batch, SourceError> {
        if sweep.notes.len() >= PARENTS_MAX {
            return Err(SourceError::Halt(format!(
                "`for_each` follows at most {PARENTS_MAX} parents, and there are more: narrow the list of parents"
            )));
        }
        if let Some(reason) = &parent.refused {
            let Record { id, version, deleted, data, .. } = &parent;
            let (id, data) = (id.clone(), data.clone());
            let record = WireRecord { id, version: *version, deleted: *deleted, data };
            let refused = vec![of_parents(Refused { record, reason: reason.clone() })];
            return sweep.pass(&parent, refused);
        }
        let id: Box<str> = parent.id.to_string().into();
        let (values, changed) = match self.settings.values(&parent) {
            Ok(values) => values,
            Err(SourceError::Halt(said)) => {
                let refused = sweep.refusals.note_refusal(&parent, None, &said)?;
                return sweep.pass(&parent, refused);
            }
            Err(later) => return Err(later),
        };
        let note = sweep.notes.get(&id).and_then(Note::of_json).unwrap_or_default();
        if changed.is_some() && note.c == changed {
            let refused = sweep.refusals.note_unchanged();
            return sweep.pass(&parent, refused);
        }
        let walk =
            self.way.walk(self.children, note.p.clone(), self.until_ms, Some(Arc::new(values)));
        sweep.at_hand = Some(AtHand { parent, id, changed, walk, position: note.p });
        Ok(Batch::default())
    }

    /// A parent's children cannot be read: where the source only refuses it, or fails for it, the others are.
    async fn give_up(
        &self,
        sweep: &mut Sweep<'a>,
        at_hand: AtHand<'a>,
        error: SourceError,
        deadline_ms: EpochMs,
    ) -> Result<Batch, SourceError> {
        let error = of_parent(&at_hand.id, error);
        let has_time = self.children.requester.left_ms(deadline_ms) > 0;
        if has_time && sweep.may_postpone(&error) {
            tracing::warn!(parent = %at_hand.id, %error, "the parent is left to the end of the sweep");
            sweep.postponed.push(at_hand);
            return Ok(Batch::default());
        }
        let (SourceError::Halt(said), Some(status)) = (&error, self.children.requester.refused())
        else {
            sweep.at_hand = Some(at_hand);
            return Err(error);
        };
        let AtHand { parent, id, position, .. } = at_hand;
        let refused = sweep.refusals.note_refusal(&parent, Some(status), said)?;
        tracing::warn!(parent = %id, status, "the children of a parent are refused");
        let note = Note { p: position, c: None };
        if note != Note::default() {
            sweep.notes.set(&id, note.to_json()).await?;
        }
        let batch = sweep.pass(&parent, refused)?;
        Ok(Batch { requests: 1, ..batch })
    }

    /// Gives children on, each with the position of the sweep.
    async fn take(
        &self,
        sweep: &mut Sweep<'a>,
        mut at_hand: AtHand<'a>,
        read: Batch,
    ) -> Result<Batch, SourceError> {
        let mut batch = Batch { requests: read.requests, ..Batch::default() };
        if read.end || !read.records.is_empty() {
            batch.refused = sweep.refusals.note_answer();
        }
        let child_id = |id: &RecordId, of: &str| RecordId::Text(format!("{of}/{id}").into());
        for mut refused in read.refused {
            refused.record.id = child_id(&refused.record.id, &at_hand.id);
            batch.refused.push(refused);
        }
        for record in read.records {
            at_hand.position = record.position();
            let step = Some(sweep.step(Some(&at_hand))?);
            let id = child_id(&record.id, &at_hand.id);
            let data = self.settings.embedded(&at_hand.parent, record.data);
            batch.records.push(Record { id, step, data, ..record });
        }
        if let Some(reached) = read.reached {
            at_hand.position = reached;
        }
        if !read.end {
            batch.reached = sweep.reached_within(&at_hand)?;
            sweep.at_hand = Some(at_hand);
            return Ok(batch);
        }
        // Children that are too young are asked for again, though the parent stays as it is.
        let changed = at_hand.changed.filter(|_| read.held.is_none());
        sweep.hold(read.held);
        let note = Note { p: at_hand.position, c: changed };
        if note != Note::default() {
            sweep.notes.set(&at_hand.id, note.to_json()).await?;
        }
        sweep.move_past(&at_hand.parent);
        batch.reached = sweep.reached()?;
        Ok(batch)
    }
}

impl Walk for ChildrenWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            let mut sweep = match self.sweep.take() {
                Some(sweep) => sweep,
                None => self.lists.open(&self.from).await?,
            };
            let batch = self.lists.read(&mut sweep, deadline_ms).await;
            self.sweep = Some(sweep);
            batch
        })
    }
}

impl Children {
    /// What a parent's children are asked for by.
    ///
    /// # Errors
    /// What the parent lacks.
    pub(super) fn values_of(&self, parent: &Record) -> Result<ParentValues, SourceError> {
        self.values(parent).map(|(values, _)| values)
    }

    /// The same, and what the parent says of having changed.
    fn values(&self, parent: &Record) -> Result<(ParentValues, Option<Box<str>>), SourceError> {
        let halt = |why: String| {
            SourceError::Halt(format!(
                "the children of the parent {} cannot be asked for: {why}",
                parent.id
            ))
        };
        let picks = self.picker.pick(&parent.data).map_err(|error| halt(error.to_string()))?;
        let json = |slot: usize| {
            let json = picks.json(slot).and_then(|json| std::str::from_utf8(json).ok())?;
            Some(json.to_owned())
        };
        let mut values = ParentValues::new();
        for (path, slot) in &self.slots {
            let value = json(*slot).ok_or_else(|| halt(format!("it has no `{path}`")))?;
            let text = Scalar::read(value.as_bytes()).map(|scalar| scalar.into_text());
            // `.` and `..` climb a path even when they are percent-encoded.
            let is_fit = text.as_ref().is_some_and(|text| {
                !matches!(&**text, "" | "." | "..") && !text.chars().any(char::is_control)
            });
            if !is_fit {
                return Err(halt(format!("its `{path}` is {value}")));
            }
            values.insert(path.clone(), value);
        }
        let changed = self.changed.and_then(json).map(Into::into);
        Ok((values, changed))
    }

    /// A child with its parent in it, where the flow says so.
    fn embedded(&self, parent: &Record, child: Bytes) -> Bytes {
        let Some(key) = &self.embed else { return child };
        let Some(rest) = child.trim_ascii_start().strip_prefix(b"{") else { return child };
        let is_empty = rest.trim_ascii_start().starts_with(b"}");
        let mut whole = format!("{{{}:", quote(key)).into_bytes();
        whole.extend_from_slice(&parent.data);
        whole.extend_from_slice(if is_empty { b"" } else { b"," });
        whole.extend_from_slice(rest);
        whole.into()
    }
}

impl Sweep<'_> {
    fn state(&self, at_hand: Option<&AtHand<'_>>) -> State {
        let child = at_hand.map(|at_hand| (at_hand.id.clone(), at_hand.position.clone()));
        let (answered, notes) = (self.refusals.is_answered(), self.notes.noted().clone());
        State { parents: self.parents.clone(), child, answered, notes }
    }

    fn step(
        &mut self,
        at_hand: Option<&AtHand<'_>>,
    ) -> Result<tidegate_core::model::Step, SourceError> {
        let state = self.state(at_hand);
        let step = self.steps.next(&state)?;
        self.given_out = state;
        Ok(step)
    }

    /// Notes records that are too young.
    fn hold(&mut self, held: Option<Held>) {
        let Some(held) = held else { return };
        let least = |before: Held| Held {
            read_to_ms: before.read_to_ms.min(held.read_to_ms),
            until_ms: before.until_ms.min(held.until_ms),
        };
        self.held = Some(self.held.map_or(held, least));
    }

    /// Whether a parent may be left to the end: the source fails for it, and answered for another.
    fn may_postpone(&self, error: &SourceError) -> bool {
        matches!(error, SourceError::Later { after_ms: None, .. })
            && self.refusals.is_answered()
            && !self.is_last_try
            && self.postponed.len() < POSTPONED_MAX
    }

    /// Moves the position behind a parent, unless one before it is still to be read.
    fn move_past(&mut self, parent: &Record) {
        if self.refusals.may_pass() && self.postponed.is_empty() {
            self.parents = parent.position();
        }
    }

    /// Is done with a parent, for the records that are to be parked.
    fn pass(&mut self, parent: &Record, refused: Vec<Refused>) -> Result<Batch, SourceError> {
        self.move_past(parent);
        Ok(Batch { refused, reached: self.reached()?, ..Batch::default() })
    }

    /// How far the sweep is, where that is further than what was given out.
    fn reached(&mut self) -> Result<Option<Position>, SourceError> {
        if self.state(None) == self.given_out {
            return Ok(None);
        }
        self.step(None).map(|step| Some(Position::Step(step)))
    }

    fn reached_within(&mut self, at_hand: &AtHand<'_>) -> Result<Option<Position>, SourceError> {
        if at_hand.position == Position::Start || self.state(Some(at_hand)) == self.given_out {
            return Ok(None);
        }
        self.step(Some(at_hand)).map(|step| Some(Position::Step(step)))
    }
}

impl Note {
    fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a note is plain data")
    }

    fn of_json(json: &serde_json::Value) -> Option<Self> {
        serde_json::from_value(json.clone()).ok()
    }
}

/// A parent that cannot be read: its children are not asked for.
fn of_parents(refused: Refused) -> Refused {
    let id = RecordId::Text(format!("{}/", refused.record.id).into());
    let record = WireRecord { id, ..refused.record };
    let reason = format!("a parent, whose children are not read: {}", refused.reason).into();
    Refused { record, reason }
}

fn of_parent(id: &str, error: SourceError) -> SourceError {
    match error {
        SourceError::Halt(message) => SourceError::Halt(format!("of the parent {id}: {message}")),
        SourceError::Later { reason, after_ms } => {
            SourceError::Later { reason: format!("of the parent {id}: {reason}"), after_ms }
        }
    }
}
