//! SQS's protocol before the queue in memory: how entries fail that a queue is not seen to fail.
//!
//! The protocol's own bounds are asserted on the way.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tidegate_aws::{Clients, InProcess, Queue};
use tidegate_core::{
    model::StreamId,
    ports::{Clock, PageQueue, Receipt},
};
use tidegate_local::MemoryQueue;
use tidegate_testkit::ManualClock;

use super::{Host, bodies, memory::MemoryHost};

/// An entry's fate, where it is not taken.
#[derive(Clone, Copy)]
pub enum Fate {
    Failed,
    /// In neither list of the answer.
    Forgotten,
}

/// SQS before the host's queue. `fate` is asked for each entry, with how many requests came before.
pub fn front(
    host: &MemoryHost,
    fate: impl Fn(usize, &Value) -> Option<Fate> + Send + Sync + 'static,
) -> Queue {
    let queue = Arc::clone(&host.queue);
    let requests = Mutex::new(0);
    let answer = move |target: &str, body: &[u8]| {
        let request: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(request["QueueUrl"], URL);
        let entries = request["Entries"].as_array().unwrap();
        assert!((1..=10).contains(&entries.len()));
        let mut requests = requests.lock().unwrap();
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            match fate(*requests, entry) {
                Some(Fate::Failed) => failed.push(refusal(entry)),
                Some(Fate::Forgotten) => {}
                None if perform(&queue, target, entry) => successful.push(success(entry)),
                None => failed.push(refusal(entry)),
            }
        }
        *requests += 1;
        let answer = json!({"Successful": successful, "Failed": failed});
        (200, answer.to_string().into_bytes())
    };
    Clients::over(InProcess::new(answer)).queue(URL)
}

const URL: &str = "http://sqs.invalid/000000000000/pages";

fn success(entry: &Value) -> Value {
    json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "-"})
}

fn refusal(entry: &Value) -> Value {
    let (code, message) = ("InternalError", "try again");
    json!({"Id": entry["Id"], "SenderFault": false, "Code": code, "Message": message})
}

fn perform(queue: &MemoryQueue<ManualClock>, target: &str, entry: &Value) -> bool {
    let seconds = |name: &str, most: u64| {
        let seconds = entry[name].as_u64().unwrap();
        assert!(seconds <= most, "{name}: {seconds}");
        seconds * 1_000
    };
    match target {
        "AmazonSQS.SendMessageBatch" => {
            let body = entry["MessageBody"].as_str().unwrap().to_owned();
            assert!(!body.is_empty());
            now(queue.send(&[body], seconds("DelaySeconds", 900))).unwrap();
        }
        "AmazonSQS.ChangeMessageVisibilityBatch" => {
            let receipt = Receipt(entry["ReceiptHandle"].as_str().unwrap().into());
            let before = queue.counts().waiting;
            // SQS counts 12 hours from the receipt, which may be as old as a visibility timeout.
            let delay_ms = seconds("VisibilityTimeout", 43_200 - longest_visibility_s());
            now(queue.give_back(&[(receipt, delay_ms)])).unwrap();
            // One that was not in flight is gone, or was given back before.
            return queue.counts().waiting > before || entry["VisibilityTimeout"] != 0;
        }
        _ => panic!("{target}"),
    }
    true
}

/// Of those that the template knows.
fn longest_visibility_s() -> u64 {
    let template = include_str!("../../../../template.yaml");
    let rows = template.lines().filter_map(|line| line.split_once("{ Visibility: "));
    let seconds = rows.map(|(_, rest)| rest.trim_end_matches(" }").parse().expect("seconds"));
    seconds.max().expect("a table of timeouts")
}

/// The queue in memory never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("it waited"),
    }
}

#[tokio::test]
async fn what_failed_is_sent_once_more_and_nothing_else() {
    let host = MemoryHost::new();
    let queue = front(&host, |request, entry| {
        let one_in_three = entry["Id"].as_str().unwrap().parse::<u32>().unwrap() % 3 == 0;
        (request == 0 && one_in_three).then_some(Fate::Failed)
    });
    queue.send(&bodies(10), 0).await.unwrap();
    assert_eq!(host.bodies().await, bodies(10));
}

#[tokio::test]
async fn what_fails_again_is_no_answer() {
    for fate in [Fate::Failed, Fate::Forgotten] {
        let host = MemoryHost::new();
        let queue = front(&host, move |_, entry| (entry["Id"] == "7").then_some(fate));
        let error = queue.send(&bodies(10), 0).await.unwrap_err();
        assert!(error.0.contains("9 of 10 entries"), "{error}");
        assert_eq!(error.0.contains("InternalError"), matches!(fate, Fate::Failed), "{error}");
        assert_eq!(host.receive().await.len(), 9);
    }
}

#[tokio::test]
async fn a_failure_to_give_back_is_tried_once_more_and_told() {
    let host = MemoryHost::new();
    let queue = front(&host, |_, _| None);
    queue.send(&bodies(10), 0).await.unwrap();
    let messages: Vec<_> =
        host.receipts().await.into_iter().map(|receipt| (receipt, 1_000)).collect();
    let at_first =
        front(&host, |request, entry| (request == 0 && entry["Id"] != "4").then_some(Fate::Failed));
    at_first.give_back(&messages).await.unwrap();
    assert_eq!(host.queue.counts().waiting, 10);
    let always = front(&host, |_, entry| (entry["Id"] == "0").then_some(Fate::Failed));
    let error = always.give_back(&messages).await.unwrap_err();
    assert!(error.0.contains("InternalError: try again"), "{error}");
}

#[tokio::test]
async fn waits_beyond_what_the_queue_takes_are_cut() {
    let host = MemoryHost::new();
    let queue = front(&host, |_, _| None);
    queue.send(&bodies(1), 3_600_000).await.unwrap();
    host.clock.advance(900_000);
    let receipt = host.receipts().await.remove(0);
    let before_ms = host.clock.now_ms();
    queue.give_back(&[(receipt, u64::MAX)]).await.unwrap();
    assert_eq!(host.queue.next_visible_ms(), Some(before_ms + 41_400_000));
}

#[tokio::test]
async fn a_stream_sends_as_itself() {
    let groups = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&groups);
    let queue = front(&MemoryHost::new(), move |_, entry| {
        seen.lock().unwrap().push(entry["MessageGroupId"].as_str().map(str::to_owned));
        None
    });
    let long = "x".repeat(64);
    for stream in [("orders", "shop"), (&*long, &*long)] {
        let stream = StreamId::new(stream.0, stream.1).unwrap();
        queue.for_stream(&stream).send(&bodies(1), 0).await.unwrap();
    }
    queue.send(&bodies(1), 0).await.unwrap();
    assert_eq!(*groups.lock().unwrap(), [Some("orders/shop".to_owned()), None, None]);
}
