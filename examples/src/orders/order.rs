//! One order, drawn from its id and a seed, and its JSON.

use super::config::TimeForm;
use super::text::{push_number, push_rfc3339};
use crate::faults::mix;

/// Name as people write it, and as it stands in an e-mail address.
const FIRST: [(&str, &str); 8] = [
    ("Ada", "ada"),
    ("Zoë", "zoe"),
    ("José", "jose"),
    ("Ingrid", "ingrid"),
    ("Tomáš", "tomas"),
    ("Mary-Jane", "mary.jane"),
    ("Oluwaseun", "oluwaseun"),
    ("Li", "li"),
];
const LAST: [(&str, &str); 8] = [
    ("Moreau", "moreau"),
    ("O'Brien", "obrien"),
    ("Svensson", "svensson"),
    ("García", "garcia"),
    ("Nowak", "nowak"),
    ("van der Berg", "vanderberg"),
    ("Adeyemi", "adeyemi"),
    ("Wang", "wang"),
];
const STREET: [&str; 4] = ["Harbour Road", "Rue de l'Écluse", "Am Alten Deich", "Kanaalstraat"];
/// City, country, calling code.
const CITY: [(&str, &str, &str); 5] = [
    ("Rotterdam", "NL", "+31"),
    ("Saint-Malo", "FR", "+33"),
    ("Bremerhaven", "DE", "+49"),
    ("Łódź", "PL", "+48"),
    ("Cork", "IE", "+353"),
];
const TITLE: [&str; 4] = ["Oilskin jacket", "Tide table 2026", "Brass lantern", "Sea salt, 500 g"];
/// As JSON text and as plain text; with what JSON has to escape.
const NOTE: [(&str, &str); 4] = [
    ("Please ring twice", "Please ring twice"),
    (r#"The \"blue\" door\nat the back"#, "The \"blue\" door\nat the back"),
    ("Gift: no invoice 🎁", "Gift: no invoice 🎁"),
    (r"Leave it at c\/o Caf\u00e9 Tide", "Leave it at c/o Café Tide"),
];

/// An order's content. Everything but its times follows from seed and id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) id: u64,
    /// Independent random bits.
    bits: u64,
}

/// One line of an order.
#[derive(Debug, Clone, Copy)]
struct OrderLine {
    sku: u64,
    title: &'static str,
    quantity: u64,
    price_cents: u64,
}

/// What an order's JSON says besides its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub(crate) updated_ms: i64,
    pub(crate) cancelled: bool,
    pub(crate) processed: bool,
    pub(crate) time_form: TimeForm,
}

impl Order {
    pub(crate) fn new(seed: u64, id: u64) -> Self {
        Self { id, bits: mix(seed ^ mix(id)) }
    }

