//! The two APIs over real HTTP.

mod limits;
mod livechat;
mod marketo;
mod merge;

use serde_json::{Value, json};

use super::{Leads, LeadsConfig};
use crate::http::client::{Answer, ask};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

async fn start(change: impl FnOnce(&mut LeadsConfig)) -> Leads {
    let mut config = LeadsConfig { chats: 250, ..LeadsConfig::default() };
    change(&mut config);
    Leads::start(config).await.expect("two free ports")
}

const LIST_ARCHIVES: &str = "/v3.5/agent/action/list_archives";

/// A page of the archive.
async fn archives(leads: &Leads, body: Value) -> Answer {
    let url = format!("{}{LIST_ARCHIVES}", leads.source_url);
    let headers = format!("Authorization: Bearer {}\r\n{JSON}", leads.source_token);
    ask("POST", &url, &headers, &body.to_string()).await.expect("an answer")
}

/// Who chatted from `from` on, as `{"customer":{…}}` with what a lead is made of.
async fn walk(leads: &Leads, from: &str, limit: usize) -> Vec<Value> {
    let visit = |mut chat: Value| {
        let mut users = chat["users"].as_array_mut().expect("users").drain(..);
        let mut customer = users.find(|user| user["type"] == "customer").expect("a customer");
        let place = customer["last_visit"]["geolocation"].take();
        customer["city"] = place["city"].clone();
        customer["country"] = place["country"].clone();
        json!({ "customer": customer })
    };
    threads(leads, from, limit).await.into_iter().map(visit).collect()
}

/// Every chat with each of its threads from `from` on, by pages of `limit`.
async fn threads(leads: &Leads, from: &str, limit: usize) -> Vec<Value> {
    let mut chats = Vec::new();
    let mut body = json!({ "filters": { "from": from }, "limit": limit, "sort_order": "asc" });
    loop {
        let page = archives(leads, body).await.json();
        chats.extend(page["chats"].as_array().expect("chats").iter().cloned());
        let Some(next) = page["next_page_id"].as_str() else { return chats };
        body = json!({ "page_id": next });
    }
}

/// What Marketo says to a request for a token.
async fn identify(leads: &Leads, id: &str, secret: &str) -> Answer {
    let url = format!(
        "{}/identity/oauth/token?grant_type=client_credentials&client_id={id}&client_secret={secret}",
        leads.destination_url
    );
    ask("GET", &url, "", "").await.expect("an answer")
}

async fn token(leads: &Leads) -> String {
    let answer = identify(leads, &leads.client_id, &leads.client_secret).await.json();
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// A call to Marketo; none where it hangs up.
async fn call(
    leads: &Leads,
    token: &str,
    method: &str,
    path: &str,
    kind: &str,
    body: &str,
) -> Option<Answer> {
    let url = format!("{}{path}", leads.destination_url);
    ask(method, &url, &format!("Authorization: Bearer {token}\r\n{kind}"), body).await
}

/// A look-up by form.
async fn look_up(leads: &Leads, token: &str, emails: &[String], fields: &str) -> Value {
    let values = encode(&emails.join(","));
    let body = format!("filterType=email&filterValues={values}&fields={fields}");
    let path = "/rest/v1/leads.json?_method=GET";
    call(leads, token, "POST", path, FORM, &body).await.expect("an answer").json()
}

/// A merge of these records.
async fn merge(leads: &Leads, token: &str, input: Value) -> Value {
    let body = json!({ "action": "createOrUpdate", "lookupField": "email", "input": input });
    let path = "/rest/v1/leads.json";
    let answer = call(leads, token, "POST", path, JSON, &body.to_string()).await;
    answer.expect("an answer").json()
}

/// The error's code, where a call failed.
fn code(answer: &Value) -> Option<&str> {
    assert!(answer["requestId"].is_string(), "{answer}");
    (answer["success"] == false).then(|| answer["errors"][0]["code"].as_str().expect("a code"))
}

/// Why each record was skipped, where it was.
fn skipped(answer: &Value) -> Vec<Option<&str>> {
    let results = answer["result"].as_array().expect("results");
    results.iter().map(|result| result["reasons"][0]["code"].as_str()).collect()
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
