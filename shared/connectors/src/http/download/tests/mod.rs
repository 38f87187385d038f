//! Files over real HTTP on 127.0.0.1.

mod failures;
mod site;

use std::sync::Arc;

use reqwest::header::HeaderMap;
use serde_json::Value;
use tidegate_core::model::Secret;
use tidegate_testkit::{MemoryStore, Seeded};
use tidegate_transfer::{Answer, Resumed, Seam, Trail, resume};

use super::*;
use crate::{
    HttpClient, Options,
    connection::Connection,
    http::{AdvertisedLimits, Auth, Origin, Transmitter, auth::authenticator},
    resolver::Resolver,
    testing::section,
};
use site::{Frames, Habits, Site};

const LENGTH: usize = 300_000;

fn bytes(length: usize) -> Vec<u8> {
    let byte = |at: usize| ((at as u32).wrapping_mul(2_654_435_761) >> 13) as u8;
    (0..length).map(byte).collect()
}

/// A file that is asked for without credentials, or with these.
fn file_at(url: &str, auth: Option<Value>) -> HttpFile {
    let url: Url = url.parse().unwrap();
    let secrets = [("s".into(), Secret::new("hush-hush"))].into();
    let connection = Connection { secrets, ..Connection::default() };
    let resolver = Resolver::new(&connection);
    thread_local! {
        static HTTP: HttpClient = HttpClient::new().unwrap();
    }
    let http = HTTP.with(HttpClient::clone);
    let options = Options::new(http, Arc::new(MemoryStore::new()), Arc::new(Seeded::new(1)));
    let auth: Option<Auth> = auth.map(section);
    let auth = authenticator(auth.as_ref(), "auth", &resolver, &options).unwrap();
    let transmitter = Transmitter {
        http: options.http.clone(),
        headers: HeaderMap::new(),
        reads: Reads::Everything,
        body_bytes_max: 64 * 1024,
        redactor: resolver.redactor(),
        now: options.now.clone(),
        witness: None,
    };
    let exchange = Exchange {
        transmitter,
        origin: Origin::of(&url).unwrap(),
        auth,
        timeout_ms: 2_000,
        limits: AdvertisedLimits::default(),
        budget: None,
    };
    HttpFile::new(exchange, Rules::default(), url, Duration::from_millis(700))
}

