//! The shorter recipes: a form, lines with deletions among them, create or update, a request a line.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    crm::{self, Crm},
    erp::{self, Erp},
    meter::{self, Meter},
    opensearch::{self, OpenSearch},
    recipe::Recipe,
    server::{Api, Desk, Fault},
    shop::{self, Shop},
};

const FASTER: [(&str, &str); 2] =
    [("settle_lag: 10s", "settle_lag: 2s"), ("landing: 30s", "landing: 100ms")];

fn at(second: u64) -> String {
    format!("2025-01-01T00:{:02}:{:02}Z", second / 60, second % 60)
}

#[test]
fn each_use_is_one_event_of_the_meter() {
    let quantity = |id: u64| if id == 31 { json!("many") } else { json!(id % 7 + 1) };
    let usage = (1..=250).map(|id| {
        json!({ "id": id, "at": 1_735_689_600 + id, "customer": format!("cus_{}", id % 9), "quantity": quantity(id) })
    });
    let desk = Desk::new(&[(2, Fault::Failed), (3, Fault::Limited)]);
    let shop = Api::start(Shop::new("usage", desk, usage.collect()));
    let faults = [
        (5, Fault::LostAnswer),
        (30, Fault::Limited),
        (60, Fault::Failed),
        (90, Fault::LostAnswer),
    ];
    let meter = Api::start(Meter::new(Desk::new(&faults)));
    let recipe = Recipe::new("usage-to-stripe", &[])
        .param("usage", &shop.url)
        .param("stripe", &meter.url)
        .secret("usage_token", shop::TOKEN)
        .secret("stripe_key", meter::KEY);
    recipe.run();
    let parked = recipe.parked();
    assert_eq!(parked, [("31".to_owned(), "The value is no whole number".to_owned())]);
    let expected: BTreeMap<String, u64> =
        (1..=250).filter(|id| *id != 31).map(|id: u64| (id.to_string(), id % 7 + 1)).collect();
    assert_eq!(meter.state().events, expected);
    assert!(meter.state().replayed >= 2, "what was in doubt was sent again under its key");
    shop.assert_proper();
    meter.assert_proper();
}

fn product(id: u64, revision: u64, second: u64) -> Value {
    let price = if id == 44 { json!("free") } else { json!(id as f64 / 2.0) };
    json!({ "id": id, "revision": revision, "title": format!("product {id} at {revision}"), "price": price,
            "updated_at": at(second) })
}

/// An item, with a tombstone's mark.
fn deleted(item: Value, second: u64) -> Value {
    let mut item = item;
    (item["deleted_at"], item["updated_at"]) = (json!(at(second)), json!(at(second)));
    item
}

#[test]
fn products_are_documents_at_their_newest_revision_and_deleted_ones_leave_the_index() {
    let mut products: Vec<Value> = (1..=400).map(|id| product(id, 1, id / 5)).collect();
    // Deleted before it was ever written.
    products[199] = deleted(product(200, 2, 40), 40);
    let shop = Api::start(Shop::new("products", Desk::new(&[(2, Fault::LostAnswer)]), products));
    let search = Api::start(OpenSearch {
        desk: Desk::new(&[(1, Fault::LostAnswer), (2, Fault::Limited), (3, Fault::Failed)]),
        documents: BTreeMap::new(),
        rejected: 3,
    });
    let recipe = Recipe::new("catalog-to-opensearch", &FASTER)
        .param("shop", &shop.url)
        .param("search", &search.url)
        .secret("shop_token", shop::TOKEN)
        .secret("search_password", opensearch::PASSWORD);
    recipe.run();
    let parked = recipe.parked();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(parked[0].0 == "44" && parked[0].1.contains("mapper_parsing_exception"), "{parked:?}");
    let title = |id: u64, revision: u64| (id, format!("product {id} at {revision}"));
    let mut expected: BTreeMap<u64, String> =
        (1..=400).filter(|id| ![44, 200].contains(id)).map(|id| title(id, 1)).collect();
    assert_eq!(search.state().titles(), expected);

    shop.state().change(product(7, 2, 200));
    shop.state().change(deleted(product(8, 2, 201), 201));
    recipe.run();
    expected.extend([title(7, 2)]);
    expected.remove(&8);
    assert_eq!(search.state().titles(), expected);
    assert_eq!(recipe.parked().len(), 1);
    shop.assert_proper();
    search.assert_proper();
}

fn customer(id: u64, name: &str, second: u64) -> Value {
    let email = if id == 9 { "no address".to_owned() } else { format!("{id}@example.com") };
    json!({ "id": id, "email": email, "name": name, "updated_at": at(second) })
}

