//! Values compared with each other, as jaq has them in order.

use std::cmp::Ordering;

use jaq_json::{Map, Val};

use super::{made::Value, numbers::limbs};
use crate::transform::jq::budget::{spend_bytes, spend_work};

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

/// Looks at every part of a value, as often as it is there.
pub(super) fn weigh(value: &Val) {
    spend_work(1);
    match value {
        Val::Arr(array) => array.iter().for_each(weigh),
        Val::Obj(object) => object.iter().for_each(|(key, value)| {
            weigh(key);
            weigh(value);
        }),
        Val::TStr(text) | Val::BStr(text) => spend_work(text.len() / 16),
        Val::Num(number) => spend_work(limbs(number)),
        Val::Null | Val::Bool(_) => {}
    }
}

/// Whether two values are the same.
pub(super) fn equal(one: &Val, other: &Val) -> bool {
    spend_work(1);
    match (one, other) {
        (Val::Arr(one), Val::Arr(other)) => {
            one.len() == other.len()
                && one.iter().zip(other.iter()).all(|(one, other)| equal(one, other))
        }
        (Val::Obj(one), Val::Obj(other)) => {
            let same = |(key, value): (&Val, &Val)| {
                weigh(key);
                other.get(key).is_some_and(|found| equal(value, found))
            };
            one.len() == other.len() && one.iter().all(same)
        }
        (Val::TStr(text), _) | (Val::BStr(text), _) => {
            spend_work(text.len() / 16);
            one == other
        }
        (Val::Num(number), _) => {
            spend_work(limbs(number));
            one == other
        }
        // Of different kinds, or without parts.
        _ => one == other,
    }
}

/// Which of two values comes first: null, false, true, numbers, texts, arrays, objects.
pub(super) fn order(one: &Val, other: &Val) -> Ordering {
    spend_work(1);
    match (one, other) {
        (Val::Arr(one), Val::Arr(other)) => {
            for (one, other) in one.iter().zip(other.iter()) {
                match order(one, other) {
                    Ordering::Equal => {}
                    decided => return decided,
                }
            }
            one.len().cmp(&other.len())
        }
        (Val::Obj(one), Val::Obj(other)) => order_objects(one, other),
        (Val::TStr(text), _) | (Val::BStr(text), _) => {
            spend_work(text.len() / 16);
            one.cmp(other)
        }
        (Val::Num(number), _) => {
            spend_work(limbs(number));
            one.cmp(other)
        }
        _ => one.cmp(other),
    }
}

/// By their keys, and then by their values in the keys' order.
fn order_objects(one: &Map, other: &Map) -> Ordering {
    match (one.len(), other.len()) {
        (0, 0) => return Ordering::Equal,
        (0, _) => return Ordering::Less,
        (_, 0) => return Ordering::Greater,
        _ => {}
    }
    let sorted = |map: &'_ Map| {
        spend_bytes(map.len() * 16);
        let mut entries: Vec<(Val, Val)> =
            map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        entries.sort_by(|(one, _), (other, _)| order(one, other));
        entries
    };
    let (one, other) = (sorted(one), sorted(other));
    let first = |part: fn(&(Val, Val)) -> &Val| {
        let pairs = one.iter().map(part).zip(other.iter().map(part));
        pairs.map(|(one, other)| order(one, other)).find(|it| *it != Ordering::Equal)
    };
    first(|entry| &entry.0)
        .or_else(|| (one.len() != other.len()).then(|| one.len().cmp(&other.len())))
        .or_else(|| first(|entry| &entry.1))
        .unwrap_or(Ordering::Equal)
}
