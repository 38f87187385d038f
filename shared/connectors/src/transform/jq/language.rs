//! The jq that flows are written in: all of it but what reaches outside the record.
//!
//! The check of a flow file and the transform that runs it compile with the same function, so what
//! passes here runs there.

use jaq_core::{
    Compiler, Filter,
    compile::Undefined,
    data::JustLut,
    load::{Arena, Error as LoadError, File, Loader},
};
use jaq_json::Val;

use crate::file::nearest;

/// A compiled program, to be run on [`Val`]s with [`JustLut`] as its data.
pub(super) type Program = Filter<JustLut<Val>>;

/// What is wrong with a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {remedy}")]
pub(super) struct JqError {
    /// What is wrong, in one line.
    pub(super) message: String,
    /// What to do about it, in one line.
    pub(super) remedy: String,
    /// The bytes of the program that are wrong; empty at its end.
    pub(super) span: std::ops::Range<usize>,
}

/// What standard jq has and a flow must not use, with the reason.
const REFUSED: [(&str, &str); 11] = [
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
const REFUSED_NATIVES: [&str; 4] = ["debug_empty", "stderr_empty", "now", "env"];

/// What a program sees beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    /// Nothing.
    Record,
    /// As `$lookup`, what was looked up; null where nothing was found.
    Lookup,
}

/// The variable that a looked-up record has.
pub(super) const LOOKUP_VARIABLE: &str = "$lookup";

impl Sees {
    /// The names of the variables that a run must give values to, in this order.
    pub(super) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Record => &[],
            Self::Lookup => &[LOOKUP_VARIABLE],
        }
    }
}

/// What is wrong where a program reads what was looked up and cannot have it, and what to do.
pub(super) fn no_lookup() -> (&'static str, &'static str) {
    (
        "`$lookup` is not to be had here",
        "it takes a `lookup` section, and `transform.jq`: a filter is asked before",
    )
}

/// Whether a program that compiles may read what was looked up.
pub(super) fn reads_lookup(program: &str) -> bool {
    program.contains(LOOKUP_VARIABLE)
}

/// Compiles a program.
///
/// # Errors
///
/// Everything that is wrong: syntax, or names that are undefined or refused.
pub(super) fn compile(program: &str, sees: Sees) -> Result<Program, Vec<JqError>> {
    let refused = |name: &str| {
        REFUSED.iter().any(|(refused, _)| *refused == name) || REFUSED_NATIVES.contains(&name)
    };
    let definitions = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|definition| !refused(definition.name));
    let natives = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !refused(name));

    let arena = Arena::default();
    let file = File { code: program, path: () };
    let modules = Loader::new(definitions).load(&arena, file).map_err(|errors| {
        errors.into_iter().flat_map(|(_, error)| load_errors(program, error)).collect::<Vec<_>>()
    })?;
    let compiler = Compiler::default().with_global_vars(sees.variables().iter().copied());
    compiler.with_funs(natives).compile(modules).map_err(|errors| {
        let undefined = errors.into_iter().flat_map(|(_, errors)| errors);
        undefined.map(|(name, what)| undefined_error(program, name, &what)).collect()
    })
}

fn load_errors(program: &str, error: LoadError<&str>) -> Vec<JqError> {
    const SYNTAX: &str = "see https://jqlang.org/manual/ for the language";
    let wrong = |at: &str, expected: &str| {
        let span = span(program, at);
        let found =
            if span.is_empty() { "its end".into() } else { format!("`{}`", first_line(at)) };
        JqError {
            message: format!("this is no jq: expected {expected}, found {found}"),
            remedy: SYNTAX.into(),
            span,
        }
    };
    match error {
        LoadError::Lex(errors) => {
            errors.iter().map(|(expected, at)| wrong(at, expected.as_str())).collect()
        }
        LoadError::Parse(errors) => {
            errors.iter().map(|(expected, at)| wrong(at, expected.as_str())).collect()
        }
        LoadError::Io(errors) => errors
            .iter()
            .map(|(path, _)| JqError {
                message: format!("the module `{path}` cannot be loaded"),
                remedy: "write the definitions into the program: a flow stands alone".into(),
                span: span(program, path),
            })
            .collect(),
    }
}

