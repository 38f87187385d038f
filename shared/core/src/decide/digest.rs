//! Which errors are alike. Takes as much memory for a million of them as for a thousand.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Digest, EpochMs, ErrorGroup, ParkedError, RecordId, StreamId};

/// Groups of one stream, so that none leaves the others without any.
const GROUPS_PER_STREAM_MAX: usize = 50;
/// Groups of all streams.
const GROUPS_MAX: usize = 500;
/// What is looked at of a reason; a connector's are shorter.
const READ_CHARS_MAX: usize = 1_000;
/// What is shown of it.
const REASON_CHARS_MAX: usize = 200;
/// What is shown of an example's id.
const ID_CHARS_MAX: usize = 80;
/// A shorter text is in too many reasons.
const REPLAY_CHARS_MIN: usize = 4;
/// Stands for what differs.
const VALUE: char = '…';

/// Puts errors into groups, one by one.
#[derive(Debug, Default)]
pub struct Grouping {
    from_ms: EpochMs,
    until_ms: EpochMs,
    errors: u64,
    ungrouped: u64,
    /// How many groups each stream has.
    streams: BTreeMap<StreamId, usize>,
    groups: HashMap<(StreamId, Option<u16>, String), ErrorGroup>,
}

impl Grouping {
    /// Of the errors from `from_ms` to before `until_ms`.
    pub fn new(from_ms: EpochMs, until_ms: EpochMs) -> Self {
        let (streams, groups) = (BTreeMap::new(), HashMap::new());
        Self { from_ms, until_ms, errors: 0, ungrouped: 0, streams, groups }
    }

    /// Adds an error of this stream.
    pub fn add(&mut self, stream: &StreamId, error: ParkedError) {
        self.errors += 1;
        let of_stream = self.streams.entry(stream.clone()).or_default();
        let key = (stream.clone(), error.status, alike(&error.reason));
        if let Some(group) = self.groups.get_mut(&key) {
            group.count += 1;
            group.first_ms = group.first_ms.min(error.parked_at_ms);
            group.last_ms = group.last_ms.max(error.parked_at_ms);
            if group.examples.len() < ErrorGroup::EXAMPLES_MAX {
                group.examples.push(shown(error.key.id));
            }
            return;
        }
        if *of_stream == GROUPS_PER_STREAM_MAX || self.groups.len() == GROUPS_MAX {
            self.ungrouped += 1;
            return;
        }
        *of_stream += 1;
        let group = ErrorGroup {
            stream: stream.clone(),
            status: error.status,
            reason: key.2.as_str().into(),
            replay_reason: replay_reason(&key.2),
            count: 1,
            first_ms: error.parked_at_ms,
            last_ms: error.parked_at_ms,
            examples: vec![shown(error.key.id)],
        };
        self.groups.insert(key, group);
    }

    /// All that was added.
    pub fn digest(self) -> Digest {
        let mut groups: Vec<ErrorGroup> = self.groups.into_values().collect();
        groups.sort_unstable_by(|left, right| {
            let count = right.count.cmp(&left.count);
            let same = || (left.status, &left.reason).cmp(&(right.status, &right.reason));
            left.stream.cmp(&right.stream).then(count).then_with(same)
        });
        let mut flows: Vec<&str> = self.streams.keys().map(StreamId::flow).collect();
        flows.dedup();
        Digest {
            from_ms: self.from_ms,
            until_ms: self.until_ms,
            errors: self.errors,
            flows: flows.len() as u64,
            groups,
            ungrouped: self.ungrouped,
        }
    }
}

