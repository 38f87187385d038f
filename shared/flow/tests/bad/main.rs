//! What is said of wrong files: each is the good file with one slip, and each error names the line
//! and the remedy.

mod answers;
mod cannot_work;
mod mapped;
mod meaning;
mod posted;
mod structure;
mod validated;
mod ways;

use answers::ANSWERS;
use mapped::MAPPED;
use meaning::MEANING;
use posted::POSTED;
use structure::STRUCTURE;
use tidegate_flow::{FlowErrors, parse};
use validated::VALIDATED;
use ways::{WAYS, WITHOUT_START};

const GOOD: &str = include_str!("../good.yaml");
const GOOD_ANSWERS: &str = include_str!("../answers.yaml");
const GOOD_POSTED: &str = include_str!("../posted.yaml");

/// What is written, what is written instead, the line that is blamed, and parts of what is said.
struct Slip {
    right: &'static str,
    wrong: &'static str,
    line: usize,
    message: &'static str,
    remedy: &'static str,
}

const fn slip(
    right: &'static str,
    wrong: &'static str,
    line: usize,
    message: &'static str,
    remedy: &'static str,
) -> Slip {
    Slip { right, wrong, line, message, remedy }
}

fn errors(text: &str) -> FlowErrors {
    match parse("flows/bad.yaml", text) {
        Ok(flow) => panic!("a flow came of it: {flow:#?}\n{text}"),
        Err(errors) => errors,
    }
}

fn check(good: &str, slips: &[Slip]) {
    let mut unsaid = String::new();
    for Slip { right, wrong, line, message, remedy } in slips {
        assert!(good.contains(right), "`{right}` is not in the good file");
        let errors = errors(&good.replacen(right, wrong, 1));
        let said = errors.iter().any(|error| {
            error.location.line == *line
                && error.message.contains(message)
                && error.remedy.contains(remedy)
        });
        if !said {
            let expected = format!("line {line}, `{message}` and `{remedy}`");
            unsaid += &format!("\nfor `{wrong}` expected {expected}, but said:\n{errors}\n");
        }
    }
    assert!(unsaid.is_empty(), "{unsaid}");
}

#[test]
fn keys_and_kinds_of_values() {
    check(GOOD, STRUCTURE);
}

#[test]
fn what_values_mean() {
    check(GOOD, MEANING);
}

#[test]
fn what_becomes_of_a_record() {
    check(GOOD, MAPPED);
}

#[test]
fn what_records_must_be_like() {
    check(GOOD, VALIDATED);
    let several = |slip: &&Slip| errors(&GOOD.replacen(slip.right, slip.wrong, 1)).len() > 1;
    assert_eq!(VALIDATED.iter().filter(several).count(), 0);
}

#[test]
fn how_a_list_is_gone_along() {
    check(GOOD, WAYS);
    check(&GOOD.replacen("      start: 2026-01-01T00:00:00Z\n", "", 1), WITHOUT_START);
}

#[test]
fn what_answers_mean_and_limits_say() {
    check(GOOD_ANSWERS, ANSWERS);
}

#[test]
fn what_is_posted_for_a_list() {
    check(GOOD_POSTED, POSTED);
    let several: usize = POSTED
        .iter()
        .filter(|slip| errors(&GOOD_POSTED.replacen(slip.right, slip.wrong, 1)).len() > 1)
        .count();
    assert_eq!(several, 0);
}

#[test]
fn a_body_and_its_method_go_together() {
    let start = GOOD_POSTED.find("    body:").unwrap();
    let end = GOOD_POSTED.find("    records:").unwrap();
    let without = |body: &str| format!("{}{body}{}", &GOOD_POSTED[..start], &GOOD_POSTED[end..]);
    let get = without("").replace("    method: POST\n", "");
    for (text, line, message, remedy) in [
        (without(""), 9, "a POST for a list carries a `body`", "`body: {}`"),
        (without("    body: [1]\n"), 10, "`body` must be an object", "`body: {}`"),
        (without("    body: null\n"), 10, "`body` must be an object", "`body: {}`"),
        (get, 12, "`alone` is of a `body`", "method: POST"),
    ] {
        let errors = errors(&text);
        assert_eq!(errors.len(), 1, "{errors}");
        assert_eq!(errors[0].location.line, line, "{errors}");
        assert!(errors[0].message.contains(message), "{errors}");
        assert!(errors[0].remedy.contains(remedy), "{errors}");
    }
}

#[test]
fn where_no_header_says_when_the_count_begins_anew_it_is_no_limit() {
    let start = GOOD_ANSWERS.find("    reset:").unwrap();
    let end = GOOD_ANSWERS.find("  body:").unwrap();
    let errors = errors(&format!("{}{}", &GOOD_ANSWERS[..start], &GOOD_ANSWERS[end..]));
    assert_eq!(errors[0].location.line, 41);
    assert!(errors[0].message.contains("when the count begins anew"), "{errors}");
}

#[test]
fn one_slip_is_one_error() {
    // But for those that pull another along.
    let several: usize = MEANING
        .iter()
        .filter(|slip| errors(&GOOD.replacen(slip.right, slip.wrong, 1)).len() > 1)
        .count();
    assert!(several <= 6, "{several} of the slips are reported more than once");
}

