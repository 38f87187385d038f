//! A topic that people subscribe to, on SNS.

use aws_sdk_sns::Client;
use tidegate_core::ports::Unavailable;

use crate::failure::unavailable;

/// A standard topic.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// SNS takes no longer message, in bytes:
    /// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.
    pub const TEXT_BYTES_MAX: usize = 262_144;

    pub(crate) fn new(client: Client, arn: &str) -> Self {
        Self { client, arn: arn.to_owned() }
    }

    /// Sends a text to all subscribers. The subject is ASCII, in one line of under 100 characters. A
    /// repeat sends a copy.
    pub async fn publish(&self, subject: &str, text: &str) -> Result<(), Unavailable> {
        let publish = self.client.publish().topic_arn(&self.arn);
        let publish = publish.subject(subject).message(text);
        publish.send().await.map_err(|error| unavailable("Publish", error))?;
        Ok(())
    }
}
