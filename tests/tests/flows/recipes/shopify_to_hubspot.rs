//! docs/recipes/shopify-to-hubspot.md: a batch upsert that answers 207 with two lists.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    hubspot::{self, HubSpot},
    recipe::Recipe,
    server::{Api, Desk, Fault},
    shopify::{self, Shopify},
};

/// An order that was changed so many seconds after the year began; several in one second.
fn order(id: u64, second: u64, price: &str) -> Value {
    let at = |second: u64| {
        format!("2025-01-01T{:02}:{:02}:{:02}-05:00", second / 3_600, second / 60 % 60, second % 60)
    };
    json!({
        "id": id,
        "name": format!("#{id}"),
        "current_total_price": price,
        "currency": "USD",
        "created_at": at(0),
        "updated_at": at(second),
        "closed_at": if id.is_multiple_of(3) { json!(at(second)) } else { Value::Null },
        "cancelled_at": null,
        "financial_status": "paid",
    })
}

#[test]
fn each_order_is_a_deal_at_its_newest_state_or_parked_with_what_hubspot_says() {
    let price = |id: u64| if id == 77 { "a lot".to_owned() } else { format!("{id}.00") };
    let mut orders: Vec<Value> = (1..=620).map(|id| order(id, id / 4, &price(id))).collect();
    // For one order, the batch that it is in is refused as a whole.
    orders[332]["current_total_price"] = Value::Null;
    // Two orders change while the list is read: one that was given, and one that is to come.
    let changes = vec![(2, order(5, 200, "500.00")), (3, order(600, 201, "600.50"))];
    let desk = Desk::new(&[(1, Fault::Failed), (3, Fault::Limited), (4, Fault::LostAnswer)]);
    let shopify = Api::start(Shopify::new(desk, orders, changes, 20.0));
    shopify.state().url = shopify.url.clone();
    let faults = [(1, Fault::LostAnswer), (3, Fault::Failed), (5, Fault::Limited)];
    let hubspot = Api::start(HubSpot {
        desk: Desk::new(&faults).limited(190, Duration::from_secs(1)),
        deals: BTreeMap::new(),
        writes: BTreeMap::new(),
        mixed: 0,
    });
    let faster = [
        ("rate: 40/20s", "rate: 40/2s"),
        ("window: 20s", "window: 2s"),
        ("rate: 190/10s", "rate: 190/1s"),
        ("landing: 30s", "landing: 100ms"),
        ("settle_lag: 10s", "settle_lag: 2s"),
    ];
    let recipe = Recipe::new("shopify-to-hubspot", &faster)
        .param("shopify", &shopify.url)
        .param("hubspot", &hubspot.url)
        .secret("shopify_token", shopify::TOKEN)
        .secret("hubspot_token", hubspot::TOKEN);
    recipe.run();

    let parked = recipe.parked();
    let ids: Vec<&str> = parked.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["333", "77"], "{parked:?}");
    assert_eq!(parked[0].1, "Invalid input JSON: amount");
    for words in ["VALIDATION_ERROR", "a lot was not a valid number"] {
        assert!(parked[1].1.contains(words), "{parked:?}");
    }
    let amounts = || -> BTreeMap<u64, String> {
        let deal = |(id, deal): (&String, &Value)| {
            (id.parse().unwrap(), deal["amount"].as_str().unwrap().to_owned())
        };
        hubspot.state().deals.iter().map(deal).collect()
    };
    let mut expected: BTreeMap<u64, String> =
        (1..=620).filter(|id| ![77, 333].contains(id)).map(|id| (id, price(id))).collect();
    expected.insert(5, "500.00".to_owned());
    expected.insert(600, "600.50".to_owned());
    assert_eq!(amounts(), expected);
    assert!(hubspot.state().mixed > 0, "one batch was answered with both lists");
    shopify.assert_proper();
    hubspot.assert_proper();
    // Only what the lost answer, and the change, had written again.
    let again = hubspot.state().writes.values().filter(|writes| **writes > 1).count();
    assert!(again <= 101, "{again}");

    // Mended at the source, the order is another version, and needs no replay.
    shopify.state().change(order(77, 300, "77.00"));
    recipe.run();
    expected.insert(77, "77.00".to_owned());
    assert_eq!(amounts(), expected);
}
