//! Errors reach Sentry at the end of an invocation, whatever comes of it.

use std::{
    panic::resume_unwind,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use lambda_runtime::Error;
use serde_json::Value;
use tidegate_core::model::Secret;
use tidegate_runtime::Reports;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tracing_subscriber::layer::SubscriberExt;

/// Plays Sentry: keeps every request, its head and its body.
struct Sentry {
    dsn: String,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Sentry {
    /// Answers with this status; with none, never.
    async fn start(status: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dsn = format!("http://k3y-of-ours@{}/42", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, status, keep.clone()));
            }
        });
        Self { dsn, seen }
    }

    fn reports(&self) -> Reports {
        Reports::to(&Secret::new(self.dsn.as_str()), "fetcher", "prod").unwrap()
    }

    /// The events that came, and how they were sent.
    fn events(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        let event = |(head, body): &(String, String)| {
            let head = head.to_ascii_lowercase();
            assert!(head.starts_with("post /api/42/envelope/ http/1.1\r\n"), "{head}");
            assert!(head.contains("content-type: application/x-sentry-envelope\r\n"), "{head}");
            assert!(head.contains("sentry_version=7, "), "{head}");
            assert!(head.contains("sentry_key=k3y-of-ours\r\n"), "{head}");
            let lines: Vec<&str> = body.lines().collect();
            let [header, item, event] = lines[..] else { panic!("{body}") };
            let json = |line| serde_json::from_str::<Value>(line).unwrap();
            assert_eq!(json(item)["type"], "event");
            assert_eq!(json(item)["length"], event.len());
            assert_eq!(json(header)["event_id"], json(event)["event_id"]);
            assert_eq!(json(event)["event_id"].as_str().unwrap().len(), 32);
            json(event)
        };
        seen.iter().map(event).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    status: Option<u16>,
    seen: Arc<Mutex<Vec<(String, String)>>>,
) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.to_ascii_lowercase().split("content-length: ").nth(1).map(|rest| {
                rest.lines().next().unwrap_or_default().trim().parse::<usize>().unwrap()
            });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        seen.lock().unwrap().push((format!("{head}\r\n"), body.to_owned()));
        bytes.clear();
        let Some(status) = status else { continue };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\n{{}}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// Everything that is logged, as a function writes it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs an invocation with its log and its reports; answers with both.
async fn run<T>(
    reports: &Reports,
    invocation: impl Future<Output = Result<T, Error>>,
) -> (Result<T, Error>, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .with_max_level(tracing::Level::INFO)
        .finish()
        .with(reports.clone());
    // This thread's: the tests' runtimes have no other.
    let _guard = tracing::subscriber::set_default(subscriber);
    let answer = reports.after(invocation).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (answer, log)
}

#[tokio::test]
async fn errors_of_an_invocation_are_sent_before_it_answers() {
    let sentry = Sentry::start(Some(200)).await;
    let reports = sentry.reports();
    let (answer, log) = run(&reports, async {
        tracing::info!("all is well");
        tracing::warn!("not quite");
        tracing::error!(stream = "orders/shop", page = 7, error = %"x".repeat(5_000), "a page was parked");
        Ok(17)
    })
    .await;
    assert_eq!(answer.unwrap(), 17);
    let events = sentry.events();
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event["level"], "error");
    assert_eq!(event["logentry"]["formatted"], "a page was parked");
    assert_eq!(
        (&event["environment"], &event["tags"]["function"]),
        (&"prod".into(), &"fetcher".into())
    );
    assert_eq!(event["tags"]["stream"], "orders/shop");
    assert_eq!(event["extra"]["page"], "7");
    assert_eq!(event["extra"]["error"].as_str().unwrap().len(), 1_000);
    assert!(event["timestamp"].as_f64().unwrap() > 1_700_000_000.0);
    assert_eq!(log.lines().count(), 3, "the log has it all too: {log}");
    assert!(!log.contains("k3y-of-ours"), "{log}");

    let (_, _) = run(&reports, async { Ok(()) }).await;
    assert_eq!(sentry.events().len(), 1, "once");
}

#[tokio::test]
async fn a_failed_invocation_and_a_panic_are_sent_and_stay_what_they_were() {
    let sentry = Sentry::start(Some(200)).await;
    let reports = sentry.reports();
    let (answer, _) = run::<()>(&reports, async { Err("the source halts".into()) }).await;
    assert_eq!(answer.unwrap_err().to_string(), "the source halts");

    let panicking = reports.clone();
    let panicked = tokio::spawn(async move {
        panicking.after::<()>(async { resume_unwind(Box::new("no such case: 5".to_owned())) }).await
    });
    let panic = panicked.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "no such case: 5");
    let events = sentry.events();
    assert_eq!(events[0]["logentry"]["formatted"], "the invocation failed");
    assert_eq!(events[0]["extra"]["error"], "the source halts");
    assert_eq!(events[1]["logentry"]["formatted"], "the invocation panicked");
    assert_eq!(events[1]["extra"]["panic"], "no such case: 5");
}

#[tokio::test]
async fn however_many_errors_there_are_no_more_than_twenty_are_sent() {
    let sentry = Sentry::start(Some(200)).await;
    let many = async {
        (0..1_000).for_each(|number| tracing::error!(number, "again"));
        Ok(())
    };
    let (_, log) = run(&sentry.reports(), many).await;
    assert_eq!(sentry.events().len(), 20);
    assert!(log.contains("\"left_out\":980"), "{}", log.lines().last().unwrap());
}

#[tokio::test]
async fn a_sentry_that_refuses_is_silent_or_gone_fails_no_invocation() {
    let refusing = Sentry::start(Some(429)).await;
    let silent = Sentry::start(None).await;
    let gone = Sentry { dsn: "http://k3y-of-ours@127.0.0.1:1/42".into(), seen: Arc::default() };
    for (sentry, said) in [(&refusing, "429"), (&silent, "too long"), (&gone, "no answer")] {
        let began = Instant::now();
        let errors = async {
            tracing::error!("one");
            tracing::error!("two");
            Ok("fine")
        };
        let (answer, log) = run(&sentry.reports(), errors).await;
        assert_eq!(answer.unwrap(), "fine");
        assert!(log.contains(said), "{said}: {log}");
        assert!(!log.contains("k3y-of-ours") && !log.contains("/api/42"), "{log}");
        assert!(began.elapsed() < Duration::from_secs(3), "{said}: {:?}", began.elapsed());
        assert!(sentry.seen.lock().unwrap().len() <= 1, "{said}");
    }
}

#[tokio::test]
async fn without_a_dsn_nothing_is_kept_and_one_that_is_none_is_not_taken() {
    let errors = async {
        tracing::error!("one");
        Ok(1)
    };
    assert_eq!(run(&Reports::default(), errors).await.0.unwrap(), 1);
    assert!(Reports::to(&Secret::new("k3y-of-ours"), "f", "dev").is_none());
}
