//! The records of a case: several versions of some entities, in any order, some of them hostile.

use serde_json::{Value, json};
use tidegate_core::model::{RecordId, RecordKey, Version, WireRecord};

use super::habits::{Body, Habits, Results};
use crate::random::Random;

/// What becomes of a record at the destination, whatever else fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// It is refused, until its kind is mended.
    Bad,
    /// Its sender has no rights for it.
    Forbidden,
    /// It fails, always.
    Poison,
    /// It is more than the destination takes.
    Huge,
}

#[derive(Debug, Clone)]
pub struct Record {
    pub id: Value,
    pub version: i64,
    pub gone: bool,
    pub text: String,
    pub fate: Fate,
}

/// What names a record: its entity, as text, and its version.
pub type Name = (String, i64);

const TEXTS: [&str; 16] = [
    "plain",
    "ü€😀",
    "\"quoted\" \\ and back",
    "<&>'\"]]><order>",
    "line\nbreak\ttab\rreturn",
    "\u{1}control",
    "a=b&c=%20+d",
    " ",
    "",
    "null",
    "{\"id\":9}",
    "\u{2028}\u{feff}",
    "0",
    "${record.id}",
    "\u{fffe}",
    "data[0]",
];
const IDS: [&str; 10] =
    ["a/b", "ü", "\"q\"", " pad ", "pad", "A", "a", "x?y=1&z#f", "%2F", "..\\.."];
/// More than a server with a limit takes.
pub const HUGE_BYTES: usize = 5_000;

impl Record {
    pub fn name(&self) -> Name {
        (text_of(&self.id), self.version)
    }

    pub fn key(&self) -> RecordKey {
        let id = match &self.id {
            Value::Number(number) => RecordId::Number(number.as_i64().unwrap()),
            other => RecordId::Text(text_of(other).into()),
        };
        RecordKey { id, version: Version(self.version) }
    }

    pub fn wire(&self) -> WireRecord {
        let RecordKey { id, version } = self.key();
        let mut data = json!({ "id": self.id, "v": self.version, "text": self.text });
        if self.gone {
            data["gone"] = true.into();
        }
        WireRecord { id, version, deleted: self.gone, data: data.to_string().into() }
    }

    /// Whether no request can be made of it.
    pub fn is_unfit(&self, habits: &Habits) -> bool {
        let is_removed = self.gone && habits.removes;
        let in_path = match &habits.upsert {
            Some(upsert) => !upsert.is_create_first() && !is_removed,
            None => false,
        } || is_removed && habits.bulk.is_none();
        let has_no_address = in_path && text_of(&self.id).trim().is_empty();
        let no_xml =
            |c: char| (c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{fffe}' | '\u{ffff}');
        let has_no_text = habits.body == Body::Xml && !is_removed && self.text.contains(no_xml);
        has_no_address || has_no_text
    }

    /// Whether an answer cannot name it, or a question.
    pub fn is_unnameable(&self, habits: &Habits) -> bool {
        let by_key = habits.bulk.as_ref().is_some_and(|bulk| bulk.results.is_by_key());
        text_of(&self.id).trim().is_empty() && (by_key || habits.upsert.is_some() || habits.asks())
    }
}

pub fn text_of(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The pages of a case.
pub fn draw(habits: &Habits, random: &mut Random) -> Vec<Vec<Record>> {
    let entities = 1 + random.below(8);
    let ids: Vec<Value> = (0..entities)
        .map(|at| match random.below(10) {
            0 if at == 0 => "".into(),
            0..=2 => random.pick(&IDS).into(),
            3..=5 => format!("order-{at}").into(),
            _ => (at + 100).into(),
        })
        .collect();
    let mut records = Vec::new();
    let mut has_forbidden = false;
    for (at, id) in ids.iter().enumerate() {
        if ids[..at].iter().any(|other| text_of(other) == text_of(id)) {
            continue;
        }
        let versions = if habits.one_version { 1 } else { 1 + random.below(3) };
        for version in 1..=i64::try_from(versions).unwrap() {
            let gone = random.below(8) == 0;
            let mut fate = fate(habits, random);
            if fate == Fate::Forbidden && std::mem::replace(&mut has_forbidden, true)
                || gone && habits.removes && fate != Fate::Poison
            {
                fate = Fate::Taken;
            }
            let text = match (fate, random.below(12)) {
                (Fate::Huge, _) => "x".repeat(HUGE_BYTES),
                (_, 0) => "long ".repeat(60),
                _ => random.pick(&TEXTS).to_owned(),
            };
            records.push(Record { id: id.clone(), version, gone, text, fate });
        }
    }
    shuffle(&mut records, random);
    if habits.repeats_records {
        for _ in 0..=random.below(2) {
            let at = usize::try_from(random.below(records.len() as u64)).unwrap();
            let again = records[at].clone();
            let to = usize::try_from(random.below(records.len() as u64 + 1)).unwrap();
            records.insert(to, again);
        }
    }
    let size = 1 + usize::try_from(random.below(records.len() as u64)).unwrap();
    records.chunks(size.max(records.len().div_ceil(4))).map(<[_]>::to_vec).collect()
}

fn fate(habits: &Habits, random: &mut Random) -> Fate {
    if !habits.has_odd_records || random.below(6) > 0 {
        return Fate::Taken;
    }
    let each_has_its_own = habits.bulk.as_ref().is_none_or(|bulk| bulk.results != Results::Whole);
    let has_bytes_max = habits.bytes_max.is_some();
    match random.below(6) {
        0..=2 => Fate::Bad,
        3 if has_bytes_max => Fate::Huge,
        4 if each_has_its_own => Fate::Poison,
        5 if habits.bulk.is_none() => Fate::Forbidden,
        _ => Fate::Taken,
    }
}

fn shuffle(records: &mut [Record], random: &mut Random) {
    for at in (1..records.len()).rev() {
        records.swap(at, usize::try_from(random.below(at as u64 + 1)).unwrap());
    }
}
