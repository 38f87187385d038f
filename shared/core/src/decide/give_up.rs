//! Giving a record up that keeps failing.

use crate::model::{Later, Outcome};

/// A record that failed by itself, at its page's last permitted try and while others got through, is
/// refused: one bad record never blocks the rest. While nothing gets through it is the destination that
/// fails, and then nothing is given up.
pub fn give_up(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Later(later) if later.is_of_one_request() => {
            let Later { unknown, reason, .. } = later;
            let unknown = if unknown { ", and may have been applied" } else { "" };
            let reason = format!("gave up: it kept failing, and others did not{unknown}: {reason}");
            Outcome::Refused { status: None, reason: reason.into() }
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Blame;

    fn gives_up(blame: Blame) -> bool {
        let later = Later { blame, after_ms: None, unknown: false, reason: "500".into() };
        matches!(give_up(Outcome::Later(later)), Outcome::Refused { .. })
    }

    #[test]
    fn only_what_fails_by_itself_is_given_up() {
        assert!(gives_up(Blame::Request) && gives_up(Blame::Batch));
        for blame in [Blame::Destination, Blame::Connection, Blame::Limit, Blame::Quota] {
            assert!(!gives_up(blame), "{blame:?}");
        }
        assert!(!gives_up(Blame::NotAttempted));
        assert_eq!(give_up(Outcome::Delivered), Outcome::Delivered);
    }
}
