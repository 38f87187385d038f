//! What goes wrong with a whole request: before its effect, after it, or with an effect that comes late.

use std::time::{Duration, UNIX_EPOCH};

use super::{
    habits::{Habits, Key, Knows},
    wire::{Answer, Reply},
};
use crate::random::Random;

/// A request takes effect so late at the most: a little less than `landing`.
const LATE_MS: u64 = 28_000;

/// When the effect comes, of a request whose answer does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Never,
    Now,
    Late { in_ms: i64 },
}

#[derive(Debug, Clone)]
pub struct Fault {
    pub effect: Effect,
    pub reply: Reply,
    /// The next connection is closed before anything of it is read, too.
    pub slams: bool,
    pub kind: &'static str,
}

const PAGE: &str = "<!doctype html><html><body>Down for maintenance</body></html>";

pub fn draw(habits: &Habits, is_question: bool, now_ms: i64, random: &mut Random) -> Fault {
    let effect = match random.below(3) {
        _ if is_question => Effect::Never,
        0 => Effect::Never,
        1 => Effect::Now,
        _ => Effect::Late { in_ms: 1 + i64::try_from(random.below(LATE_MS)).unwrap() },
    };
    let (kind, reply) = match effect {
        Effect::Never => before(habits, is_question, now_ms, random),
        Effect::Now => after(random),
        // A success that breaks off says that it has taken effect.
        Effect::Late { .. } => match after(random) {
            ("half an answer", _) => ("closed after", Reply::Closed),
            other => other,
        },
    };
    Fault { effect, reply, slams: random.below(6) == 0, kind }
}

fn before(
    habits: &Habits,
    is_question: bool,
    now_ms: i64,
    random: &mut Random,
) -> (&'static str, Reply) {
    let mut waits = |status: u16| {
        let seconds = 1 + random.below(40);
        let at = UNIX_EPOCH
            + Duration::from_millis(now_ms.unsigned_abs())
            + Duration::from_secs(seconds);
        let retry_after = match random.below(3) {
            0 => None,
            1 => Some(seconds.to_string()),
            _ => Some(httpdate::fmt_http_date(at)),
        };
        Reply::Answer(Answer { status, retry_after, body: "{}".into() })
    };
    let limited = waits(429);
    let down = waits(503);
    let in_progress = habits.key != Key::None
        && habits.upsert.is_none()
        && habits.knows != Knows::Versions
        && !is_question;
    match random.below(9) {
        0 => ("closed before", Reply::Closed),
        1 => ("500 before", Answer::new(500, "{}").into()),
        2 => ("503 before", down),
        3 => ("429", limited),
        4 => ("423", Answer::new(423, r#"{"message":"locked"}"#).into()),
        5 if in_progress => {
            ("409 in progress", Answer::new(409, r#"{"message":"still in progress"}"#).into())
        }
        6 => ("a page before", Answer::new(200, PAGE).into()),
        7 if habits.stated => {
            ("busy in a 200", Answer::new(200, r#"{"ok":false,"error":"busy"}"#).into())
        }
        8 if habits.stated => {
            ("limited in a 200", Answer::new(200, r#"{"ok":false,"error":"ratelimited"}"#).into())
        }
        _ => ("502 before", Answer::new(502, PAGE).into()),
    }
}

fn after(random: &mut Random) -> (&'static str, Reply) {
    match random.below(6) {
        0 => ("closed after", Reply::Closed),
        1 => ("half an answer", Reply::Half),
        2 => ("500 after", Answer::new(500, r#"{"message":"it broke"}"#).into()),
        3 => ("502 after", Answer::new(502, PAGE).into()),
        4 => ("a page after", Answer::new(200, PAGE).into()),
        _ => ("504 after", Answer::new(504, "").into()),
    }
}
