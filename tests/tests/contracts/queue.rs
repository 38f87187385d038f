//! The page queue: in memory, and over SQS's protocol.
//!
//! Behind the protocol stands the queue in memory, so that both are received from in the same way
//! and by a clock that is moved. The protocol's own bounds are asserted on the way.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tidegate_aws::{Clients, InProcess, Queue};
use tidegate_core::{
    memory::{ManualClock, MemoryQueue, QueueCounts, QueueSettings, Received},
    model::BODIES_BYTES_MAX,
    model::StreamId,
    ports::{Clock, PageQueue, Receipt},
};

/// The receiving side, which is the host's.
#[derive(Clone)]
struct Host {
    queue: Arc<MemoryQueue<ManualClock>>,
    clock: ManualClock,
}

impl Host {
    fn new() -> Self {
        let clock = ManualClock::at(1_000_000);
        let settings =
            QueueSettings { visibility_ms: 60_000, receives_max: 50, retention_ms: 86_400_000 };
        Self { queue: Arc::new(MemoryQueue::new(clock.clone(), settings)), clock }
    }

    fn receive(&self) -> Vec<Received> {
        self.queue.receive(10)
    }

    fn receipts(&self) -> Vec<Receipt> {
        self.receive().into_iter().map(|received| received.receipt).collect()
    }

    fn bodies(&self) -> Vec<String> {
        let mut bodies: Vec<_> = self.receive().into_iter().map(|received| received.body).collect();
        bodies.sort_unstable();
        bodies
    }
}

/// Runs behaviours on every queue.
macro_rules! contract {
    ($($behaviour:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $behaviour() {
                let host = super::Host::new();
                super::$behaviour(&*host.queue, &host).await;
            })*
        }
        mod sqs {
            $(#[tokio::test] async fn $behaviour() {
                let host = super::Host::new();
                super::$behaviour(&super::sqs(&host, |_, _| None), &host).await;
            })*
        }
    };
}

contract!(
    what_is_sent_is_received,
    sending_nothing_is_no_error,
    a_full_batch_is_taken,
    sending_again_sends_copies,
    a_delayed_message_is_not_seen_before,
    what_is_given_back_comes_back,
    more_than_ten_are_given_back,
    giving_back_again_only_moves_the_time,
    giving_back_what_is_gone_keeps_nobody_else,
);

