//! Why no bytes came.

use std::io;

/// What is said of a failure is cut at so many characters.
const REASON_CHARS_MAX: usize = 300;

/// Why no bytes came. Reasons are one line, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// It may pass: what came so far stands, and a later try goes on behind it.
    #[error("{reason}")]
    Later {
        /// What happened.
        reason: String,
        /// How long the server asks us to wait, in ms.
        after_ms: Option<u64>,
    },
    /// There is no such file now. Some writers remove a file for the moment in which they write the next.
    #[error("{0}")]
    Absent(String),
    /// An operator has to act: what is wrong, and what to do.
    #[error("{0}")]
    Halt(String),
}

impl TransferError {
    /// It may pass.
    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later { reason: reason.into(), after_ms: None }
    }

    /// The time for it was up.
    pub(crate) fn out_of_time(what: &str) -> Self {
        Self::later(format!("{what}: no more time was left"))
    }

    /// The transfer ended before the file did.
    pub(crate) fn cut(what: &str, at: u64, length: Option<u64>) -> Self {
        Self::later(match length {
            Some(length) => format!("{what}: the transfer broke off at byte {at} of {length}"),
            None => format!("{what}: the transfer broke off at byte {at}"),
        })
    }

    /// What the system says of a file or a connection.
    pub(crate) fn of_io(what: &str, error: &io::Error) -> Self {
        let reason = line(&format!("{what}: {error}"));
        match error.kind() {
            io::ErrorKind::NotFound => Self::Absent(reason),
            io::ErrorKind::PermissionDenied => {
                Self::Halt(format!("{reason}: give us the right to read it"))
            }
            // The name of a host, a path or a user that no command may hold.
            io::ErrorKind::InvalidInput => Self::Halt(format!("{reason}: correct it")),
            _ => Self::later(reason),
        }
    }
}

/// One line of bounded length, whatever a server said.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(REASON_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_becomes_one_short_line() {
        assert_eq!(line("530-No.\r\n530 \u{1b}[1mReally\tno."), "530-No. 530 [1mReally no.");
        assert_eq!(line(&"x".repeat(1_000)).chars().count(), REASON_CHARS_MAX + 1);
    }
}
