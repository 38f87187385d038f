//! DynamoDB's JSON of attributes, read no further than a statement needs.
//!
//! An item of the ledger has ten attributes, of which a statement looks at four and changes five: the others
//! stay the JSON that they are.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// DynamoDB's own bounds: a number's digits, and a key's bytes.
const DIGITS_MAX: usize = 38;
const PK_BYTES_MAX: usize = 2_048;
const SK_BYTES_MAX: usize = 1_024;

/// A text or a number: what requests say most. Everything else is no `Value`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub enum Value<'a> {
    /// A text.
    S(#[serde(borrow)] Cow<'a, str>),
    /// A number's digits, as they were said.
    N(&'a str),
}

impl<'a> Value<'a> {
    /// The value that a request says or an item has, where it is one that has one spelling only: a text, or a
    /// whole number without superfluous digits. Two of those are equal if they are spelled so.
    pub fn plain(json: &'a RawValue) -> Option<Self> {
        serde_json::from_str::<Self>(json.get()).ok().filter(Self::is_plain)
    }

    /// Whether it has one spelling only.
    pub fn is_plain(&self) -> bool {
        let Self::N(number) = self else { return true };
        let digits = number.strip_prefix('-').unwrap_or(number);
        let is_canonical = *number == "0" || matches!(digits.as_bytes(), [b'1'..=b'9', ..]);
        is_canonical
            && digits.len() <= DIGITS_MAX
            && digits.bytes().all(|digit| digit.is_ascii_digit())
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            Self::N(_) => None,
        }
    }

    /// Writes it as an item has it.
    pub fn write(&self, json: &mut Vec<u8>) {
        match self {
            Self::S(text) => {
                json.extend_from_slice(br#"{"S":"#);
                serde_json::to_writer(&mut *json, text).expect("memory takes every text");
                json.push(b'}');
            }
            Self::N(digits) => {
                json.extend_from_slice(br#"{"N":""#);
                json.extend_from_slice(digits.as_bytes());
                json.extend_from_slice(br#""}"#);
            }
        }
    }

    /// What DynamoDB counts a plain one as: a text's bytes, a byte for two digits that are not nought at the
    /// end, one more, and one for the sign.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
    pub fn bytes(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => {
                let digits = number.trim_start_matches('-').trim_end_matches('0');
                digits.len().div_ceil(2) + 1 + usize::from(number.starts_with('-'))
            }
        }
    }
}

/// The texts of a key; `None` of what can be none.
pub fn key<'v>(pk: &'v Value<'_>, sk: &'v Value<'_>) -> Option<(&'v str, &'v str)> {
    let (pk, sk) = (pk.text()?, sk.text()?);
    let fits = (1..=PK_BYTES_MAX).contains(&pk.len()) && (1..=SK_BYTES_MAX).contains(&sk.len());
    fits.then_some((pk, sk))
}

/// A key's text as dynoxide's table has it.
pub fn kept(text: &str) -> String {
    ["S:", text].concat()
}

/// What DynamoDB counts any value as. `None` of what is none.
pub fn bytes_of(json: &RawValue) -> Option<usize> {
    if let Some(plain) = Value::plain(json) {
        return Some(plain.bytes());
    }
    Some(serde_json::from_str::<dynoxide::AttributeValue>(json.get()).ok()?.size())
}

/// An item's attributes.
pub struct Attributes<'a>(pub Vec<(&'a str, &'a RawValue)>);

impl<'a> Attributes<'a> {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

impl<'a> Deserialize<'a> for Attributes<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'a> Visitor<'a> for Members {
            type Value = Attributes<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item")
            }

            fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Attributes<'a>, M::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Attributes(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
