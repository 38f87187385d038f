//! What all invocations share of a token, and what one of them does next. Pure.

use serde::{Deserialize, Serialize};
use tidegate_core::model::{EpochMs, Stored};

/// A token is renewed this long before its end, in ms; a short-lived one when a fifth of its life is
/// left. A shorter reserve would be met by requests that are under way, a longer one wastes tokens.
const AHEAD_MS: EpochMs = 60_000;
/// Stored so long after its last use could be, in ms: garbage collection, nothing else.
const LEFT_FOR_MS: EpochMs = 86_400_000;
/// A token that does not say how long it lives is kept so long, in ms.
const UNSAID_MS: EpochMs = 30 * 86_400_000;
/// A refresh token is kept so long, in ms. Were it to go, the first one would be used a second time.
const REFRESH_TOKEN_MS: EpochMs = 5 * 365 * 86_400_000;

/// The shared state of one token, as it stands on the shelf. It holds secrets: it has no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Counts the tokens that were got.
    pub(super) generation: u64,
    /// The last one.
    pub(super) token: Option<Token>,
    /// The refresh token that came with the last token that brought one; the connection's, before.
    pub(super) refresh_token: Option<Box<str>>,
    /// An invocation is getting a new token.
    #[serde(rename = "turn")]
    pub(super) lease: Option<RefreshLease>,
    /// Why the last try gave none.
    pub(super) trouble: Option<Trouble>,
    /// An answer was lost since the last token: it may have held a new refresh token.
    #[serde(default)]
    pub(super) unsure: bool,
    /// Unlike any other's: by it a writer knows its own.
    pub(super) written: Box<str>,
}

/// A token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) value: Box<str>,
    pub(super) got_ms: EpochMs,
    /// None: as long as the API takes it.
    pub(super) expires_ms: Option<EpochMs>,
}

/// One invocation's right to get a new token. One that dies with it is not waited for after its end.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RefreshLease {
    pub(super) until_ms: EpochMs,
}

/// A failure, and when the next try is due: none asks before.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Trouble {
    /// One line, no secrets.
    pub(super) reason: Box<str>,
    pub(super) until_ms: EpochMs,
    /// In a row.
    pub(super) failures: u32,
    /// The operator has to act.
    pub(super) halt: bool,
}

/// What one caller does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Uses the token that there is.
    Use,
    /// Gets a new one.
    Refresh,
    /// Looks again: another invocation is getting one.
    Wait { until_ms: EpochMs },
    /// Gives up for now: see [`State::trouble`].
    Fail,
}

impl Token {
    /// When it is to be renewed.
    pub(super) fn renew_ms(&self) -> EpochMs {
        self.expires_ms.map_or(EpochMs::MAX, |expires_ms| {
            let life_ms = (expires_ms - self.got_ms).max(0);
            expires_ms - (life_ms / 5).min(AHEAD_MS)
        })
    }

    /// Whether the API still takes it, as far as is known.
    pub(super) fn lives(&self, now_ms: EpochMs) -> bool {
        self.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
    }
}

impl State {
    /// What to do for a caller to whom the API has refused the tokens up to `refused`.
    pub(super) fn step(&self, now_ms: EpochMs, refused: Option<u64>) -> Step {
        let known = refused.is_none_or(|refused| self.generation > refused);
        let token = self.token.as_ref().filter(|token| known && token.lives(now_ms));
        if token.is_some_and(|token| now_ms < token.renew_ms()) {
            return Step::Use;
        }
        let ends_ms = self.lease.as_ref().map(|lease| lease.until_ms);
        match ends_ms.filter(|until_ms| now_ms < *until_ms) {
            Some(_) if token.is_some() => return Step::Use,
            Some(until_ms) => return Step::Wait { until_ms },
            None => {}
        }
        match &self.trouble {
            Some(trouble) if now_ms < trouble.until_ms => {
                if token.is_some() {
                    Step::Use
                } else {
                    Step::Fail
                }
            }
            _ => Step::Refresh,
        }
    }

