//! The jq that flows are written in: all of it but what reaches outside the record.
//!
//! The check of a flow file and the transform that runs it compile with the same function, so what
//! passes here runs there.

use jaq_core::{
    Compiler, Filter,
    compile::Undefined,
    load::{Arena, Error as LoadError, File, Loader},
};

use super::{meter::Metered, natives};
use crate::file::nearest;

/// A compiled program, to be run within a budget.
pub(super) type Program = Filter<Metered>;

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

/// What a program sees beside the record and, as `$params`, the connection's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    /// Nothing.
    Record,
    /// As `$lookup`, what was looked up; null where nothing was found.
    Lookup,
}

/// The variable that a looked-up record has.
pub(super) const LOOKUP_VARIABLE: &str = "$lookup";

/// The variable that is an object of the connection's parameters.
pub(super) const PARAMS_VARIABLE: &str = "$params";

impl Sees {
    /// The names of the variables that a run must give values to, in this order.
    pub(super) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Record => &[PARAMS_VARIABLE],
            Self::Lookup => &[LOOKUP_VARIABLE, PARAMS_VARIABLE],
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

/// The parameters that a program that compiles names, like `$params.tenant`. One that has a variable of its own of that
/// name means that.
pub(super) fn named_params(program: &str) -> Vec<&str> {
    let own = program.match_indices(PARAMS_VARIABLE).any(|(at, _)| {
        let before = program[..at].trim_end();
        before.ends_with(" as") || program.contains("def ") && before.ends_with(['(', ';'])
    });
    let named = program.match_indices(PARAMS_VARIABLE).filter_map(|(at, variable)| {
        let rest = &program[at + variable.len()..];
        let rest = match rest.strip_prefix('.') {
            Some(rest) => rest.strip_prefix('"').unwrap_or(rest),
            None => rest.strip_prefix("[\"")?,
        };
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        (end > 0).then_some(&rest[..end])
    });
    if own { Vec::new() } else { named.collect() }
}

/// Compiles a program.
///
/// # Errors
///
/// Everything that is wrong: syntax, or names that are undefined or refused.
pub(super) fn compile(program: &str, sees: Sees) -> Result<Program, Vec<JqError>> {
    if let Some(at) = program.find(natives::GUARDED_PREFIX) {
        let name = first_word(&program[at..]);
        return Err(vec![undefined_error(program, name, &Undefined::Filter(0))]);
    }
    let arena = Arena::default();
    let file = File { code: program, path: () };
    let modules = Loader::new(natives::definitions()).load(&arena, file).map_err(|errors| {
        errors.into_iter().flat_map(|(_, error)| load_errors(program, error)).collect::<Vec<_>>()
    })?;
    let compiler = Compiler::default().with_global_vars(sees.variables().iter().copied());
    compiler.with_funs(natives::functions()).compile(modules).map_err(|errors| {
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
    if let Some((_, reason)) = natives::REFUSED.iter().find(|(refused, _)| *refused == name) {
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
    let natives = natives::functions().map(|(name, ..)| name);
    let names = natives::definitions().map(|definition| definition.name).chain(natives);
    names.filter(|name| !name.starts_with(natives::GUARDED_PREFIX))
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

/// The name that a text begins with.
fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
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
    fn parameters_are_a_variable_and_are_named_by_what_follows_it() {
        let program =
            r#"{a: $params.tenant, b: "\($params["region"]) \($params.tenant)", c: $params."x"}"#;
        assert_eq!(errors(program), []);
        assert_eq!(named_params(program), ["tenant", "region", "tenant", "x"]);
        assert!(named_params("$params | keys").is_empty());
        assert!(named_params(". as $params | $params.id").is_empty(), "a variable of its own");
        assert!(named_params("def f($params): $params.id; f(.)").is_empty());
    }

    #[test]
    fn no_private_native_is_a_way_around() {
        for program in [
            "debug_empty",
            "stderr_empty",
            "halt(0)",
            "halt_error(1)",
            "include \"x\"; .",
            "guarded_matches(\"a\"; \"g\")",
        ] {
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
