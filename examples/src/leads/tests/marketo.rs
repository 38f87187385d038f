//! Marketo's tokens, look-ups, refusals and failures.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    FORM, JSON, call, code, encode, identify, look_up, merge, skipped, start, token, walk,
};
use crate::faults::Rate;

const LEADS: &str = "/rest/v1/leads.json";

fn emails(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("stranger.here{number}@example.com")).collect()
}

#[tokio::test]
async fn a_token_is_the_same_while_it_lasts_and_expires_in_the_middle() {
    let leads = start(|config| config.marketo.token_expires_in_s = 2).await;
    let ours = || identify(&leads, &leads.client_id, &leads.client_secret);
    let first = ours().await.json();
    assert_eq!(
        (&first["token_type"], first["expires_in"].as_u64().unwrap() <= 2),
        (&"bearer".into(), true)
    );
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let same = ours().await.json();
    assert_eq!((&same["access_token"], &same["expires_in"]), (&first["access_token"], &0.into()));
    let old = first["access_token"].as_str().unwrap();
    assert_eq!(code(&look_up(&leads, old, &emails(1), "id").await), None);

    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!(code(&look_up(&leads, old, &emails(1), "id").await), Some("602"));
    let new = token(&leads).await;
    assert_ne!(new, old);
    assert_eq!(code(&look_up(&leads, &new, &emails(1), "id").await), None);
    assert_eq!(code(&look_up(&leads, old, &emails(1), "id").await), Some("602"));
    assert_eq!(code(&look_up(&leads, "made up", &emails(1), "id").await), Some("601"));
    let audit = leads.audit();
    assert_eq!((audit.tokens_issued, audit.token_requests), (2, 3));
    assert_eq!((audit.expired_calls, audit.unauthorized, audit.lookups), (2, 1, 2));
}

#[tokio::test]
async fn wrong_credentials_are_a_401() {
    let leads = start(|_| ()).await;
    for (id, secret) in [("x", &*leads.client_secret), (&*leads.client_id, "x"), ("", "")] {
        let answer = identify(&leads, id, secret).await;
        assert_eq!((answer.status, &answer.json()["error"]), (401, &"unauthorized".into()));
    }
    let bare = call(&leads, "", "GET", "/identity/oauth/token", "", "").await.unwrap();
    assert_eq!(bare.status, 400);
    let audit = leads.audit();
    assert_eq!((audit.tokens_issued, audit.token_requests, audit.unauthorized), (0, 4, 3));
}

#[tokio::test]
async fn a_look_up_takes_300_values_and_not_301() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    let answer = look_up(&leads, &token, &emails(300), "id,email").await;
    assert_eq!((code(&answer), &answer["result"]), (None, &json!([])));
    let answer = look_up(&leads, &token, &emails(301), "id,email").await;
    assert_eq!(code(&answer), Some("1003"));
    assert_eq!(answer["errors"][0]["message"], "Values in filterValues are too many");
    let audit = leads.audit();
    assert_eq!((audit.lookups, audit.lookup_values_max), (1, 301));
}

#[tokio::test]
async fn a_look_up_ignores_case_and_leaves_out_whom_it_does_not_know() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    merge(
        &leads,
        &token,
        json!([{"email": "Ada@Example.com", "city": "Cork"}, {"email": "b@b.c"}]),
    )
    .await;
    let asked = ["ADA@example.COM", "ada@example.com", "stranger@x.y", "b@b.c"].map(str::to_owned);
    let by_form = look_up(&leads, &token, &asked, "id,email,city").await;
    let found = by_form["result"].as_array().unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        (&found[0]["email"], &found[0]["city"]),
        (&"Ada@Example.com".into(), &"Cork".into())
    );
    assert_eq!((&found[1]["email"], found[1].get("city")), (&"b@b.c".into(), Some(&Value::Null)));

    let path = format!(
        "{LEADS}?filterType=email&filterValues={}&fields=id,email,city",
        encode(&asked.join(","))
    );
    let by_address = call(&leads, &token, "GET", &path, "", "").await.unwrap().json();
    assert_eq!(by_address["result"], by_form["result"]);
}