#[test]
fn all_of_a_files_faults_are_said_at_once() {
    let slips = [MEANING, STRUCTURE].map(|slips| {
        // A key given twice is YAML's own fault, and ends the reading.
        let structural = slips.iter().filter(|slip| !slip.message.contains("given twice"));
        let text = structural
            .step_by(5)
            .fold(GOOD.to_owned(), |text, slip| text.replacen(slip.right, slip.wrong, 1));
        errors(&text).len()
    });
    assert!(slips.iter().all(|count| *count >= 6), "{slips:?}");
}

#[test]
fn no_literal_secret_is_shown() {
    for wrong in ["password: hunter2", "password: \"hunter2 and more\""] {
        let text = GOOD.replace("password: \"${secrets.crm_password}\"", wrong);
        assert!(!errors(&text).to_string().contains("hunter2"), "{}", errors(&text));
    }
    let text = GOOD.replace("https://api", "https://bot:hunter2@api");
    assert!(!errors(&text).to_string().contains("hunter2"), "{}", errors(&text));
}

#[test]
fn what_is_no_flow_file_at_all() {
    let deep = format!("flow: {}1{}", "[".repeat(100), "]".repeat(100));
    let large = format!("flow: x # {}", "x".repeat(1 << 20));
    for (text, line, message, remedy) in [
        ("", 1, "the file is empty", "start with `flow: NAME`"),
        ("\n  \n# nothing\n", 1, "the file is empty", "start with `flow: NAME`"),
        ("just words", 1, "the file must be a section with keys, and is a text", "write a section"),
        ("- a\n- b", 1, "the file must be a section with keys, and is a list", "write a section"),
        ("flow: a\n\tsource: b", 2, "indented with a tab", "indent with spaces"),
        ("flow: [a", 1, "this is no YAML", "check indentation"),
        ("flow: \"a", 1, "this is no YAML", "check indentation"),
        ("flow: a\n---\nflow: b", 3, "a second document", "one flow a file"),
        ("flow: *nowhere", 1, "this is no YAML", "check indentation"),
        ("a: &a {b: c}\nd: {<<: *a}", 2, "merge keys", "write the keys out"),
        (&deep, 1, "nested too deeply", "32 levels"),
        (&large, 1, "bytes", "one flow a file"),
        ("flow: a", 1, "missing key `source`", "add `source:` (Where records come from"),
    ] {
        let errors = errors(text);
        let said = errors.iter().any(|error| {
            error.location.line == line
                && error.message.contains(message)
                && error.remedy.contains(remedy)
        });
        let start = text.get(..40).unwrap_or(text);
        assert!(said, "for {start:?}: line {line}, `{message}` and `{remedy}` expected:\n{errors}");
    }
}

#[test]
fn jq_over_several_lines_is_blamed_where_it_stands() {
    let program = "jq: |\n    {name: .full_name,\n     city: .city | uper}\n";
    let start = GOOD.find("  map:").unwrap();
    let end = GOOD.find("\ndestination:").unwrap();
    let text = format!("{}  {program}{}", &GOOD[..start], &GOOD[end..]);
    insta::assert_snapshot!(errors(&text), @r#"
    error: jq has no function `uper` with 0 arguments
      --> flows/bad.yaml:38:20
       |
    38 |      city: .city | uper}
       |                    ^^^^
       = help: see https://jqlang.org/manual/ for what there is
    "#);
}

#[test]
fn errors_read_like_a_compilers() {
    let text =
        GOOD.replace("destination:", "destinaton:").replace("page_size: 250", "page_size: 0");
    insta::assert_snapshot!(errors(&text), @r#"
    error: `source.http.page_size` is 0, out of range
      --> flows/bad.yaml:26:16
       |
    26 |     page_size: 0
       |                ^
       = help: write a number from 1 to 10000

    error: unknown key `destinaton`
      --> flows/bad.yaml:42:1
       |
    42 | destinaton:
       | ^^^^^^^^^^
       = help: did you mean `destination`? known keys are: `description`, `destination`, `flow`, `landing`, `limits`, `lookup`, `ordering`, `page`, `params`, `retry`, `schedule`, `source`, `stuck_after`, `transform`, `validate`
    "#);
    let text = GOOD
        .replace("password: \"${secrets.crm_password}\"", "password: hunter2")
        .replace("X-Tenant: \"${params.tenant}\"", "X-Tenant: \"${params.tennant}\"");
    insta::assert_snapshot!(errors(&text), @r#"
    error: `auth.basic.password` must be a `${secrets.…}` reference: files hold no secrets
      --> flows/bad.yaml:12:47
       |
    12 |     auth: { basic: { username: bot, password: ***
       |                                               ^^^
       = help: write `${secrets.NAME}` and give the secret to the connection; if this one was real, replace it at its issuer

    error: the parameter `tennant` is not declared
      --> flows/bad.yaml:46:27
       |
    46 |     headers: { X-Tenant: "${params.tennant}" }
       |                           ^^^^^^^^^^^^^^^^^
       = help: did you mean `tenant`? or declare it: `params: { tennant: {} }`
    "#);
}
