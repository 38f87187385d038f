//! Who chats: a person with a name, perhaps an e-mail, and cities, drawn from a seed.

use super::config::LiveChatConfig;
use super::fields::Field;
use crate::faults::mix;

/// First name, last name, and both as they stand in an e-mail address.
const NAME: [(&str, &str, &str); 8] = [
    ("Ada", "Nowak", "ada.nowak"),
    ("Zoë", "Moreau", "zoe.moreau"),
    ("José", "García", "jose.garcia"),
    ("Ingrid", "Svensson", "ingrid.svensson"),
    ("Siobhán", "O'Brien", "siobhan.obrien"),
    ("Mary-Jane", "van der Berg", "mj.vanderberg"),
    ("Oluwaseun", "Adeyemi", "oluwaseun.adeyemi"),
    ("李", "Wang", "li.wang"),
];

/// City, country, calling code: what chats say.
const CHAT_CITY: [(&str, &str, &str); 6] = [
    ("Rotterdam", "Netherlands", "+31"),
    ("Saint-Malo", "France", "+33"),
    ("Bremerhaven", "Germany", "+49"),
    ("Łódź", "Poland", "+48"),
    ("Cork", "Ireland", "+353"),
    ("Århus", "Denmark", "+45"),
];

/// What Marketo knows from the start: none that a chat says, so that every overwriting shows.
const LEAD_CITY: [&str; 4] = ["Springfield", "Porto", "Tromsø", "Valletta"];

/// A customer's e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Email {
    /// The field is not there.
    Absent,
    Null,
    /// No address: Marketo refuses it.
    Malformed(String),
    /// In small letters.
    Valid(String),
}

/// One customer.
#[derive(Debug)]
pub(crate) struct Customer {
    number: u64,
    bits: u64,
    pub(crate) email: Email,
}

/// A place as a chat names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) city: &'static str,
    pub(crate) country: &'static str,
    pub(crate) calling_code: &'static str,
}

/// Whether bits fall within a share of all.
pub(crate) fn falls(bits: u64, share: f64) -> bool {
    (mix(bits) >> 11) as f64 / ((1_u64 << 53) as f64) < share
}

impl Customer {
    /// The customer whose first chat has this number.
    pub(crate) fn new(seed: u64, number: u64, config: &LiveChatConfig) -> Self {
        let bits = mix(seed ^ mix(number ^ 0xc057));
        let email = if falls(bits ^ 1, config.without_email) {
            if bits & 1 == 0 { Email::Absent } else { Email::Null }
        } else {
            let local = format!("{}{number}", name(bits).2);
            if falls(bits ^ 2, config.malformed_email) {
                Email::Malformed(malformed(&local, bits))
            } else {
                Email::Valid(format!("{local}@example.com"))
            }
        };
        Self { number, bits, email }
    }

    /// The one chat of a customer, of which every visit is a thread.
    pub(crate) fn chat_bits(&self) -> u64 {
        mix(self.bits ^ 7)
    }

    /// `8f14e45f-ceea-467f-a0e6-1f4b2c3d4e5f`, as LiveChat's customers have.
    pub(crate) fn id(&self) -> String {
        uuid(mix(self.bits ^ 3), mix(self.bits ^ 4))
    }

    pub(crate) fn first_name(&self) -> &'static str {
        name(self.bits).0
    }

    pub(crate) fn last_name(&self) -> &'static str {
        name(self.bits).1
    }

    /// Where the customer is at home: what their first chat says.
    pub(crate) fn home(&self) -> usize {
        (self.bits >> 8) as usize % CHAT_CITY.len()
    }

    pub(crate) fn phone(&self, place: Place) -> String {
        format!("{} 555 {:07}", place.calling_code, self.number % 10_000_000)
    }

    /// Whether they are a lead from the start.
    pub(crate) fn is_known(&self, share: f64) -> bool {
        falls(self.bits ^ 5, share)
    }

    /// The city that a lead from the start has: a text, an empty one, or none.
    fn lead_city(&self) -> Option<&'static str> {
        match (self.bits >> 16) % 4 {
            0 => None,
            1 => Some(""),
            _ => Some(LEAD_CITY[(self.bits >> 20) as usize % LEAD_CITY.len()]),
        }
    }

    /// What a lead from the start has besides its name. It never has both a phone and a source, so that
    /// every chat has something for it.
    pub(crate) fn lead_fields(&self) -> Vec<(Field, &'static str)> {
        let city = self.lead_city().map(|city| ("city", city));
        let country = (self.bits >> 36).is_multiple_of(3).then_some(("country", "Malta"));
        let other = match (self.bits >> 32) % 4 {
            0 => Some(("phone", "")),
            1 => Some(("phone", "+356 2122 0000")),
            2 => Some(("leadSource", "Web")),
            _ => None,
        };
        [city, country, other].into_iter().flatten().collect()
    }

    /// How many leads have this e-mail from the start: a few where a customer was typed in twice, and
    /// many where a whole firm writes from one address.
    pub(crate) fn lead_copies(&self, shared: f64) -> usize {
        match (self.bits >> 40) % 3 {
            _ if !falls(self.bits ^ 7, shared) => 1,
            0 => 2,
            1 => 3,
            _ => 250,
        }
    }

    /// Whether a lead from the start has its e-mail with capital letters.
    pub(crate) fn lead_has_capitals(&self, share: f64) -> bool {
        falls(self.bits ^ 6, share)
    }
}

/// The place so many steps after another, round and round.
pub(crate) fn place(home: usize, steps: usize) -> Place {
    let (city, country, calling_code) = CHAT_CITY[(home + steps) % CHAT_CITY.len()];
    Place { city, country, calling_code }
}

/// How many steps there are before one is home again.
pub(crate) const PLACES: usize = CHAT_CITY.len();

/// `zoe.moreau17@example.com` as `Zoe.Moreau17@Example.Com`.
pub(crate) fn with_capitals(email: &str) -> String {
    let mut begins = true;
    email
        .chars()
        .map(|letter| {
            let written = if begins { letter.to_ascii_uppercase() } else { letter };
            begins = !letter.is_ascii_alphanumeric();
            written
        })
        .collect()
}

/// 128 bits in the usual dress.
pub(crate) fn uuid(high: u64, low: u64) -> String {
    let hex = format!("{high:016x}{low:016x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn name(bits: u64) -> (&'static str, &'static str, &'static str) {
    NAME[(bits >> 4) as usize % NAME.len()]
}

fn malformed(local: &str, bits: u64) -> String {
    match (bits >> 24) % 5 {
        0 => local.to_owned(),
        1 => format!("{local}@"),
        2 => format!("{local} @example.com"),
        3 => format!("{local}@@example.com"),
        _ => format!("{local},@example.com"),
    }
}
