//! Which version of a file it is.

use serde::{Deserialize, Serialize};

/// What a server says of a version of a file. Kept with a position in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The file's name, where it was chosen among several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// Bytes of the whole file, as they are transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// When it was last changed, as the server wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Box<str>>,
    /// The same in s since 1970, where it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_s: Option<i64>,
    /// Its strong entity tag (RFC 9110, section 8.8.3). A weak one says nothing of bytes, and is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Box<str>>,
    /// Whether `modified` had passed when it was said: a version that is written later has another time. One
    /// that is written in the same second may have the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
}

/// Longer texts are kept of no server: they stand in positions. In bytes.
const TEXT_BYTES_MAX: usize = 256;
/// How long after a change another one is sure to have another time, in s: servers count in seconds, some in
/// two.
const SETTLED_S: i64 = 3;

impl Identity {
    /// Whether both are of one version: what both say is equal, and that is enough to tell, a strong tag
    /// or length and time. False where it is not known.
    ///
    /// Two versions of one length, written in the same second, pass for the same where there is no tag: a
    /// [`Seam`](crate::Seam) tells them apart at the place where a reading goes on.
    pub fn is_same(&self, other: &Self) -> bool {
        let both = |a: bool, b: bool| a && b;
        let has_tags = both(self.etag.is_some(), other.etag.is_some());
        let has_lengths = both(self.length.is_some(), other.length.is_some());
        let has_times = both(self.modified.is_some(), other.modified.is_some());
        self.name == other.name
            && (!has_tags || self.etag == other.etag)
            && (!has_lengths || self.length == other.length)
            && (!has_times || self.modified == other.modified)
            && (has_tags || has_lengths && has_times)
    }

    /// Whether it is known to be another version. Where neither this nor [`Self::is_same`] is true, the bytes decide.
    pub fn contradicts(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.zip(b).is_some_and(|(a, b)| a != b)
        }
        self.name != other.name
            || differ(self.etag.as_ref(), other.etag.as_ref())
            || differ(self.length.as_ref(), other.length.as_ref())
            || differ(self.modified.as_ref(), other.modified.as_ref())
    }

    /// Whether nothing was written since this was said, where `now` is what is said now. False where it is
    /// not known: then the file has to be read.
    pub fn is_unchanged(&self, now: &Self) -> bool {
        let is_proved = self.etag.is_some() && self.etag == now.etag || self.settled;
        is_proved && self.is_same(now)
    }

    /// A text of a server's, as it is kept; `None` where it is too long.
    pub fn text(text: &str) -> Option<Box<str>> {
        (text.len() <= TEXT_BYTES_MAX).then(|| text.into())
    }

    /// Notes whether the time of the change had passed at `now_ms`, in ms since 1970 by the server's clock or,
    /// where that is not known, by ours.
    #[must_use]
    pub fn said_at(mut self, now_ms: i64) -> Self {
        let now_s = now_ms.div_euclid(1_000);
        let passed_s = self.modified_s.map(|modified_s| now_s.saturating_sub(modified_s));
        self.settled = passed_s.is_some_and(|passed_s| passed_s >= SETTLED_S);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(etag: Option<&str>, length: Option<u64>, modified: Option<&str>) -> Identity {
        let (etag, modified) = (etag.map(Into::into), modified.map(Into::into));
        Identity { etag, length, modified, ..Identity::default() }
    }

    #[test]
    fn the_same_is_what_is_known_to_be() {
        let (tag, other) = (Some("\"a\""), Some("\"b\""));
        let (t, u) = (Some("Mon"), Some("Tue"));
        for (a, b, same) in [
            (of(tag, None, None), of(tag, None, None), true),
            (of(tag, None, None), of(other, None, None), false),
            (of(tag, Some(1), None), of(tag, Some(2), None), false),
            (of(tag, Some(1), t), of(tag, Some(1), u), false),
            (of(None, Some(1), t), of(None, Some(1), t), true),
            (of(tag, Some(1), t), of(None, Some(1), t), true),
            (of(None, Some(1), t), of(None, Some(1), u), false),
            (of(None, Some(1), None), of(None, Some(1), None), false),
            (of(None, None, t), of(None, None, t), false),
            (of(tag, None, None), of(None, Some(1), t), false),
            (of(None, None, None), of(None, None, None), false),
        ] {
            assert_eq!(a.is_same(&b), same, "{a:?} {b:?}");
            assert_eq!(b.is_same(&a), same, "{b:?} {a:?}");
            assert!(!(same && a.contradicts(&b)), "{a:?} {b:?}");
        }
        assert!(of(None, Some(1), t).contradicts(&of(None, Some(2), t)));
        assert!(!of(None, None, None).contradicts(&of(tag, Some(2), t)), "nothing was said");
        let named = Identity { name: Some("b.xml".into()), ..of(tag, None, None) };
        assert!(!named.is_same(&of(tag, None, None)));
    }

    #[test]
    fn unchanged_is_what_has_a_tag_or_was_written_well_before_it_was_asked_for() {
        let timed = Identity { modified_s: Some(100), ..of(None, Some(7), Some("Mon")) };
        for (asked_s, settled) in [(99, false), (100, false), (102, false), (103, true)] {
            let then = timed.clone().said_at(asked_s * 1_000);
            assert_eq!(then.is_unchanged(&timed), settled, "{asked_s}");
        }
        assert!(of(Some("\"a\""), None, None).is_unchanged(&of(Some("\"a\""), None, None)));
        assert!(!of(None, Some(7), Some("Mon")).is_unchanged(&of(None, Some(7), Some("Mon"))));
    }

    #[test]
    fn no_server_makes_it_long() {
        assert_eq!(Identity::text(&"x".repeat(256)).map(|text| text.len()), Some(256));
        assert_eq!(Identity::text(&"x".repeat(257)), None);
    }

    #[test]
    fn it_is_kept_as_short_as_it_is() {
        let identity = of(None, Some(7), Some("Mon"));
        let kept = r#"{"length":7,"modified":"Mon"}"#;
        assert_eq!(serde_json::to_string(&identity).unwrap(), kept);
        assert_eq!(serde_json::from_str::<Identity>(kept).unwrap(), identity);
    }
}
