//! A topic that people subscribe to, on SNS.

use tidegate_core::ports::Unavailable;

use crate::service::{Names, Service, query};

pub const SNS: Names = Names { id: "SNS", host: "sns" };
const API_VERSION: &str = "2010-03-31";

/// A standard topic.
#[derive(Debug, Clone)]
pub struct Topic {
    service: Service,
    arn: String,
}

impl Topic {
    /// SNS takes no longer message, in bytes:
    /// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.
    pub const TEXT_BYTES_MAX: usize = 262_144;

    pub(crate) fn new(service: Service, arn: &str) -> Self {
        Self { service, arn: arn.to_owned() }
    }

    /// Sends a text to all subscribers. The subject is ASCII, in one line of under 100 characters. A
    /// repeat sends a copy.
    pub async fn publish(&self, subject: &str, text: &str) -> Result<(), Unavailable> {
        let parameters = [("TopicArn", &*self.arn), ("Subject", subject), ("Message", text)];
        query::call(&self.service, API_VERSION, "Publish", &parameters)
            .await
            .map_err(|failed| failed.unavailable("Publish"))
    }
}
