//! The page queue on SQS.

use serde::{Deserialize, Serialize};
use tidegate_core::{
    model::{Message, StreamId},
    ports::{PageQueue, QueueLimits, Receipt, Unavailable},
};

use crate::service::{
    Names, Service,
    json::{self, Dialect},
};

pub const SQS: Names = Names { id: "SQS", host: "sqs" };
const DIALECT: Dialect = Dialect { version: "1.0", target: "AmazonSQS" };

/// SQS's own bounds, in seconds: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/>.
const DELAY_SECONDS_MAX: u64 = 900;
/// 12 hours, counted from the receipt: less half an hour, the longest visibility timeout of template.yaml,
/// within which an invocation holds a message. One that wants to wait longer is given back again then.
const VISIBILITY_SECONDS_MAX: u64 = 43_200 - 1_800;
/// Entries in one request.
const BATCH_MAX: usize = 10;
/// Of all bodies in one request, and so of one: a little under its own 1 MiB.
const BATCH_BYTES_MAX: usize = 1_000_000;
/// The largest `maxReceiveCount` that a queue can have, and template.yaml's.
const RECEIVES_MAX: u32 = 1_000;
const GROUP_CHARACTERS_MAX: usize = 128;
/// A batch that was taken in part is sent again once, with what failed.
const ROUNDS: u32 = 2;

/// A standard queue.
#[derive(Debug, Clone)]
pub struct Queue {
    service: Service,
    url: String,
    group: Option<String>,
}

impl Queue {
    /// What SQS takes, and what the embedded host's queue therefore takes too.
    pub const LIMITS: QueueLimits = QueueLimits {
        batch_max: BATCH_MAX,
        batch_bytes_max: BATCH_BYTES_MAX,
        page_bytes_max: tidegate_wire::page_bytes_max(BATCH_BYTES_MAX),
        receives_max: RECEIVES_MAX,
    };

    pub(crate) fn new(service: Service, url: &str) -> Self {
        Self { service, url: url.to_owned(), group: None }
    }

    /// The same queue, sending as this stream: a fair queue then serves the others first while this
    /// one has a backlog. Costs nothing; a name too long for a group goes without.
    #[must_use]
    pub fn for_stream(&self, stream: &StreamId) -> Self {
        let group = Some(stream.to_string()).filter(|name| name.len() <= GROUP_CHARACTERS_MAX);
        Self { group, ..self.clone() }
    }

    /// Sends those of `bodies`, and answers with those that were not taken and why.
    async fn send_some(
        &self,
        bodies: &[String],
        indices: &[usize],
        delay_seconds: u64,
    ) -> Result<(Vec<usize>, String), Unavailable> {
        let entry = |index: &usize| SendEntry {
            id: index.to_string(),
            message_body: &bodies[*index],
            delay_seconds,
            message_group_id: self.group.as_deref(),
        };
        let entries = indices.iter().map(entry).collect();
        let sent = self.batch("SendMessageBatch", entries).await?;
        // Only what is listed as taken was taken, whatever the list of failures says.
        let taken = |index: &usize| sent.successful.iter().any(|e| e.id == index.to_string());
        Ok((indices.iter().copied().filter(|i| !taken(i)).collect(), reasons(&sent.failed)))
    }

    /// Changes the visibility of at most ten, and answers with those that failed and why.
    async fn give_back_some<'a>(
        &self,
        messages: &[&'a (Receipt, u64)],
    ) -> Result<(Vec<&'a (Receipt, u64)>, String), Unavailable> {
        let entry = |(index, (receipt, delay_ms)): (usize, &&'a (Receipt, u64))| GiveBackEntry {
            id: index.to_string(),
            receipt_handle: &receipt.0,
            visibility_timeout: whole_seconds(*delay_ms, VISIBILITY_SECONDS_MAX),
        };
        let entries = messages.iter().enumerate().map(entry).collect();
        let changed = self.batch("ChangeMessageVisibilityBatch", entries).await?;
        let left = changed.failed.iter().filter_map(|failed| failed.id.parse().ok());
        let left = left.filter_map(|index: usize| messages.get(index).copied()).collect();
        Ok((left, reasons(&changed.failed)))
    }

    async fn batch<T: Serialize>(
        &self,
        operation: &'static str,
        entries: Vec<T>,
    ) -> Result<Answer, Unavailable> {
        let asked = Batch { queue_url: &self.url, entries };
        json::call(&self.service, DIALECT, operation, &asked)
            .await
            .map_err(|failed| failed.unavailable(operation))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a, T> {
    queue_url: &'a str,
    entries: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendEntry<'a> {
    id: String,
    message_body: &'a str,
    delay_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GiveBackEntry<'a> {
    id: String,
    receipt_handle: &'a str,
    visibility_timeout: u64,
}

/// What became of a batch's entries.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    successful: Vec<Taken>,
    failed: Vec<NotTaken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Taken {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotTaken {
    id: String,
    code: String,
    message: Option<String>,
}

impl PageQueue for Queue {
    fn limits(&self) -> QueueLimits {
        Self::LIMITS
    }

    fn encode(&self, message: &Message) -> String {
        tidegate_wire::encode(message)
    }

    async fn send(&self, bodies: &[String], delay_ms: u64) -> Result<(), Unavailable> {
        let delay_seconds = whole_seconds(delay_ms, DELAY_SECONDS_MAX);
        let mut left: Vec<usize> = (0..bodies.len()).collect();
        let mut reason = String::new();
        for _ in 0..ROUNDS {
            if left.is_empty() {
                break;
            }
            (left, reason) = self.send_some(bodies, &left, delay_seconds).await?;
        }
        let sent = bodies.len() - left.len();
        all_taken("SendMessageBatch", sent, bodies.len(), &reason)
    }

    async fn give_back(&self, messages: &[(Receipt, u64)]) -> Result<(), Unavailable> {
        // A failure in one ten keeps nobody from giving back the next.
        let mut answer = Ok(());
        for ten in messages.chunks(BATCH_MAX) {
            let mut left: Vec<_> = ten.iter().collect();
            let mut reason = String::new();
            for _ in 0..ROUNDS {
                if left.is_empty() {
                    break;
                }
                match self.give_back_some(&left).await {
                    Ok(rest) => (left, reason) = rest,
                    Err(error) => {
                        reason = error.0;
                        break;
                    }
                }
            }
            let back = ten.len() - left.len();
            answer =
                answer.and(all_taken("ChangeMessageVisibilityBatch", back, ten.len(), &reason));
        }
        answer
    }
}

fn all_taken(asked: &str, taken: usize, of: usize, reason: &str) -> Result<(), Unavailable> {
    if taken == of {
        Ok(())
    } else {
        Err(Unavailable(format!("{asked}: {taken} of {of} entries were taken: {reason}")))
    }
}

fn reasons(failed: &[NotTaken]) -> String {
    let one = |e: &NotTaken| format!("{}: {}", e.code, e.message.as_deref().unwrap_or("-"));
    let mut reasons: Vec<String> = failed.iter().map(one).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.join(", ")
}

/// Rounded up, so that nothing comes back early; 0 stays 0.
fn whole_seconds(ms: u64, seconds_max: u64) -> u64 {
    ms.div_ceil(1_000).min(seconds_max)
}

#[cfg(test)]
mod tests {
    use super::whole_seconds;

    #[test]
    fn delays_are_rounded_up_and_capped() {
        let seconds = |ms| whole_seconds(ms, 900);
        assert_eq!([0, 1, 1_000, 1_001, u64::MAX].map(seconds), [0, 1, 1, 2, 900]);
    }
}
