//! From the SDK's failures to the ports' one: no answer.

use std::error::Error;

use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use tidegate_core::ports::Unavailable;

/// What was asked, and why no answer came: the service's code and message where it gave them.
pub fn unavailable(asked: &str, error: impl ProvideErrorMetadata + Error) -> Unavailable {
    Unavailable(match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{asked}: {code}: {message}"),
        (Some(code), None) => format!("{asked}: {code}"),
        _ => format!("{asked}: {}", DisplayErrorContext(&error)),
    })
}
