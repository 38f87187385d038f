//! DynamoDB's expressions, taken apart: what each part is there for shows when it is left out.

/// A condition, key condition or filter.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// A comparison or a function's call.
    One(String),
}

/// An expression with one part left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutant {
    /// The part that is left out.
    pub without: String,
    /// What is left; `None` where nothing is.
    pub text: Option<String>,
}

/// A condition with each of its parts left out in turn: those that must all hold, and those of which any
/// may.
pub fn without_each_part(condition: &str) -> Vec<Mutant> {
    let mutant = |(without, left): (String, Option<Condition>)| {
        let text = left.map(|left| left.text());
        Mutant { without, text }
    };
    match parse(condition) {
        Condition::One(only) => vec![Mutant { without: only, text: None }],
        condition => condition.without_each().into_iter().map(mutant).collect(),
    }
}

/// An update with each `if_not_exists(there, otherwise)` in turn as if nothing were there.
pub fn without_each_default(update: &str) -> Vec<Mutant> {
    const CALL: &str = "if_not_exists(";
    let mutant = |(at, _)| {
        let inside: &str = &update[at + CALL.len()..];
        let (arguments, rest) = inside.split_once(')').expect("a call ends");
        let (_, otherwise) = arguments.split_once(", ").expect("a call has two arguments");
        let without = format!("{CALL}{arguments})");
        Mutant { without, text: Some(format!("{}{otherwise}{rest}", &update[..at])) }
    };
    update.match_indices(CALL).map(mutant).collect()
}

impl Condition {
    /// It with each part left out, and that part.
    fn without_each(&self) -> Vec<(String, Option<Self>)> {
        let (parts, join): (_, fn(Vec<Self>) -> Self) = match self {
            Self::All(parts) => (parts, Self::All),
            Self::Any(parts) => (parts, Self::Any),
            Self::One(_) => return Vec::new(),
        };
        let mut found = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let mut rest = parts.clone();
            rest.remove(at);
            let rest = if rest.len() == 1 { rest.pop() } else { Some(join(rest)) };
            found.push((part.text(), rest));
            for (without, left) in part.without_each() {
                let mut parts = parts.clone();
                parts[at] = left.expect("a group has two parts");
                found.push((without, Some(join(parts))));
            }
        }
        found
    }

    fn text(&self) -> String {
        let (parts, between) = match self {
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
            Self::One(text) => return text.clone(),
        };
        let part = |part: &Self| match part {
            Self::One(text) => text.clone(),
            group => format!("({})", group.text()),
        };
        parts.iter().map(part).collect::<Vec<_>>().join(between)
    }
}

fn parse(text: &str) -> Condition {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut words = Words { words: spaced.split_whitespace().collect(), at: 0 };
    let condition = words.any();
    assert_eq!(words.at, words.words.len(), "all of {text} was read");
    condition
}

struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek().expect("the expression goes on");
        self.at += 1;
        word
    }

    fn any(&mut self) -> Condition {
        self.group("OR", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Condition {
        self.group("AND", Self::one, Condition::All)
    }

    fn group(
        &mut self,
        between: &str,
        part: fn(&mut Self) -> Condition,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Condition {
        let mut parts = vec![part(self)];
        while self.peek() == Some(between) {
            self.next();
            parts.push(part(self));
        }
        if parts.len() == 1 { parts.remove(0) } else { join(parts) }
    }

    fn one(&mut self) -> Condition {
        let first = self.next();
        if first == "(" {
            let inside = self.any();
            assert_eq!(self.next(), ")");
            return inside;
        }
        let operator = self.next();
        if operator == "(" {
            let call = format!("{first}({})", self.next());
            assert_eq!(self.next(), ")");
            return Condition::One(call);
        }
        let mut comparison = format!("{first} {operator} {}", self.next());
        if operator == "BETWEEN" {
            comparison = format!("{comparison} {} {}", self.next(), self.next());
        }
        Condition::One(comparison)
    }
}

#[test]
fn conditions_are_taken_apart() {
    let text = "attribute_not_exists(a) OR (b = :b AND (c < :c OR d BETWEEN :d AND :e))";
    let mutants = without_each_part(text);
    let mutants: Vec<_> =
        mutants.iter().map(|it| (&*it.without, it.text.as_deref().unwrap())).collect();
    assert_eq!(
        mutants,
        [
            ("attribute_not_exists(a)", "b = :b AND (c < :c OR d BETWEEN :d AND :e)"),
            ("b = :b AND (c < :c OR d BETWEEN :d AND :e)", "attribute_not_exists(a)"),
            ("b = :b", "attribute_not_exists(a) OR (c < :c OR d BETWEEN :d AND :e)"),
            ("c < :c OR d BETWEEN :d AND :e", "attribute_not_exists(a) OR b = :b"),
            ("c < :c", "attribute_not_exists(a) OR (b = :b AND d BETWEEN :d AND :e)"),
            ("d BETWEEN :d AND :e", "attribute_not_exists(a) OR (b = :b AND c < :c)"),
        ]
    );
    assert_eq!(without_each_part("a = :a"), [Mutant { without: "a = :a".into(), text: None }]);
}

#[test]
fn defaults_are_taken_out_of_updates() {
    let mutants = without_each_default("SET a = if_not_exists(a, :zero) + :one, b = :b");
    let [mutant] = &mutants[..] else { panic!("{mutants:?}") };
    assert_eq!(mutant.text.as_deref(), Some("SET a = :zero + :one, b = :b"));
}
