//! LiveChat: every thread is reached once, and nothing that is slightly wrong is understood.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{JSON, LIST_ARCHIVES, archives, ask, start, threads};

/// Before every chat.
const FIRST: &str = "2025-11-28T00:00:00Z";

fn created(chat: &Value) -> &str {
    chat["thread"]["created_at"].as_str().unwrap()
}

fn customer(chat: &Value) -> &Value {
    let mut users = chat["users"].as_array().unwrap().iter();
    users.find(|user| user["type"] == "customer").unwrap()
}

#[tokio::test]
async fn pages_reach_every_thread_once_in_ascending_order() {
    let leads = start(|_| ()).await;
    for limit in [7, 50, 100] {
        let chats = threads(&leads, FIRST, limit).await;
        assert_eq!(chats.len(), 250);
        assert!(chats.is_sorted_by_key(|chat| created(chat).to_owned()));
        let ids = |of: &dyn Fn(&Value) -> String| chats.iter().map(of).collect::<HashSet<_>>();
        let of_threads = ids(&|chat| chat["thread"]["id"].as_str().unwrap().to_owned());
        assert_eq!(of_threads.len(), 250);
        assert!(of_threads.iter().all(|id| id.len() == 10));
        // Who comes again goes on with the same chat.
        let of_chats = ids(&|chat| chat["id"].to_string());
        assert_eq!(of_chats.len(), ids(&|chat| customer(chat)["id"].to_string()).len());
        assert!((200..250).contains(&of_chats.len()));
    }
    let first = archives(&leads, json!({})).await.json();
    let page = first["chats"].as_array().unwrap();
    assert_eq!((page.len(), &first["found_chats"]), (10, &250.into()));
    assert!(page.is_sorted_by(|a, b| created(a) >= created(b)), "the newest first");
    let again = start(|_| ()).await;
    assert_eq!(archives(&again, json!({})).await.body, archives(&leads, json!({})).await.body);
}

#[tokio::test]
async fn the_newest_first_and_there_and_back_again() {
    let leads = start(|_| ()).await;
    let all = threads(&leads, FIRST, 100).await;
    let (mut pages, mut body) = (Vec::new(), json!({ "limit": 60 }));
    loop {
        let page = archives(&leads, body).await.json();
        let next = page["next_page_id"].clone();
        pages.push(page);
        if next.is_null() {
            break;
        }
        body = json!({ "page_id": next });
    }
    let chats = pages.iter().flat_map(|page| page["chats"].as_array().unwrap());
    assert!(chats.eq(all.iter().rev()));
    assert!(pages[0].get("previous_page_id").is_none());
    for two in pages[..4].windows(2) {
        let back = archives(&leads, json!({ "page_id": two[1]["previous_page_id"] })).await.json();
        assert_eq!(back["chats"], two[0]["chats"]);
    }
}

#[tokio::test]
async fn times_are_inclusive_to_the_microsecond() {
    let leads = start(|_| ()).await;
    let chats = threads(&leads, FIRST, 100).await;
    let times: Vec<_> = chats.iter().map(created).collect();
    let tied = times.windows(2).position(|two| two[0] == two[1]).expect("ties");
    for from in [times[tied], times[100], times[249]] {
        let expected = times.iter().filter(|time| **time >= from).count();
        let body = json!({ "filters": { "from": from }, "limit": 1, "sort_order": "asc" });
        let page = archives(&leads, body).await.json();
        assert_eq!(created(&page["chats"][0]), from);
        assert_eq!(page["found_chats"], expected);
        assert_eq!(threads(&leads, from, 100).await.len(), expected);
        let filters = json!({ "from": from, "to": from });
        let page = archives(&leads, json!({ "filters": filters })).await.json();
        assert_eq!(page["found_chats"], times.iter().filter(|time| **time == from).count());
    }
    let late = json!({ "filters": { "from": "2030-01-01T00:00:00+01:00" } });
    let none = archives(&leads, late).await.json();
    assert_eq!(none, json!({ "chats": [], "found_chats": 0 }));
}

