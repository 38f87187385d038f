//! One chat with one of its threads, and its JSON.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::config::LiveChatConfig;
use super::customer::{Customer, Email, PLACES, Place, falls, place, with_capitals};
use crate::faults::mix;

/// What chats are about; each with a tag.
const TOPIC: [(&str, &str); 4] = [
    ("Where is my order?", "shipping"),
    ("Which jacket fits?", "sales"),
    ("I want to return \"the lantern\"", "returns"),
    ("Facture n° 17", "billing"),
];
const AGENT: [(&str, &str); 3] =
    [("ines@shop.example", "Inês"), ("tom@shop.example", "Tom"), ("bot-1", "ChatBot")];

/// A thread of a chat that has ended: what the archive lists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chat {
    /// Its place in the archive, from 0.
    pub(crate) number: u64,
    /// The number of the customer's first chat.
    pub(crate) customer: u64,
    /// In microseconds since 1970, as exact as LiveChat is.
    pub(crate) created_us: i64,
    pub(crate) bits: u64,
}

/// A chat as it is served, with one of its threads.
#[derive(Serialize)]
pub(crate) struct ChatJson {
    id: String,
    users: [Value; 2],
    thread: Value,
    properties: Value,
    access: Value,
    is_followed: bool,
}

impl Chat {
    /// The thread's id.
    pub(crate) fn id(&self) -> String {
        ten(self.bits ^ 1)
    }

    /// The city that it names, if it names one.
    pub(crate) fn city(
        &self,
        customer: &Customer,
        config: &LiveChatConfig,
    ) -> Option<&'static str> {
        (!falls(self.bits ^ 2, config.without_city)).then(|| self.place(customer).city)
    }

    /// What its JSON says.
    pub(crate) fn json(&self, customer: &Customer, config: &LiveChatConfig) -> ChatJson {
        let (topic, tag) = TOPIC[(self.bits >> 16) as usize % TOPIC.len()];
        let (agent_id, agent_name) = AGENT[(self.bits >> 24) as usize % AGENT.len()];
        let lasted_us = 60_000_000 + (mix(self.bits ^ 4) % 1_800_000_000).cast_signed();
        let access = json!({ "group_ids": [0] });
        let agent = json!({
            "id": agent_id,
            "name": agent_name,
            "email": agent_id,
            "type": "agent",
            "present": false,
            "avatar": "https://cdn.shop.example/avatar.png",
            "visibility": "all",
        });
        let visitor = self.visitor(customer, config, lasted_us);
        let thread = json!({
            "id": self.id(),
            "active": false,
            "user_ids": [customer.id(), agent_id],
            "events": self.events(customer, topic, &visitor),
            "properties": {},
            "access": access,
            "created_at": micros(self.created_us),
            "tags": [tag],
        });
        // It is not said which of them comes first.
        let users = match self.bits & 1 << 40 {
            0 => [visitor, agent],
            _ => [agent, visitor],
        };
        let (id, properties) = (ten(customer.chat_bits()), json!({}));
        ChatJson { id, users, thread, properties, access, is_followed: false }
    }

    fn visitor(&self, customer: &Customer, config: &LiveChatConfig, lasted_us: i64) -> Value {
        let place = self.place(customer);
        let mut visitor = json!({
            "id": customer.id(),
            "name": format!("{} {}", customer.first_name(), customer.last_name()),
            "type": "customer",
            "present": false,
            "created_at": micros(self.created_us),
            "last_visit": {
                "started_at": micros(self.created_us - 30_000_000),
                "ended_at": micros(self.created_us + lasted_us),
                "ip": "192.0.2.7",
                "user_agent": "Mozilla/5.0",
                "geolocation": { "country": place.country, "city": self.city(customer, config) },
            },
        });
        // Null and not there are two things.
        match &customer.email {
            Email::Absent => {}
            Email::Null => visitor["email"] = Value::Null,
            Email::Valid(text) if falls(self.bits ^ 3, config.capitals) => {
                visitor["email"] = with_capitals(text).into();
            }
            Email::Malformed(text) | Email::Valid(text) => visitor["email"] = text.as_str().into(),
        }
        visitor
    }

    /// What the visitor filled in before the chat, and asked.
    fn events(&self, customer: &Customer, topic: &str, visitor: &Value) -> Value {
        let event = |number: i64, kind: &str| {
            json!({
                "id": format!("{}_{number}", self.id()),
                "created_at": micros(self.created_us + number),
                "type": kind,
                "visibility": "all",
                "author_id": customer.id(),
                "properties": {},
            })
        };
        let (mut form, mut message) = (event(1, "filled_form"), event(2, "message"));
        form["form_id"] = "1002".into();
        form["fields"] = json!([
            { "id": "10021", "type": "name", "label": "Name:", "answer": visitor["name"] },
            { "id": "10022", "type": "question", "label": "Phone:",
              "answer": customer.phone(self.place(customer)) },
        ]);
        message["text"] = topic.into();
        json!([form, message])
    }

    /// The first chat is from home, later ones never are.
    fn place(&self, customer: &Customer) -> Place {
        let steps = match self.number == self.customer {
            true => 0,
            false => 1 + (self.bits >> 8) as usize % (PLACES - 1),
        };
        place(customer.home(), steps)
    }
}

/// RFC 3339 with six decimals.
fn micros(us: i64) -> String {
    let moment = Timestamp::from_microsecond(us).unwrap_or(Timestamp::MAX);
    format!("{moment:.6}")
}

/// Ten letters and digits, `PJ0MRSHTDG`.
fn ten(bits: u64) -> String {
    const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut bits = mix(bits);
    (0..10)
        .map(|_| {
            let letter = LETTERS[(bits % 36) as usize];
            bits /= 36;
            char::from(letter)
        })
        .collect()
}
