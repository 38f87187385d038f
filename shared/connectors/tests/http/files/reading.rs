//! One file, read from its beginning and from any place on.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tidegate_core::{model::Position, ports::SourceError};

use super::{
    Run, feed, offers, run, run_of,
    server::{Habits, Server},
    table, xml,
};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// Each format with a file of so many records, of which the ids are 0 and on.
fn formats(count: u32) -> Vec<(Value, Vec<u8>)> {
    let each = |line: &dyn Fn(u32) -> String| (0..count).map(line).collect::<String>();
    let offers = offers(&(0..count).map(|id| (id, id * 7)).collect::<Vec<_>>());
    let csv =
        format!("id;title\r\n{}", each(&|id| format!("{id};\"Haus; \"\"{id}\"\"\nLand\"\r\n")));
    let lines = each(&|id| format!("{{\"id\":{id},\"title\":\"Ünit {id}\"}}\n"));
    let items: Vec<Value> = (0..count).map(|id| json!({ "id": id, "tags": ["]", "}"] })).collect();
    let document = json!({ "data": { "items": items }, "next": null });
    vec![
        (xml(), offers.into()),
        (json!({ "format": { "csv": {} } }), csv.into()),
        (json!({ "format": { "ndjson": {} } }), lines.into()),
        (json!({ "format": { "json": { "records": "data.items" } } }), document.to_string().into()),
    ]
}

fn numbers(count: u32) -> Vec<String> {
    (0..count).map(|id| id.to_string()).collect()
}

#[tokio::test]
async fn every_format_is_read_whole_packed_or_not_and_from_any_record_on() {
    for (keys, file) in formats(60) {
        for file in [file.clone(), gzip(&file)] {
            let server = Server::start(file, Habits::default()).await;
            let source = feed(&server.url, keys.clone(), &table());
            let all = run(&*source, Position::Start).await;
            assert_eq!((all.ids(), all.failed), (numbers(60), None), "{keys}");
            for record in &all.records {
                let rest = run(&*source, record.position()).await;
                let at: usize = record.id.to_string().parse().unwrap();
                assert_eq!(rest.ids(), numbers(60)[at + 1..], "{keys} behind {at}");
                assert!(
                    rest.records.iter().zip(&all.records[at + 1..]).all(|(a, b)| a.data == b.data)
                );
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_is_as_it_was_costs_one_request() {
    for (tags, times) in [(true, true), (true, false), (false, true)] {
        let server =
            Server::start(offers(&[(1, 5)]), Habits { tags, times, ..Habits::default() }).await;
        let source = feed(&server.url, xml(), &table());
        let first = run(&*source, Position::Start).await;
        assert_eq!((first.ids(), server.requests()), (vec!["1".into()], 1));
        let again = run(&*source, first.position).await;
        assert_eq!((again.ids(), again.requests, server.requests()), (vec![], 1, 1));
        assert!(again.failed.is_none());
    }
}

#[tokio::test]
async fn runs_of_a_few_records_give_each_once_whatever_the_server_says_of_versions_and_parts() {
    let count = 300;
    for (tags, times) in [(true, true), (true, false), (false, true), (false, false)] {
        for ranges in [true, false] {
            for (keys, file) in formats(count) {
                let shown = format!("{tags} {times} {ranges} {keys}");
                let habits = Habits { tags, times, ranges, cut_after: None };
                let server = Server::start(file, habits).await;
                let source = feed(&server.url, keys, &table());
                let (mut position, mut ids) = (Position::Start, Vec::new());
                for _ in 0..100 {
                    let Run { records, position: next, failed, .. } =
                        run_of(&*source, position, 43).await;
                    assert_eq!(failed, None, "{shown}");
                    ids.extend(records.iter().map(|record| record.id.to_string()));
                    position = next;
                    if ids.len() >= usize::try_from(count).unwrap() {
                        break;
                    }
                }
                assert_eq!(ids, numbers(count), "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_transfer_that_breaks_off_again_and_again_gives_every_record_once() {
    let count = 2_000;
    for (keys, file) in formats(count) {
        let (length, habits) =
            (file.len(), Habits { cut_after: Some(10_000), ..Habits::default() });
        let server = Server::start(file, habits).await;
        let source = feed(&server.url, keys.clone(), &table());
        let all = run(&*source, Position::Start).await;
        assert_eq!((all.ids(), all.failed), (numbers(count), None), "{keys}");
        let (bytes, length) = (server.bytes(), length as u64);
        assert!(bytes <= length + length / 10, "{bytes} of {length} bytes: {keys}");
    }
}

#[tokio::test]
async fn what_is_no_record_is_parked_and_never_in_the_way() {
    let file = "{\"id\":1}\nnonsense\n{\"x\":2}\n{\"id\":3}\n";
    let server = Server::start(file, Habits::default()).await;
    let all =
        run(&*feed(&server.url, json!({ "format": { "ndjson": {} } }), &table()), Position::Start)
            .await;
    let refused: Vec<_> = all.records.iter().map(|record| record.refused.as_deref()).collect();
    assert_eq!((refused[0], refused[3]), (None, None));
    assert!(refused[1].is_some());
    assert_eq!(refused[2], Some("it has no id at `id`"));
    assert_eq!(all.ids()[3], "3");
}

#[tokio::test]
async fn a_damaged_file_gives_what_stands_before_the_damage_and_waits_for_another_one() {
    let whole = offers(&[(1, 5), (2, 6), (3, 7)]);
    for damaged in [
        whole.replace("<offer id=\"3\">", "</offer id=\"3\">"),
        whole[..whole.len() - 40].to_owned(),
    ] {
        let server = Server::start(damaged, Habits::default()).await;
        let source = feed(&server.url, xml(), &table());
        let first = run(&*source, Position::Start).await;
        assert_eq!(first.ids()[..2], ["1", "2"]);
        assert!(matches!(first.failed, Some(SourceError::Halt(_))), "{:?}", first.failed);
        let again = run(&*source, first.position).await;
        assert!(matches!(again.failed, Some(SourceError::Halt(_))), "{:?}", again.failed);
        server.put(whole.clone());
        let next = run(&*source, again.position).await;
        assert_eq!((next.ids(), next.failed), (vec!["1".into(), "2".into(), "3".into()], None));
        assert!(next.records[0].version > first.records[1].version);
    }
}

#[tokio::test]
async fn a_file_of_one_byte_a_character_is_resumed_at_its_own_bytes() {
    let text = "<?xml version=\"1.0\" encoding=\"windows-1251\"?><Каталог>".to_owned()
        + &(0..50)
            .map(|id| format!("<Товар><Ид>{id}</Ид><Имя>Дом №{id}</Имя></Товар>"))
            .collect::<String>()
        + "</Каталог>";
    let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(&text);
    let server = Server::start(bytes.to_vec(), Habits::default()).await;
    let keys = json!({ "format": { "xml": { "record": "Каталог.Товар" } }, "id": "Ид" });
    let source = feed(&server.url, keys, &table());
    let all = run(&*source, Position::Start).await;
    assert_eq!((all.ids(), all.failed), (numbers(50), None));
    server.bytes();
    let rest = run(&*source, all.records[39].position()).await;
    assert_eq!(rest.ids(), numbers(50)[40..]);
    assert_eq!(rest.records[0].data, all.records[40].data);
}
