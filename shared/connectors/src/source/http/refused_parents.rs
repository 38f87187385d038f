//! Parents whose children the source refuses: each is parked with the reason, and the others are read on.
//!
//! Where every parent is refused, it is not they that are at fault but the credentials or the flow, and the
//! run halts. So the first refusals are held back, and so is the position before them, until a parent is
//! answered.

use tidegate_core::{
    model::{Record, RecordId, Refused, Version, WireRecord},
    ports::SourceError,
};

/// So many parents in a row are refused, and none answered, before the run halts.
const HELD_MAX: usize = 10;
/// So many in a row are answered with 401, which is never about a parent alone.
const UNAUTHORIZED_MAX: u32 = 3;

/// The refusals of one sweep through the parents.
#[derive(Default)]
pub(super) struct Refusals {
    /// A parent's children were read, or are known to be as they were.
    answered: bool,
    /// Those before that.
    held: Vec<Refused>,
    /// What is said of the first of them if no other is answered.
    first: String,
    unauthorized: u32,
}

impl Refusals {
    /// Of a sweep that is gone on with: whether a parent was answered in it.
    pub(super) fn resumed(answered: bool) -> Self {
        Self { answered, ..Self::default() }
    }

    /// Whether a parent was answered.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether the position may pass the parents that were asked for: none is held back.
    pub(super) fn may_pass(&self) -> bool {
        self.held.is_empty()
    }

    /// Notes that a parent's children were read. Those that were held back are to be parked.
    pub(super) fn note_answer(&mut self) -> Vec<Refused> {
        (self.answered, self.unauthorized) = (true, 0);
        std::mem::take(&mut self.held)
    }

    /// Notes that a parent's children are as they were when they were read: nothing was asked.
    pub(super) fn note_unchanged(&mut self) -> Vec<Refused> {
        self.answered = true;
        std::mem::take(&mut self.held)
    }

    /// Notes that a parent is refused, with the status of the answer if one came. Those that are to be
    /// parked.
    ///
    /// # Errors
    /// If it is not the parent that is at fault.
    pub(super) fn note_refusal(
        &mut self,
        parent: &Record,
        status: Option<u16>,
        said: &str,
    ) -> Result<Vec<Refused>, SourceError> {
        let refused = refused(parent, status, said);
        self.unauthorized = if status == Some(401) { self.unauthorized + 1 } else { 0 };
        if self.unauthorized >= UNAUTHORIZED_MAX {
            let row = self.unauthorized;
            return Err(SourceError::Halt(format!("{said}; so are {row} parents in a row")));
        }
        // What is no more, or in conflict, is of that parent alone.
        if self.answered || matches!(status, Some(404 | 409 | 410 | 423 | 451)) {
            return Ok(vec![refused]);
        }
        if self.held.is_empty() {
            said.clone_into(&mut self.first);
        }
        self.held.push(refused);
        match self.held.len() < HELD_MAX {
            true => Ok(Vec::new()),
            false => self.end().map(|()| Vec::new()),
        }
    }

    /// The sweep has come to its end, or gives up.
    ///
    /// # Errors
    /// If parents were refused and none was answered.
    pub(super) fn end(&self) -> Result<(), SourceError> {
        match self.held.len() {
            0 => Ok(()),
            1 => Err(SourceError::Halt(self.first.clone())),
            count => Err(SourceError::Halt(format!(
                "{}; {count} parents were asked for their children, and none was answered",
                self.first
            ))),
        }
    }
}

/// A parent as it is parked. What is kept of it is no record that a replay could send, and is the same as long as
/// the same is answered, so that it is parked once.
fn refused(parent: &Record, status: Option<u16>, said: &str) -> Refused {
    let id = &parent.id;
    let kept = match status {
        Some(status) => format!("the children of the parent {id}: answered {status}"),
        None => format!("the children of the parent {id}: they cannot be asked for"),
    };
    Refused {
        record: WireRecord {
            id: RecordId::Text(format!("{id}/").into()),
            version: Version(0),
            deleted: false,
            data: kept.into(),
        },
        reason: format!(
            "a parent, whose children are not read: {said}; it is asked again in every run, and the other \
             parents are read on: if it is to be left out, leave it out of the list of source.http.for_each"
        )
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tidegate_core::model::Mark;

    use super::*;

    fn parent(id: i64) -> Record {
        let id = RecordId::Number(id);
        Record {
            mark: Mark { at: None, id: id.clone() },
            step: None,
            id,
            version: Version(0),
            deleted: false,
            data: Bytes::from_static(b"{}"),
            refused: None,
        }
    }

    #[test]
    fn refusals_are_held_back_until_a_parent_is_answered() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.note_refusal(&parent(1), Some(403), "no"), Ok(Vec::new()));
        assert!(!refusals.may_pass());
        let parked = refusals.note_answer();
        assert_eq!(parked.len(), 1);
        assert_eq!(parked[0].record.id, RecordId::Text("1/".into()));
        assert!(serde_json::from_slice::<serde_json::Value>(&parked[0].record.data).is_err());
        assert!(refusals.may_pass() && refusals.end().is_ok());
        for id in 2..50 {
            let parked = refusals.note_refusal(&parent(id), Some(403), "no").unwrap();
            assert_eq!(parked.len(), 1);
        }
    }

    #[test]
    fn where_none_is_answered_the_first_refusal_halts() {
        let mut refusals = Refusals::default();
        let error = (1..=10)
            .map(|id| refusals.note_refusal(&parent(id), Some(403), &format!("no {id}")))
            .find_map(Result::err);
        let error = error.unwrap().to_string();
        assert!(error.contains("no 1; 10 parents"), "{error}");
        let mut refusals = Refusals::default();
        refusals.note_refusal(&parent(1), None, "it has no `slug`").unwrap();
        assert_eq!(refusals.end(), Err(SourceError::Halt("it has no `slug`".into())));
    }

    #[test]
    fn what_is_gone_is_parked_at_once_and_401_in_a_row_halts_whatever_was_answered() {
        let mut refusals = Refusals::default();
        for (id, status) in [(1, 404), (2, 410), (3, 409)] {
            assert_eq!(refusals.note_refusal(&parent(id), Some(status), "no").unwrap().len(), 1);
        }
        refusals.note_answer();
        assert!(refusals.note_refusal(&parent(4), Some(401), "no").is_ok());
        assert!(refusals.note_refusal(&parent(5), Some(401), "no").is_ok());
        assert!(refusals.note_refusal(&parent(6), Some(401), "no").is_err());
    }
}
