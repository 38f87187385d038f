//! What programs may call: jq's own, but for what reaches outside the record, and with the natives
//! replaced that would not notice the budget.

use std::cmp::Ordering;

use jaq_core::{
    Cv, Exn, ValX, ValXs,
    load::parse::Def,
    native::{Fun, bome, run, unary, v},
};
use jaq_json::Val;
use jaq_std::ValT as _;

use super::{
    budget::{spend_bytes, spend_work, step},
    meter::Metered,
    value::{self, Error, Value},
};

/// Deeper texts are no JSON to `fromjson`: reading recurses by depth.
const DEPTH_MAX: usize = 200;

/// What standard jq has and a flow must not use, with the reason.
pub(super) const REFUSED: [(&str, &str); 11] = [
    ("env", ENVIRONMENT),
    ("$ENV", ENVIRONMENT),
    ("input", ONE_RECORD),
    ("inputs", ONE_RECORD),
    ("halt", NO_HALT),
    ("halt_error", NO_HALT),
    ("debug", NO_OUTPUT),
    ("stderr", NO_OUTPUT),
    ("now", NO_CLOCK),
    ("localtime", NO_ZONE),
    ("strflocaltime", NO_ZONE),
];
const ENVIRONMENT: &str = "a transform sees the record alone: it holds no secrets of the process";
const ONE_RECORD: &str = "a transform sees one record; use `.` for it";
const NO_HALT: &str = "use `empty` to leave the record out, or `error(\"why\")` to refuse it";
const NO_OUTPUT: &str = "use `tidegate check FILE --record RECORD` to see what a transform makes";
const NO_CLOCK: &str = "a retry must send the same: take a timestamp of the record";
const NO_ZONE: &str = "use `gmtime` and `strftime`: the machine's time zone is not the record's";

/// The natives behind them.
const REFUSED_NATIVES: [&str; 2] = ["debug_empty", "stderr_empty"];

/// Natives of jaq whose cost their arguments' size does not tell: each is called behind its guard, by another name.
const GUARDED: [(&str, &str); 5] = [
    ("matches", "guarded_matches"),
    ("split_matches", "guarded_split_matches"),
    ("split_", "guarded_split_"),
    ("jn", "guarded_jn"),
    ("yn", "guarded_yn"),
];
/// What such names begin with: no program of a flow may call them.
pub(super) const GUARDED_PREFIX: &str = "guarded_";
const GUARDS: &str = "
def matches($re; $flags): guarded_regex($re; $flags) | guarded_matches($re; $flags);
def split_matches($re; $flags): guarded_regex($re; $flags) | guarded_split_matches($re; $flags);
def split_($re; $flags): guarded_regex($re; $flags) | guarded_split_($re; $flags);
def jn($order; $x): guarded_order($order) | guarded_jn($order; $x);
def yn($order; $x): guarded_order($order) | guarded_yn($order; $x);
";

fn refused(name: &str) -> bool {
    REFUSED.iter().any(|(refused, _)| *refused == name) || REFUSED_NATIVES.contains(&name)
}

/// What is written in jq itself.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let guards = jaq_core::load::parse(GUARDS, |parser| parser.defs()).unwrap_or_default();
    let definitions =
        guards.into_iter().chain(jaq_core::defs()).chain(jaq_std::defs()).chain(jaq_json::defs());
    definitions.filter(|definition| !refused(definition.name))
}

/// What is written in Rust: jaq's own where it makes its values by ours, and what spends nothing by itself anew.
pub(super) fn functions() -> impl Iterator<Item = Fun<Metered>> {
    let natives = jaq_core::funs().chain(jaq_std::funs());
    let named = |(name, arguments, run): Fun<Metered>| {
        let guarded = GUARDED.iter().find(|(guarded, _)| *guarded == name);
        (guarded.map_or(name, |(_, other)| other), arguments, run)
    };
    let replaced = |name: &str, arity: usize| (name, arity) == ("range", 3);
    natives
        .filter(move |(name, arguments, _)| !refused(name) && !replaced(name, arguments.len()))
        .map(named)
        .chain([
            run::<Metered>(("range", v(3), range)),
            run::<Metered>(("guarded_regex", v(2), guard_regex)),
            run::<Metered>(("guarded_order", v(1), |cv| {
                unary(cv, |value, order| match order.as_isize() {
                    Some(order) if order.unsigned_abs() > ORDER_MAX => {
                        Err(Error::str(format_args!("an order above {ORDER_MAX} is too high")))
                    }
                    _ => Ok(value),
                })
            })),
        ])
        .chain(of_json())
}

/// Functions of jaq's JSON values.
fn of_json() -> [Fun<Metered>; 8] {
    [
        run::<Metered>(("fromjson", v(0), from_json)),
        run::<Metered>(("tojson", v(0), |cv| {
            let text = value::json(&cv.1.0);
            bome(Ok(<Value as jaq_std::ValT>::from_utf8_bytes(text)))
        })),
        run::<Metered>(("tobytes", v(0), |cv| {
            let mut bytes = Vec::new();
            let made = value::to_bytes(&cv.1.0, &mut bytes);
            bome(made.map(|()| Value(Val::byte_str(bytes))))
        })),
        run::<Metered>(("length", v(0), |cv| bome(value::length(cv.1)))),
        run::<Metered>(("contains", v(1), |cv| {
            unary(cv, |whole, part| Ok(value::contains(&whole.0, &part.0).into()))
        })),
        run::<Metered>(("has", v(1), |cv| unary(cv, |value, key| value::has(value, &key)))),
        run::<Metered>(("indices", v(1), |cv| {
            unary(cv, |value, wanted| value::indices(&value, &wanted))
        })),
        run::<Metered>(("bsearch", v(1), |cv| {
            unary(cv, |value, wanted| match &value.0 {
                Val::Arr(elements) => {
                    let found = elements.binary_search_by(|it| Value(it.clone()).cmp(&wanted));
                    let place = |at: usize| isize::try_from(at).unwrap_or(isize::MAX);
                    Ok(found.map_or_else(|at| -1 - place(at), place).into())
                }
                _ => Err(Error::typ(value, "array")),
            })
        })),
    ]
}

