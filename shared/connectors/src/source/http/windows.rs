//! Lists that are asked for a window of time at a go, for the API permits no more.
//!
//! Each window is a walk of its own, from its beginning to its end. A position is the last record's key, or
//! where a window ended that had none behind it: so the next run goes on in the same window, or with the next
//! one. A refusal halves the window, where it may be of its length, and so does a window that was cut off and brought
//! nothing; one with few results doubles it again. A window that the source takes too long over ends the
//! invocation, and the next one begins with half of it.

use std::sync::Arc;

use tidegate_core::{
    model::{EpochMs, Mark, Moment, Position},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

use super::{cursor::BEFORE_ALL, idle::Idle, list::List, walk::HttpWalk};
use crate::value::ParentValues;

/// A window is halved down to this and no further, in ms.
const WINDOW_MS_MIN: EpochMs = 1_000;
/// By what an API may refuse a window that has too many results; a 404 or 410 is of the address.
const TOO_MUCH: [u16; 3] = [400, 416, 422];
/// By what it says so in so many words.
const TOO_LARGE: u16 = 413;
const NS_PER_MS: i64 = 1_000_000;
/// What is not so old may still get company, where the flow does not say for how long.
const YOUNG_MS: EpochMs = 24 * 3_600_000;

/// How a list is cut into windows.
pub(super) struct Windows {
    /// The longest that the API permits, in ms.
    pub(super) window_ms: EpochMs,
    /// Most results that it gives of one.
    pub(super) results_max: Option<u64>,
    /// Where the first window begins, in ns.
    pub(super) start_ns: i64,
}

/// One invocation's windows.
pub(super) struct WindowWalk<'a> {
    list: &'a List,
    settings: &'a Windows,
    /// Read up to here.
    at: Position,
    until_ms: EpochMs,
    parent: Option<Arc<ParentValues>>,
    window_ms: EpochMs,
    open: Option<Open<'a>>,
    /// Windows in a row that were refused.
    idle: Idle,
    /// Said once what was read before it is given.
    halt: Option<SourceError>,
    ended: bool,
}

/// A window that is being read.
struct Open<'a> {
    walk: HttpWalk<'a>,
    from: Position,
    until_ms: EpochMs,
    /// From where it is asked for to its end.
    length_ms: EpochMs,
    /// Whether an answer came.
    answered: bool,
}

impl<'a> WindowWalk<'a> {
    pub(super) fn new(
        list: &'a List,
        settings: &'a Windows,
        from: Position,
        until_ms: EpochMs,
        parent: Option<Arc<ParentValues>>,
    ) -> Self {
        let window_ms = settings.window_ms.min(list.learned.window_ms());
        Self {
            list,
            settings,
            at: from,
            until_ms,
            parent,
            window_ms,
            open: None,
            idle: Idle::default(),
            halt: None,
            ended: false,
        }
    }

