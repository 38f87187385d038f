//! A digest as a person reads it.

use std::fmt::Write;

use jiff::Timestamp;
use tidegate_core::model::{Digest, EpochMs, ErrorGroup};

/// Left free for what is said at the end.
const END_BYTES: usize = 1_000;

/// Where the errors are.
#[derive(Debug, Clone)]
pub struct Place {
    name: String,
    /// As the shell reads them.
    options: String,
}

impl Place {
    /// What people call it (the stage), and how `tidegate` is told of it: `--aws`, `--stack`, its name.
    pub fn new(name: &str, options: &[&str]) -> Self {
        let options: Vec<_> = options.iter().copied().map(quoted).collect();
        Self { name: name.to_owned(), options: options.join(" ") }
    }
}

/// A digest's subject and text.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    digest: &'a Digest,
    place: &'a Place,
}

impl<'a> Letter<'a> {
    /// Of this digest, of what is at this place.
    pub fn new(digest: &'a Digest, place: &'a Place) -> Self {
        Self { digest, place }
    }

    /// `Tidegate: 1,000 new errors in 2 flows (prod)`
    pub fn subject(&self) -> String {
        let Digest { errors, flows, .. } = *self.digest;
        let (errors, flows) = (many(errors, "new error"), many(flows, "flow"));
        format!("Tidegate: {errors} in {flows} ({})", self.place.name)
    }

    /// Each group with its examples and the command that tries it again; in at most `bytes_max`, of
    /// which a few kB are the least.
    pub fn text(&self, bytes_max: usize) -> String {
        let Digest { from_ms, until_ms, errors, ref groups, ungrouped, .. } = *self.digest;
        let from = if from_ms == 0 { String::new() } else { format!("from {} ", moment(from_ms)) };
        let (verb, until) = (if errors == 1 { "was" } else { "were" }, moment(until_ms));
        let records = many(errors, "record");
        let mut text =
            format!("{records} {verb} put aside {from}to {until}: not delivered, and not lost.\n");
        let mut left = groups.iter();
        let mut cut = None;
        for group in left.by_ref() {
            let paragraph = self.paragraph(group);
            if text.len() + paragraph.len() + END_BYTES > bytes_max {
                cut = Some(group);
                break;
            }
            text.push_str(&paragraph);
        }
        let cut: Vec<_> = cut.into_iter().chain(left).collect();
        if !cut.is_empty() {
            let records = cut.iter().map(|group| group.count).sum();
            let (groups, records) = (many(cut.len() as u64, "more group"), many(records, "record"));
            write!(text, "\nCut here: {groups} with {records} did not fit.\n").expect(TAKES);
        }
        if ungrouped > 0 {
            let records = many(ungrouped, "more record");
            write!(text, "\n{records} with further reasons were only counted.\n").expect(TAKES);
        }
        write!(
            text,
            "\nEach record stays parked until a replay settles it. `tidegate parked` takes the same \
             options as\n`tidegate replay` and lists the records with their whole reasons.\n\
             This is the digest to {until}: should it come again, it is the same.\n"
        )
        .expect(TAKES);
        text
    }

    fn paragraph(&self, group: &ErrorGroup) -> String {
        let ErrorGroup { stream, reason, count, examples, .. } = group;
        let status = group.status.map(|status| format!(", status {status}")).unwrap_or_default();
        let (first, last) = (moment(group.first_ms), moment(group.last_ms));
        let when = if first == last { first.clone() } else { format!("{first} to {last}") };
        let examples: Vec<String> = examples.iter().map(|id| line(&id.to_string())).collect();
        let (examples, more) = (examples.join(", "), *count > examples.len() as u64);
        let records = if *count == 1 { "record" } else { "records" };
        let examples = format!("{records} {examples}{}", if more { ", …" } else { "" });
        let (flow, connection) = (stream.flow(), stream.connection());
        let options = &self.place.options;
        let wanted =
            group.replay_reason.as_deref().map(|text| format!(" --reason {}", quoted(text)));
        let wanted = wanted.unwrap_or_default();
        let (count, reason) = (many(*count, "record"), line(reason));
        format!(
            "\n{stream}: {count}{status}\n  {reason}\n  {when}\n  {examples}\n  \
             tidegate replay {flow} --connection {connection} {options}{wanted} --since {first}\n"
        )
    }
}

const TAKES: &str = "a string takes all";

/// `1,000 records`, `1 record`
fn many(number: u64, what: &str) -> String {
    let digits = number.to_string();
    let thousands = digits.as_bytes().rchunks(3).rev();
    let thousands: Vec<_> = thousands.map(String::from_utf8_lossy).collect();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands.join(","))
}

/// RFC 3339, UTC.
fn moment(ms: EpochMs) -> String {
    let moment = Timestamp::from_millisecond(ms);
    moment.map_or_else(|_| ms.to_string(), |moment| moment.to_string())
}

