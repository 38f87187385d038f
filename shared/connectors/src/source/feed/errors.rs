//! What a walk fails by, as operators read it.

use tidegate_core::ports::SourceError;
use tidegate_feed::Damage;
use tidegate_transfer::TransferError;

/// A file that is not there is looked for again: many writers take the old one away before the new one is there.
pub(super) fn of_transfer(error: TransferError) -> SourceError {
    match error {
        TransferError::Later { reason, after_ms } => SourceError::Later { reason, after_ms },
        TransferError::Absent(reason) => SourceError::Later { reason, after_ms: None },
        TransferError::Halt(message) => SourceError::Halt(message),
    }
}

pub(super) fn of_another_kind() -> SourceError {
    let message = "the position was left by a flow that read no file: rewind to the start";
    SourceError::Halt(message.into())
}

pub(super) fn unasked_unchanged() -> SourceError {
    let reason = "the server says that the file is unchanged, which it was not asked".into();
    SourceError::Later { reason, after_ms: None }
}

/// The file cannot be read on: what stood before is delivered, and the next file is read from its beginning.
pub(super) fn damaged(shown: &str, damage: &Damage, record: u64) -> SourceError {
    SourceError::Halt(format!(
        "{} is damaged behind record {record}: {damage}. What stood before it is delivered and nothing is deleted; \
         the file is read again once it is another one",
        shown
    ))
}

pub(super) fn not_whole(shown: &str, record: u64) -> SourceError {
    SourceError::Halt(format!(
        "{} ends behind record {record} before it is complete. What stood there is delivered and nothing is deleted; \
         the file is read again once it is another one",
        shown
    ))
}

pub(super) fn changed_meanwhile() -> SourceError {
    let reason =
        "the file was changed while it was read: the new one is read from its beginning".into();
    SourceError::Later { reason, after_ms: None }
}

pub(super) fn of_a_zip(shown: &str) -> SourceError {
    let message =
        format!("{} is a zip archive, which is not read: have the file itself put there", shown);
    SourceError::Halt(message)
}

pub(super) fn of_format(damage: Damage) -> SourceError {
    SourceError::Halt(format!(
        "the position does not go with the flow's format: {damage}. Rewind to the start"
    ))
}

pub(super) fn list_expired() -> SourceError {
    let message = "the list of what was read of the file has expired: rewind to the start";
    SourceError::Halt(message.into())
}

pub(super) fn too_much_is_gone(shown: &str, thousandths: u32, share_max: u32) -> SourceError {
    let (gone, most) = (percent(thousandths), percent(share_max));
    SourceError::Halt(format!(
        "{gone} of the records are gone from {}, and `deletions.share_max` is {most}: nothing was deleted. If they are \
         to be, raise it; otherwise have the file mended, and the next one goes on",
        shown
    ))
}

/// Thousandths as a percentage.
fn percent(thousandths: u32) -> String {
    match thousandths % 10 {
        0 => format!("{}%", thousandths / 10),
        tenth => format!("{}.{tenth}%", thousandths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_are_percentages() {
        assert_eq!([0, 5, 100, 333, 1_000].map(percent), ["0%", "0.5%", "10%", "33.3%", "100%"]);
    }
}
