//! What programs may call: jq's own, but for what reaches outside the record, and with the natives
//! replaced that would not notice the budget.

use std::cmp::Ordering;

use jaq_core::{
    Cv, Error, Exn, ValX, ValXs,
    load::parse::Def,
    native::{Fun, run, v},
};
use jaq_json::Val;

use super::budget::Metered;

/// Deeper texts are no JSON to `fromjson`: reading recurses by depth.
const DEPTH_MAX: usize = 200;

/// Not to be had. [`super::language`] says why, to who tries.
const REFUSED: [&str; 11] = [
    "env",
    "$ENV",
    "input",
    "inputs",
    "halt",
    "halt_error",
    "debug",
    "stderr",
    "now",
    "localtime",
    "strflocaltime",
];
/// The natives behind them.
const REFUSED_NATIVES: [&str; 2] = ["debug_empty", "stderr_empty"];

fn refused(name: &str) -> bool {
    REFUSED.contains(&name) || REFUSED_NATIVES.contains(&name)
}

/// What is written in jq itself.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    definitions.filter(|definition| !refused(definition.name))
}

/// What is written in Rust.
pub(super) fn functions() -> impl Iterator<Item = Fun<Metered>> {
    let natives = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let replaced =
        |name: &str, arity: usize| matches!((name, arity), ("range", 3) | ("fromjson", 0));
    natives
        .filter(move |(name, arguments, _)| !refused(name) && !replaced(name, arguments.len()))
        .chain([
            run::<Metered>(("range", v(3), range)),
            run::<Metered>(("fromjson", v(0), from_json)),
        ])
}

/// `range($from; $to; $by)`: jaq's own would spin without evaluating a term.
fn range(mut cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let by = cv.0.pop_var();
    let to = cv.0.pop_var();
    let mut next: Option<ValX<'_, Val>> = Some(Ok(cv.0.pop_var()));
    let meter = *cv.0.data();
    let direction = by.partial_cmp(&Val::from(0isize)).unwrap_or(Ordering::Equal);
    Box::new(std::iter::from_fn(move || {
        meter.step();
        let value = match next.take()? {
            Ok(value) => value,
            Err(error) => return Some(Err(error)),
        };
        let goes_on = match direction {
            Ordering::Greater => value < to,
            Ordering::Less => value > to,
            Ordering::Equal => value != to,
        };
        goes_on.then(|| {
            next = Some((value.clone() + by.clone()).map_err(Exn::from));
            Ok(value)
        })
    }))
}

/// `fromjson`: jaq's own would recurse as deeply as a record's text says.
fn from_json(cv: Cv<'_, Metered>) -> ValXs<'_, Val> {
    let read = cv.1.try_as_utf8_bytes_owned().and_then(|text| {
        if depth(&text) > DEPTH_MAX {
            return Err(Error::str("cannot parse a text as JSON that is nested so deeply"));
        }
        jaq_json::read::parse_many(&text)
            .collect::<Result<Vec<Val>, _>>()
            .map_err(|error| Error::str(format_args!("cannot parse a text as JSON: {error}")))
    });
    match read {
        Ok(values) => Box::new(values.into_iter().map(Ok)),
        Err(error) => Box::new(std::iter::once(Err(Exn::from(error)))),
    }
}

/// How deeply brackets are nested, outside of texts.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