/// The reason with `…` for each value in it: what is quoted, and every word with a digit or an `@`.
/// Of a JSON text only what is quoted inside its texts, for there all is quoted.
fn alike(reason: &str) -> String {
    let reason: Vec<char> = reason.chars().take(READ_CHARS_MAX).collect();
    let json = matches!(reason.iter().find(|letter| !letter.is_whitespace()), Some('{' | '['));
    let mut alike = Alike::default();
    let mut at = 0;
    while let Some(&letter) = reason.get(at) {
        let quoted = if json { quoted_in_json(&reason, at) } else { quoted(&reason, at) };
        let word = reason[at..].iter().take_while(|letter| is_of_word(**letter)).count();
        if let Some((open, close, after)) = quoted {
            reason[at..open].iter().for_each(|mark| alike.text.push(*mark));
            alike.value();
            reason[close..after].iter().for_each(|mark| alike.text.push(*mark));
            at = after;
        } else if word > 0 {
            // A full stop ends the sentence and not the word.
            let tail = reason[at..at + word].iter().rev().take_while(|it| !it.is_alphanumeric());
            let end = at + word.saturating_sub(tail.count()).max(1);
            let word = &reason[at..end];
            if word.iter().any(|letter| letter.is_numeric() || *letter == '@') {
                alike.value();
            } else {
                alike.text.extend(word);
            }
            at = end;
        } else {
            if letter.is_control() {
                alike.value()
            } else {
                alike.text.push(letter)
            }
            at += 1;
        }
    }
    match alike.text.char_indices().nth(REASON_CHARS_MAX) {
        Some((cut, _)) => format!("{}{VALUE}", alike.text[..cut].trim_end_matches(VALUE)),
        None => alike.text,
    }
}

#[derive(Default)]
struct Alike {
    text: String,
}

