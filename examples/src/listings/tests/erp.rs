//! The export and the categories.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::json;

use super::{file, get, start};
use crate::listings::{Broken, Edit, Listings};

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).expect("UTF-8")
}

/// The ids of the offers in a file, in its order.
fn ids(file: &str) -> Vec<&str> {
    file.split("<offer id=\"").skip(1).map(|rest| rest.split('"').next().expect("an id")).collect()
}

#[tokio::test]
async fn the_file_has_every_offer_and_is_the_same_by_gzip() {
    let erp = start(|_| {}).await;
    let plain = file(&erp, "").await;
    assert_eq!(plain.header("content-length"), Some(&*erp.file_bytes().to_string()));
    assert_eq!(plain.header("content-type"), Some("application/xml"));
    let mut unpacked = Vec::new();
    let packed = get(&erp, "/export/offers.xml.gz", "").await.unwrap();
    assert!(packed.body.len() < plain.body.len() / 3);
    MultiGzDecoder::new(&*packed.body).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    let plain = text(plain.body);
    let expected: Vec<String> = (1..=700).map(Listings::id).collect();
    assert_eq!(ids(&plain), expected);
    assert!(plain.starts_with("<?xml") && plain.ends_with("</offer>\n</offers>\n"));
    let each = plain.len() / 700;
    assert!((340..=400).contains(&each), "{each} bytes an offer");
}

#[tokio::test]
async fn a_part_is_a_part_of_just_this_file() {
    let erp = start(|_| {}).await;
    let whole = file(&erp, "").await;
    let (length, etag) = (whole.body.len(), whole.header("etag").unwrap().to_owned());
    let modified = whole.header("last-modified").unwrap().to_owned();
    for (from, to) in
        [(0, 0), (1, 60_000), (46_000, 200_000), (length - 1, length - 1), (7, 9_999_999)]
    {
        let part = file(&erp, &format!("Range: bytes={from}-{to}\r\nIf-Range: {etag}\r\n")).await;
        let last = to.min(length - 1);
        assert_eq!(part.status, 206);
        assert_eq!(part.header("content-range"), Some(&*format!("bytes {from}-{last}/{length}")));
        assert_eq!(part.body, whole.body[from..=last]);
    }
    let rest = file(&erp, &format!("Range: bytes=90000-\r\nIf-Range: {modified}\r\n")).await;
    assert_eq!((rest.status, &rest.body), (206, &whole.body[90_000..].to_vec()));
    let tail = file(&erp, "Range: bytes=-500\r\n").await;
    assert_eq!((tail.status, tail.body), (206, whole.body[length - 500..].to_vec()));
    // What is no range of this file is answered by all of it.
    let weak = format!("W/{etag}");
    for other in ["\"other\"", &weak, "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let answer = file(&erp, &format!("Range: bytes=5-\r\nIf-Range: {other}\r\n")).await;
        assert_eq!((answer.status, answer.body.len()), (200, length), "{other}");
    }
    let beyond = file(&erp, &format!("Range: bytes={length}-\r\n")).await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), Some(&*format!("bytes */{length}")));
    let traffic = erp.erp_traffic();
    assert_eq!((traffic.whole, traffic.partial, traffic.beyond), (4, 7, 1));
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again_and_a_next_one_is_another() {
    let erp = start(|_| {}).await;
    let first = file(&erp, "").await;
    let etag = first.header("etag").unwrap().to_owned();
    let modified = first.header("last-modified").unwrap().to_owned();
    let bytes = erp.erp_traffic().bytes;
    assert_eq!(bytes, first.body.len() as u64);
    let known = format!("If-None-Match: \"x\", {etag}\r\n");
    for headers in [&known, &format!("If-Modified-Since: {modified}\r\n")] {
        let answer = file(&erp, headers).await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{headers}");
        assert_eq!(answer.header("etag"), Some(&*etag));
    }
    assert_eq!((erp.erp_traffic().bytes, erp.erp_traffic().unchanged), (bytes, 2));

    let edited = erp.edit(&Edit { change: 50, remove: 10, add: 5, ..Edit::default() });
    let lengths = [edited.changed.len(), edited.removed.len(), edited.added.len()];
    assert_eq!(lengths, [50, 10, 5]);
    let second = file(&erp, &known).await;
    assert_eq!(second.status, 200);
    let (first, second) = (text(first.body), text(second.body));
    let lines = |text: &str| text.lines().skip(3).map(str::to_owned).collect::<Vec<_>>();
    let (before, now) = (lines(&first), lines(&second));
    let new: Vec<&String> = now.iter().filter(|line| !before.contains(line)).collect();
    let gone: Vec<&String> = before.iter().filter(|line| !now.contains(line)).collect();
    let of = |lines: &[&String]| {
        let text: String = lines.iter().map(|line| line.as_str()).collect();
        ids(&text).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&new), [edited.changed.clone(), edited.added].concat());
    let mut either = [edited.changed, edited.removed].concat();
    either.sort();
    assert_eq!(of(&gone), either);
}

