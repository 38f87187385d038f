//! One chat, and its JSON.

use jiff::Timestamp;
use serde::Serialize;

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

/// A chat that has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chat {
    /// Its place in the archive, from 0.
    pub(crate) number: u64,
    /// The number of the customer's first chat.
    pub(crate) customer: u64,
    /// In microseconds since 1970, as exact as LiveChat is.
    pub(crate) ended_us: i64,
    pub(crate) bits: u64,
}

/// A chat as it is served.
#[derive(Serialize)]
pub(crate) struct ChatJson {
    id: String,
    customer: CustomerJson,
    agent: AgentJson,
    topic: &'static str,
    tags: [&'static str; 1],
    started_at: String,
    ended_at: String,
}

#[derive(Serialize)]
struct CustomerJson {
    id: String,
    name: String,
    /// Null and not there are two things.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Option<String>>,
    city: Option<&'static str>,
    country: &'static str,
    phone: String,
}

#[derive(Serialize)]
struct AgentJson {
    id: &'static str,
    name: &'static str,
}

impl Chat {
    /// Ten letters and digits, `PJ0MRSHTDG`.
    pub(crate) fn id(&self) -> String {
        const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut bits = mix(self.bits ^ 1);
        (0..10)
            .map(|_| {
                let letter = LETTERS[(bits % 36) as usize];
                bits /= 36;
                char::from(letter)
            })
            .collect()
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
        let place = self.place(customer);
        let email = match &customer.email {
            Email::Absent => None,
            Email::Null => Some(None),
            Email::Malformed(text) => Some(Some(text.clone())),
            Email::Valid(text) if falls(self.bits ^ 3, config.capitals) => {
                Some(Some(with_capitals(text)))
            }
            Email::Valid(text) => Some(Some(text.clone())),
        };
        let (topic, tag) = TOPIC[(self.bits >> 16) as usize % TOPIC.len()];
        let (agent_id, agent_name) = AGENT[(self.bits >> 24) as usize % AGENT.len()];
        let lasted_us = 60_000_000 + (mix(self.bits ^ 4) % 1_800_000_000).cast_signed();
        ChatJson {
            id: self.id(),
            customer: CustomerJson {
                id: customer.id(),
                name: format!("{} {}", customer.first_name(), customer.last_name()),
                email,
                city: self.city(customer, config),
                country: place.country,
                phone: customer.phone(place),
            },
            agent: AgentJson { id: agent_id, name: agent_name },
            topic,
            tags: [tag],
            started_at: micros(self.ended_us - lasted_us),
            ended_at: micros(self.ended_us),
        }
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
