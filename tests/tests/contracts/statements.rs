//! PartiQL's statements, taken apart: what each condition is there for shows when it is left out.

use super::expression::Mutant;

const KEY: &str = " WHERE pk = ? AND sk = ?";

/// A statement with each of its conditions left out in turn, but for the key, without which it is none.
pub fn without_each_condition(statement: &str) -> Vec<Mutant> {
    let Some((head, conditions)) = statement.split_once(KEY) else { return Vec::new() };
    let conditions: Vec<&str> = conditions.split(" AND ").skip(1).collect();
    let without = |at: usize| {
        let mut left = conditions.clone();
        let without = left.remove(at).to_owned();
        let left: String = left.iter().map(|condition| format!(" AND {condition}")).collect();
        Mutant { without, text: Some(format!("{head}{KEY}{left}")) }
    };
    (0..conditions.len()).map(without).collect()
}

/// Which of its parameters a statement has no question mark for any more, if so much of it is left.
pub fn parameter_left_out(statement: &str, left: &str) -> Option<usize> {
    let marks = |text: &str| text.matches('?').count();
    let same = statement.bytes().zip(left.bytes()).take_while(|(was, is)| was == is).count();
    (marks(statement) > marks(left)).then(|| marks(&statement[..same]))
}

#[test]
fn statements_are_taken_apart() {
    let statement =
        "UPDATE t SET a = ? WHERE pk = ? AND sk = ? AND b = ? AND c IS MISSING AND d = ?";
    let mutants = without_each_condition(statement);
    let without: Vec<_> = mutants
        .iter()
        .map(|it| (&*it.without, parameter_left_out(statement, it.text.as_deref().unwrap())))
        .collect();
    assert_eq!(without, [("b = ?", Some(3)), ("c IS MISSING", None), ("d = ?", Some(4))]);
    let last = "UPDATE t SET a = ? WHERE pk = ? AND sk = ? AND b = ? AND c IS MISSING";
    assert_eq!(mutants[2].text.as_deref(), Some(last));
    assert_eq!(without_each_condition("INSERT INTO t VALUE {'pk': ?}"), []);
}