#[tokio::test]
async fn who_reads_a_file_goes_on_with_it_though_the_next_one_is_there() {
    let erp = start(|config| config.erp.pause_ms = 30).await;
    let (whole, ()) = tokio::join!(file(&erp, ""), async {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        erp.edit(&Edit { change: 700, ..Edit::default() });
    });
    let again = start(|_| {}).await;
    let skip_head = |body: Vec<u8>| text(body).lines().skip(3).collect::<String>();
    assert_eq!(skip_head(whole.body), skip_head(file(&again, "").await.body));
}

#[tokio::test]
async fn a_broken_file_is_half_a_file_garbage_or_empty() {
    let erp = start(|_| {}).await;
    let whole = file(&erp, "").await.body.len();
    let broken = |broken| erp.edit(&Edit { broken: Some(broken), ..Edit::default() });
    broken(Broken::Cut);
    let cut = file(&erp, "").await;
    assert_eq!(cut.body.len(), whole / 2);
    assert!(!text(cut.body[..whole / 2 - 5].to_vec()).contains("</offers>"));
    broken(Broken::Garbage);
    assert!(text(file(&erp, "").await.body).starts_with("<!DOCTYPE html>"));
    broken(Broken::Empty);
    let empty = text(file(&erp, "").await.body);
    assert!(empty.ends_with("</offers>\n") && ids(&empty).is_empty(), "{empty}");
    erp.edit(&Edit::default());
    assert_eq!(file(&erp, "").await.body.len(), whole);
}

#[tokio::test]
async fn a_transfer_is_cut_and_ranges_are_ignored_on_demand() {
    let erp = start(|config| config.erp.cut_every_bytes = Some(100_000)).await;
    let cut = file(&erp, "").await;
    assert_eq!(cut.body.len(), 100_000);
    assert_eq!(cut.header("content-length"), Some(&*erp.file_bytes().to_string()));
    let length = erp.file_bytes();
    let rest = file(&erp, "Range: bytes=200000-\r\n").await;
    assert_eq!(rest.body.len() as u64, (length - 200_000).min(100_000));
    assert_eq!(erp.erp_traffic().bytes, 100_000 + rest.body.len() as u64);

    let erp = start(|config| config.erp.ignores_ranges = true).await;
    for range in ["bytes=5-", "bytes=999999999-"] {
        assert_eq!(file(&erp, &format!("Range: {range}\r\n")).await.status, 200);
    }
}

#[tokio::test]
async fn invalid_offers_take_turns_in_how_they_are() {
    let erp = start(|config| config.invalid_every = Some(100)).await;
    let whole = text(file(&erp, "").await.body);
    let line = |number| {
        let wanted = format!("\"{}\"", Listings::id(number));
        whole.lines().find(|line| line.contains(&wanted)).expect("it is there").to_owned()
    };
    assert!(!line(100).contains("<price"), "{}", line(100));
    assert!(line(200).contains(">on request</price>"), "{}", line(200));
    assert!(line(300).contains("currency=\"XXX\""), "{}", line(300));
    for part in ["currency=\"XXX\">on request", "url=\"ftp://"] {
        assert!(line(400).contains(part), "{}", line(400));
    }
    assert!(!line(101).contains("XXX") && line(101).contains("<price"));
    let invalid = erp.invalid();
    assert_eq!((invalid.len(), &invalid[3]), (7, &("A-1400".to_owned(), 3)));
    erp.edit(&Edit { mend: true, ..Edit::default() });
    let whole = text(file(&erp, "").await.body);
    assert!(!whole.contains("XXX") && !whole.contains("on request"));
}

#[tokio::test]
async fn categories_are_given_by_their_ids_and_counted() {
    let erp = start(|_| {}).await;
    let answer = get(&erp, "/api/categories?ids=3,40,41", "").await.unwrap();
    let expected = json!({ "categories": [
        { "id": 3, "name": "Loft for sale" }, { "id": 40, "name": "Land by the lake" },
    ] });
    assert_eq!((answer.status, answer.json()), (200, expected));
    for query in ["", "?ids=", "?ids=x", "?id=3", "?ids=3&more=1"] {
        assert_eq!(get(&erp, &format!("/api/categories{query}"), "").await.unwrap().status, 400);
    }
    let traffic = erp.erp_traffic();
    assert_eq!((traffic.category_requests, traffic.category_ids), (1, 3));
}

#[tokio::test]
async fn nothing_is_given_without_the_key() {
    let erp = start(|_| {}).await;
    let url = format!("{}/export/offers.xml", erp.source_url);
    let answer = crate::http::client::ask("GET", &url, "X-Api-Key: wrong\r\n", "").await.unwrap();
    assert_eq!((answer.status, erp.erp_traffic().traffic.unauthorized), (401, 1));
    assert_eq!(get(&erp, "/export/other.xml", "").await.unwrap().status, 404);
}