/// Runs the recipe with one of the two ways of its page.
fn customers(way: &[(&str, &str)]) {
    let customers = (1..=60).map(|id| customer(id, "Ada", id / 3)).collect();
    let shop = Api::start(Shop::new("customers", Desk::new(&[(1, Fault::Limited)]), customers));
    let faults =
        [(4, Fault::LostAnswer), (9, Fault::Failed), (15, Fault::Limited), (22, Fault::LostAnswer)];
    let crm = Api::start(Crm::new(Desk::new(&faults)));
    let recipe =
        Recipe::new("customers-to-crm", &[&FASTER[..], &[("100/20s", "100/1s")], way].concat())
            .param("shop", &shop.url)
            .param("crm", &crm.url)
            .secret("shop_token", shop::TOKEN)
            .secret("crm_key", crm::KEY);
    recipe.run();
    let mut expected: BTreeMap<u64, String> =
        (1..=60).filter(|id| *id != 9).map(|id| (id, "Ada".to_owned())).collect();
    assert_eq!(crm.state().names(), expected);
    assert_eq!(recipe.parked(), [("9".to_owned(), "this is no address".to_owned())]);

    shop.state().change(customer(5, "Grace", 100));
    shop.state().change(deleted(customer(6, "Ada", 101), 101));
    // It was there already, from somewhere else.
    crm.state().contacts.insert("61".to_owned(), json!({ "name": "older" }));
    shop.state().change(customer(61, "Joan", 102));
    // And this one never was.
    shop.state().change(deleted(customer(62, "Alan", 103), 103));
    recipe.run();
    expected.extend([(5, "Grace".to_owned()), (61, "Joan".to_owned())]);
    expected.remove(&6);
    assert_eq!(crm.state().names(), expected);
    assert_eq!(recipe.parked().len(), 1);
    shop.assert_proper();
    crm.assert_proper();
}

#[test]
fn customers_are_created_updated_where_they_are_there_and_deleted() {
    customers(&[]);
}

#[test]
fn customers_are_updated_created_where_they_are_not_there_and_deleted() {
    let update = "update: { url: \"${params.crm}/contacts/${answer.error.existing_id}\" }";
    let put = "first: update\n      update: { method: PUT, url: \"${params.crm}/contacts/by-reference/${record.id}\" }";
    customers(&[(update, put)]);
}

fn order(id: u64, lines: &[(&str, u64)], second: u64) -> Value {
    let lines: Vec<Value> =
        lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
    json!({ "id": id, "kind": "order", "lines": lines, "updated_at": at(second) })
}

#[test]
fn each_line_is_a_request_and_returns_go_elsewhere() {
    let mut records: Vec<Value> =
        (1..=40).map(|id| order(id, &[("A", id), ("B-2", 1), ("C", 2)], id)).collect();
    records[9] = order(10, &[("A", 10), ("B-2", 0), ("C", 2)], 10);
    records[19] = order(20, &[], 20);
    records[29] = json!({ "id": 30, "kind": "return", "order": 3, "reason": "too small", "updated_at": at(30) });
    let shop = Api::start(Shop::new("orders", Desk::new(&[(1, Fault::Failed)]), records));
    let faults = [
        (5, Fault::LostAnswer),
        (20, Fault::Limited),
        (50, Fault::Failed),
        (81, Fault::LostAnswer),
    ];
    let erp = Api::start(Erp::new(Desk::new(&faults)));
    let recipe =
        Recipe::new("orders-to-erp", &[&FASTER[..], &[("rate: 50/s", "rate: 500/s")]].concat())
            .param("shop", &shop.url)
            .param("erp", &erp.url)
            .secret("shop_token", shop::TOKEN)
            .secret("erp_token", erp::TOKEN);
    recipe.run();
    let parked = recipe.parked();
    let ids: Vec<&str> = parked.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["10", "20"], "{parked:?}");
    for words in ["B-2", "a line has one piece at least"] {
        assert!(parked[0].1.contains(words), "{parked:?}");
    }
    let mut expected = BTreeMap::new();
    for id in (1..=40).filter(|id| ![20, 30].contains(id)) {
        expected.extend([((id, "A".to_owned()), id), ((id, "C".to_owned()), 2)]);
        expected.extend(Some(((id, "B-2".to_owned()), 1)).filter(|_| id != 10));
    }
    assert_eq!(erp.state().lines, expected);
    assert_eq!(erp.state().returns, [(3, "too small".to_owned())]);

    shop.state().change(order(10, &[("A", 11), ("B-2", 4), ("C", 2)], 60));
    recipe.run();
    expected.extend([((10, "A".to_owned()), 11), ((10, "B-2".to_owned()), 4)]);
    assert_eq!(erp.state().lines, expected);
    shop.assert_proper();
    erp.assert_proper();
}
