//! What the portal takes: one listing, strict about every type.

use std::hash::{DefaultHasher, Hasher};

use serde::{Deserialize, Serialize};

/// The currencies that the portal knows.
pub(crate) const CURRENCIES: [&str; 2] = ["EUR", "CHF"];

/// The body of `PUT /listings/{id}`. A field that it does not know is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// One line, not empty.
    pub title: String,
    /// `active` or `reserved`.
    pub status: String,
    /// A JSON number above zero, in units of the currency.
    pub price: f64,
    /// `EUR` or `CHF`.
    pub currency: String,
    /// The category's name, as the ERP's reference data has it.
    pub category: String,
    /// One at least.
    pub images: Vec<Image>,
    /// Where the property is.
    pub address: Address,
    /// May hold HTML.
    pub description: String,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// An `https` address.
    pub url: String,
}

/// Where a property is. The portal takes texts, and a postcode is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// With the number of the house.
    pub street: String,
    /// The postcode.
    pub zip: String,
    /// The city.
    pub city: String,
    /// Two letters.
    pub country: String,
}

impl Listing {
    /// Reads a body, or says what the portal refuses it for.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let listing: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let fault = if listing.title.trim().is_empty() {
            "title: is empty"
        } else if !["active", "reserved"].contains(&&*listing.status) {
            "status: is neither active nor reserved"
        } else if listing.price <= 0.0 {
            "price: is not above zero"
        } else if !CURRENCIES.contains(&&*listing.currency) {
            "currency: is unknown"
        } else if listing.category.is_empty() {
            "category: is empty"
        } else if listing.images.is_empty() {
            "images: there is none"
        } else if listing.images.iter().any(|image| !image.url.starts_with("https://")) {
            "images: an address is not https"
        } else {
            return Ok(listing);
        };
        Err(fault.to_owned())
    }

    /// A hash of its content, for comparisons.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&serde_json::to_vec(self).expect("a listing is plain data"));
        hasher.finish()
    }
}
