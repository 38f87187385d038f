//! `jq` and `filter`: jq within a budget.
//!
//! A program is the team's own, but a record may still send it round in circles. jaq evaluates
//! lazily and offers no hook, but it looks up every term that it evaluates through its context, and
//! that look-up is ours: it counts steps and looks at the stack ([`budget`]). Whoever spends the
//! budget is unwound back to [`Jq::run`], without a thread and the same on every machine. The
//! natives that can spin or recurse without evaluating a term are replaced ([`natives`]).
//!
//! Not covered: a program that itself doubles a text or an array dozens of times runs out of memory
//! before it runs out of steps.

mod budget;
mod natives;
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};

use jaq_core::{
    Compiler, Ctx, Filter, Vars,
    load::{Arena, File, Loader},
};
use jaq_json::Val;
use tidegate_core::ports::{Transform, Transformed};

use super::check_json;
use crate::connect::ConnectError;
use budget::{Budget, Exhausted, Meter, Metered};

/// A reason is one line of at most so many characters.
const REASON_CHARS_MAX: usize = 300;

/// A compiled program.
pub(super) struct Jq {
    filter: Filter<Metered>,
}

/// What a filter says of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its first output is neither false nor null.
    Holds,
    /// It is, or there is none.
    Fails,
}

impl Jq {
    /// Compiles a program.
    pub(super) fn new(program: &str, place: &str) -> Result<Self, ConnectError> {
        // The same check that the flow file went through, for its messages.
        tidegate_flow::jq::compile(program).map_err(|errors| {
            let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
            ConnectError::new(place, said.join("; "))
        })?;
        let arena = Arena::default();
        let file = File { code: program, path: () };
        let fault = || ConnectError::new(place, "the program does not compile within its budget");
        let modules =
            Loader::new(natives::definitions()).load(&arena, file).map_err(|_| fault())?;
        let filter = Compiler::default()
            .with_funs(natives::functions())
            .compile(modules)
            .map_err(|_| fault())?;
        Ok(Self { filter })
    }

    /// Whether a record passes.
    ///
    /// # Errors
    /// Why the program cannot say.
    pub(super) fn holds(&self, record: &[u8]) -> Result<Verdict, Box<str>> {
        let first = self.run(record, |outputs| outputs.next().transpose())?;
        Ok(match first {
            None | Some(Val::Null | Val::Bool(false)) => Verdict::Fails,
            Some(_) => Verdict::Holds,
        })
    }

    /// Runs the program on a record and hands its outputs to `take`, all within one budget.
    fn run<T>(
        &self,
        record: &[u8],
        take: impl FnOnce(&mut dyn Iterator<Item = Result<Val, Box<str>>>) -> Result<T, Box<str>>,
    ) -> Result<T, Box<str>> {
        // The check also bounds the depth, which jaq's own parser recurses by.
        check_json(record)?;
        let input = jaq_json::read::parse_single(record)
            .map_err(|error| format!("the record is no JSON: {error}"))?;
        let budget = Budget::new();
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let context = Ctx::<Metered>::new(Meter::new(&self.filter.lut, &budget), Vars::new([]));
            let mut outputs = self.filter.id.run((context, input)).map(|output| {
                output.map_err(|exception| match exception.get_err() {
                    Ok(error) => one_line(&error.into_val()),
                    Err(_) => "the program breaks out of itself".into(),
                })
            });
            take(&mut outputs)
        }));
        ran.unwrap_or_else(|payload| {
            Err(match payload.downcast_ref::<Exhausted>() {
                Some(exhausted) => exhausted.to_string().into(),
                None => "the program met a fault in jq itself".into(),
            })
        })
    }
}

/// An error's value for people: a text as it is, anything else as JSON.
fn one_line(value: &Val) -> Box<str> {
    let mut out = Vec::new();
    let text = match value {
        Val::TStr(text) => String::from_utf8_lossy(text).into_owned(),
        value => match write::json(value, &mut out) {
            Ok(()) => String::from_utf8_lossy(&out).into_owned(),
            Err(_) => "an error that is no JSON".to_owned(),
        },
    };
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(REASON_CHARS_MAX)
        .collect();
    line.into()
}

impl Transform for Jq {
    fn apply(&self, record: &[u8], out: &mut Vec<u8>) -> Transformed {
        let start = out.len();
        let written = self.run(record, |outputs| {
            let Some(first) = outputs.next().transpose()? else { return Ok(Transformed::Filtered) };
            if outputs.next().is_some() {
                return Err("the program has more than one output for this record".into());
            }
            write::json(&first, out)?;
            Ok(Transformed::Written)
        });
        written.unwrap_or_else(|reason| {
            out.truncate(start);
            Transformed::Refused(reason)
        })
    }
}

#[cfg(test)]
mod tests;
