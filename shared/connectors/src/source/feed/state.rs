//! Where a walk is: which file, how far in it, and what it held so far.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use tidegate_core::model::{EpochMs, Version};
use tidegate_feed::Place;
use tidegate_transfer::{Identity, Seam};

use super::lists::Listed;

/// Versions begin with the second in which a file was first seen, from here on: 2020-01-01.
const FIRST_SECOND: i64 = 1_577_836_800;

/// What a position says: what is the same for all of a file's records, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    #[serde(flatten)]
    pub(super) pass: Pass,
    #[serde(flatten)]
    pub(super) there: There,
}

/// What is the same for all of a file's records, once the first of them was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pass {
    /// The file that is read, or was.
    pub(super) file: Identity,
    /// When it was first seen, in seconds since 1970; later than the file before.
    pub(super) seen_s: i64,
    /// What the file before held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<Listed>,
    /// What it is packed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) packed: Option<Packed>,
    /// What a reader must be told to go on within the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Box<str>>,
    /// The encoding that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<Box<str>>,
}

/// What a file is packed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Packed {
    Gzip,
}

/// How far a walk is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct There {
    #[serde(default, skip_serializing_if = "Stage::is_reading")]
    pub(super) stage: Stage,
    /// What stands some way before the place, by which the file is known again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seam: Option<Seam>,
    /// Some record had no id that could be read, so nothing may be concluded from what is absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unread: bool,
    /// The place in the file: see [`Place`]. In the other stages, how much was given.
    pub(super) at: At,
    /// What the file held so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) list: Option<Listed>,
}

/// A place as it is kept: five numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At(u64, u64, u64, u64, u64);

/// What is done with a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// Its records are given.
    #[default]
    Reading,
    /// What is gone from it is given.
    Gone,
    /// All of it was given.
    Done,
    /// All but deletions, of which there were too many: so many thousandths of what there was.
    Kept { thousandths: u32 },
}

impl State {
    /// As text, but for its end: what is the same for many records is written once.
    pub(super) fn open_ended(&self) -> String {
        let mut text = serde_json::to_string(self).expect("a state is plain data");
        let at = text.rfind(OPEN_END).expect("a place is written");
        text.truncate(at);
        text
    }
}

/// A place comes last, where nothing was read.
const OPEN_END: &str = r#","at":[0,0,0,0,0]"#;

impl There {
    /// The rest of a text: the place, and the list.
    pub(super) fn close(&self, common: &str) -> String {
        let At(at, unpacked, pass, skip, record) = self.at;
        let mut text = String::with_capacity(common.len() + 96);
        text.push_str(common);
        write!(text, r#","at":[{at},{unpacked},{pass},{skip},{record}]"#).expect("it is a text");
        if let Some(list) = &self.list {
            let list = serde_json::to_string(list).expect("it is plain data");
            write!(text, r#","list":{list}"#).expect("it is a text");
        }
        text.push('}');
        text
    }
}

impl Stage {
    fn is_reading(&self) -> bool {
        *self == Self::Reading
    }
}

impl At {
    /// How many records were given.
    pub(super) fn number(self) -> u64 {
        self.4
    }

    /// How many deletions were given, where it is behind the records.
    pub(super) fn deletions(self) -> u64 {
        self.0
    }

    /// Behind the records of a file: so many deletions were given, and so many of both.
    pub(super) fn of_deletions(deletions: u64, number: u64) -> Self {
        Self(deletions, 0, 0, 0, number)
    }
}

impl From<Place> for At {
    fn from(place: Place) -> Self {
        Self(place.at, place.unpacked, place.pass, place.skip, place.record)
    }
}

impl From<At> for Place {
    fn from(At(at, unpacked, pass, skip, record): At) -> Self {
        Self { at, unpacked, pass, skip, record }
    }
}

impl Pass {
    /// Of a file that is seen now for the first time.
    pub(super) fn new(
        file: Identity,
        before: Option<&Self>,
        base: Option<Listed>,
        now_ms: EpochMs,
    ) -> Self {
        let earliest_s = before.map_or(FIRST_SECOND, |before| before.seen_s + 1);
        let seen_s = now_ms.div_euclid(1_000).max(earliest_s);
        Self { file, seen_s, base, packed: None, context: None, encoding: None }
    }

    /// The version of a file's record of this number: newer than any of the files before, and than those before it
    /// in the file.
    pub(super) fn version(&self, number: u64) -> Version {
        let second = (self.seen_s - FIRST_SECOND).max(0);
        let number = i64::try_from(number).unwrap_or(i64::MAX).min(i64::from(u32::MAX));
        Version((second << 32) | number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(now_ms: EpochMs, before: Option<&Pass>) -> Pass {
        Pass::new(Identity::default(), before, None, now_ms)
    }

    #[test]
    fn a_later_file_has_greater_versions_be_the_clock_set_back_or_not() {
        let first = pass(1_795_766_400_000, None);
        assert!(first.version(1) < first.version(2));
        for now_ms in [1_795_766_400_999, 0] {
            let second = pass(now_ms, Some(&first));
            assert!(first.version(4_000_000_000) < second.version(1));
        }
        assert!(pass(3_600_000_000_000, None).version(u64::MAX).0 > 0);
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let packed = Some(Packed::Gzip);
        let pass = Pass { encoding: Some("utf-8".into()), packed, ..pass(1_795_766_400_000, None) };
        for stage in [Stage::Reading, Stage::Gone, Stage::Kept { thousandths: 300 }] {
            let list = Some(Listed::at(7, 3));
            let place = Place { at: 9, record: 2, ..Place::default() };
            let seam = Some(Seam::new(9, b"123456789"));
            let there = There { stage, at: place.into(), seam, list, unread: true };
            let state = State { pass: pass.clone(), there };
            let text = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state, "{text}");
            let open = There { at: At::default(), list: None, ..state.there.clone() };
            let open = State { there: open, ..state.clone() }.open_ended();
            assert_eq!(state.there.close(&open), text);
        }
    }
}