/// Orders of Bessel functions that are reached step by step.
const ORDER_MAX: usize = 10_000;
/// So many copies of a part may a pattern ask for, all counts multiplied.
const COPIES_MAX: u64 = 2_000;
/// The most bytes of a pattern, its repeated parts written out.
const PATTERN_MAX: usize = 100_000;
/// What a pattern's compiling costs at the least.
const PATTERN_WORK: usize = 1_000;
/// What a match takes while all of a text are found, in bytes.
const MATCH_BYTES: usize = 160;

/// Takes what it costs to compile a pattern and to find it, before either is done.
fn guard_regex(mut cv: Cv<'_, Metered>) -> ValXs<'_, Value> {
    let flags = cv.0.pop_var();
    let pattern = cv.0.pop_var();
    let (Some(flags), Some(pattern)) = (flags.as_utf8_bytes(), pattern.as_utf8_bytes()) else {
        // What is no text is refused by the function itself.
        return bome(Ok(cv.1));
    };
    // It compiles the pattern before it looks at what is searched.
    let text = cv.1.as_utf8_bytes().unwrap_or_default();
    let copies = copies(pattern);
    if copies > COPIES_MAX {
        let message = "a regular expression repeats a part more than 2,000 times";
        return bome(Err(Error::str(message)));
    }
    let copies = usize::try_from(copies).unwrap_or(usize::MAX);
    let written_out = pattern.len().saturating_mul(copies);
    if written_out > PATTERN_MAX {
        let message = "a regular expression comes to more than 100,000 characters";
        return bome(Err(Error::str(message)));
    }
    spend_work(PATTERN_WORK + written_out);
    spend_work(text.len());
    if flags.contains(&b'g') {
        spend_bytes(matches_max(text, pattern).saturating_mul(MATCH_BYTES));
    }
    bome(Ok(cv.1))
}

/// How many matches there may be: each byte may be one, unless the pattern stands for itself alone.
fn matches_max(text: &[u8], pattern: &[u8]) -> usize {
    let is_literal = !pattern.is_empty()
        && pattern.is_ascii()
        && !pattern.iter().any(|byte| br"\.+*?()|[]{}^$#".contains(byte));
    match (is_literal, pattern) {
        (true, [first, ..]) => text.iter().filter(|byte| byte.eq_ignore_ascii_case(first)).count(),
        _ => text.len() + 1,
    }
}

/// How often a pattern repeats its parts, as counts in braces say: all of them multiplied, for they may stand in each
/// other.
fn copies(pattern: &[u8]) -> u64 {
    let mut copies = 1_u64;
    for part in pattern.split(|byte| *byte == b'{').skip(1) {
        let count = part.split(|byte| *byte == b'}').next().unwrap_or_default();
        let numbers = count
            .split(|byte| *byte == b',')
            .filter_map(|digits| std::str::from_utf8(digits).ok()?.trim().parse::<u64>().ok());
        copies = copies.saturating_mul(numbers.max().unwrap_or(1).max(1));
    }
    copies
}

/// `range($from; $to; $by)`: jaq's own would spin without evaluating a term.
fn range(mut cv: Cv<'_, Metered>) -> ValXs<'_, Value> {
    let by = cv.0.pop_var();
    let to = cv.0.pop_var();
    let mut next: Option<ValX<'_, Value>> = Some(Ok(cv.0.pop_var()));
    let direction = by.cmp(&Value::from(0isize));
    Box::new(std::iter::from_fn(move || {
        step();
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
fn from_json(cv: Cv<'_, Metered>) -> ValXs<'_, Value> {
    let Some(text) = cv.1.as_utf8_bytes() else {
        return bome(Err(Error::typ(cv.1, "string")));
    };
    if depth(text) > DEPTH_MAX {
        return bome(Err(Error::str("cannot parse a text as JSON that is nested so deeply")));
    }
    if longest_number(text) > NUMBER_MAX {
        return bome(Err(Error::str("cannot parse a text as JSON that has so long a number")));
    }
    spend_bytes(text.len().saturating_mul(PARSED_BYTES));
    let values = jaq_json::read::parse_many(text)
        .map(|value| value.map(Value))
        .collect::<Result<Vec<Value>, _>>()
        .map_err(|error| Error::str(format_args!("cannot parse a text as JSON: {error}")));
    match values {
        Ok(values) => Box::new(values.into_iter().map(Ok)),
        Err(error) => bome(Err(error)),
    }
}

/// A number of more digits takes the square of their number to read.
const NUMBER_MAX: usize = 10_000;
/// What a byte of JSON takes as a value at the most: `[],` makes an array of three.
const PARSED_BYTES: usize = 24;

/// The most digits in a row.
fn longest_number(text: &[u8]) -> usize {
    text.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or(0)
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
