//! `jq` and `filter`: jq within a budget.
//!
//! A program is the team's own, but a record may still send it round in circles, or make of a few bytes as many as there is
//! no memory for. jaq evaluates lazily and offers no hook, but it looks up every term that it evaluates through its
//! context, and that look-up is ours: it counts steps and looks at the stack ([`budget`]). Within a term, values are
//! made, compared and written by a type of ours, which counts bytes and work ([`value`]). A run that spends the budget is
//! unwound back to [`Jq::attempt`]. A run that is more than light is repeated with more of all on a thread with a
//! large stack, which is awaited: no thread is ever left behind, and the outcome is the same on every machine. The
//! natives that can spin, recurse or grow without evaluating a term or making a value are replaced or guarded
//! ([`natives`]).

mod budget;
mod language;
mod meter;
mod natives;
mod program;
mod value;
mod write;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use jaq_core::{Ctx, Filter, Vars};
use jaq_json::Val;
use tidegate_core::ports::{Transform, Transformed};

use super::check::check_json;
use crate::error::ConnectError;
use budget::{Exhausted, HEAVY, HEAVY_STACK, LIGHT, Limits, Run};
use language::Sees;
use meter::{Meter, Metered};
pub(super) use program::Program;
use value::Value;

/// A reason is one line of at most so many characters.
const REASON_CHARS_MAX: usize = 300;

/// A compiled program.
pub(super) struct Jq {
    filter: Filter<Metered>,
    sees: Sees,
    /// Whether what was looked up is worth reading.
    reads_lookup: bool,
    /// The connection's parameters, as a JSON object; null where the program reads none.
    params: Vec<u8>,
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
    /// Compiles a program, whose check the flow file went through, with what keeps its budget. It sees the parameters.
    ///
    /// # Errors
    /// If it does not compile with that.
    pub(super) fn new<const LOOKS_UP: bool>(
        program: &Program<LOOKS_UP>,
        params: &BTreeMap<String, String>,
    ) -> Result<Self, ConnectError> {
        let message = "the program does not compile within its budget";
        let fault = || ConnectError::new(&program.site().key, message);
        let sees = program.sees();
        let filter = language::compile(program.text(), sees).map_err(|_| fault())?;
        let params = match program.reads_params() {
            true => serde_json::to_vec(params).map_err(|_| fault())?,
            false => b"null".to_vec(),
        };
        Ok(Self { filter, sees, reads_lookup: program.reads_lookup(), params })
    }

    /// Whether a record passes.
    ///
    /// # Errors
    /// Why the program cannot say.
    pub(super) fn holds(&self, record: &[u8]) -> Result<Verdict, Trouble> {
        let holds = self.run(record, None, |outputs| {
            let first = outputs.next().transpose()?;
            Ok(!matches!(first, None | Some(Value(Val::Null | Val::Bool(false)))))
        })?;
        Ok(if holds { Verdict::Holds } else { Verdict::Fails })
    }

    /// Runs the program on a record and hands its outputs to `take`, all within one budget. What
    /// `take` makes must be flat: values may be too deep to be dropped on the caller's stack.
    fn run<T: Send>(
        &self,
        record: &[u8],
        found: Option<&[u8]>,
        take: impl Fn(Outputs<'_>) -> Result<T, Box<str>> + Send + Sync,
    ) -> Result<T, Trouble> {
        // The check also bounds the depth, which jaq's own parser recurses by.
        check_json(record)?;
        let found = found.filter(|_| self.reads_lookup);
        if let Some(found) = found {
            check_json(found).map_err(|_| Box::<str>::from("what was looked up is no JSON"))?;
        }
        if let Ok(result) = self.attempt(record, found, &LIGHT, &take) {
            return Ok(result?);
        }
        let heavy = thread::scope(|scope| {
            let run = || self.attempt(record, found, &HEAVY, &take);
            let thread = thread::Builder::new().stack_size(HEAVY_STACK).spawn_scoped(scope, run);
            thread.map(thread::ScopedJoinHandle::join)
        });
        match heavy.map_err(|error| Trouble::NoThread(error.to_string()))? {
            Ok(Ok(result)) => Ok(result?),
            Ok(Err(exhausted)) => Err(Trouble::Record(exhausted.to_string().into())),
            Err(_) => Err(Trouble::Record("the program failed on this record".into())),
        }
    }

    fn attempt<T>(
        &self,
        record: &[u8],
        found: Option<&[u8]>,
        limits: &Limits,
        take: impl Fn(Outputs<'_>) -> Result<T, Box<str>>,
    ) -> Result<Result<T, Box<str>>, Exhausted> {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let input = jaq_json::read::parse_single(record)
                .map_err(|error| format!("the record is no JSON: {error}"))?;
            let found = found.map_or(Ok(Val::Null), jaq_json::read::parse_single);
            let found = found.map_err(|error| format!("what was looked up is no JSON: {error}"))?;
            let _run = Run::begin(*limits);
            let params = jaq_json::read::parse_single(&self.params)
                .map_err(|error| format!("the parameters are no JSON: {error}"))?;
            let found = (self.sees == Sees::Lookup).then_some(found);
            let vars = Vars::new(found.into_iter().chain([params]).map(Value));
            let context = Ctx::<Metered>::new(Meter::new(&self.filter.lut), vars);
            let mut outputs = self.filter.id.run((context, Value(input))).map(|output| {
                output.map_err(|exception| match exception.get_err() {
                    Ok(error) => one_line(&error.into_val().0),
                    Err(_) => "the program breaks out of itself".into(),
                })
            });
            take(&mut outputs)
        }));
        ran.or_else(|payload| match payload.downcast_ref::<Exhausted>() {
            Some(exhausted) => Err(*exhausted),
            None => Ok(Err("the program met a fault in jq itself".into())),
        })
    }
}

/// A program's outputs, evaluated as they are asked for.
type Outputs<'a> = &'a mut dyn Iterator<Item = Result<Value, Box<str>>>;

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
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARS_MAX).collect();
    line.into()
}

/// Why a program has no result.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It cannot handle the record.
    Record(Box<str>),
    /// It needs a thread of its own, and there is none: that says nothing of the record.
    NoThread(String),
}

impl From<Box<str>> for Trouble {
    fn from(reason: Box<str>) -> Self {
        Self::Record(reason)
    }
}

impl From<Trouble> for Transformed {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Record(reason) => Self::Refused(reason),
            Trouble::NoThread(error) => {
                let reason = format!(
                    "the machine has no thread for the program on this record, which needs one of its own: {error}"
                );
                Self::Later(reason.into())
            }
        }
    }
}

impl Transform for Jq {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        let json = self.run(record, found, |outputs| {
            let Some(first) = outputs.next().transpose()? else { return Ok(None) };
            if outputs.next().is_some() {
                return Err("the program has more than one output for this record".into());
            }
            let mut json = Vec::new();
            write::json(&first.0, &mut json)?;
            Ok(Some(json))
        });
        match json {
            Ok(Some(json)) => {
                out.extend_from_slice(&json);
                Transformed::Written
            }
            Ok(None) => Transformed::Filtered,
            Err(trouble) => trouble.into(),
        }
    }
}

#[cfg(test)]
mod tests;
