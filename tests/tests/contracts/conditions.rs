//! No condition of the DynamoDB store is there in vain: whichever is left out, a behaviour notices.
//!
//! The suite runs over a table that notes every expression that it is sent. Then each part of each
//! expression is left out of the requests that carry it, and of the behaviours that send it one must fail.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    panic::{self, AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use serde_json::{Map, Value};
use tidegate_aws::Table;

use super::{
    cursor, digests,
    expression::{Mutant, without_each_default, without_each_part},
    faults, ledger, overtaken, pages, parked, shelf, statements, suspects,
};

/// One behaviour of the suite, on this table.
pub type Behaviour = for<'a> fn(&'a Table) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A behaviour over a mutant ends after so many times the requests that it takes otherwise: it loops.
const REQUESTS_MAX: usize = 5;
/// What a behaviour of few requests may take at least.
const REQUESTS_FREE: usize = 500;

/// An expression as a request carries it: its name in the request, and its text.
type Expression = (&'static str, String);

const NAMES: [&str; 5] = [
    "ConditionExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "UpdateExpression",
    "Statement",
];

thread_local! {
    /// Panics of this thread are what is looked for: they are not told of, which would take longer than the
    /// behaviours do.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

fn keep_quiet_of_expected_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !EXPECTED.get() {
            tell(panic);
        }
    }));
}

fn suite() -> Vec<(String, Behaviour)> {
    let modules: [(&str, &[(&str, Behaviour)]); 8] = [
        ("cursor", cursor::BEHAVIOURS),
        ("digests", digests::BEHAVIOURS),
        ("ledger", ledger::BEHAVIOURS),
        ("pages", pages::BEHAVIOURS),
        ("overtaken", overtaken::BEHAVIOURS),
        ("parked", parked::BEHAVIOURS),
        ("shelf", shelf::BEHAVIOURS),
        ("suspects", suspects::BEHAVIOURS),
    ];
    let named = |(module, behaviours): (&str, &[(&str, Behaviour)])| {
        let named =
            |(name, behaviour): &(&str, Behaviour)| (format!("{module}::{name}"), *behaviour);
        behaviours.iter().map(named).collect::<Vec<_>>()
    };
    modules.into_iter().flat_map(named).collect()
}

/// A behaviour that holds, what it sends, and in how many requests.
struct Known {
    name: String,
    behaviour: Behaviour,
    sends: BTreeSet<Expression>,
    requests: usize,
}

fn known((name, behaviour): (String, Behaviour)) -> Known {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let notes = Arc::clone(&seen);
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let (table, _) = faults::table(move |embedded, target, body| {
        counted.fetch_add(1, SeqCst);
        let mut request: Value = serde_json::from_slice(body).unwrap();
        each_expression(&mut request, &mut |holder, name| {
            notes.lock().unwrap().insert((name, told_apart_by(holder, name)));
        });
        embedded.answer(target, body)
    });
    block_on(behaviour(&table));
    let sends = std::mem::take(&mut *seen.lock().unwrap());
    Known { name, behaviour, sends, requests: requests.load(SeqCst) }
}

/// Whether the behaviour fails where one expression lacks a part.
fn fails(known: &Known, expression: &Expression, mutant: &Mutant) -> bool {
    let (name, text, mutant) = (expression.0, expression.1.clone(), mutant.clone());
    let without = mutant.without.clone();
    let requests = AtomicUsize::new(0);
    let requests_max = known.requests * REQUESTS_MAX + REQUESTS_FREE;
    let refused = Arc::new(Mutex::new(None));
    let refusal = Arc::clone(&refused);
    let (table, _) = faults::table(move |embedded, target, body| {
        assert!(requests.fetch_add(1, SeqCst) < requests_max, "it goes on and on");
        let mut request: Value = serde_json::from_slice(body).unwrap();
        let mut changed = false;
        each_expression(&mut request, &mut |holder, its_name| {
            if its_name == name && told_apart_by(holder, name) == text {
                changed = true;
                match name {
                    "Statement" => leave_out(holder, &mutant.without),
                    _ => replace(holder, name, mutant.text.as_deref()),
                }
            }
        });
        let answer = embedded.answer(target, &serde_json::to_vec(&request).unwrap());
        let said = String::from_utf8_lossy(&answer.1);
        if changed && said.contains("ValidationException") {
            *refusal.lock().unwrap() = Some(said.into_owned());
        }
        answer
    });
    EXPECTED.set(true);
    let run = catch_unwind(AssertUnwindSafe(|| block_on((known.behaviour)(&table))));
    EXPECTED.set(false);
    let refused = refused.lock().unwrap().take();
    assert_eq!(refused, None, "without {}, {expression:?} is no request", without);
    run.is_err()
}