/// Without what would end the line.
fn line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// As a shell reads it.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use tidegate_core::model::RecordId;

    use super::*;

    const DAY_MS: EpochMs = 86_400_000;
    const NOW_MS: EpochMs = 1_795_766_400_000;

    fn place() -> Place {
        Place::new("prod", &["--aws", "--stack", "tidegate"])
    }

    fn group(stream: &str, reason: &str, replay_reason: Option<&str>, count: u64) -> ErrorGroup {
        let examples = [17, 18, 19].map(RecordId::Number);
        ErrorGroup {
            stream: stream.parse().unwrap(),
            status: Some(422),
            reason: reason.into(),
            replay_reason: replay_reason.map(Into::into),
            count,
            first_ms: NOW_MS - 3_600_001,
            last_ms: NOW_MS - 1_000,
            examples: examples.into_iter().take(usize::try_from(count).unwrap()).collect(),
        }
    }

    fn digest(groups: Vec<ErrorGroup>) -> Digest {
        let errors = groups.iter().map(|group| group.count).sum();
        let from_ms = NOW_MS - DAY_MS;
        Digest { from_ms, until_ms: NOW_MS, errors, flows: 2, groups, ungrouped: 0 }
    }

    #[test]
    fn a_digest_is_plain_to_read() {
        let once = ErrorGroup {
            status: None,
            first_ms: NOW_MS - 5_000,
            last_ms: NOW_MS - 5_000,
            ..group("leads/crm", "…", None, 1)
        };
        let digest = Digest {
            ungrouped: 12,
            errors: 1_012,
            ..digest(vec![
                once,
                group("orders/shop", "no such shop: \"…\"", Some("no such shop"), 997),
                group("orders/shop", "it's not there", Some("it's not there"), 2),
            ])
        };
        let place = place();
        let letter = Letter::new(&digest, &place);
        let mail = format!("{}\n\n{}", letter.subject(), letter.text(262_144));
        assert_eq!(mail.trim_end(), include_str!("letter.txt").trim_end());
    }

    #[test]
    fn the_first_digest_has_no_beginning_and_one_is_no_plural() {
        let digest =
            Digest { from_ms: 0, flows: 1, ..digest(vec![group("orders/shop", "no", None, 1)]) };
        let place = place();
        let letter = Letter::new(&digest, &place);
        assert_eq!(letter.subject(), "Tidegate: 1 new error in 1 flow (prod)");
        let text = letter.text(262_144);
        assert!(text.starts_with("1 record was put aside to 2026-11-27T08:00:00Z: not"), "{text}");
    }

    #[test]
    fn a_subject_is_what_a_topic_takes() {
        let place = Place::new(&"s".repeat(31), &[]);
        let digest = Digest { errors: 1_000_000_000_000, flows: 1_000_000, ..digest(Vec::new()) };
        let subject = Letter::new(&digest, &place).subject();
        assert!(subject.is_ascii() && subject.len() < 100, "{subject}");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_between_groups_and_says_so() {
        let reason = "ä".repeat(200);
        let groups = (0..500).map(|_| group("orders/shop", &reason, Some(&reason), 10)).collect();
        let digest = Digest { ungrouped: 7, ..digest(groups) };
        let text = Letter::new(&digest, &place()).text(100_000);
        assert!((98_000..=100_000).contains(&text.len()), "{}", text.len());
        let kept = text.matches("tidegate replay orders").count() as u64;
        let (groups, records) = (many(500 - kept, "more group"), many((500 - kept) * 10, "record"));
        let cut = format!("\nCut here: {groups} with {records} did not fit.\n");
        assert!(text.contains(&cut), "{cut}");
        assert!(text.ends_with("it is the same.\n"));
    }

    #[test]
    fn a_place_is_quoted_where_a_shell_would_split_it() {
        let digest = digest(vec![group("orders/shop", "no", Some("shop"), 1)]);
        let text = Letter::new(&digest, &Place::new("a b", &["--state", "a b"])).text(262_144);
        assert!(
            text.contains("--connection shop --state 'a b' --reason shop --since 2026"),
            "{text}"
        );
    }

    #[test]
    fn nothing_of_an_id_or_a_reason_breaks_the_line_or_the_shell() {
        let id = RecordId::Text("a\nb".into());
        let group = ErrorGroup {
            examples: vec![id],
            ..group("orders/shop", "no\r\nshop", Some("$(rm) 'x'"), 1)
        };
        let text = Letter::new(&digest(vec![group]), &place()).text(262_144);
        assert!(text.contains("\n  no  shop\n"), "{text}");
        assert!(text.contains("\n  record a b\n"), "{text}");
        assert!(text.contains(r" --reason '$(rm) '\''x'\''' --since "), "{text}");
    }
}
