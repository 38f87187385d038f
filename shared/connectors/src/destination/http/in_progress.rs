//! Whether a conflict is one of time: an earlier request with the same key is still at it.

/// What APIs say then, in lower case.
const WORDS: [&str; 13] = [
    "in progress",
    "in-progress",
    "in_progress",
    "inprogress",
    "being processed",
    "still processing",
    "already processing",
    "currently processing",
    "key_in_use",
    "key in use",
    "another request",
    "concurrent",
    "locked",
];

/// Whether a body says so.
pub(super) fn is_said(body: &[u8]) -> bool {
    let said = String::from_utf8_lossy(body).to_lowercase();
    WORDS.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_of_time_is_told_from_one_of_content() {
        for body in [
            r#"{"error":{"code":"idempotency_key_in_use","message":"There is currently another in-progress request"}}"#,
            "A request is outstanding for this Idempotency-Key: still in progress",
            r#"{"title":"A request with this key is being processed"}"#,
        ] {
            assert!(is_said(body.as_bytes()), "{body}");
        }
        for body in ["", r#"{"message":"the order exists"}"#, "version conflict"] {
            assert!(!is_said(body.as_bytes()), "{body}");
        }
    }
}
