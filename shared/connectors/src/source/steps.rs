//! Positions of walks that go along a source in an order of their own: numbered steps with a state.

use serde::{Serialize, de::DeserializeOwned};
use tidegate_core::{
    model::{EpochMs, Mark, Position, Step},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

/// Numbers the steps of a walk.
#[derive(Debug)]
pub(super) struct Steps {
    number: u64,
}

/// A walk that cannot go on from its position.
pub(super) struct Halted;

/// Where a walk goes on.
#[derive(Debug)]
pub(super) enum Resumed<S> {
    /// Nothing was read.
    Start,
    /// A record's key: the flow was moved there, or went by keys before.
    Mark(Mark),
    /// As the walk itself left it.
    State(S),
}

impl Steps {
    /// Goes on from a position.
    ///
    /// # Errors
    /// If another kind of walk left its state there.
    pub(super) fn resume<S: DeserializeOwned>(
        from: &Position,
    ) -> Result<(Self, Resumed<S>), SourceError> {
        let step = match from {
            Position::Start => return Ok((Self { number: 0 }, Resumed::Start)),
            Position::At(mark) => return Ok((Self { number: 0 }, Resumed::Mark(mark.clone()))),
            Position::Step(step) => step,
        };
        let state = serde_json::from_str(&step.state).map_err(|_| of_another_way())?;
        Ok((Self { number: step.number }, Resumed::State(state)))
    }

    /// The next step, with its state.
    ///
    /// # Errors
    /// If the state is more than a position can carry.
    pub(super) fn next(&mut self, state: &impl Serialize) -> Result<Step, SourceError> {
        self.next_text(serde_json::to_string(state).expect("a state is plain data"))
    }

    /// The same for a state that is written already.
    ///
    /// # Errors
    /// If it is more than a position can carry.
    pub(super) fn next_text(&mut self, state: String) -> Result<Step, SourceError> {
        if state.len() > Step::STATE_BYTES_MAX {
            return Err(SourceError::Halt(format!(
                "what the walk must remember has {} bytes, and a position holds {}: the source's tokens or \
                 ids are too long",
                state.len(),
                Step::STATE_BYTES_MAX
            )));
        }
        self.number += 1;
        Ok(Step { number: self.number, state: state.into() })
    }
}

impl Walk for Halted {
    fn next(&mut self, _: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(std::future::ready(Err(of_another_way())))
    }
}

fn of_another_way() -> SourceError {
    let message = "the position was left by a flow that went along the source in another way: rewind to the \
                   start";
    SourceError::Halt(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_on_from_the_state_that_was_left() {
        let (mut steps, resumed) = Steps::resume::<Vec<u32>>(&Position::Start).unwrap();
        assert!(matches!(resumed, Resumed::Start));
        let first = steps.next(&vec![1, 2]).unwrap();
        let second = steps.next(&vec![3]).unwrap();
        assert!(Position::Step(first) < Position::Step(second.clone()));
        let (mut steps, resumed) = Steps::resume::<Vec<u32>>(&Position::Step(second)).unwrap();
        assert!(matches!(resumed, Resumed::State(state) if state == [3]));
        assert_eq!(steps.next(&0).unwrap().number, 3);
    }

    #[test]
    fn a_state_of_another_walk_or_too_large_a_one_halts() {
        let step = Step { number: 1, state: "{}".into() };
        assert!(Steps::resume::<Vec<u32>>(&Position::Step(step)).is_err());
        let (mut steps, _) = Steps::resume::<String>(&Position::Start).unwrap();
        assert!(steps.next(&"x".repeat(Step::STATE_BYTES_MAX)).is_err());
    }
}