    /// As it is kept.
    pub(super) fn encode(&self, now_ms: EpochMs) -> Stored {
        let value = serde_json::to_vec(self).expect("texts and numbers are JSON").into();
        let lives_ms = match (&self.refresh_token, &self.token) {
            (Some(_), _) => REFRESH_TOKEN_MS,
            (None, Some(token)) => {
                let ends_ms = token.expires_ms.unwrap_or(now_ms + UNSAID_MS);
                (ends_ms - now_ms).clamp(0, REFRESH_TOKEN_MS)
            }
            // Perhaps the first token is being got: see `Tokens::refresh`.
            (None, None) => UNSAID_MS,
        };
        Stored { value, expires_ms: now_ms + lives_ms + LEFT_FOR_MS }
    }

    /// Reads it back; `None` if it is damaged.
    pub(super) fn decode(kept: &Stored) -> Option<Self> {
        serde_json::from_slice(&kept.value).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(got_ms: EpochMs, expires_ms: Option<EpochMs>) -> Token {
        Token { value: "t".into(), got_ms, expires_ms }
    }

    #[test]
    fn a_token_is_renewed_a_minute_or_a_fifth_of_its_life_before_its_end() {
        for (life_ms, renew_ms) in [
            (3_600_000, 3_540_000),
            (300_000, 240_000),
            (60_000, 48_000),
            (3_000, 2_400),
            (1, 1),
            (0, 0),
            (-5, -5),
        ] {
            assert_eq!(token(0, Some(life_ms)).renew_ms(), renew_ms, "{life_ms}");
        }
        assert_eq!(token(7, None).renew_ms(), EpochMs::MAX);
    }

    #[test]
    fn what_to_do_is_told_from_the_state() {
        let lease = |until_ms| Some(RefreshLease { until_ms });
        let trouble =
            |until_ms| Some(Trouble { reason: "no".into(), until_ms, failures: 1, halt: false });
        let held = State { generation: 4, token: Some(token(0, Some(1_000))), ..State::default() };
        let with = |lease, trouble| State { lease, trouble, ..held.clone() };
        let none = State { token: None, ..held.clone() };
        for (state, now_ms, refused, step) in [
            (State::default(), 0, None, Step::Refresh),
            (held.clone(), 799, None, Step::Use),
            (held.clone(), 800, None, Step::Refresh),
            // Refused, whatever the clock says.
            (held.clone(), 0, Some(4), Step::Refresh),
            (held.clone(), 0, Some(3), Step::Use),
            // Another is getting one: the old one goes on as long as it lives.
            (with(lease(2_000), None), 900, None, Step::Use),
            (with(lease(2_000), None), 1_000, None, Step::Wait { until_ms: 2_000 }),
            (with(lease(2_000), None), 0, Some(4), Step::Wait { until_ms: 2_000 }),
            (with(lease(2_000), None), 2_000, None, Step::Refresh),
            (State { lease: lease(9), ..none.clone() }, 8, None, Step::Wait { until_ms: 9 }),
            // The last try failed.
            (with(None, trouble(2_000)), 900, None, Step::Use),
            (with(None, trouble(2_000)), 1_000, None, Step::Fail),
            (with(None, trouble(2_000)), 2_000, None, Step::Refresh),
        ] {
            assert_eq!(state.step(now_ms, refused), step, "at {now_ms}, refused {refused:?}");
        }
    }

    #[test]
    fn it_reads_back_and_a_refresh_token_outlasts_its_token() {
        let state = State {
            token: Some(token(0, Some(1_000))),
            refresh_token: Some("r".into()),
            ..State::default()
        };
        let kept = state.encode(0);
        let again = State::decode(&kept).unwrap();
        assert_eq!(again.refresh_token.as_deref(), Some("r"));
        assert!(kept.expires_ms > 4 * 365 * 86_400_000);
        let kept = State { refresh_token: None, ..state }.encode(0);
        assert_eq!(kept.expires_ms, 1_000 + LEFT_FOR_MS);
        assert!(State::decode(&Stored { value: "{".into(), ..kept }).is_none());
    }
}
