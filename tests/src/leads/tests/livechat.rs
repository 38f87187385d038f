//! LiveChat: every chat is reached once, and nothing that is slightly wrong is understood.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::{archives, ask, encode, start, walk};

#[tokio::test]
async fn pages_reach_every_chat_once_in_ascending_order() {
    let leads = start(|_| ()).await;
    for limit in [7, 50, 100] {
        let chats = walk(&leads, "2025-11-28T00:00:00Z", limit).await;
        assert_eq!(chats.len(), 250);
        assert!(chats.is_sorted_by_key(|chat| chat["ended_at"].as_str().unwrap().to_owned()));
        let ids: HashSet<_> = chats.iter().map(|chat| chat["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 250);
        assert!(ids.iter().all(|id| id.len() == 10));
    }
    let first = archives(&leads, "").await.json();
    assert_eq!(
        (first["chats"].as_array().unwrap().len(), &first["found_chats"]),
        (10, &250.into())
    );
    let again = start(|_| ()).await;
    assert_eq!(archives(&again, "").await.body, archives(&leads, "").await.body);
}

#[tokio::test]
async fn from_is_inclusive_to_the_microsecond() {
    let leads = start(|_| ()).await;
    let chats = walk(&leads, "2025-11-28T00:00:00Z", 100).await;
    let ends: Vec<_> = chats.iter().map(|chat| chat["ended_at"].as_str().unwrap()).collect();
    let tied = ends.windows(2).position(|two| two[0] == two[1]).expect("ties");
    for from in [ends[tied], ends[100], ends[249]] {
        let expected = ends.iter().filter(|end| **end >= from).count();
        let page = archives(&leads, &format!("from={from}&limit=1")).await.json();
        assert_eq!(page["chats"][0]["ended_at"], from);
        assert_eq!(page["found_chats"], expected);
        assert_eq!(walk(&leads, from, 100).await.len(), expected);
    }
    let none = archives(&leads, "from=2030-01-01T00:00:00%2B01:00").await.json();
    assert_eq!(none, serde_json::json!({ "chats": [], "found_chats": 0 }));
}

#[tokio::test]
async fn chats_that_end_later_follow_and_a_walk_under_way_reaches_them() {
    let leads = start(|config| config.chats_later = 30).await;
    let page = archives(&leads, "limit=100").await.json();
    leads.end_chats(20);
    assert_eq!(leads.chats(), 270);
    let next = encode(page["next_page_id"].as_str().unwrap());
    let page = archives(&leads, &format!("limit=100&page_id={next}")).await.json();
    assert_eq!(page["found_chats"], 270);
    leads.end_chats(999);
    assert_eq!(walk(&leads, "2025-11-28T00:00:00Z", 100).await.len(), 280);
}

#[tokio::test]
async fn all_kinds_of_emails_and_cities_come() {
    let leads = start(|config| {
        config.chats = 1_000;
        config.livechat.malformed_email = 0.1;
    })
    .await;
    let chats = walk(&leads, "2025-11-28T00:00:00Z", 100).await;
    let count = |is: &dyn Fn(&serde_json::Value) -> bool| {
        chats.iter().filter(|chat| is(&chat["customer"])).count()
    };
    assert!(count(&|customer| customer.get("email").is_none()) > 20);
    assert!(count(&|customer| customer.get("email") == Some(&serde_json::Value::Null)) > 20);
    assert!(count(&|customer| customer["city"].is_null()) > 40);
    let email_has = |part: &'static str| {
        count(&|customer| customer["email"].as_str().is_some_and(|email| email.contains(part)))
    };
    assert!(email_has("@Example.Com") > 20 && email_has(",@") > 2, "capitals, commas");
    let audit = leads.audit();
    let absent = count(&|customer| customer["email"].is_null()) as u64;
    assert!(audit.chats_with_malformed_email > 50);
    assert_eq!(audit.chats_with_email + audit.chats_with_malformed_email + absent, audit.chats);
}

#[tokio::test]
async fn what_is_slightly_wrong_is_a_400_and_a_stranger_is_a_401() {
    let leads = start(|config| config.livechat.latency_ms = 20).await;
    let page_id = archives(&leads, "from=2025-11-28T00:00:00Z").await.json();
    let page_id = encode(page_id["next_page_id"].as_str().unwrap());
    let wrong = [
        "limit=101".to_owned(),
        "limit=0".to_owned(),
        "from=yesterday".to_owned(),
        "from=2025-11-28".to_owned(),
        "to=2025-11-28T00:00:00Z".to_owned(),
        "limit=5&limit=6".to_owned(),
        "page_id=nonsense".to_owned(),
        format!("page_id={page_id}"),
        format!("from=2025-11-28T00:00:01Z&page_id={page_id}"),
        format!("from=2025-11-28T00:00:00Z&page_id={}", page_id.replace("%2B", "+")),
    ];
    for query in &wrong {
        let answer = archives(&leads, query).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json()["error"]["type"], "validation", "{query}");
    }
    let start_time = Instant::now();
    let good = format!("from=2025-11-28T00:00:00Z&page_id={page_id}");
    assert_eq!(archives(&leads, &good).await.status, 200);
    assert!(start_time.elapsed() >= Duration::from_millis(20));

    let url = format!("{}/v3/archives", leads.source_url);
    for headers in ["", "Authorization: Bearer x\r\n"] {
        assert_eq!(ask("GET", &url, headers, "").await.unwrap().status, 401);
    }
    assert_eq!(leads.audit().unauthorized, 2);
    assert_eq!(leads.source_traffic().malformed, wrong.len() as u64);
}