fn file(site: &Site) -> HttpFile {
    file_at(&site.url("/offers.xml"), None)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn open(file: &HttpFile, ask: Ask<'_>) -> Result<Opened, TransferError> {
    match file.open(ask, soon()).await? {
        Answer::Opened(opened) => Ok(opened),
        Answer::Unchanged => panic!("it is unchanged"),
    }
}

async fn drain(opened: &mut Opened) -> (Vec<u8>, Option<TransferError>) {
    let mut all = Vec::new();
    loop {
        match opened.body.next(soon()).await {
            Ok(Some(piece)) => all.extend_from_slice(&piece),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

const WHOLE: Ask<'static> = Ask::Whole { unless: None };

/// The version that a site has now.
async fn version(site: &Site) -> Identity {
    let identity = open(&file(site), WHOLE).await.unwrap().identity;
    site.asked();
    identity
}

#[tokio::test]
async fn a_file_comes_as_it_is_and_says_which_it_is() {
    let site = Site::start(Habits::new(bytes(LENGTH))).await;
    let mut opened = open(&file(&site), WHOLE).await.unwrap();
    assert!(drain(&mut opened).await == (bytes(LENGTH), None));
    let of = &opened.identity;
    assert_eq!((of.length, of.etag.as_deref()), (Some(300_000), Some("\"v1\"")));
    assert_eq!((of.modified_s, of.settled), (Some(1_767_268_800), true));
    assert_eq!((opened.start, opened.is_delimited), (0, true));
    assert_eq!(opened.charset.as_deref(), Some("windows-1251"));
    let asked = site.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].header("accept-encoding"), asked[0].header("range")), ("identity", ""));
    assert_eq!(file(&site).look(soon()).await.unwrap(), *of);
}

#[tokio::test]
async fn what_is_packed_is_not_unpacked() {
    let mut habits = Habits::new(bytes(1_000));
    habits.content_type = "application/xml\r\ncontent-encoding: gzip";
    let site = Site::start(habits).await;
    let mut opened = open(&file(&site), WHOLE).await.unwrap();
    assert!(drain(&mut opened).await == (bytes(1_000), None));
    assert_eq!(opened.identity.length, Some(1_000));
}

/// What a row changes of a site, and where a reading from byte 1,000 begins then, after so many requests.
type Row = (&'static str, fn(&mut Habits), u64, usize);

const MATRIX: [Row; 17] = [
    ("as it should", |_| {}, 1_000, 1),
    ("no parts", |site| site.ignores_range = true, 0, 2),
    ("a part that begins later", |site| site.shifts = 1, 0, 2),
    ("a part that begins earlier", |site| site.shifts = -600, 1_000, 1),
    ("another length", |site| site.lengthens = 7, 0, 2),
    ("parts in parts", |site| site.is_multipart = true, 0, 2),
    ("neither tag nor time nor length", |site| site.is_terse = true, 0, 2),
    ("a cache that knows no tags", |site| site.refuses_if_range = true, 1_000, 2),
    ("another version", |site| site.etag = Some("\"v2\""), 0, 1),
    (
        "another version, and tags are not minded",
        |site| {
            (site.etag, site.ignores_if_range) = (Some("\"v2\""), true);
        },
        0,
        2,
    ),
    (
        "another version in the same second",
        |site| {
            (site.etag, site.bytes[2_000]) = (Some("\"v2\""), 0);
        },
        0,
        1,
    ),
    (
        "a weak tag now",
        |site| {
            (site.etag, site.ignores_if_range) = (Some("W/\"v1\""), true);
        },
        1_000,
        1,
    ),
    (
        "no tag, another time",
        |site| {
            (site.etag, site.ignores_if_range) = (None, true);
            site.modified = Some("Thu, 01 Jan 2026 12:00:01 GMT");
        },
        0,
        2,
    ),
    ("shorter than the place", |site| site.bytes.truncate(900), 0, 2),
    (
        "shorter, and tags are not minded",
        |site| {
            (site.ignores_if_range, site.etag) = (true, Some("\"v2\""));
            site.bytes.truncate(900);
        },
        0,
        2,
    ),
    ("in chunks", |site| site.frames = Frames::Chunks, 1_000, 1),
    ("until it closes", |site| site.frames = Frames::Nothing, 1_000, 1),
];

#[tokio::test]
async fn a_part_is_taken_only_where_it_is_the_one_that_was_asked_for() {
    for (name, change, start, requests) in MATRIX {
        let site = Site::start(Habits::new(bytes(LENGTH))).await;
        let of = version(&site).await;
        change(&mut site.now());
        let mut opened = open(&file(&site), Ask::Rest { of: &of, from: 1_000 }).await.unwrap();
        let now = site.now().bytes.clone();
        let place = usize::try_from(opened.start).unwrap();
        assert_eq!(opened.start, start, "{name}");
        assert!(drain(&mut opened).await == (now[place..].to_vec(), None), "{name}");
        let asked = site.asked();
        assert_eq!(asked.len(), requests, "{name}");
        assert_eq!(asked[0].header("range"), "bytes=1000-", "{name}");
        assert_eq!(asked[0].header("if-range"), "\"v1\"", "{name}");
    }
}

#[tokio::test]
async fn a_weak_tag_is_never_pinned() {
    let mut habits = Habits::new(bytes(LENGTH));
    habits.etag = Some("W/\"v1\"");
    let site = Site::start(habits.clone()).await;
    let of = version(&site).await;
    assert_eq!(of.etag, None);
    let opened = open(&file(&site), Ask::Rest { of: &of, from: 5 }).await.unwrap();
    assert_eq!((opened.start, site.asked()[0].header("if-range")), (5, ""));
    // Without a time there is nothing to tell a version by.
    habits.modified = None;
    *site.now() = habits;
    let of = version(&site).await;
    let opened = open(&file(&site), Ask::Rest { of: &of, from: 5 }).await.unwrap();
    assert_eq!(opened.start, 0);
}

#[tokio::test]
async fn a_range_ends_where_it_was_asked_to() {
    let site = Site::start(Habits::new(bytes(LENGTH))).await;
    let of = version(&site).await;
    for (from, length, end) in [(0, 10, 10), (299_000, 5_000, 300_000), (7, 1, 8)] {
        let mut opened = open(&file(&site), Ask::Range { of: &of, from, length }).await.unwrap();
        let place = usize::try_from(from).unwrap();
        assert!(drain(&mut opened).await == (bytes(LENGTH)[place..end].to_vec(), None), "{from}");
    }
    // One that gives less than was asked for has not given all of it.
    site.now().part_max = 4_000;
    let mut opened = open(&file(&site), Ask::Rest { of: &of, from: 9 }).await.unwrap();
    let (came, error) = drain(&mut opened).await;
    assert_eq!(
        (came.len(), error.unwrap().to_string().contains("at byte 4009 of 300000")),
        (4_000, true)
    );
}

#[tokio::test]
async fn what_was_read_costs_one_request_until_it_changes() {
    let tag: fn(&mut Habits) = |_| {};
    let time: fn(&mut Habits) = |site| site.etag = None;
    let deaf: fn(&mut Habits) = |site| site.ignores_conditions = true;
    for (change, header) in
        [(tag, "if-none-match"), (time, "if-modified-since"), (deaf, "if-none-match")]
    {
        let site = Site::start(Habits::new(bytes(LENGTH))).await;
        change(&mut site.now());
        let of = version(&site).await;
        let answer = file(&site).open(Ask::Whole { unless: Some(&of) }, soon()).await.unwrap();
        assert!(matches!(answer, Answer::Unchanged));
        let asked = site.asked();
        assert_eq!((asked.len(), asked[0].header(header).is_empty()), (1, false));
        site.now().etag = Some("\"v2\"");
        site.now().modified = Some("Thu, 01 Jan 2026 12:00:09 GMT");
        let mut opened = open(&file(&site), Ask::Whole { unless: Some(&of) }).await.unwrap();
        assert!(drain(&mut opened).await == (bytes(LENGTH), None));
    }
    // A file that may have been written once more in the second that it says is read again.
    let mut fresh = Habits::new(bytes(LENGTH));
    (fresh.etag, fresh.modified) = (None, Some("Sat, 28 Nov 2026 17:59:58 GMT"));
    let site = Site::start(fresh).await;
    let of = version(&site).await;
    open(&file(&site), Ask::Whole { unless: Some(&of) }).await.unwrap();
    assert_eq!(site.asked()[0].header("if-modified-since"), "");
}

#[tokio::test]
async fn a_file_that_is_cut_every_100_kb_is_read_once() {
    let mut habits = Habits::new(bytes(950_000));
    habits.cut = 100_000;
    let site = Site::start(habits).await;
    let remote = file(&site);
    let (mut all, mut trail) = (Vec::new(), Trail::default());
    let mut opened = open(&remote, WHOLE).await.unwrap();
    let of = opened.identity.clone();
    for _ in 0..20 {
        let at = all.len() as u64;
        assert_eq!(opened.start, at);
        let (came, error) = drain(&mut opened).await;
        trail.push(at, came.clone().into());
        all.extend_from_slice(&came);
        if error.is_none() {
            assert!(all == bytes(950_000));
            assert!(site.asked().len() <= 10);
            return;
        }
        let at = all.len() as u64;
        let seam = trail.seam(at).unwrap();
        opened = match resume(&remote, &of, &seam, soon()).await.unwrap() {
            Resumed::Here(opened) => opened,
            Resumed::Anew(_) => panic!("it is the same file"),
        };
    }
    panic!("it never ends");
}

#[tokio::test]
async fn what_was_replaced_in_the_same_second_is_seen_at_the_seam() {
    let mut habits = Habits::new(bytes(LENGTH));
    habits.etag = None;
    let site = Site::start(habits).await;
    let of = version(&site).await;
    let seam = Seam::new(200_000, &bytes(LENGTH)[..200_000]);
    site.now().bytes[199_999] ^= 1;
    let Resumed::Anew(mut opened) = resume(&file(&site), &of, &seam, soon()).await.unwrap() else {
        panic!("it is another file")
    };
    let now = site.now().bytes.clone();
    assert!(drain(&mut opened).await == (now, None));
}
