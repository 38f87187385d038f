//! PartiQL's statements, taken apart: what each condition is there for shows when it is left out.
//!
//! A claim is written if its item still stands as it was read, so that one condition has a form for an
//! attribute that was there and another for one that was not. They are left out together.

use super::expression::Mutant;

const KEY: &str = " WHERE pk = ? AND sk = ?";

/// The attributes that a statement's conditions are of, as one text: statements of the same conditions have the
/// same.
pub fn conditions_of(statement: &str) -> String {
    let conditions = statement.split_once(KEY).map_or("", |(_, conditions)| conditions);
    conditions.split(" AND ").skip(1).map(attribute_of).collect::<Vec<_>>().join(" ")
}

/// Conditions with each left out in turn.
pub fn without_each(conditions: &str) -> Vec<Mutant> {
    let mutant = |attribute: &str| Mutant { without: attribute.to_owned(), text: None };
    conditions.split_whitespace().map(mutant).collect()
}

/// A statement without its condition on an attribute, and which of its parameters goes with that.
pub fn without(statement: &str, attribute: &str) -> (String, Option<usize>) {
    let (head, conditions) = statement.split_once(KEY).expect("it has conditions");
    let mut before = format!("{head}{KEY}").matches('?').count();
    let (mut left, mut parameter) = (format!("{head}{KEY}"), None);
    for condition in conditions.split(" AND ").skip(1) {
        let has_parameter = condition.ends_with('?');
        if attribute_of(condition) != attribute {
            left.push_str(&format!(" AND {condition}"));
        } else if has_parameter {
            parameter = Some(before);
        }
        before += usize::from(has_parameter);
    }
    (left, parameter)
}

fn attribute_of(condition: &str) -> &str {
    condition.split(' ').next().expect("a condition begins with its attribute")
}

#[test]
fn statements_are_taken_apart() {
    let end = " WHERE pk = ? AND sk = ? AND b = ? AND c IS MISSING AND d = ?";
    let statement = format!("UPDATE t SET a = ?{end}");
    assert_eq!(conditions_of(&statement), "b c d");
    let names: Vec<_> = without_each("b c d").into_iter().map(|mutant| mutant.without).collect();
    assert_eq!(names, ["b", "c", "d"]);
    let key = "UPDATE t SET a = ? WHERE pk = ? AND sk = ?";
    assert_eq!(without(&statement, "b"), (format!("{key} AND c IS MISSING AND d = ?"), Some(3)));
    assert_eq!(without(&statement, "c"), (format!("{key} AND b = ? AND d = ?"), None));
    assert_eq!(without(&statement, "d"), (format!("{key} AND b = ? AND c IS MISSING"), Some(4)));
    assert_eq!(without_each(&conditions_of("INSERT INTO t VALUE {'pk': ?}")), []);
}
