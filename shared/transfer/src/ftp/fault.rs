//! What replies and failures mean.

use std::io;

use suppaftp::{FtpError, types::Response};

use super::settings::Told;
use crate::TransferError;

/// A failure, with the reply's code where there is one.
pub(super) struct Fault {
    pub(super) error: TransferError,
    /// 0 where there was no reply.
    pub(super) code: u32,
}

/// By what servers say that they would let us in at another time.
const BUSY: [&str; 5] = ["too many", "maximum", "limit", "try again", "busy"];
/// By what they say that it is about rights, with a code that also means that there is no file.
const DENIED: [&str; 3] = ["denied", "permission", "not allowed"];

impl Fault {
    /// Of a command.
    pub(super) fn of(told: &Told, doing: &str, error: FtpError) -> Self {
        let what = format!("{}: {doing}", told.what);
        match error {
            FtpError::UnexpectedResponse(reply) => Self::of_reply(told, &what, &reply),
            FtpError::ConnectionError(error) => Self::of_io(told, doing, &error),
            // A certificate that is not trusted is so the next time too.
            FtpError::SecureError(text) if text.contains("certificate") => {
                let said = told.line(&text);
                let see = "name the server's certificate or its fingerprint, if that is the server";
                Self::from(TransferError::Halt(format!("{what}: {said}: {see}")))
            }
            error => Self::from(TransferError::later(format!(
                "{what}: {}",
                told.line(&error.to_string())
            ))),
        }
    }

    /// Of a connection.
    pub(super) fn of_io(told: &Told, doing: &str, error: &io::Error) -> Self {
        let what = format!("{}: {doing}", told.what);
        Self::from(match TransferError::of_io(&what, error) {
            // It is no file that is not found.
            TransferError::Absent(reason) => TransferError::later(reason),
            TransferError::Halt(reason) if error.kind() == io::ErrorKind::PermissionDenied => {
                TransferError::later(reason)
            }
            error => error,
        })
    }

    /// Of the login.
    pub(super) fn of_login(told: &Told, error: FtpError) -> Self {
        let FtpError::UnexpectedResponse(reply) = &error else {
            return Self::of(told, "the login", error);
        };
        let (code, said) = (code(reply), said(told, reply));
        let reason = format!("{}: the login is refused: {said}", told.what);
        let is_busy = code == 421 || code / 100 == 4 && code != 430 || says(&said, &BUSY);
        let error = match is_busy {
            true => TransferError::later(reason),
            false => TransferError::Halt(format!("{reason}: correct the user or the password")),
        };
        Self { error, code }
    }

    fn of_reply(told: &Told, what: &str, reply: &Response) -> Self {
        let (code, said) = (code(reply), said(told, reply));
        let reason = format!("{what}: {said}");
        let error = match code {
            550 if !says(&said, &DENIED) => TransferError::Absent(reason),
            0..=499 => TransferError::later(reason),
            _ => TransferError::Halt(format!("{reason}: see the path and the user's rights")),
        };
        Self { error, code }
    }

    /// Whether a data connection may be refused because it does not resume the session of the commands.
    pub(super) fn wants_session(&self) -> bool {
        matches!(self.code, 425 | 522)
    }

    /// Whether the server does not know a command.
    pub(super) fn is_unknown_command(&self) -> bool {
        matches!(self.code, 202 | 500..=504 | 522)
    }

    /// Whether it cannot begin at a place other than the first.
    pub(super) fn is_no_restart(&self) -> bool {
        matches!(self.code, 202 | 500..=504 | 551 | 554)
    }
}

impl From<TransferError> for Fault {
    fn from(error: TransferError) -> Self {
        Self { error, code: 0 }
    }
}

/// A reply's code, also one that the client has no name for.
fn code(reply: &Response) -> u32 {
    let digits = reply.body.get(..3).and_then(|code| std::str::from_utf8(code).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn said(told: &Told, reply: &Response) -> String {
    told.line(&String::from_utf8_lossy(&reply.body))
}

fn says(said: &str, words: &[&str]) -> bool {
    let said = said.to_lowercase();
    words.iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use suppaftp::Status;

    use super::*;

    fn reply(text: &str) -> FtpError {
        FtpError::UnexpectedResponse(Response::new(Status::Unknown, text.into()))
    }

    fn told() -> Told {
        Told { what: "ftp://h:21/f".into(), password: "pass".into() }
    }

    #[test]
    fn a_reply_says_what_to_do() {
        for (text, expected) in [
            ("421 Timeout", "later"),
            ("425 Can't open", "later"),
            ("426 Aborted", "later"),
            ("450 Locked", "later"),
            ("550 No such file", "absent"),
            ("550 Permission denied", "halt"),
            ("553 Name not allowed", "halt"),
            ("999 What?", "halt"),
        ] {
            let kind = match Fault::of(&told(), "x", reply(text)).error {
                TransferError::Later { .. } => "later",
                TransferError::Absent(_) => "absent",
                TransferError::Halt(_) => "halt",
            };
            assert_eq!(kind, expected, "{text}");
        }
    }

    #[test]
    fn a_login_is_refused_for_good_unless_the_server_is_busy() {
        for (text, is_halt) in [
            ("530 Login incorrect", true),
            ("430 Invalid username or password", true),
            ("332 Account?", true),
            ("530 Sorry, the maximum number of clients (5) are already connected", false),
            ("421 Too many connections", false),
        ] {
            let error = Fault::of_login(&told(), reply(text)).error;
            assert_eq!(matches!(error, TransferError::Halt(_)), is_halt, "{text}");
        }
    }

    #[test]
    fn a_server_that_repeats_the_password_does_not_make_us_tell_it() {
        let error = Fault::of_login(&told(), reply("500 PASS pass not understood")).error;
        assert!(error.to_string().contains("PASS [secret] not understood"), "{error}");
    }
}
