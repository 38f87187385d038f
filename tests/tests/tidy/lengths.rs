//! A function fits on two screens, and a file is one idea.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{modules::parse, tree, waiting};

/// From a function's `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 80;
/// A file with its tests.
const FILE_LINES_MAX: usize = 500;

/// Functions that are too long still: `file: name`.
const LONG_FUNCTIONS: &[&str] = &[];

/// Files that are too long still.
const LONG_FILES: &[&str] = &[];

#[test]
fn functions_fit_on_two_screens() {
    let mut found = BTreeMap::new();
    for (file, text) in tree::files("", "rs") {
        for (name, lines) in functions(parse(&file, &text)) {
            if lines > FUNCTION_LINES_MAX {
                found.insert(format!("{file}: {name}"), format!("{lines} lines"));
            }
        }
    }
    let remedy = format!(
        "give each of its steps a function with a name; {FUNCTION_LINES_MAX} lines are the most"
    );
    waiting::only(&found, "LONG_FUNCTIONS", LONG_FUNCTIONS, &remedy);
}

#[test]
fn files_are_one_idea() {
    let mut found = BTreeMap::new();
    for (file, text) in tree::files("", "rs") {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            found.insert(file, format!("{lines} lines"));
        }
    }
    let remedy = format!(
        "split it by subject, or move its tests to a file beside it; {FILE_LINES_MAX} lines are the most"
    );
    waiting::only(&found, "LONG_FILES", LONG_FILES, &remedy);
}

/// Every function with a body, by name, with its lines.
fn functions(tokens: TokenStream) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    // The function whose body comes next.
    let mut open: Option<(String, usize)> = None;
    let mut after_fn = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(word) if after_fn => {
                open = Some((word.to_string(), word.span().start().line));
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => open = None,
            TokenTree::Group(group) => {
                found.extend(functions(group.stream()));
                if group.delimiter() == Delimiter::Brace
                    && let Some((name, first)) = open.take()
                {
                    found.push((name, group.span_close().start().line - first + 1));
                }
            }
            _ => {}
        }
        after_fn = matches!(&token, TokenTree::Ident(word) if word == "fn");
    }
    found
}

#[test]
fn a_function_is_as_long_as_from_its_name_to_its_brace() {
    let text = "trait A { fn b(); fn c(d: fn(u8)) { fn e() {}\n\n } }\nconst F: u8 = { 1 };";
    let found = functions(text.parse().expect("it is Rust"));
    assert_eq!(found, [("e".to_owned(), 1), ("c".to_owned(), 3)]);
}