fn undefined_error(program: &str, name: &str, what: &Undefined) -> JqError {
    let span = span(program, name);
    if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        let message = format!("`{name}` is not available in a flow");
        return JqError { message, remedy: (*reason).into(), span };
    }
    if name == LOOKUP_VARIABLE {
        let (message, remedy) = no_lookup();
        return JqError { message: message.into(), remedy: remedy.into(), span };
    }
    let (message, remedy) = match what {
        Undefined::Filter(arity) => {
            let message = format!("jq has no function `{name}` with {arity} arguments");
            let names: Vec<_> = function_names().collect();
            let near = nearest(name, names.iter().copied());
            let remedy = match near {
                Some(near) if near == name => "check how many arguments it takes".into(),
                Some(near) => format!("did you mean `{near}`?"),
                None => "see https://jqlang.org/manual/ for what there is".into(),
            };
            (message, remedy)
        }
        other => {
            let message = format!("the {} `{name}` is not defined", other.as_str());
            (message, "define it before its use, like `.total as $total | …`".into())
        }
    };
    JqError { message, remedy, span }
}

/// Names of what a program may call, to find the nearest.
fn function_names() -> impl Iterator<Item = &'static str> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let natives = jaq_core::funs::<JustLut<Val>>().chain(jaq_std::funs()).chain(jaq_json::funs());
    let names = definitions.map(|definition| definition.name).chain(natives.map(|(name, ..)| name));
    names.filter(|name| !REFUSED.iter().any(|(refused, _)| refused == name))
}

/// Where in the program a piece of it stands: jaq gives errors as slices of its input.
fn span(program: &str, piece: &str) -> std::ops::Range<usize> {
    let start = (piece.as_ptr() as usize).wrapping_sub(program.as_ptr() as usize);
    if start > program.len() {
        // Not of this program: a slice of the prelude, or made up.
        return program.len()..program.len();
    }
    start..(start + first_line(piece).len()).min(program.len())
}

fn first_line(piece: &str) -> &str {
    piece.lines().next().unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(program: &str) -> Vec<JqError> {
        compile(program, Sees::Record).err().unwrap_or_default()
    }

    #[test]
    fn a_program_is_shared_by_threads() {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&compile(".", Sees::Lookup).ok().unwrap());
    }

    #[test]
    fn usual_programs_compile() {
        for program in [
            ".",
            ".status == \"placed\"",
            "{a: .b, c: [.lines[] | {sku, n: .quantity}]}",
            "select(.x) | .d |= (fromdateiso8601 | todate)",
            "def f(x): x + 1; f(.a) as $n | {$n}",
            "if .a then empty else error(\"no\") end",
            ".a // \"x\" | test(\"^y\") | not",
        ] {
            assert_eq!(errors(program), [], "{program}");
        }
    }

    #[test]
    fn what_reaches_outside_the_record_is_refused() {
        for (program, name) in [
            ("env.HOME", "env"),
            ("$ENV.HOME", "$ENV"),
            ("[inputs]", "inputs"),
            ("input", "input"),
            ("halt", "halt"),
            ("\"x\" | halt_error", "halt_error"),
            ("now", "now"),
            ("debug", "debug"),
            ("stderr", "stderr"),
        ] {
            let [error] = errors(program).try_into().unwrap();
            assert_eq!(error.message, format!("`{name}` is not available in a flow"), "{program}");
            assert_eq!(&program[error.span], name);
        }
    }

    #[test]
    fn what_was_looked_up_is_seen_only_where_it_is_to_be_had() {
        assert!(compile("$lookup.city // .city", Sees::Lookup).is_ok());
        let [error] = errors("$lookup.city").try_into().unwrap();
        assert!(error.remedy.contains("`lookup` section"), "{}", error.remedy);
        assert_eq!(&"$lookup.city"[error.span], "$lookup");
    }

    #[test]
    fn no_private_native_is_a_way_around() {
        for program in
            ["debug_empty", "stderr_empty", "halt(0)", "halt_error(1)", "include \"x\"; ."]
        {
            assert!(!errors(program).is_empty(), "{program}");
        }
    }

    #[test]
    fn a_slip_is_pointed_at() {
        let [error] = errors(".a | tostrng").try_into().unwrap();
        assert_eq!(&".a | tostrng"[error.span], "tostrng");
        assert_eq!(error.remedy, "did you mean `tostring`?");
        let [error] = errors("{a: .b").try_into().unwrap();
        assert!(error.message.contains("closing brace"), "{}", error.message);
        assert!(!errors("").is_empty() && !errors(".a |").is_empty());
    }
}