impl Alike {
    /// A value. Several with nothing but marks between them are one: a list is as long as it likes.
    fn value(&mut self) {
        if let Some(last) = self.text.rfind(VALUE) {
            let since = &self.text[last + VALUE.len_utf8()..];
            if since.chars().all(|letter| " ,;:/.-+()".contains(letter)) {
                self.text.truncate(last);
            }
        }
        self.text.push(VALUE);
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || "_-.@+%".contains(letter)
}

/// Where what is quoted here begins, where it ends, and what comes after its closing mark.
fn quoted(reason: &[char], at: usize) -> Option<(usize, usize, usize)> {
    let closing = match reason[at] {
        '"' => '"',
        '`' => '`',
        '\'' => '\'',
        '“' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    let apostrophe = matches!(closing, '\'' | '’');
    let letter = |at: usize| reason.get(at).is_some_and(|letter| letter.is_alphanumeric());
    if apostrophe && at > 0 && letter(at - 1) {
        return None;
    }
    let closes = |place: &usize| reason[*place] == closing && !(apostrophe && letter(place + 1));
    match (at + 1..reason.len()).find(closes) {
        Some(close) => Some((at + 1, close, close + 1)),
        // Cut off in the middle of it, or the apostrophe of a plural.
        None if apostrophe => None,
        None => Some((at + 1, reason.len(), reason.len())),
    }
}

/// The same within the texts of a JSON text, where it is escaped.
fn quoted_in_json(reason: &[char], at: usize) -> Option<(usize, usize, usize)> {
    let escaped = |at: usize| reason[at..].starts_with(&['\\', '"']);
    if !escaped(at) {
        return None;
    }
    let close = (at + 2..reason.len()).find(|place| escaped(*place));
    let end = reason.len();
    Some(close.map_or((at + 2, end, end), |close| (at + 2, close, close + 2)))
}

/// The longest text that all reasons of a group have in common.
fn replay_reason(alike: &str) -> Option<Box<str>> {
    let texts = alike.split(VALUE);
    let texts = texts.map(|text| text.trim_matches(|letter: char| !letter.is_alphanumeric()));
    let (length, text) = texts.map(|text| (text.chars().count(), text)).max()?;
    (length >= REPLAY_CHARS_MIN).then(|| text.into())
}

/// An id as long as a person reads it.
fn shown(id: RecordId) -> RecordId {
    match id {
        RecordId::Text(text) if text.chars().nth(ID_CHARS_MAX).is_some() => {
            let cut: String = text.chars().take(ID_CHARS_MAX).collect();
            RecordId::Text(format!("{cut}{VALUE}").into())
        }
        id => id,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{RecordKey, Version};

    #[test]
    fn what_differs_from_record_to_record_is_left_out() {
        for (reason, expected) in [
            ("no such shop \"Berlin\"", "no such shop \"…\""),
            ("it doesn't take 'a' or 'b c'", "it doesn't take '…' or '…'"),
            ("order 17 was refused.", "order … was refused."),
            ("order A-17, line 2: too large: 1,000 bytes", "order …, line …: too large: … bytes"),
            ("ids 1, 2, 3 and 4 are unknown", "ids … and … are unknown"),
            ("since 2026-11-27T08:00:00.5Z at /shops/17/orders/18", "since … at /shops/…/orders/…"),
            ("bob.b+x@mail.example is taken", "… is taken"),
            ("550e8400-e29b-41d4-a716-446655440000", "…"),
            ("cut off in \"the midd", "cut off in \"…"),
            ("“a” ‘b’ «c» `d`", "“…” ‘…’ «…» `…`"),
            ("the customers' list", "the customers' list"),
            (
                r#"{"code":"invalid","line":3,"message":"no shop \"Bo\" (17)"}"#,
                r#"{"code":"invalid","line":…,"message":"no shop \"…\" (…)"}"#,
            ),
            ("a\nb", "a…b"),
            ("", ""),
        ] {
            assert_eq!(alike(reason), expected);
        }
    }

    #[test]
    fn the_text_for_a_replay_is_the_longest_that_they_share() {
        for (reason, expected) in [
            ("order 17: no such shop \"Berlin\"", Some("no such shop")),
            ("-v is not allowed", Some("v is not allowed")),
            ("422 no", None),
            ("", None),
        ] {
            assert_eq!(replay_reason(&alike(reason)).as_deref(), expected, "{reason}");
        }
    }

    fn error(id: i64, reason: &str, parked_at_ms: EpochMs) -> ParkedError {
        let key = RecordKey { id: RecordId::Number(id), version: Version(0) };
        ParkedError { key, status: Some(422), reason: reason.into(), parked_at_ms }
    }

    fn stream(name: &str) -> StreamId {
        name.parse().unwrap()
    }

    #[test]
    fn a_group_counts_and_keeps_its_first_and_last_and_three_examples() {
        let mut grouping = Grouping::new(0, 1_000);
        for id in [5, 3, 9, 7] {
            grouping.add(&stream("orders/shop"), error(id, &format!("no shop {id}"), id));
        }
        grouping.add(&stream("leads/crm"), error(1, "no shop 1", 1));
        grouping.add(&stream("leads/crm"), ParkedError { status: None, ..error(1, "no shop", 1) });
        let digest = grouping.digest();
        assert_eq!((digest.errors, digest.flows, digest.ungrouped), (6, 2, 0));
        let counts: Vec<u64> = digest.groups.iter().map(|group| group.count).collect();
        assert_eq!(counts, [1, 1, 4]);
        let group = &digest.groups[2];
        assert_eq!((&*group.reason, group.first_ms, group.last_ms), ("no shop …", 3, 9));
        assert_eq!(group.examples, [5, 3, 9].map(RecordId::Number));
    }

    #[test]
    fn groups_without_end_are_counted_and_leave_room_for_other_streams() {
        let mut grouping = Grouping::new(0, 1_000);
        let word = |number: i64| -> String {
            let letter = |digit: char| char::from(b'a' + digit as u8 - b'0');
            number.to_string().chars().map(letter).collect()
        };
        for id in 0..1_000 {
            grouping.add(&stream("orders/shop"), error(id, &word(id), 1));
        }
        grouping.add(&stream("orders/z"), error(1, "z", 1));
        let digest = grouping.digest();
        assert_eq!((digest.errors, digest.ungrouped), (1_001, 950));
        assert_eq!(digest.groups.len(), 51);
    }

    #[test]
    fn an_id_is_no_longer_than_a_person_reads() {
        let RecordId::Text(id) = shown(RecordId::Text("ä".repeat(900).into())) else { panic!() };
        assert_eq!(id.chars().count(), 81);
    }

    proptest! {
        #[test]
        fn every_reason_contains_the_text_for_its_replay(
            reason in r#"[a-z0-9 '"`{}\\:,.@“”…ä\n-]{0,60}|.{0,300}|[a-z ]{190,220}"#
        ) {
            let alike = alike(&reason);
            prop_assert!(alike.chars().count() <= REASON_CHARS_MAX + 1);
            if let Some(text) = replay_reason(&alike) {
                prop_assert!(reason.contains(&*text), "{alike} {text}");
            }
        }

        #[test]
        fn other_numbers_and_quotes_make_no_other_group(
            numbers in proptest::collection::vec(0u32.., 3), name in "[a-zA-Z ]{0,20}"
        ) {
            let reason = |n: &[u32], name: &str| {
                format!("line {} of order {}-{}: \"{name}\" is unknown", n[0], n[1], n[2])
            };
            prop_assert_eq!(alike(&reason(&numbers, &name)), alike(&reason(&[1, 2, 3], "x")));
        }
    }
}
