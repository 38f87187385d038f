//! What an outcome means for its record, and the key that makes a retry harmless.

use crate::model::{Blame, Later, Outcome, RecordId, StreamId, Version};

/// What to do with a record after one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is settled: the destination has it.
    Delivered,
    /// It is settled: nothing was to be done.
    Skipped,
    /// Park it, then it is settled.
    Park {
        /// The destination's status code, where it gave one.
        status: Option<u16>,
        /// One line.
        reason: Box<str>,
    },
    /// It stays unsettled.
    Later(Later),
}

/// Judges an outcome. A record that fails by itself, after the page's last permitted try, while
/// others get through, is parked: one bad record never blocks the rest. While nothing gets through
/// it is the destination that fails, and then nothing is parked.
pub fn verdict(outcome: Outcome, last_try: bool, others_get_through: bool) -> Verdict {
    match outcome {
        Outcome::Delivered => Verdict::Delivered,
        Outcome::Skipped(_) => Verdict::Skipped,
        Outcome::Refused { status, reason } => Verdict::Park { status, reason },
        Outcome::Later(later)
            if last_try
                && others_get_through
                && matches!(later.blame, Blame::Request | Blame::Batch) =>
        {
            let unknown = if later.unknown { ", and may have been applied" } else { "" };
            let reason = format!(
                "gave up: it kept failing while others got through{unknown}: {}",
                later.reason
            );
            Verdict::Park { status: None, reason: reason.into() }
        }
        Outcome::Later(later) => Verdict::Later(later),
    }
}

/// The idempotency key of one version of one entity on one stream: the same over every retry, every
/// re-read and every replay.
pub fn idempotency_key(stream: &StreamId, id: &RecordId, version: Version) -> Box<str> {
    match version {
        Version(0) => format!("{stream}/{id}").into(),
        Version(version) => format!("{stream}/{id}@{version}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(blame: Blame) -> Outcome {
        Outcome::Later(Later { blame, after_ms: None, unknown: false, reason: "500".into() })
    }

    #[test]
    fn only_a_record_that_fails_alone_is_given_up() {
        let parks = |blame, last, others| {
            matches!(verdict(later(blame), last, others), Verdict::Park { .. })
        };
        assert!(parks(Blame::Request, true, true));
        assert!(!parks(Blame::Request, false, true));
        assert!(!parks(Blame::Request, true, false));
        for blame in [Blame::Destination, Blame::Limit, Blame::Entity] {
            assert!(!parks(blame, true, true), "{blame:?}");
        }
    }

    #[test]
    fn a_key_names_stream_entity_and_version() {
        let stream = StreamId::new("orders", "default").unwrap();
        let key = |id, version| idempotency_key(&stream, &RecordId::Number(id), Version(version));
        assert_eq!(&*key(7, 0), "orders/default/7");
        assert_eq!(&*key(7, 3), "orders/default/7@3");
    }
}