/// Calls `act` with each object of a request that has expressions, and the name of each.
fn each_expression(value: &mut Value, act: &mut impl FnMut(&mut Map<String, Value>, &'static str)) {
    match value {
        Value::Object(holder) => {
            for name in NAMES {
                if holder.get(name).is_some_and(Value::is_string) {
                    act(holder, name);
                }
            }
            holder.values_mut().for_each(|value| each_expression(value, act));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each_expression(value, act)),
        _ => {}
    }
}

fn text_of(holder: &Map<String, Value>, name: &str) -> String {
    holder[name].as_str().expect("it was asked for").to_owned()
}

/// What an expression is told apart by from others of its name: of a statement the attributes that its
/// conditions are of.
fn told_apart_by(holder: &Map<String, Value>, name: &str) -> String {
    let text = text_of(holder, name);
    if name == "Statement" { statements::conditions_of(&text) } else { text }
}

/// Leaves a statement's condition on an attribute out.
fn leave_out(holder: &mut Map<String, Value>, attribute: &str) {
    let (text, parameter) = statements::without(&text_of(holder, "Statement"), attribute);
    holder.insert("Statement".to_owned(), text.into());
    if let (Some(at), Some(Value::Array(all))) = (parameter, holder.get_mut("Parameters")) {
        all.remove(at);
    }
}

/// Puts another expression in its place. Names and values that no expression uses any more go too, for
/// DynamoDB refuses them.
fn replace(holder: &mut Map<String, Value>, name: &str, instead: Option<&str>) {
    match instead {
        Some(text) => drop(holder.insert(name.to_owned(), text.into())),
        None => drop(holder.remove(name)),
    }
    let expressions = NAMES.into_iter().chain(["ProjectionExpression"]);
    let texts: Vec<&str> = expressions.filter_map(|name| holder.get(name)?.as_str()).collect();
    let is_word = |letter: char| letter.is_alphanumeric() || "_:#".contains(letter);
    let used: BTreeSet<String> = texts
        .iter()
        .flat_map(|text| text.split(|letter| !is_word(letter)))
        .map(str::to_owned)
        .collect();
    for names in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        let Some(Value::Object(map)) = holder.get_mut(names) else { continue };
        map.retain(|name, _| used.contains(name));
        if map.is_empty() {
            holder.remove(names);
        }
    }
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(future);
}

fn mutants((name, text): &Expression) -> Vec<Mutant> {
    match *name {
        "UpdateExpression" => without_each_default(text),
        "Statement" => statements::without_each(text),
        // Without its partition a query is none.
        "KeyConditionExpression" => {
            let mutants = without_each_part(text).into_iter();
            mutants.filter(|mutant| mutant.without != "pk = :pk").collect()
        }
        _ => without_each_part(text),
    }
}

#[test]
fn no_part_of_an_expression_is_left_out_unnoticed() {
    let began = Instant::now();
    keep_quiet_of_expected_panics();
    let mut suite: Vec<Known> = suite().into_iter().map(known).collect();
    // What takes few requests is tried first.
    suite.sort_by_key(|known| known.requests);
    let mut sent: BTreeMap<Expression, Vec<&Known>> = BTreeMap::new();
    for known in &suite {
        for expression in &known.sends {
            sent.entry(expression.clone()).or_default().push(known);
        }
    }
    let mut unnoticed = Vec::new();
    let mut count = 0;
    for (expression, senders) in &sent {
        for mutant in mutants(expression) {
            count += 1;
            let notices = |known: &&&Known| fails(known, expression, &mutant);
            let noticed = senders.iter().find(notices).map(|known| &*known.name);
            println!("{:30} without {}", noticed.unwrap_or("NOTHING"), mutant.without);
            if noticed.is_none() {
                unnoticed.push(format!("{} without {}", expression.1, mutant.without));
            }
        }
    }
    println!("{count} mutants of {} expressions in {:?}", sent.len(), began.elapsed());
    assert!(unnoticed.is_empty(), "nothing notices:\n{}", unnoticed.join("\n"));
    assert!(count > 30, "{count}: the suite sends fewer conditions than there are");
}
