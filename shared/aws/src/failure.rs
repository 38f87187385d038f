//! From the SDK's failures to the ports' one: no answer.

use std::error::Error;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tidegate_core::ports::Unavailable;

/// What was asked, and why no answer came.
pub fn unavailable(asked: &str, error: impl ProvideErrorMetadata + Error) -> Unavailable {
    Unavailable(format!("{asked}: {}", reason(&error)))
}

/// The service's code and message where it gave them, else the error and its causes. Never their `Debug`:
/// it would show an answer, and with it the tokens or secrets within.
pub fn reason(error: &(impl ProvideErrorMetadata + Error)) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => causes(error),
    }
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
