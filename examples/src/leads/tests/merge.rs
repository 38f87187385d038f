//! Merging: what each record's result is, and what the audit says of cities.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{ask, look_up, merge, skipped, start, token, walk};
use crate::faults::Rate;
use crate::leads::{Audit, Leads, NEVER_OVERWRITTEN};

/// E-mails of chats that are addresses, in small letters, each once; with the first city known.
async fn chatters(leads: &Leads) -> Vec<(String, Option<String>)> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let mut places = HashMap::new();
    for chat in walk(leads, "2025-11-28T00:00:00Z", 100).await {
        let customer = &chat["customer"];
        let Some(email) = customer["email"].as_str().map(str::to_lowercase) else { continue };
        if !super::super::fields::is_email(&email) {
            continue;
        }
        let city = customer["city"].as_str().map(str::to_owned);
        let place = *places.entry(email.clone()).or_insert(found.len());
        if place == found.len() {
            found.push((email, city));
        } else if found[place].1.is_none() {
            found[place].1 = city;
        }
    }
    found
}

/// What Marketo has of them, by e-mail in small letters.
async fn known(leads: &Leads, token: &str, emails: &[String]) -> HashMap<String, Value> {
    let fields = format!("email,{}", NEVER_OVERWRITTEN.join(","));
    let mut found = HashMap::new();
    for emails in emails.chunks(300) {
        let answer = look_up(leads, token, emails, &fields).await;
        for lead in answer["result"].as_array().unwrap() {
            found.insert(lead["email"].as_str().unwrap().to_lowercase(), lead.clone());
        }
    }
    found
}

/// The city alone.
async fn cities(leads: &Leads, token: &str, emails: &[String]) -> HashMap<String, Value> {
    let known = known(leads, token, emails).await;
    known.into_iter().map(|(email, lead)| (email, lead["city"].clone())).collect()
}

#[tokio::test]
async fn about_half_are_leads_from_the_start_and_half_of_those_have_a_city_no_chat_names() {
    let leads = start(|config| config.chats = 1_000).await;
    let token = token(&leads).await;
    let chatters = chatters(&leads).await;
    let emails: Vec<_> = chatters.iter().map(|(email, _)| email.clone()).collect();
    let known = cities(&leads, &token, &emails).await;
    let before = leads.audit().leads_before as usize;
    assert_eq!(known.len(), before);
    assert!((emails.len() * 2 / 5..emails.len() * 3 / 5).contains(&before), "{before}");
    let nulls = known.values().filter(|city| city.is_null()).count();
    let blanks = known.values().filter(|city| **city == "").count();
    assert!(nulls > before / 6 && blanks > before / 6, "{nulls} null, {blanks} blank");
    assert!((before * 2 / 5..before * 3 / 5).contains(&(nulls + blanks)));
    assert!(chatters.iter().all(|(email, city)| {
        city.is_none() || known.get(email).and_then(Value::as_str) != city.as_deref()
    }));
}

#[tokio::test]
async fn each_record_has_its_result_in_order() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    let first = merge(&leads, &token, json!([{"email": "new@b.c", "city": "Cork"}])).await;
    assert_eq!(first["result"][0]["status"], "created");
    let answer = merge(
        &leads,
        &token,
        json!([
            {"email": "NEW@b.c", "firstName": "Ada"},
            {"email": "other@b.c"},
            {"email": "Other@B.C"},
            {"email": "no address"},
            {"email": "x@b.c", "town": "Cork"},
            {"city": "Cork"},
        ]),
    )
    .await;
    assert_eq!(answer["success"], true);
    let results = &answer["result"];
    assert_eq!(results[0], json!({"id": first["result"][0]["id"], "status": "updated"}));
    assert_eq!(results[1]["status"], "created");
    let codes = [None, None, Some("1036"), Some("1003"), Some("1006"), Some("1002")];
    assert_eq!(skipped(&answer), codes);
    assert_eq!(results[3]["reasons"][0]["message"], "Invalid email address");
    assert_eq!(results[4]["reasons"][0]["message"], "Field 'town' not found");
    let audit = leads.audit();
    assert_eq!((audit.created, audit.updated, audit.refused_items), (2, 1, 4));
    assert_eq!((audit.posts, audit.post_records_max, leads.applied()), (2, 6, 3));

    let many =
        |count| json!(Vec::from_iter((0..count).map(|n| json!({"email": format!("{n}@b.c")}))));
    assert_eq!(merge(&leads, &token, many(300)).await["success"], true);
    assert_eq!(super::code(&merge(&leads, &token, many(301)).await), Some("1003"));
}

