//! Where in the source's order.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the source's order. Everything at or before it has been read; `Start` is before all.
///
/// Persisted and sent as compact JSON: `null`, `{"at":[text,ns],"id":…}`, or `{"step":n,"state":text}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// Before the first record.
    #[default]
    Start,
    /// At one record.
    At(Mark),
    /// At a step of a walk whose order is not that of the records' keys.
    Step(Step),
}

/// A step of a walk that goes along a source in an order of its own: newest first, slice by slice, or parent
/// by parent. A later step has a greater number, so steps compare and pages join as they do by keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Grows with every step of a stream.
    #[serde(rename = "step")]
    pub number: u64,
    /// All that the source needs to go on from here, as it wrote it. At most [`Step::STATE_BYTES_MAX`].
    pub state: Box<str>,
}

/// The key of one record in the source's order: by moment where the source has one, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// When the source says that the record changed; `None` where the order is by id alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// The record's id; breaks ties of `at`.
    pub id: RecordId,
}

/// A moment as the source wrote it, and normalised.
///
/// Requests carry the text, so that a source which compares texts or rounds sees its own value;
/// comparisons use the number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "(Box<str>, i64)", into = "(Box<str>, i64)")]
pub struct Moment {
    /// Just as the source wrote it.
    pub text: Box<str>,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub ns: i64,
}

/// A record's id. Numbers compare as numbers and come before texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RecordId {
    /// An integer id.
    Number(i64),
    /// Any other id.
    Text(Box<str>),
}

impl Position {
    /// The compact JSON form, for a table's attribute or a request.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a position is plain data")
    }

    /// Reads what [`Position::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The mark, where the position is that of a record's key.
    pub fn mark(&self) -> Option<&Mark> {
        match self {
            Self::At(mark) => Some(mark),
            Self::Start | Self::Step(_) => None,
        }
    }
}

impl Step {
    /// Most bytes of a state: a page's item and its message hold two of them, which text escapes may
    /// double, and a transaction seals ten pages.
    pub const STATE_BYTES_MAX: usize = 8 * 1024;
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Start => serializer.serialize_none(),
            Self::At(mark) => mark.serialize(serializer),
            Self::Step(step) => step.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Place {
            Step(Step),
            At(Mark),
        }
        Ok(match Option::<Place>::deserialize(deserializer)? {
            None => Self::Start,
            Some(Place::Step(step)) => Self::Step(step),
            Some(Place::At(mark)) => Self::At(mark),
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::At(Mark { at: Some(at), id }) => write!(f, "{} ({id})", at.text),
            Self::At(Mark { at: None, id }) => write!(f, "{id}"),
            // Its state is for the source alone.
            Self::Step(step) => write!(f, "step {}", step.number),
        }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<(Box<str>, i64)> for Moment {
    fn from((text, ns): (Box<str>, i64)) -> Self {
        Self { text, ns }
    }
}

impl From<Moment> for (Box<str>, i64) {
    fn from(moment: Moment) -> Self {
        (moment.text, moment.ns)
    }
}

// Two texts of one moment ("…Z" and "…+00:00") are one moment, so the text takes no part.
impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.ns == other.ns
    }
}

impl Eq for Moment {}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.ns.cmp(&other.ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ns: i64, id: RecordId) -> Position {
        Position::At(Mark { at: Some(Moment { text: ns.to_string().into(), ns }), id })
    }

    fn step(number: u64, state: &str) -> Position {
        Position::Step(Step { number, state: state.into() })
    }

    #[test]
    fn order_is_start_then_moment_then_id_with_numbers_as_numbers_then_steps() {
        let line = [
            Position::Start,
            at(1, RecordId::Number(9)),
            at(1, RecordId::Number(10)),
            at(1, RecordId::Text("1".into())),
            at(2, RecordId::Number(1)),
            step(1, "z"),
            step(2, "a"),
        ];
        assert!(line.is_sorted());
    }

    #[test]
    fn a_position_reads_back_what_it_wrote_with_the_sources_own_text() {
        let id = RecordId::Number(3);
        let by_id = Position::At(Mark { at: None, id });
        for position in
            [Position::Start, by_id, at(5, RecordId::Text("x".into())), step(7, "{\"a\":[1]}")]
        {
            let text = position.encode();
            assert_eq!(Position::decode(&text).unwrap(), position);
        }
        assert_eq!(at(7, RecordId::Number(3)).encode(), r#"{"at":["7",7],"id":3}"#);
        assert_eq!(step(7, "{\"a\":1}").encode(), r#"{"step":7,"state":"{\"a\":1}"}"#);
        assert!(Position::decode(r#"{"step":7}"#).is_err());
    }
}
