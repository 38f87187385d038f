//! An SQS at `AWS_ENDPOINT_URL`: created, received from and deleted from by its own protocol, without
//! the code under test.

use std::{env, time::Duration};

use serde_json::{Value, json};
use tidegate_aws::{Clients, Queue};
use tidegate_core::ports::Receipt;

use super::{Host, Message};

/// Receives from a queue of its own.
pub struct EmulatorHost {
    pub queue: Queue,
    url: String,
    sqs: Sqs,
}

impl EmulatorHost {
    pub async fn new(name: &str) -> Self {
        let sqs = Sqs::from_env();
        let attributes = json!({"VisibilityTimeout": "60", "MaximumMessageSize": "1048576"});
        let name = format!("{name}-{}", std::process::id());
        let queue = json!({"QueueName": name, "Attributes": attributes});
        let created = sqs.call("CreateQueue", queue).await;
        let url = created["QueueUrl"].as_str().unwrap().to_owned();
        let clients = Clients::from_env().expect("tests/deploy/run names region and credentials");
        Self { queue: clients.queue(&url), url, sqs }
    }

    async fn receive_some(&self) -> Vec<Message> {
        let asked = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": 10,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        });
        let answer = self.sqs.call("ReceiveMessage", asked).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let message = |message: &Value| Message {
            receipt: Receipt(text(&message["ReceiptHandle"]).into()),
            body: text(&message["Body"]),
            receives: text(&message["Attributes"]["ApproximateReceiveCount"]).parse().unwrap(),
        };
        answer["Messages"].as_array().into_iter().flatten().map(message).collect()
    }
}

impl Host for EmulatorHost {
    async fn receive(&self) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let some = self.receive_some().await;
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    async fn delete(&self, receipt: &Receipt) {
        let entry = json!({"QueueUrl": self.url, "ReceiptHandle": receipt.0});
        self.sqs.call("DeleteMessage", entry).await;
    }

    async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    async fn counts(&self) -> (usize, usize) {
        let asked = json!({"QueueUrl": self.url, "AttributeNames": ["All"]});
        let answer = self.sqs.call("GetQueueAttributes", asked).await;
        let count = |name: &str| -> usize {
            let text = answer["Attributes"][name].as_str();
            text.expect("every queue counts").parse().unwrap()
        };
        let waiting =
            count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesDelayed");
        (waiting, count("ApproximateNumberOfMessagesNotVisible"))
    }
}

/// The bare protocol. Emulators ask for the form of a signature, to tell the region, and check none.
struct Sqs {
    http: reqwest::Client,
    endpoint: String,
}

impl Sqs {
    fn from_env() -> Self {
        let endpoint = env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL names the emulator");
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint} is not this machine's");
        // Once a process: whoever comes second finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { http: reqwest::Client::builder().no_proxy().build().unwrap(), endpoint }
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let region = env::var("AWS_REGION").unwrap();
        let scope = format!("Credential=test/20260101/{region}/sqs/aws4_request");
        let signature = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none");
        let request = self
            .http
            .post(&self.endpoint)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("authorization", signature)
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{operation}: {status}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }
}