#[tokio::test]
async fn leads_that_share_an_email_come_page_by_page_and_are_not_merged() {
    let leads = start(|config| {
        config.marketo.known = 1.0;
        config.marketo.shared = 0.1;
    })
    .await;
    let token = token(&leads).await;
    let emails: Vec<String> = walk(&leads, "2025-11-28T00:00:00Z", 100)
        .await
        .iter()
        .filter_map(|chat| chat["customer"]["email"].as_str().map(str::to_lowercase))
        .filter(|email| super::super::fields::is_email(email))
        .collect();
    let asked = encode(&emails.join(","));
    let page = async |more: &str| {
        let body = format!("filterType=email&filterValues={asked}&fields=email{more}");
        let path = format!("{LEADS}?_method=GET");
        call(&leads, &token, "POST", &path, FORM, &body).await.expect("an answer").json()
    };
    let (mut found, mut more, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = page(&more).await;
        found.extend(answer["result"].as_array().unwrap().clone());
        pages += 1;
        let Some(token) = answer["nextPageToken"].as_str() else {
            assert_eq!(answer.get("moreResult"), None);
            break;
        };
        assert_eq!((found.len(), &answer["moreResult"]), (pages * 300, &true.into()));
        more = format!("&nextPageToken={token}");
    }
    assert!(pages > 2 && found.len() as u64 == leads.audit().leads_before, "{}", found.len());
    let mut ids: Vec<u64> = found.iter().map(|lead| lead["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), found.len(), "each once");
    assert_eq!(page("&batchSize=7").await["result"].as_array().unwrap().len(), 7);
    for wrong in ["&batchSize=301", "&batchSize=0", "&nextPageToken=0", &format!("{more}0")] {
        assert_eq!(code(&page(wrong).await), Some("1003"), "{wrong}");
    }
    assert_eq!(leads.audit().lookups_with_more, pages as u64);

    let count = |email: &str| found.iter().filter(|lead| lead["email"] == email).count();
    let shared = emails.iter().find(|email| count(email) > 1).unwrap();
    let one = json!([{ "email": shared, "phone": "1" }]);
    assert_eq!(skipped(&merge(&leads, &token, one.clone()).await), [Some("1007")]);
    assert!(leads.audit().chats_refused > 0);
    leads.accept_all();
    assert_eq!(skipped(&merge(&leads, &token, one).await), [None]);
    assert_eq!(leads.audit().chats_refused, 0);
}

#[tokio::test]
async fn an_address_beyond_8_kb_is_a_414_and_the_form_is_the_way() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    let values = encode(&emails(300).join(","));
    let path = format!("{LEADS}?filterType=email&filterValues={values}");
    assert!(path.len() > 8_192);
    assert_eq!(call(&leads, &token, "GET", &path, "", "").await.unwrap().status, 414);
    let longest = format!("{LEADS}?filterType=email&filterValues=");
    let longest = format!("{longest}{}", "x".repeat(8_192 - longest.len()));
    assert_eq!(call(&leads, &token, "GET", &longest, "", "").await.unwrap().status, 200);
    assert_eq!(code(&look_up(&leads, &token, &emails(300), "id").await), None);
    assert_eq!(leads.audit().refused_uris, 1);
}

#[tokio::test]
async fn what_no_well_made_client_sends_is_refused_with_its_code() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    let get = |query: &'static str| ("GET", format!("{LEADS}?{query}"), "", "");
    let cases = [
        ("1002", get("filterType=email")),
        ("1002", get("filterValues=a@b.c")),
        ("1011", get("filterType=cookies&filterValues=a")),
        ("1006", get("filterType=email&filterValues=a@b.c&fields=id,town")),
        ("1003", get("filterType=email&filterValues=a@b.c&field=city")),
        ("610", ("GET", "/rest/v1/lead.json".to_owned(), "", "")),
        ("605", ("DELETE", LEADS.to_owned(), "", "")),
        ("612", ("POST", LEADS.to_owned(), FORM, "{}")),
        ("612", ("POST", format!("{LEADS}?_method=GET"), JSON, "filterType=email")),
        ("609", ("POST", LEADS.to_owned(), JSON, "{")),
        ("1003", ("POST", LEADS.to_owned(), JSON, "{}")),
    ];
    let count = cases.len() as u64;
    for (expected, (method, path, kind, body)) in cases {
        let answer = call(&leads, &token, method, &path, kind, body).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path}");
        assert_eq!(code(&answer.json()), Some(expected), "{method} {path}");
    }
    let large = format!(r#"{{"input":[{{"email":"{}"}}]}}"#, "x".repeat(1 << 20));
    assert_eq!(call(&leads, &token, "POST", LEADS, JSON, &large).await.unwrap().status, 413);
    let audit = leads.audit();
    assert_eq!((audit.destination.malformed, audit.posts, audit.lookups), (count + 1, 0, 0));
}

#[tokio::test]
async fn failures_and_hang_ups_before_and_after_merging_are_as_asked() {
    let leads = start(|config| {
        config.marketo.rate = Rate { requests: 10_000, per_ms: 1_000 };
        config.marketo.fail_before = 0.2;
        config.marketo.fail_after = 0.1;
        config.marketo.drop = 0.1;
    })
    .await;
    let token = token(&leads).await;
    let (mut created, mut failed_500, mut failed_611, mut dropped) = (0, 0, 0, 0);
    for number in 0..500 {
        let body = json!({ "input": [{ "email": format!("stranger{number}@example.com") }] });
        match call(&leads, &token, "POST", LEADS, JSON, &body.to_string()).await {
            None => dropped += 1,
            Some(answer) if answer.status == 500 => failed_500 += 1,
            Some(answer) => match code(&answer.json()) {
                Some("611") => failed_611 += 1,
                None => created += 1,
                other => panic!("{other:?}"),
            },
        }
    }
    let audit = leads.audit();
    assert_eq!(audit.destination.failed_500, failed_500 + failed_611);
    assert_eq!(audit.destination.dropped, dropped);
    assert!((30..75).contains(&failed_611) && (70..140).contains(&failed_500), "{audit:?}");
    let unseen = audit.created - created;
    assert!((40..120).contains(&unseen), "{unseen} applied without saying so");
}

#[tokio::test]
async fn a_call_lands_although_its_client_has_given_up() {
    let leads = start(|config| config.marketo.latency_ms = 300).await;
    let token = token(&leads).await;
    let merging = merge(&leads, &token, json!([{"email": "a@b.c"}]));
    assert!(tokio::time::timeout(Duration::from_millis(50), merging).await.is_err());
    assert_eq!(leads.applied(), 0);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(leads.applied(), 1);
}