fn bodies(count: usize) -> Vec<String> {
    (0..count).map(|index| format!(r#"{{"n":{index},"text":"ü \" \\"}}"#)).collect()
}

async fn what_is_sent_is_received(queue: &impl PageQueue, host: &Host) {
    queue.send(&bodies(10), 0).await.unwrap();
    assert_eq!(host.bodies(), bodies(10));
    assert_eq!(host.queue.counts(), QueueCounts { waiting: 0, in_flight: 10, dead: 0 });
}

async fn sending_nothing_is_no_error(queue: &impl PageQueue, host: &Host) {
    queue.send(&[], 0).await.unwrap();
    queue.give_back(&[]).await.unwrap();
    assert_eq!(host.queue.counts(), QueueCounts::default());
}

async fn a_full_batch_is_taken(queue: &impl PageQueue, host: &Host) {
    let bodies = vec!["x".repeat(BODIES_BYTES_MAX / 10); 10];
    queue.send(&bodies, 0).await.unwrap();
    assert_eq!(host.bodies(), bodies);
    queue.send(&["y".repeat(BODIES_BYTES_MAX)], 0).await.unwrap();
    assert_eq!(host.bodies()[0].len(), BODIES_BYTES_MAX);
}

async fn sending_again_sends_copies(queue: &impl PageQueue, host: &Host) {
    for _ in 0..2 {
        queue.send(&bodies(1), 0).await.unwrap();
    }
    assert_eq!(host.bodies(), [bodies(1), bodies(1)].concat());
}

async fn a_delayed_message_is_not_seen_before(queue: &impl PageQueue, host: &Host) {
    queue.send(&bodies(1), 1_500).await.unwrap();
    host.clock.advance(1_499);
    assert_eq!(host.receive().len(), 0);
    // A queue may know whole seconds only; then it rounds up.
    host.clock.advance(501);
    assert_eq!(host.receive().len(), 1);
}

async fn what_is_given_back_comes_back(queue: &impl PageQueue, host: &Host) {
    queue.send(&bodies(2), 0).await.unwrap();
    let receipts = host.receipts();
    queue.give_back(&[(receipts[0].clone(), 0), (receipts[1].clone(), 1_500)]).await.unwrap();
    let back = host.receive();
    assert_eq!(back.iter().map(|received| received.receives).collect::<Vec<_>>(), [2]);
    host.clock.advance(1_499);
    assert_eq!(host.receive().len(), 0);
    host.clock.advance(501);
    assert_eq!(host.receive().len(), 1);
}

async fn more_than_ten_are_given_back(queue: &impl PageQueue, host: &Host) {
    let mut messages = Vec::new();
    for _ in 0..3 {
        queue.send(&bodies(8), 0).await.unwrap();
        messages.extend(host.receipts().into_iter().map(|receipt| (receipt, 1_000)));
    }
    queue.give_back(&messages).await.unwrap();
    assert_eq!(host.queue.counts().waiting, 24);
    host.clock.advance(1_000);
    assert_eq!([host.receive().len(), host.receive().len(), host.receive().len()], [10, 10, 4]);
}

async fn giving_back_again_only_moves_the_time(queue: &impl PageQueue, host: &Host) {
    queue.send(&bodies(1), 0).await.unwrap();
    let receipt = host.receipts().remove(0);
    queue.give_back(&[(receipt.clone(), 9_000)]).await.unwrap();
    queue.give_back(&[(receipt, 1_000)]).await.unwrap();
    host.clock.advance(1_000);
    assert_eq!(host.receive().len(), 1);
}

async fn giving_back_what_is_gone_keeps_nobody_else(queue: &impl PageQueue, host: &Host) {
    queue.send(&bodies(2), 0).await.unwrap();
    let receipts = host.receipts();
    host.queue.delete(&receipts[..1]);
    let messages: Vec<_> = receipts.into_iter().map(|receipt| (receipt, 0)).collect();
    // Whether it is an error is the queue's affair.
    let _ = queue.give_back(&messages).await;
    assert_eq!(host.receive().len(), 1);
}

/// An entry's fate, where it is not taken.
#[derive(Clone, Copy)]
enum Fate {
    Failed,
    /// In neither list of the answer.
    Forgotten,
}

/// SQS before the host's queue. `fate` is asked for each entry, with how many requests came before.
fn sqs(host: &Host, fate: impl Fn(usize, &Value) -> Option<Fate> + Send + Sync + 'static) -> Queue {
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
            let delay_ms = seconds("VisibilityTimeout", 43_200);
            now(queue.give_back(&[(receipt, delay_ms)])).unwrap();
            // One that was not in flight is gone, or was given back before.
            return queue.counts().waiting > before || entry["VisibilityTimeout"] != 0;
        }
        _ => panic!("{target}"),
    }
    true
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
    let host = Host::new();
    let queue = sqs(&host, |request, entry| {
        let one_in_three = entry["Id"].as_str().unwrap().parse::<u32>().unwrap() % 3 == 0;
        (request == 0 && one_in_three).then_some(Fate::Failed)
    });
    queue.send(&bodies(10), 0).await.unwrap();
    assert_eq!(host.bodies(), bodies(10));
}

#[tokio::test]
async fn what_fails_again_is_no_answer() {
    for fate in [Fate::Failed, Fate::Forgotten] {
        let host = Host::new();
        let queue = sqs(&host, move |_, entry| (entry["Id"] == "7").then_some(fate));
        let error = queue.send(&bodies(10), 0).await.unwrap_err();
        assert!(error.0.contains("9 of 10 entries"), "{error}");
        assert_eq!(error.0.contains("InternalError"), matches!(fate, Fate::Failed), "{error}");
        assert_eq!(host.receive().len(), 9);
    }
}

#[tokio::test]
async fn a_failure_to_give_back_is_tried_once_more_and_told() {
    let host = Host::new();
    let queue = sqs(&host, |_, _| None);
    queue.send(&bodies(10), 0).await.unwrap();
    let messages: Vec<_> = host.receipts().into_iter().map(|receipt| (receipt, 1_000)).collect();
    let at_first =
        sqs(&host, |request, entry| (request == 0 && entry["Id"] != "4").then_some(Fate::Failed));
    at_first.give_back(&messages).await.unwrap();
    assert_eq!(host.queue.counts().waiting, 10);
    let always = sqs(&host, |_, entry| (entry["Id"] == "0").then_some(Fate::Failed));
    let error = always.give_back(&messages).await.unwrap_err();
    assert!(error.0.contains("InternalError: try again"), "{error}");
}

#[tokio::test]
async fn waits_beyond_what_the_queue_takes_are_cut() {
    let host = Host::new();
    let queue = sqs(&host, |_, _| None);
    queue.send(&bodies(1), 3_600_000).await.unwrap();
    host.clock.advance(900_000);
    let receipt = host.receipts().remove(0);
    let before_ms = host.clock.now_ms();
    queue.give_back(&[(receipt, u64::MAX)]).await.unwrap();
    assert_eq!(host.queue.next_visible_ms(), Some(before_ms + 43_200_000));
}

#[tokio::test]
async fn a_stream_sends_as_itself() {
    let groups = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&groups);
    let queue = sqs(&Host::new(), move |_, entry| {
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