    /// The window that comes next.
    fn open(&self) -> Open<'a> {
        let begins_ns = match self.at.mark().and_then(|mark| mark.at.as_ref()) {
            Some(at) => at.ns,
            None => self.settings.start_ns,
        };
        // Where `since` steps back, the window begins there: it must not be longer than it may be.
        let asked_ns = self.list.anchors.anchor_before(&self.at).ns().unwrap_or(begins_ns);
        let (begins_ms, asked_ms) =
            (begins_ns.div_euclid(NS_PER_MS), asked_ns.div_euclid(NS_PER_MS));
        let end_ms = asked_ms
            .saturating_add(self.window_ms)
            .max(begins_ms.saturating_add((self.window_ms / 2).max(1)));
        let until_ms = self.as_sent(end_ms, begins_ns).min(self.until_ms);
        let (from, parent) = (self.at.clone(), self.parent.clone());
        let walk = HttpWalk::new(self.list, from.clone(), self.until_ms, parent);
        let length_ms = until_ms.saturating_sub(asked_ms);
        Open { walk: walk.within(until_ms), from, until_ms, length_ms, answered: false }
    }

    /// A window's end as the request says it, which may be coarser: what lies between is the next window's.
    fn as_sent(&self, end_ms: EpochMs, begins_ns: i64) -> EpochMs {
        let cursor = &self.list.anchors.cursor;
        let sent = cursor.sent_ns(&cursor.sent(end_ms)).filter(|sent| *sent > begins_ns);
        sent.map_or(end_ms, |ns| ns.div_euclid(NS_PER_MS))
    }

    async fn read(&mut self, deadline_ms: EpochMs) -> Result<Batch, SourceError> {
        let mut window = self.open.take().unwrap_or_else(|| self.open());
        let mut batch = match window.walk.next(deadline_ms).await {
            Ok(batch) => batch,
            Err(SourceError::Halt(_)) if self.may_halve(&window) => {
                tracing::info!(window_ms = window.length_ms, "the source refuses so long a window");
                self.halve(&window, deadline_ms).await;
                return Ok(Batch { requests: 1, ..Batch::default() });
            }
            Err(error) => {
                if !window.answered && self.list.requester.took_too_long() {
                    self.shorten_for_next(&window);
                }
                self.open = Some(window);
                return Err(error);
            }
        };
        window.answered = true;
        if let Some(last) = batch.records.last() {
            self.at = last.position();
            self.idle = Idle::default();
        }
        if !batch.end {
            self.open = Some(window);
            return Ok(batch);
        }
        batch.end = false;
        let (received, results_max) = (window.walk.received_max(), self.settings.results_max);
        if results_max.is_some_and(|most| window.walk.may_be_cut_at(most)) {
            // What is left of it is asked for anew.
            batch.held = None;
            if self.at <= window.from {
                self.halve_or_halt(&window, deadline_ms).await;
            }
            return Ok(batch);
        }
        if results_max.is_none_or(|most| received <= most / 2) {
            self.window_ms = (self.window_ms * 2).min(self.longest_ms());
        }
        // What is behind the newest moment that may be read yet is for a later run.
        let reads_all = window.walk.until_ns() >= window.until_ms.saturating_mul(NS_PER_MS);
        if window.until_ms >= self.until_ms || !reads_all {
            self.ended = true;
            batch.end = true;
            self.list.learned.see_window(self.list.learned.window_ms().saturating_mul(2));
        } else {
            batch.held = None;
            self.close(&window, &mut batch);
        }
        Ok(batch)
    }

    /// Whether a refusal may be of the window's length.
    fn may_halve(&self, window: &Open<'_>) -> bool {
        let has_most = self.settings.results_max.is_some();
        let is_too_long = window
            .walk
            .refused()
            .is_some_and(|status| status == TOO_LARGE || has_most && TOO_MUCH.contains(&status));
        !window.answered && is_too_long && window.length_ms > WINDOW_MS_MIN && !self.idle.is_over()
    }

    /// Halves the window, and takes its time over it.
    async fn halve(&mut self, window: &Open<'_>, deadline_ms: EpochMs) {
        self.window_ms = half(window);
        self.idle.note(1, false);
        self.idle.wait(self.list.requester.left_ms(deadline_ms)).await;
    }

    /// Halves a window that was cut off and did not move the position: all that it brought was given before,
    /// or is parked.
    async fn halve_or_halt(&mut self, window: &Open<'_>, deadline_ms: EpochMs) {
        if window.length_ms > WINDOW_MS_MIN && !self.idle.is_over() {
            tracing::info!(window_ms = window.length_ms, "so long a window was cut off");
            self.halve(window, deadline_ms).await;
            return;
        }
        self.halt = Some(SourceError::Halt(
            "one moment has as many records as the API gives of a window, or nearly so: no window is short \
             enough; see source.http.cursor.results_max, and ask for smaller pages by source.http.page_size"
                .into(),
        ));
    }

    /// The longest window that is asked for now.
    fn longest_ms(&self) -> EpochMs {
        self.settings.window_ms.min(self.list.learned.window_ms())
    }

    /// Has the next invocation begin with half of this window. It grows again once a list was read to its end.
    fn shorten_for_next(&self, window: &Open<'_>) {
        let window_ms = half(window);
        tracing::warn!(
            window_ms,
            "the source takes too long over a window: the next run asks for half"
        );
        self.list.learned.see_window(window_ms);
    }

    /// Moves to the end of a window that was read to its end.
    fn close(&mut self, window: &Open<'_>, batch: &mut Batch) {
        let ns = window.until_ms.saturating_mul(NS_PER_MS);
        let cursor = &self.list.anchors.cursor;
        let text = cursor.write(window.until_ms).into();
        let end = Position::At(Mark { at: Some(Moment { text, ns }), id: BEFORE_ALL });
        if end > self.at {
            self.at = end.clone();
            self.idle = Idle::default();
            // Records may still appear in a window that is young: it is read again, unless later ones came.
            let is_settled =
                cursor.says_lag() || window.until_ms <= self.until_ms.saturating_sub(YOUNG_MS);
            batch.reached = is_settled.then_some(end);
        }
    }
}

/// Half of a window's length.
fn half(window: &Open<'_>) -> EpochMs {
    (window.length_ms / 2).max(WINDOW_MS_MIN)
}

impl Walk for WindowWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            if let Some(halt) = self.halt.take() {
                return Err(halt);
            }
            if self.ended {
                return Ok(Batch { end: true, ..Batch::default() });
            }
            self.read(deadline_ms).await
        })
    }
}
