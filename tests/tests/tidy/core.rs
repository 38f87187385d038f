//! The core is layered, and names no cloud, wire protocol or runtime.

use std::collections::BTreeMap;

use super::{tree, waiting};

/// The core's modules know each other in one direction only.
#[test]
fn the_core_is_layered() {
    let layers = [
        ("model", &["decide", "ports", "app"][..]),
        ("ports", &["decide", "app"]),
        ("decide", &["app"]),
    ];
    for (layer, banned) in layers {
        for (path, text) in tree::sources(&format!("shared/core/src/{layer}")) {
            for other in banned {
                let direct = text.contains(&format!("crate::{other}::"));
                let grouped = text.contains(&format!("\n    {other}::"));
                assert!(
                    !direct && !grouped,
                    "{path} may not know {other}: move what both need into `model`, or hand it in"
                );
            }
        }
    }
}

/// Clouds, protocols and runtimes, and their own terms and numbers: words as [`words`] tells them apart.
const FOREIGN: &[&str] = &[
    // Clouds and their services.
    "aws",
    "azure",
    "gcp",
    "sqs",
    "sns",
    "ssm",
    "s3",
    "dynamo",
    "dynamodb",
    "lambda",
    "eventbridge",
    "cloudwatch",
    "kinesis",
    "kafka",
    "rabbitmq",
    "iam",
    "arn",
    // Protocols and runtimes.
    "http",
    "reqwest",
    "tokio",
    // A queue's own terms: the port says receive, acknowledge, give back, receives and dead letter.
    "visibility",
    "receipt handle",
    "message attribute",
    "message attributes",
    "message group",
    "deduplication id",
    "delay seconds",
    "receive count",
    "redrive",
    "fifo",
    "standard queue",
    "billed",
    // A table's own terms: the port says item, key and condition.
    "partition key",
    "sort key",
    "secondary index",
    "condition expression",
    "conditional check",
    "update expression",
    "read units",
    "write units",
    "capacity units",
    // A queue's numbers: 12 hours hidden, 256 KiB in a message, 15 minutes of delay, 14 days kept; a table's
    // 400 KB in an item.
    "43 200",
    "262 144",
    "256 1 024",
    "900 seconds",
    "1 209 600",
    "409 600",
];

/// Files of the core that name something foreign still: `file: word`.
const NAMES_FOREIGN: &[&str] = &[];

#[test]
fn the_core_names_no_cloud_and_no_wire_protocol() {
    let mut found = BTreeMap::new();
    for (file, text) in tree::sources("shared/core/src") {
        let words = format!(" {} ", words(&text));
        for word in FOREIGN.iter().filter(|word| words.contains(&format!(" {word} "))) {
            found.insert(format!("{file}: {word}"), "the core names it".to_owned());
        }
    }
    let remedy = "say what the port promises, in its words; what one service calls it, and its numbers, stand \
                  in shared/aws or shared/connectors";
    waiting::only(&found, "NAMES_FOREIGN", NAMES_FOREIGN, remedy);
}

/// A text's words and numbers in small letters, with a space between them. Names are taken apart:
/// `receiveCount`, `RECEIVE_COUNT` and `receive count` are the same two words.
fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        let begins = letter.is_ascii_uppercase() && before.is_ascii_lowercase();
        if (begins || !letter.is_ascii_alphanumeric()) && !words.ends_with(' ') {
            words.push(' ');
        }
        if letter.is_ascii_alphanumeric() {
            words.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    words.trim().to_owned()
}

#[test]
fn names_are_taken_apart_into_words() {
    let text = "receiptHandle, RECEIPT_HANDLE\n// receipt\n/// handle 43_200 S3";
    assert_eq!(words(text), "receipt handle receipt handle receipt handle 43 200 s3");
}
