//! Drives a reader as the caller does that reads a file.

use tidegate_feed::{Damage, Found, Notices, RecordReader};

/// What came of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub records: Vec<Record>,
    pub is_whole: bool,
    pub damage: Option<Damage>,
    pub notices: Notices,
    pub context: Option<String>,
}

/// A record, and where in the text reading can begin behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub text: String,
    pub fault: Option<String>,
    pub end: usize,
}

impl Outcome {
    /// The sound records.
    pub fn sound(&self) -> Vec<&str> {
        self.records.iter().filter(|it| it.fault.is_none()).map(|it| it.text.as_str()).collect()
    }

    pub fn faults(&self) -> Vec<&str> {
        self.records.iter().filter_map(|it| it.fault.as_deref()).collect()
    }
}

/// Reads `text` in pieces of about `piece` bytes.
pub fn drive(reader: &mut dyn RecordReader, text: &str, piece: usize) -> Outcome {
    let mut outcome = Outcome {
        records: Vec::new(),
        is_whole: false,
        damage: None,
        notices: Notices::default(),
        context: None,
    };
    // The window is text[done..came].
    let (mut done, mut came) = (0, 0);
    let mut failed_at = 0;
    loop {
        came = if came + piece >= text.len() {
            text.len()
        } else {
            text.ceil_char_boundary(came + piece)
        };
        let last = came == text.len();
        // As promised, a window that nothing came of is not shown again before it is twice as long.
        if !last && came - done < 2 * failed_at {
            continue;
        }
        loop {
            let mut found: Vec<Found> = Vec::new();
            let read = reader.read(&text[done..came], last, &mut found);
            let ends: Vec<usize> = found.iter().map(|it| it.end).collect();
            assert!(ends.is_sorted(), "{ends:?}");
            for it in &found {
                let data = std::str::from_utf8(&it.data).expect("records are text");
                if it.fault.is_none() {
                    serde_json::from_str::<serde::de::IgnoredAny>(data)
                        .unwrap_or_else(|err| panic!("{data}: {err}"));
                }
                outcome.records.push(Record {
                    text: data.to_owned(),
                    fault: it.fault.as_deref().map(str::to_owned),
                    end: done + it.end,
                });
            }
            let notices = reader.notices();
            outcome.notices.replaced += notices.replaced;
            outcome.notices.dropped += notices.dropped;
            for told in notices.told {
                outcome.notices.tell(told);
            }
            match read {
                Ok(length) => {
                    assert!(ends.last().is_none_or(|end| *end <= length));
                    assert!(text.is_char_boundary(done + length) && done + length <= came);
                    done += length;
                    failed_at = if found.is_empty() && length == 0 { came - done } else { 0 };
                }
                Err(damage) => {
                    outcome.damage = Some(damage);
                    outcome.context = reader.context();
                    return outcome;
                }
            }
            if found.is_empty() {
                break;
            }
        }
        if last {
            outcome.is_whole = reader.is_whole();
            outcome.context = reader.context();
            return outcome;
        }
    }
}

/// Reads `text` whole, and in pieces of all sizes, which makes no difference; and from behind each of its records
/// on, where the reader can.
pub fn drive_split<R: RecordReader>(new: impl Fn(Option<&str>) -> R, text: &str) -> Outcome {
    let whole = drive(&mut new(None), text, text.len() + 1);
    for piece in (1..=text.len().min(600)).chain([1000, 4096]) {
        let split = drive(&mut new(None), text, piece);
        assert_eq!(split, whole, "in pieces of {piece} bytes");
    }
    if let (Some(context), None) = (&whole.context, &whole.damage) {
        for (index, record) in whole.records.iter().enumerate() {
            let rest = drive(&mut new(Some(context)), &text[record.end..], 7);
            let texts = |records: &[Record]| {
                records.iter().map(|it| (it.text.clone(), it.fault.is_some())).collect::<Vec<_>>()
            };
            assert_eq!(
                texts(&rest.records),
                texts(&whole.records[index + 1..]),
                "from byte {}",
                record.end
            );
            assert_eq!(rest.context, whole.context);
        }
    }
    whole
}
