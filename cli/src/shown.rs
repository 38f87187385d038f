//! Requests and answers, as they are shown to people.

use tidegate_connectors::{AnswerPreview, RequestPreview};

/// More of a body is not shown, in characters.
const BODY_CHARS_MAX: usize = 4_000;

/// A request, as it would go out or went out; secrets are masked already.
pub fn request(request: &RequestPreview) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    for (name, value) in &request.headers {
        text += &format!("{name}: {value}\n");
    }
    if request.has_credentials {
        text += "(and the credentials of `auth`)\n";
    }
    if !request.body.is_empty() {
        text += &format!("\n{}\n", body(&String::from_utf8_lossy(&request.body)));
    }
    text
}

/// An answer as it came; secrets are masked already.
pub fn answer(answer: &AnswerPreview) -> String {
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\n");
    }
    if !answer.body.is_empty() {
        text += &format!("\n{}\n", body(&answer.body));
    }
    text
}

/// A body up to a bound, without what would steer a terminal.
fn body(text: &str) -> String {
    let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    let mut shown: String = text.trim_end().chars().take(BODY_CHARS_MAX).map(plain).collect();
    let more = text.trim_end().chars().count().saturating_sub(BODY_CHARS_MAX);
    if more > 0 {
        shown += &format!("… and {more} more characters");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_and_steers_no_terminal() {
        assert_eq!(body("a\u{1b}[2J\nb\n"), "a\u{fffd}[2J\nb");
        assert!(body(&"x".repeat(5_000)).ends_with("… and 1000 more characters"));
    }
}
