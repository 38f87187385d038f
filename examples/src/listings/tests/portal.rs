//! What the portal takes and refuses, and what its audit finds.

use serde_json::{Value, json};

use super::{send, start};
use crate::http::client::ask;
use crate::listings::{Broken, Edit, Failing, Listings};

/// What is to come of an offer.
fn listing(listings: &Listings, number: u64) -> Value {
    let offer = listings.offer(number).expect("it is there");
    serde_json::to_value(offer.listing()).expect("plain data")
}

async fn put(listings: &Listings, number: u64, body: &Value) -> u16 {
    let path = format!("/listings/{}", Listings::id(number));
    send(listings, "PUT", &path, &body.to_string()).await.expect("an answer").status
}

#[tokio::test]
async fn a_listing_is_put_replaced_and_deleted_and_each_is_counted() {
    let portal = start(|config| config.offers = 3).await;
    let first = listing(&portal, 1);
    assert_eq!(put(&portal, 1, &first).await, 201);
    assert_eq!(put(&portal, 1, &first).await, 200);
    let mut other = listing(&portal, 2);
    other["price"] = json!(1);
    assert_eq!(put(&portal, 2, &other).await, 201);
    assert_eq!(put(&portal, 9, &first).await, 201);
    assert_eq!(serde_json::to_value(portal.listing("A-1001")).unwrap(), first);
    let audit = portal.audit();
    assert_eq!((audit.offers, audit.listings, audit.puts, audit.repeated), (3, 3, 4, 1));
    assert_eq!(
        (audit.missing_ids, audit.wrong_ids, audit.surplus_ids),
        (vec!["A-1003".to_owned()], vec!["A-1002".to_owned()], vec!["A-1009".to_owned()],)
    );
    for (path, status) in [("/listings/A-1009", 204), ("/listings/A-1009", 404)] {
        assert_eq!(send(&portal, "DELETE", path, "").await.unwrap().status, status);
    }
    let audit = portal.audit();
    assert_eq!((audit.deleted, audit.deleted_in_vain, audit.surplus, audit.listings), (1, 1, 0, 2));
    assert_eq!((portal.times("A-1001"), portal.times("A-1009")), ((2, 0), (1, 1)));
    assert_eq!(portal.listing("A-1009"), None);
}

#[tokio::test]
async fn every_type_is_looked_at() {
    let portal = start(|_| {}).await;
    let with = |key: &str, value: Value| {
        let mut body = listing(&portal, 1);
        body[key] = value;
        body
    };
    let bad = [
        with("price", json!("249000.00")),
        with("price", json!(0)),
        with("currency", json!("XXX")),
        with("status", json!("sold")),
        with("category", json!(null)),
        with("images", json!([])),
        with("images", json!([{ "url": "ftp://a.example/1" }])),
        with("images", json!({ "url": "https://a.example/1" })),
        with("title", json!(" ")),
        with("unknown", json!(1)),
        json!({}),
        json!([]),
    ];
    for body in &bad {
        assert_eq!(put(&portal, 1, body).await, 422, "{body}");
    }
    let audit = portal.audit();
    assert_eq!((audit.refused_422, audit.puts), (bad.len() as u64, 0));
    assert!(audit.refused_examples[0].starts_with("A-1001: invalid type: string"), "{audit:?}");
}

#[tokio::test]
async fn what_is_no_listing_is_told_apart() {
    let portal = start(|_| {}).await;
    let url = format!("{}/listings/A-1001", portal.destination_url);
    assert_eq!(ask("PUT", &url, "Authorization: Bearer no\r\n", "").await.unwrap().status, 401);
    for (method, path, status) in [
        ("PUT", "/listings/1001", 400),
        ("PUT", "/listings/A-1000", 400),
        ("POST", "/listings/A-1001", 405),
        ("PUT", "/other", 404),
    ] {
        assert_eq!(send(&portal, method, path, "{}").await.unwrap().status, status, "{path}");
    }
}

#[tokio::test]
async fn one_listing_fails_for_a_while_and_others_are_refused_until_all_are_taken() {
    let portal = start(|config| {
        config.portal.failing = Some(Failing { number: 2, times: 2 });
        config.portal.refuse_every = Some(3);
    })
    .await;
    let statuses = async |number| {
        let body = listing(&portal, number);
        [
            put(&portal, number, &body).await,
            put(&portal, number, &body).await,
            put(&portal, number, &body).await,
        ]
    };
    assert_eq!(statuses(2).await, [503, 503, 201]);
    assert_eq!(statuses(3).await, [422, 422, 422]);
    portal.accept_all();
    assert_eq!(statuses(3).await, [201, 200, 200]);
    assert_eq!(portal.audit().failed_503, 2);
}

#[tokio::test]
async fn the_controls_are_there_for_other_processes() {
    let portal = start(|_| {}).await;
    let control = async |path: &str, body: &str| {
        ask("POST", &format!("{}{path}", portal.destination_url), "", body).await.unwrap()
    };
    let edited = control("/control/edit", r#"{"remove":2,"broken":"cut"}"#).await.json();
    assert_eq!(edited["removed"].as_array().unwrap().len(), 2, "{edited}");
    assert_eq!(control("/control/edit", r#"{"removes":2}"#).await.status, 400);
    assert_eq!(control("/control/accept-all", "").await.status, 200);
    let audit = ask("GET", &portal.audit_url, "", "").await.unwrap().json();
    assert_eq!((&audit["offers"], &audit["missing"]), (&json!(698), &json!(698)), "{audit}");
    assert_eq!(serde_json::to_value(Broken::Cut).unwrap(), "cut");
    assert_eq!(Edit::default().broken, None);
}
