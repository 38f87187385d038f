//! The digest function on a topic: what SNS is asked, and what becomes of its refusal.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use lambda_runtime::{Context, LambdaEvent};
use tidegate_aws::{Clients, InProcess, Table};
use tidegate_core::{
    app::DigestReport,
    model::{Parked, RecordId, RecordKey, Version},
    ports::{Clock, ParkedStore},
};
use tidegate_digest::{App, LAG_MS, Mail, Place, handle};
use tidegate_testkit::ManualClock;

use super::stream;
use crate::tables;

const PUBLISHED: &str = r#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>"#;
const REFUSED: &str = r#"<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no right to publish</Message></Error><RequestId>r</RequestId></ErrorResponse>"#;

/// What a request to SNS says.
type Asked = BTreeMap<String, String>;
type Function = App<Table, ManualClock, Mail>;

/// The function over a table and a topic that keeps what it is asked, and refuses the first `refusals`.
fn function(refusals: usize) -> (Function, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = asked.clone();
    let clients = Clients::over(InProcess::new(move |_, body| {
        let mut asked = keep.lock().unwrap();
        asked.push(form_urlencoded::parse(body).into_owned().collect());
        let refuse = asked.len() <= refusals;
        let (status, answer) = if refuse { (403, REFUSED) } else { (200, PUBLISHED) };
        (status, answer.as_bytes().to_vec())
    }));
    let place = Place::new("prod", &["--aws", "--stack", "tidegate"]);
    let notifier = Mail::new(clients.topic("arn:aws:sns:local:000000000000:digests"), place);
    let clock = ManualClock::at(1_795_766_400_000);
    (App { store: tables::empty(), clock, notifier }, asked)
}

async fn park(app: &Function, ids: std::ops::Range<i64>) {
    let parked: Vec<Parked> = ids
        .map(|id| Parked {
            stream: stream(),
            key: RecordKey { id: RecordId::Number(id), version: Version(1) },
            status: Some(422),
            reason: format!("no such shop: {id} & more").into(),
            page: 1,
            deleted: false,
            parked_at_ms: app.clock.now_ms(),
            data: "{}".into(),
        })
        .collect();
    app.store.park(&parked).await.unwrap();
    app.clock.advance(LAG_MS + 1);
}

async fn run(app: &Function) -> Result<DigestReport, lambda_runtime::Error> {
    let event = serde_json::from_str(r#"{"whatever": ["a schedule", "says"]}"#).unwrap();
    handle(app, LambdaEvent::new(event, Context::default())).await
}

#[tokio::test]
async fn a_thousand_new_errors_make_one_message_and_the_next_run_none() {
    let (app, asked) = function(0);
    park(&app, 0..1_000).await;
    assert_eq!(run(&app).await.unwrap(), DigestReport { sent: 1, errors: 1_000 });
    for _ in 0..2 {
        app.clock.advance(86_400_000);
        assert_eq!(run(&app).await.unwrap(), DigestReport::default());
    }
    let asked = asked.lock().unwrap();
    let [message] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(message["Action"], "Publish");
    assert_eq!(message["TopicArn"], "arn:aws:sns:local:000000000000:digests");
    assert_eq!(message["Subject"], "Tidegate: 1,000 new errors in 1 flow (prod)");
    let text = &message["Message"];
    assert!(text.contains("orders/shop: 1,000 records, status 422\n"), "{text}");
    assert!(text.contains("no such shop: … & more\n"), "{text}");
    assert!(
        text.contains(
            "tidegate replay orders --connection shop --aws --stack tidegate --reason 'no such shop' \
             --since 2026-11-27T08:00:00Z\n"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_message_fails_the_run_and_is_sent_by_the_next() {
    let (app, asked) = function(1);
    park(&app, 0..10).await;
    let error = run(&app).await.unwrap_err().to_string();
    assert!(error.contains("Publish: AuthorizationError: no right to publish"), "{error}");
    park(&app, 10..15).await;
    assert_eq!(run(&app).await.unwrap(), DigestReport { sent: 2, errors: 15 });
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0], asked[1], "the same digest");
}
