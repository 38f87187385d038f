//! What fails, and what is to be done about it.

use serde_json::json;

use super::*;

fn is_later(error: &TransferError, word: &str) -> Option<u64> {
    let TransferError::Later { reason, after_ms } = error else { panic!("{error:?}") };
    assert!(reason.contains(word), "`{word}` is not in: {reason}");
    *after_ms
}

#[tokio::test]
async fn a_transfer_that_breaks_off_never_looks_like_the_end() {
    for frames in [Frames::Length, Frames::Chunks] {
        let mut habits = Habits::new(bytes(LENGTH));
        (habits.frames, habits.cut) = (frames, 123_456);
        let site = Site::start(habits).await;
        let mut opened = open(&file(&site), WHOLE).await.unwrap();
        let (came, error) = drain(&mut opened).await;
        assert!(came == bytes(LENGTH)[..123_456]);
        is_later(&error.unwrap(), "the transfer broke off at byte 123456");
        assert!(opened.body.next(soon()).await.is_err(), "nothing comes after it");
    }
    // Where nothing says where it ends, that is said.
    let mut habits = Habits::new(bytes(LENGTH));
    (habits.frames, habits.cut) = (Frames::Nothing, 123_456);
    let site = Site::start(habits).await;
    let mut opened = open(&file(&site), WHOLE).await.unwrap();
    assert!(!opened.is_delimited);
    assert_eq!(opened.identity.length, None);
    assert_eq!(drain(&mut opened).await.0.len(), 123_456);
}

#[tokio::test]
async fn only_silence_ends_a_slow_transfer() {
    let mut habits = Habits::new(bytes(2_000));
    // Twice as long as the silence that is borne, and longer than an answer may take to begin.
    habits.trickles = Some((100, Duration::from_millis(120)));
    let site = Site::start(habits).await;
    let mut opened = open(&file(&site), WHOLE).await.unwrap();
    assert!(drain(&mut opened).await == (bytes(2_000), None));
    site.now().trickles = Some((1_000, Duration::from_secs(30)));
    let mut opened = open(&file(&site), WHOLE).await.unwrap();
    let (came, error) = drain(&mut opened).await;
    assert_eq!(came.len(), 1_000);
    is_later(&error.unwrap(), "no byte came in time");
    // The caller's time ends it too.
    let mut opened = open(&file(&site), WHOLE).await.unwrap();
    let until = Instant::now() + Duration::from_millis(100);
    while let Ok(piece) = opened.body.next(until).await {
        assert!(piece.is_some());
    }
    assert!(until.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn every_refusal_says_what_is_to_be_done() {
    let site = Site::start(Habits::new(bytes(10))).await;
    let remote = file(&site);
    let fails = async |status: u16, headers: &str| {
        let answer = (status, headers.to_owned(), "hush-hush it says");
        site.now().instead.insert("/offers.xml", vec![answer]);
        let error = open(&remote, WHOLE).await.unwrap_err();
        assert!(error.to_string().contains("[secret] it says"), "{error}");
        error
    };
    for status in [408, 425, 429, 500, 502, 503, 504] {
        assert_eq!(is_later(&fails(status, "").await, &status.to_string()), None);
    }
    let retry = "retry-after: 7\r\n";
    for status in [429, 503, 403] {
        assert_eq!(is_later(&fails(status, retry).await, &status.to_string()), Some(7_000));
    }
    for status in [404, 410] {
        assert!(matches!(fails(status, "").await, TransferError::Absent(_)));
    }
    for (status, word) in
        [(401, "see `auth`"), (403, "see `auth`"), (400, "see `url`"), (405, "see `url`")]
    {
        let error = fails(status, "").await;
        assert!(
            matches!(&error, TransferError::Halt(reason) if reason.contains(word)),
            "{error:?}"
        );
    }
    // Answers to questions that were not asked.
    for (status, headers) in [(304, ""), (416, ""), (206, "content-range: bytes 0-16/17\r\n")] {
        let answer = (status, headers.to_owned(), "");
        site.now().instead.insert("/offers.xml", vec![answer]);
        is_later(&open(&remote, WHOLE).await.unwrap_err(), "a request for the whole file");
    }
}

#[tokio::test]
async fn a_304_of_another_version_is_not_believed() {
    let site = Site::start(Habits::new(bytes(10))).await;
    let of = version(&site).await;
    let strange = (304, "etag: \"v9\"\r\n".to_owned(), "");
    site.now().instead.insert("/offers.xml", vec![strange]);
    site.now().etag = Some("\"v9\"");
    let mut opened = open(&file(&site), Ask::Whole { unless: Some(&of) }).await.unwrap();
    assert_eq!(drain(&mut opened).await.0.len(), 10);
    assert_eq!(site.asked().len(), 2);
}

#[tokio::test]
async fn redirects_are_followed_within_the_origin_alone() {
    let site = Site::start(Habits::new(bytes(LENGTH))).await;
    let of = version(&site).await;
    let to = |place: &str| vec![(302, format!("location: {place}\r\n"), "")];
    site.now().instead.insert("/offers.xml", to("/2026/offers.xml"));
    let opened = open(&file(&site), Ask::Rest { of: &of, from: 5 }).await.unwrap();
    assert_eq!(opened.start, 5);
    let asked = site.asked();
    assert_eq!((asked.len(), asked[1].path.as_str()), (2, "/2026/offers.xml"));
    assert_eq!(asked[1].header("range"), "bytes=5-");
    site.now().instead.insert("/offers.xml", to("http://127.0.0.1:1/offers.xml"));
    let error = open(&file(&site), WHOLE).await.unwrap_err();
    assert!(matches!(&error, TransferError::Halt(text) if text.contains("set `url`")), "{error:?}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let mut habits = Habits::new(bytes(LENGTH));
    habits.token = Some("second");
    let token = |token: &'static str| (200, String::new(), token);
    let (first, second) = (r#"{"access_token":"first"}"#, r#"{"access_token":"second"}"#);
    habits.instead.insert("/token", vec![token(first), token(second)]);
    let site = Site::start(habits).await;
    let auth = json!({
        "oauth2_client": {
            "token_url": site.url("/token"), "client_id": "me", "client_secret": "${secrets.s}",
        }
    });
    let remote = file_at(&site.url("/offers.xml"), Some(auth));
    let mut opened = open(&remote, WHOLE).await.unwrap();
    assert!(drain(&mut opened).await == (bytes(LENGTH), None));
    let paths: Vec<_> = site.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/token", "/offers.xml", "/token", "/offers.xml"]);
}

#[tokio::test]
async fn no_server_is_no_halt() {
    let error = file_at("http://127.0.0.1:1/offers.xml", None).look(soon()).await.unwrap_err();
    is_later(&error, "no connection");
}

#[tokio::test]
async fn an_empty_file_is_one() {
    let site = Site::start(Habits::new(Vec::new())).await;
    let looked = file(&site).look(soon()).await.unwrap();
    let mut opened = open(&file(&site), WHOLE).await.unwrap();
    assert_eq!((opened.identity.length, looked.length), (Some(0), Some(0)));
    assert_eq!(drain(&mut opened).await, (Vec::new(), None));
}