#[tokio::test]
async fn the_audit_notices_every_city_that_was_known_and_changed() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    let chatters = chatters(&leads).await;
    let emails: Vec<_> = chatters.into_iter().map(|(email, _)| email).collect();
    let known = cities(&leads, &token, &emails).await;
    let (email, city) =
        known.iter().find(|(_, city)| city.as_str().is_some_and(|city| !city.is_empty())).unwrap();
    let set = async |email: &str, city: Value| {
        let answer = merge(&leads, &token, json!([{"email": email, "city": city}])).await;
        assert_eq!(answer["success"], true);
        let audit = leads.audit();
        (audit.filled, audit.overwritten)
    };
    // A city from the start: the same again is nothing, another is, and so is clearing it.
    assert_eq!(set(email, city.clone()).await, (0, 0));
    assert_eq!(set(&email.to_uppercase(), "Elsewhere".into()).await, (0, 1));
    assert_eq!(set(email, Value::Null).await, (0, 2));
    assert_eq!(set(email, "Cork".into()).await, (1, 2));
    // A city that we filled ourselves is known from then on.
    let (empty, _) = known.iter().find(|(_, city)| **city == "").unwrap();
    assert_eq!(set(empty, "Cork".into()).await, (2, 2));
    assert_eq!(set(empty, "Łódź".into()).await, (2, 3));
    assert_eq!(set(empty, "".into()).await, (2, 4));
    // A new lead's city is not filled; a change of it is one.
    assert_eq!(set("new@b.c", "Cork".into()).await, (2, 4));
    assert_eq!(set("new@b.c", "Łódź".into()).await, (2, 5));
    assert!(
        leads.audit().overwritten_examples.contains(&"new@b.c, city: Cork became Łódź".to_owned())
    );
}

#[tokio::test]
async fn the_audit_notices_whatever_is_never_to_be_overwritten() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    let set = async |field: &str, text: &str| {
        let answer = merge(&leads, &token, json!([{"email": "new@b.c", field: text}])).await;
        assert_eq!(answer["success"], true);
        leads.audit().overwritten
    };
    for (field, overwritten) in NEVER_OVERWRITTEN.into_iter().zip(1..) {
        assert_eq!(set(field, "one").await, overwritten - 1, "{field}");
        assert_eq!(set(field, "another").await, overwritten, "{field}");
    }
    // Anything else may change.
    assert_eq!(set("lastChatTopic", "one").await, set("lastChatTopic", "another").await);
}

#[tokio::test]
async fn a_correct_merge_leaves_nothing_missing_and_a_refusal_ends_when_told() {
    let leads = start(|config| {
        config.marketo.refuse_every = Some(20);
        config.marketo.rate = Rate { requests: 1_000, per_ms: 1_000 };
    })
    .await;
    let token = token(&leads).await;
    let chatters = chatters(&leads).await;
    let emails: Vec<_> = chatters.iter().map(|(email, _)| email.clone()).collect();
    let run = async || {
        let known = known(&leads, &token, &emails).await;
        let input = chatters.iter().map(|(email, city)| {
            let mut record = json!({ "email": email });
            for field in NEVER_OVERWRITTEN {
                let has = |lead: &Value| lead[field].as_str().is_some_and(|text| !text.is_empty());
                let named = if field == "city" { city.as_deref() } else { Some("something") };
                if let (Some(named), false) = (named, known.get(email).is_some_and(has)) {
                    record[field] = named.into();
                }
            }
            record
        });
        let answer = merge(&leads, &token, json!(Vec::from_iter(input))).await;
        skipped(&answer).iter().filter(|code| **code == Some("1007")).count()
    };
    let before = leads.audit();
    assert!(before.missing > 50 && before.unfilled > 20, "{before:?}");
    assert_eq!(before.missing_emails.len(), 10);
    let refused = run().await;
    assert_eq!(refused, emails.len() / 20);
    let audit = leads.audit();
    assert_eq!((audit.missing, audit.unfilled, audit.overwritten, audit.out_of_turn), (0, 0, 0, 0));
    assert!(audit.filled > 20 && audit.created > 50 && audit.chats_refused >= refused as u64);

    leads.accept_all();
    assert!(leads.audit().missing > 0);
    assert_eq!(run().await, 0);
    let audit = leads.audit();
    assert_eq!((audit.missing, audit.unfilled, audit.overwritten), (0, 0, 0));
    assert_eq!(audit.refused_items, refused as u64);
}

#[tokio::test]
async fn a_city_of_a_later_chat_is_out_of_turn() {
    let leads = start(|config| config.livechat.without_city = 0.0).await;
    let token = token(&leads).await;
    let chatters = chatters(&leads).await;
    let emails: Vec<_> = chatters.iter().map(|(email, _)| email.clone()).collect();
    let known = cities(&leads, &token, &emails).await;
    let (new, _) = chatters.iter().find(|(email, _)| !known.contains_key(email)).unwrap();
    merge(&leads, &token, json!([{"email": new, "city": "Elsewhere"}])).await;
    let audit = leads.audit();
    assert_eq!((audit.out_of_turn, audit.overwritten), (1, 0));
}

#[tokio::test]
async fn the_audit_and_the_controls_answer_over_http() {
    let leads = start(|config| {
        config.chats_later = 5;
        config.marketo.refuse_every = Some(1);
        config.marketo.daily_quota = 1;
    })
    .await;
    let token = token(&leads).await;
    let (email, _) = chatters(&leads).await.swap_remove(0);
    let one = json!([{ "email": email }]);
    assert_eq!(skipped(&merge(&leads, &token, one.clone()).await), [Some("1007")]);
    for (path, body) in [("accept-all", ""), ("reset-quota", ""), ("end-chats", r#"{"count":5}"#)] {
        let url = format!("{}/control/{path}", leads.destination_url);
        assert_eq!(ask("POST", &url, "", body).await.unwrap().status, 200);
    }
    assert_eq!(skipped(&merge(&leads, &token, one).await), [None]);
    let over_http = ask("GET", &leads.audit_url, "", "").await.unwrap();
    assert_eq!(serde_json::from_slice::<Audit>(&over_http.body).unwrap(), leads.audit());
    assert_eq!(leads.audit().chats, 255);
    assert_eq!(leads.port_file()["client_id"], leads.client_id);
}
