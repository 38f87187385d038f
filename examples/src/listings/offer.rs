//! One offer: the same for the same seed, number and revision, as XML and as the listing that is to come of it.

use std::io::Write;

use super::categories::{self, CATEGORIES};
use super::listing::{Address, CURRENCIES, Image, Listing};
use crate::faults::mix;

const KINDS: [&str; 6] = ["apartment", "house", "loft", "villa", "studio", "château"];
const STREETS: [&str; 8] = [
    "Lindenweg",
    "Rue de l’Église",
    "Königstraße",
    "Seeblick",
    "Via Monte Rosa",
    "Am Markt",
    "Quai du Mont-Blanc",
    "Gartenstraße",
];
/// City, postcode, country.
const CITIES: [(&str, &str, &str); 8] = [
    ("Zürich", "8001", "CH"),
    ("Genève", "1201", "CH"),
    ("Köln", "50667", "DE"),
    ("Dresden", "01067", "DE"),
    ("Wien", "1010", "AT"),
    ("Łódź", "90001", "PL"),
    ("Nantes", "44000", "FR"),
    ("Bergamo", "24121", "IT"),
];
const SENTENCES: [&str; 4] = [
    "Bright & quiet, <b>by the park</b>.",
    "Renovated in 2019, near the station.",
    "Süd-Balkon, Parkett, <i>frei ab sofort</i>.",
    "A rare find: 3 < 4 rooms.",
];

/// What is wrong with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no price at all.
    NoPrice,
    /// `on request`
    PriceIsText,
    /// `XXX`
    UnknownCurrency,
    /// The price is a text, the currency unknown, and the first image's address not `https`.
    Several,
}

/// An offer as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// From 1.
    pub(crate) number: u64,
    /// How often it was changed.
    pub(crate) revision: u32,
    pub(crate) fault: Option<Fault>,
    pub(crate) seed: u64,
}

/// `A-1017` for the number 17.
pub(crate) fn id(number: u64) -> String {
    format!("A-{}", number + 1_000)
}

/// The number of an id.
pub(crate) fn number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("A-").filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?;
    digits.parse::<u64>().ok()?.checked_sub(1_000).filter(|number| *number > 0)
}

impl Fault {
    /// How much is wrong: an absent price lacks its currency, too.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::NoPrice => 2,
            Self::PriceIsText | Self::UnknownCurrency => 1,
            Self::Several => 3,
        }
    }

    /// The way in which the offers that are invalid take turns.
    pub(crate) fn of_turn(turn: u64) -> Self {
        [Self::NoPrice, Self::PriceIsText, Self::UnknownCurrency, Self::Several]
            [(turn % 4) as usize]
    }
}

impl Offer {
    /// A number below `below` that is this offer's own.
    fn draw(&self, what: u64, below: usize) -> usize {
        let drawn = mix(self.seed ^ mix(self.number ^ (what << 56)));
        (drawn % below as u64) as usize
    }

    fn rooms(&self) -> usize {
        1 + self.draw(1, 9)
    }

    fn price_cents(&self) -> u64 {
        5_000_000 + self.draw(2, 95_000_000) as u64 + u64::from(self.revision) * 100_000
    }

    fn category(&self) -> u64 {
        1 + self.draw(3, CATEGORIES as usize) as u64
    }

    fn images(&self) -> usize {
        1 + usize::from(self.draw(4, 4) == 0)
    }

    /// With an ampersand on some.
    fn title(&self) -> String {
        let garden = if self.draw(5, 4) == 0 { " & garden" } else { "" };
        format!("{} rooms, {}{garden}", self.rooms(), KINDS[self.draw(6, KINDS.len())])
    }

    fn street(&self) -> String {
        format!("{} {}", STREETS[self.draw(7, STREETS.len())], 1 + self.draw(8, 120))
    }

    fn city(&self) -> (&'static str, &'static str, &'static str) {
        CITIES[self.draw(9, CITIES.len())]
    }

    fn currency(&self) -> &'static str {
        CURRENCIES[self.draw(10, CURRENCIES.len())]
    }

    fn status(&self) -> &'static str {
        if self.draw(11, 12) == 0 { "reserved" } else { "active" }
    }

    fn description(&self) -> &'static str {
        SENTENCES[self.draw(12, SENTENCES.len())]
    }

    fn image(&self, index: usize) -> String {
        format!("https://img.example/{}/{}.jpg", id(self.number), index + 1)
    }

    /// Appends the element, with a line end.
    pub(crate) fn write_xml(&self, out: &mut Vec<u8>) {
        let fault = self.fault;
        let several = fault == Some(Fault::Several);
        let mut write = |arguments: std::fmt::Arguments<'_>| {
            out.write_fmt(arguments).expect("memory takes all");
        };
        let (id, status) = (id(self.number), self.status());
        let title = self.title().replace('&', "&amp;");
        write(format_args!("<offer id=\"{id}\" status=\"{status}\"><title>{title}</title>"));
        if fault != Some(Fault::NoPrice) {
            let unknown = several || fault == Some(Fault::UnknownCurrency);
            let currency = if unknown { "XXX" } else { self.currency() };
            write(format_args!("<price currency=\"{currency}\">"));
            if several || fault == Some(Fault::PriceIsText) {
                write(format_args!("on request"));
            } else {
                let cents = self.price_cents();
                write(format_args!("{}.{:02}", cents / 100, cents % 100));
            }
            write(format_args!("</price>"));
        }
        write(format_args!("<category ref=\"{}\"/><images>", self.category()));
        for index in 0..self.images() {
            let url = self.image(index);
            match several && index == 0 {
                true => write(format_args!("<image url=\"{}\"/>", url.replace("https", "ftp"))),
                false => write(format_args!("<image url=\"{url}\"/>")),
            }
        }
        let (city, zip, country) = self.city();
        write(format_args!(
            "</images><address country=\"{country}\"><street>{}</street><zip>{zip}</zip><city>{city}</city>\
             </address><description><![CDATA[{}]]></description></offer>\n",
            self.street(),
            self.description(),
        ));
    }

    /// What the portal is to have of it.
    pub(crate) fn listing(&self) -> Listing {
        let (city, zip, country) = self.city();
        Listing {
            title: self.title(),
            status: self.status().to_owned(),
            price: self.price_cents() as f64 / 100.0,
            currency: self.currency().to_owned(),
            category: categories::name(self.category()).expect("it is drawn from those there are"),
            images: (0..self.images()).map(|index| Image { url: self.image(index) }).collect(),
            address: Address {
                street: self.street(),
                zip: zip.to_owned(),
                city: city.to_owned(),
                country: country.to_owned(),
            },
            description: self.description().to_owned(),
        }
    }
}
