//! Operators: what `+`, `-`, `*`, `/` and `%` make of two values.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use bytes::{BufMut, Bytes, BytesMut};
use jaq_core::ops::Math;
use jaq_json::{Map, Num, Rc, Val};

use super::{
    access::pieces,
    compare,
    made::{
        ELEMENT_BYTES, ENTRY_BYTES, Error, FRAME_BYTES, Value, ValueR, array, no, object,
        own_elements, own_entries,
    },
    numbers::{limbs, weigh_numbers},
};
use crate::transform::jq::budget::{spend_bytes, spend_text};

fn joined(left: Bytes, right: &Bytes) -> Bytes {
    // What nothing else shares grows where it is, more each time than is asked for.
    let copied = if left.is_unique() { right.len() } else { left.len() + right.len() };
    spend_text(left.len() + right.len());
    spend_bytes(copied);
    let mut joined = BytesMut::from(left);
    joined.put(right.clone());
    joined.freeze()
}

impl Add for Value {
    type Output = ValueR;

    fn add(self, other: Self) -> ValueR {
        match (self.0, other.0) {
            (Val::Null, value) | (value, Val::Null) => Ok(Self(value)),
            (Val::Num(one), Val::Num(two)) => {
                spend_bytes((limbs(&one) + limbs(&two)) * 8);
                Ok(Self(Val::Num(one + two)))
            }
            (Val::TStr(one), Val::TStr(two)) => Ok(Self(Val::utf8_str(joined(*one, &two)))),
            (Val::BStr(one), Val::BStr(two)) => Ok(Self(Val::byte_str(joined(*one, &two)))),
            (Val::Arr(one), Val::Arr(two)) => {
                let mut elements = own_elements(one);
                spend_bytes(two.len() * ELEMENT_BYTES);
                elements.extend(two.iter().cloned());
                Ok(Self(Val::Arr(Rc::new(elements))))
            }
            (Val::Obj(one), Val::Obj(two)) => {
                let mut entries = own_entries(one);
                spend_bytes(two.len() * ENTRY_BYTES);
                for (key, value) in two.iter() {
                    compare::weigh(key);
                    entries.insert(key.clone(), value.clone());
                }
                Ok(object(entries))
            }
            (one, two) => Err(Error::math(Self(one), Math::Add, Self(two))),
        }
    }
}

impl Sub for Value {
    type Output = ValueR;

    fn sub(self, other: Self) -> ValueR {
        match (self.0, other.0) {
            (Val::Num(one), Val::Num(two)) => {
                spend_bytes((limbs(&one) + limbs(&two)) * 8);
                Ok(Self(Val::Num(one - two)))
            }
            (Val::Arr(one), Val::Arr(two)) => {
                spend_bytes(two.len() * ELEMENT_BYTES);
                let mut removed: Vec<Val> = two.iter().cloned().collect();
                removed.sort_by(compare::order);
                let mut elements = own_elements(one);
                elements.retain(|element| {
                    removed.binary_search_by(|it| compare::order(it, element)).is_err()
                });
                Ok(array(elements))
            }
            (one, two) => Err(Error::math(Self(one), Math::Sub, Self(two))),
        }
    }
}

impl Mul for Value {
    type Output = ValueR;

    fn mul(self, other: Self) -> ValueR {
        match (self.0, other.0) {
            (Val::Num(one), Val::Num(two)) => {
                weigh_numbers(&one, &two);
                Ok(Self(Val::Num(one * two)))
            }
            (Val::TStr(text), Val::Num(times @ (Num::Int(_) | Num::BigInt(_))))
            | (Val::Num(times @ (Num::Int(_) | Num::BigInt(_))), Val::TStr(text)) => {
                Ok(repeated(&text, &times).map_or(Self(Val::Null), |it| Self(Val::utf8_str(it))))
            }
            (Val::BStr(text), Val::Num(times @ (Num::Int(_) | Num::BigInt(_))))
            | (Val::Num(times @ (Num::Int(_) | Num::BigInt(_))), Val::BStr(text)) => {
                Ok(repeated(&text, &times).map_or(Self(Val::Null), |it| Self(Val::byte_str(it))))
            }
            (Val::Obj(one), Val::Obj(two)) => Ok(object(merged(one, two))),
            (one, two) => Err(Error::math(Self(one), Math::Mul, Self(two))),
        }
    }
}

/// A text so many times; `None` for none.
fn repeated(text: &[u8], times: &Num) -> Option<Vec<u8>> {
    // A number that no machine has is as good as the largest.
    let times = match times {
        Num::Int(times) => usize::try_from(*times).unwrap_or(0),
        number if *number > Num::Int(0) => usize::MAX,
        _ => 0,
    };
    if times == 0 {
        return None;
    }
    spend_text(text.len().saturating_mul(times));
    Some(text.repeat(times))
}

fn merged(one: Rc<Map>, two: Rc<Map>) -> Map {
    let mut merged = own_entries(one);
    for (key, value) in two.iter() {
        compare::weigh(key);
        spend_bytes(ENTRY_BYTES);
        let known = merged.get_mut(key).map(std::mem::take);
        let value = match (known, value.clone()) {
            (Some(Val::Obj(one)), Val::Obj(two)) => Val::obj(self::merged(one, two)),
            (_, value) => value,
        };
        merged.insert(key.clone(), value);
    }
    merged
}

impl Div for Value {
    type Output = ValueR;

    fn div(self, other: Self) -> ValueR {
        let cut = |text: Bytes, separator: &Bytes, whole: fn(Bytes) -> Val| {
            let parts = pieces(&text, separator);
            spend_bytes(FRAME_BYTES);
            let parts = parts.map(|part| {
                spend_bytes(ELEMENT_BYTES);
                spend_text(0);
                whole(text.slice_ref(part))
            });
            Self(parts.collect())
        };
        match (self.0, other.0) {
            (Val::Num(one), Val::Num(two)) => {
                weigh_numbers(&one, &two);
                Ok(Self(Val::Num(one / two)))
            }
            (Val::TStr(text), Val::TStr(by)) => Ok(cut(*text, &by, Val::utf8_str)),
            (Val::BStr(text), Val::BStr(by)) => Ok(cut(*text, &by, Val::byte_str)),
            (one, two) => Err(Error::math(Self(one), Math::Div, Self(two))),
        }
    }
}

impl Rem for Value {
    type Output = ValueR;

    fn rem(self, other: Self) -> ValueR {
        match (self.0, other.0) {
            (Val::Num(one), Val::Num(two)) => {
                weigh_numbers(&one, &two);
                let (kept, by) = (Val::Num(one.clone()), Val::Num(two.clone()));
                (Val::Num(one) % Val::Num(two))
                    .map(Self)
                    .map_err(|_| Error::math(Self(kept), Math::Rem, Self(by)))
            }
            (one, two) => Err(Error::math(Self(one), Math::Rem, Self(two))),
        }
    }
}

impl Neg for Value {
    type Output = ValueR;

    fn neg(self) -> ValueR {
        match self.0 {
            Val::Num(number) => {
                spend_bytes(limbs(&number) * 8);
                Ok(Self(Val::Num(-number)))
            }
            other => Err(no(Self(other), "number")),
        }
    }
}