#[tokio::test]
async fn chats_that_end_later_follow_and_a_walk_under_way_reaches_them() {
    let leads = start(|config| config.chats_later = 30).await;
    let page = archives(&leads, json!({ "limit": 100, "sort_order": "asc" })).await.json();
    leads.end_chats(20);
    assert_eq!(leads.chats(), 270);
    let page = archives(&leads, json!({ "page_id": page["next_page_id"] })).await.json();
    assert_eq!(page["found_chats"], 270);
    leads.end_chats(999);
    assert_eq!(threads(&leads, FIRST, 100).await.len(), 280);
}

#[tokio::test]
async fn all_kinds_of_emails_and_cities_come() {
    let leads = start(|config| {
        config.chats = 1_000;
        config.livechat.malformed_email = 0.1;
    })
    .await;
    let chats = threads(&leads, FIRST, 100).await;
    let count =
        |is: &dyn Fn(&Value) -> bool| chats.iter().filter(|chat| is(customer(chat))).count();
    assert!(count(&|customer| customer.get("email").is_none()) > 20);
    assert!(count(&|customer| customer.get("email") == Some(&Value::Null)) > 20);
    assert!(count(&|customer| customer["last_visit"]["geolocation"]["city"].is_null()) > 40);
    let email_has = |part: &'static str| {
        count(&|customer| customer["email"].as_str().is_some_and(|email| email.contains(part)))
    };
    assert!(email_has("@Example.Com") > 20 && email_has(",@") > 2, "capitals, commas");
    let first = |kind: &str| chats.iter().filter(|chat| chat["users"][0]["type"] == kind).count();
    assert!(first("agent") > 200 && first("customer") > 200);
    let audit = leads.audit();
    let absent = count(&|customer| customer["email"].is_null()) as u64;
    assert!(audit.chats_with_malformed_email > 50);
    assert_eq!(audit.chats_with_email + audit.chats_with_malformed_email + absent, audit.chats);
}

#[tokio::test]
async fn what_is_slightly_wrong_is_a_400_and_a_stranger_is_a_401() {
    let leads = start(|config| config.livechat.latency_ms = 20).await;
    let page = archives(&leads, json!({ "filters": { "from": FIRST } })).await.json();
    let page_id = &page["next_page_id"];
    let wrong = [
        json!({ "limit": 101 }),
        json!({ "limit": 0 }),
        json!({ "limit": "100" }),
        json!({ "sort_order": "ascending" }),
        json!({ "from": FIRST }),
        json!({ "filters": { "from": "yesterday" } }),
        json!({ "filters": { "to": "2025-11-28" } }),
        json!({ "filters": { "since": FIRST } }),
        json!({ "page_id": "nonsense" }),
        json!({ "page_id": page_id, "limit": 10 }),
        json!({ "page_id": page_id, "filters": {} }),
        json!({ "page_id": page_id, "sort_order": "desc" }),
        json!([]),
    ];
    for body in &wrong {
        let answer = archives(&leads, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["error"]["type"], "validation", "{body}");
    }
    let start_time = Instant::now();
    assert_eq!(archives(&leads, json!({ "page_id": page_id })).await.status, 200);
    assert!(start_time.elapsed() >= Duration::from_millis(20));

    let url = format!("{}{LIST_ARCHIVES}", leads.source_url);
    let known = format!("Authorization: Bearer {}\r\n", leads.source_token);
    let mut malformed = wrong.len() as u64;
    for (method, url, headers, body, status) in [
        ("GET", &url, format!("{known}{JSON}"), "", 405),
        ("POST", &url, known.clone(), "{}", 400),
        ("POST", &url, format!("{known}{JSON}"), "", 400),
        ("POST", &format!("{url}?limit=5"), format!("{known}{JSON}"), "{}", 400),
        ("POST", &format!("{}/v3/archives", leads.source_url), format!("{known}{JSON}"), "{}", 404),
    ] {
        let answer = ask(method, url, &headers, body).await.unwrap();
        assert_eq!(answer.status, status, "{method} {url} {headers}");
        malformed += 1;
    }
    for headers in [JSON.to_owned(), format!("Authorization: Bearer x\r\n{JSON}")] {
        assert_eq!(ask("POST", &url, &headers, "{}").await.unwrap().status, 401);
    }
    assert_eq!(leads.audit().unauthorized, 2);
    assert_eq!(leads.source_traffic().malformed, malformed);
}
