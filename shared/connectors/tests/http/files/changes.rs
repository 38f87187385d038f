//! The next file: what changed in it, what is gone, and what may not be concluded.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::{
    model::{EpochMs, Position},
    ports::SourceError,
};

use super::{
    feed, offers, run, run_of,
    server::{Habits, Server},
    table, xml,
};
use crate::flow::NOW_MS;

fn keys(share_max: Option<&str>) -> Value {
    let mut keys = xml();
    keys["changed_only"] = true.into();
    if let Some(share_max) = share_max {
        keys["deletions"] = json!({ "share_max": share_max });
    }
    keys
}

fn many(count: u32) -> Vec<(u32, u32)> {
    (0..count).map(|id| (id, 100)).collect()
}

fn halts(failed: Option<SourceError>, says: &str) {
    assert!(matches!(&failed, Some(SourceError::Halt(it)) if it.contains(says)), "{failed:?}");
}

#[tokio::test]
async fn of_the_next_file_only_what_is_new_or_changed_is_given_and_what_is_gone_is_deleted() {
    let server = Server::start(offers(&many(40)), Habits::default()).await;
    let options = table();
    let source = feed(&server.url, keys(Some("10%")), &options);
    let first = run(&*source, Position::Start).await;
    assert_eq!(first.ids().len(), 40);
    let mut next = many(41);
    next[7].1 = 101;
    next.retain(|(id, _)| ![3, 30].contains(id));
    server.put(offers(&next));
    let second = run(&*source, first.position).await;
    assert_eq!(
        (second.ids(), second.failed),
        (vec!["7".into(), "40".into(), "3".into(), "30".into()], None)
    );
    let deleted: Vec<bool> = second.records.iter().map(|record| record.deleted).collect();
    assert_eq!(deleted, [false, false, true, true]);
    assert_eq!(second.records[2].data, r#"{"@id":"3"}"#);
    assert!(second.records.iter().all(|record| record.version > first.records[39].version));
    // All of it is known now, be the file called another one or not.
    server.put(offers(&next));
    let third = run(&*source, second.position).await;
    assert_eq!((third.ids(), third.failed), (vec![], None));
    // What was gone is new when it comes back.
    server.put(offers(&many(41)));
    assert_eq!(run(&*source, third.position).await.ids(), ["3", "7", "30"]);
}

#[tokio::test]
async fn a_run_that_was_cut_short_goes_on_from_any_record_or_deletion_and_concludes_the_same() {
    let server = Server::start(offers(&many(30)), Habits::default()).await;
    let options = table();
    let source = feed(&server.url, keys(Some("50%")), &options);
    let first = run(&*source, Position::Start).await;
    let mut next: Vec<_> = many(30).into_iter().filter(|(id, _)| id % 3 > 0).collect();
    next.iter_mut().for_each(|offer| offer.1 = if offer.0 % 2 > 0 { 200 } else { 100 });
    server.put(offers(&next));
    let whole = run(&*source, first.position.clone()).await;
    assert_eq!(whole.ids().len(), 20);
    for most in 1..20 {
        let (mut position, mut ids) = (first.position.clone(), Vec::new());
        for _ in 0..40 {
            let part = run_of(&*source, position, most).await;
            assert_eq!(part.failed, None);
            position = part.position;
            ids.extend(part.records.iter().map(|record| record.id.to_string()));
            if part.records.is_empty() {
                break;
            }
        }
        assert_eq!(ids, whole.ids(), "{most} at a time");
        assert_eq!(run(&*source, position).await.ids(), [] as [String; 0]);
    }
}

#[tokio::test]
async fn a_broken_file_deletes_nothing() {
    let server = Server::start(offers(&many(20)), Habits::default()).await;
    let source = feed(&server.url, keys(Some("100%")), &table());
    let first = run(&*source, Position::Start).await;
    let whole = offers(&many(20));
    for broken in ["", "<html>sorry</html", &whole[..400], &whole[..whole.len() - 12]] {
        server.put(broken);
        let next = run(&*source, first.position.clone()).await;
        assert!(next.records.iter().all(|record| !record.deleted), "{broken}");
        assert!(next.failed.is_some(), "{broken}");
        server.put(whole.clone());
        let mended = run(&*source, next.position).await;
        assert_eq!((mended.ids(), mended.failed), (vec![], None), "after {broken}");
    }
}

#[tokio::test]
async fn too_much_that_is_gone_is_kept_and_told_until_the_flow_permits_it_or_another_file_comes() {
    let server = Server::start(offers(&many(20)), Habits::default()).await;
    let options = table();
    let source = feed(&server.url, keys(Some("10%")), &options);
    let first = run(&*source, Position::Start).await;
    server.put(offers(&many(15)));
    let second = run(&*source, first.position).await;
    assert_eq!(second.ids(), [] as [String; 0]);
    halts(second.failed, "25% of the records are gone");
    // It is told by each run.
    let again = run(&*source, second.position.clone()).await;
    halts(again.failed, "25% of the records are gone");
    // What is there is delivered all the same.
    let mut next = many(15);
    next[2].1 = 300;
    server.put(offers(&next));
    let third = run(&*source, second.position).await;
    assert_eq!(third.ids(), ["2"]);
    halts(third.failed, "25% of the records are gone");
    // The flow permits it: what was gone before is gone still.
    let permits = feed(&server.url, keys(Some("30%")), &options);
    let fourth = run(&*permits, third.position.clone()).await;
    assert_eq!(
        (fourth.ids(), fourth.failed),
        (["15", "16", "17", "18", "19"].map(String::from).into(), None)
    );
    // Or they come back, and nothing is to be done.
    server.put(offers(&many(20)));
    let back = run(&*source, third.position).await;
    assert_eq!((back.ids(), back.failed), (vec!["2".into()], None));
}

#[tokio::test]
async fn a_record_without_an_id_might_be_any_of_those_that_are_missing() {
    let server = Server::start(offers(&many(20)), Habits::default()).await;
    let source = feed(&server.url, keys(Some("50%")), &table());
    let first = run(&*source, Position::Start).await;
    server.put(offers(&many(20)).replace("id=\"7\"", "number=\"7\""));
    let second = run(&*source, first.position).await;
    assert!(second.failed.is_none());
    assert_eq!(second.records.len(), 1);
    assert!(second.records[0].refused.is_some() && !second.records[0].deleted);
    server.put(offers(&many(19)));
    assert_eq!(run(&*source, second.position).await.ids(), ["19"], "it is known still");
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_read_is_begun_anew_without_what_is_known() {
    let server = Server::start(offers(&many(30)), Habits::default()).await;
    let source = feed(&server.url, keys(Some("50%")), &table());
    let first = run(&*source, Position::Start).await;
    let changed: Vec<_> = many(31).into_iter().map(|(id, _)| (id, 200)).collect();
    server.put(offers(&changed));
    let part = run_of(&*source, first.position, 10).await;
    assert_eq!(part.ids().len(), 10);
    // Those that were given are not as they were before the file, nor as they are now.
    let newest: Vec<_> = changed.iter().filter(|(id, _)| *id != 29).copied().collect();
    server.put(offers(&newest));
    let rest = run(&*source, part.position).await;
    assert_eq!(rest.failed, None);
    let ids = rest.ids();
    assert!((10..29).chain([30]).all(|id| ids.contains(&id.to_string())), "{ids:?}");
    assert_eq!(ids.last().map(String::as_str), Some("29"), "it is gone");
    assert!(rest.records.last().unwrap().deleted);
}

#[tokio::test]
async fn a_file_that_may_still_be_written_is_left_alone() {
    let server =
        Server::start(offers(&many(3)), Habits { times: false, ..Habits::default() }).await;
    let mut keys = xml();
    keys["settle"] = "5m".into();
    let mut options = table();
    let source = feed(&server.url, keys.clone(), &options);
    let first = run(&*source, Position::Start).await;
    assert_eq!((first.ids(), first.held_until_ms), (vec![], Some(NOW_MS + 300_000)));
    server.put(offers(&many(4)));
    let later = |options: &mut tidegate_connectors::Options, ms: EpochMs| {
        options.now = Arc::new(move || NOW_MS + ms);
        feed(&server.url, keys.clone(), options)
    };
    let second = run(&*later(&mut options, 200_000), Position::Start).await;
    assert_eq!((second.ids(), second.held_until_ms), (vec![], Some(NOW_MS + 500_000)));
    let third = run(&*later(&mut options, 500_000), Position::Start).await;
    assert_eq!((third.ids().len(), third.held_until_ms), (4, None));
}