    /// `OP-000017`
    pub(crate) fn push_number(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"OP-");
        push_number(out, self.id, 6);
    }

    /// First name, a space, last name.
    pub(crate) fn push_name(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.first().0.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.last().0.as_bytes());
    }

    pub(crate) fn push_email(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.first().1.as_bytes());
        out.push(b'.');
        out.extend_from_slice(self.last().1.as_bytes());
        push_number(out, self.id, 1);
        out.extend_from_slice(b"@example.com");
    }

    pub(crate) fn push_placed_at(&self, out: &mut Vec<u8>, updated_ms: i64) {
        let minutes_before = 1 + self.below(16, 120) as i64;
        push_rfc3339(out, updated_ms - minutes_before * 60_000);
    }

    pub(crate) fn total_cents(&self) -> u64 {
        self.lines().map(|line| line.quantity * line.price_cents).sum()
    }

    pub(crate) fn line_count(&self) -> u64 {
        1 + self.below(20, 3)
    }

    /// As plain text.
    pub(crate) fn note(&self) -> Option<&'static str> {
        self.note_forms().map(|(_, plain)| plain)
    }

    /// Appends the order's JSON object.
    pub(crate) fn render(&self, out: &mut Vec<u8>, state: State) {
        let put = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        let (city, country, calling_code) = CITY[self.below(6, CITY.len()) as usize];

        put(out, r#"{"id":"#);
        push_number(out, self.id, 1);
        put(out, r#","number":""#);
        self.push_number(out);
        put(out, r#"","status":""#);
        put(out, if state.cancelled { "cancelled" } else { "placed" });
        put(out, r#"","processed":"#);
        put(out, if state.processed { "true" } else { "false" });
        put(out, r#","placed_at":""#);
        self.push_placed_at(out, state.updated_ms);
        put(out, r#"","updated_at":"#);
        push_time(out, state.updated_ms, state.time_form);

        put(out, r#","customer":{"name":""#);
        self.push_name(out);
        put(out, r#"","email":""#);
        self.push_email(out);
        put(out, r#"","phone":""#);
        put(out, calling_code);
        put(out, " 555 ");
        push_number(out, self.below(24, 10_000_000), 7);

        put(out, r#""},"shipping":{"street":""#);
        put(out, STREET[self.below(9, STREET.len()) as usize]);
        out.push(b' ');
        push_number(out, 1 + self.below(28, 180), 1);
        put(out, r#"","city":""#);
        put(out, city);
        put(out, r#"","postcode":""#);
        push_number(out, self.below(32, 100_000), 5);
        put(out, r#"","country":""#);
        put(out, country);

        put(out, r#""},"lines":["#);
        for (n, line) in self.lines().enumerate() {
            put(out, if n > 0 { r#",{"sku":"SKU-"# } else { r#"{"sku":"SKU-"# });
            push_number(out, line.sku, 5);
            put(out, r#"","title":""#);
            put(out, line.title);
            put(out, r#"","quantity":"#);
            push_number(out, line.quantity, 1);
            put(out, r#","price_cents":"#);
            push_number(out, line.price_cents, 1);
            out.push(b'}');
        }
        put(out, r#"],"currency":"EUR","total_cents":"#);
        push_number(out, self.total_cents(), 1);
        if let Some((json, _)) = self.note_forms() {
            put(out, r#","note":""#);
            put(out, json);
            out.push(b'"');
        }
        out.push(b'}');
    }

    fn first(&self) -> (&'static str, &'static str) {
        FIRST[self.below(0, FIRST.len()) as usize]
    }

    fn last(&self) -> (&'static str, &'static str) {
        LAST[self.below(3, LAST.len()) as usize]
    }

    fn note_forms(&self) -> Option<(&'static str, &'static str)> {
        (self.below(12, 5) == 0).then(|| NOTE[self.below(14, NOTE.len()) as usize])
    }

    fn lines(&self) -> impl Iterator<Item = OrderLine> {
        (0..self.line_count()).map(|n| {
            let bits = mix(self.bits ^ n);
            OrderLine {
                sku: bits % 100_000,
                title: TITLE[((bits >> 40) % TITLE.len() as u64) as usize],
                quantity: 1 + (bits >> 20) % 4,
                price_cents: 199 + (bits >> 32) % 20_000,
            }
        })
    }

    /// A number below `bound`, from the bits at `shift` on.
    fn below(&self, shift: u32, bound: usize) -> u64 {
        (self.bits >> shift) % bound as u64
    }
}

fn push_time(out: &mut Vec<u8>, ms: i64, form: TimeForm) {
    let whole = u64::try_from(ms).unwrap_or(0);
    match form {
        TimeForm::Rfc3339 => {
            out.push(b'"');
            push_rfc3339(out, ms);
            out.push(b'"');
        }
        TimeForm::EpochS => {
            push_number(out, whole / 1_000, 1);
            out.push(b'.');
            push_number(out, whole % 1_000, 3);
        }
        TimeForm::EpochMs => push_number(out, whole, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_valid_json_of_about_600_bytes_that_says_what_we_expect_of_it() {
        let state = State {
            updated_ms: 1_764_288_000_000,
            cancelled: false,
            processed: false,
            time_form: TimeForm::Rfc3339,
        };
        let mut bytes = 0;
        for id in 1..=1_000 {
            let order = Order::new(1, id);
            let mut text = Vec::new();
            order.render(&mut text, state);
            bytes += text.len();
            let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
            let said = |push: &dyn Fn(&mut Vec<u8>)| {
                let mut out = Vec::new();
                push(&mut out);
                String::from_utf8(out).unwrap()
            };
            assert_eq!(json["id"], id);
            assert_eq!(json["number"], said(&|out| order.push_number(out)));
            assert_eq!(json["customer"]["name"], said(&|out| order.push_name(out)));
            assert_eq!(json["customer"]["email"], said(&|out| order.push_email(out)));
            assert_eq!(json["placed_at"], said(&|out| order.push_placed_at(out, state.updated_ms)));
            assert_eq!(json["total_cents"], order.total_cents());
            assert_eq!(json["lines"].as_array().unwrap().len() as u64, order.line_count());
            assert_eq!(json["note"].as_str(), order.note());
        }
        assert!((500..650).contains(&(bytes / 1_000)), "{} bytes", bytes / 1_000);
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        assert_eq!(Order::new(1, 5).bits, Order::new(1, 5).bits);
        assert_ne!(Order::new(1, 5).bits, Order::new(2, 5).bits);
    }
}
