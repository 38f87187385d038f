//! The price table: embedded, or a file of the user's.

use std::{collections::BTreeMap, fs, path::Path};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Prices of one region, as they were known at a date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// `2026-11-27`
    pub date: String,
    /// `us-east-1`
    pub region: String,
    /// Whatever else is to be known of them.
    #[serde(default)]
    pub note: String,
    /// The price pages, by service.
    pub sources: BTreeMap<String, String>,
    /// The prices themselves.
    pub usd_per_million: UsdPerMillion,
}

/// US dollars for a million of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsdPerMillion {
    /// On demand. A consistent read takes one for every 4 KB of an item.
    pub dynamodb_read_units: f64,
    /// On demand. A write takes one for every 1 KB of an item, two in a transaction.
    pub dynamodb_write_units: f64,
    /// A function's memory times its time.
    pub lambda_gb_seconds_arm64: f64,
    /// The same on the other architecture.
    pub lambda_gb_seconds_x86_64: f64,
    /// Invocations of functions.
    pub lambda_requests: f64,
    /// Ticks of EventBridge Scheduler.
    pub scheduler_invocations: f64,
    /// To a standard queue; every begun 64 KiB of a request counts as one.
    pub sqs_requests: f64,
}

impl Prices {
    /// Those that this program comes with.
    pub fn embedded() -> Self {
        parse(include_str!("prices.json")).expect("a test reads them")
    }

    /// Those in a file, in the form of `cli/src/cost/prices.json`.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("error: {} cannot be read: {error}", path.display()))
        })?;
        parse(&text).map_err(|reason| {
            Failure::usage(format!(
                "error: {} is no price table: {reason}\n   = help: take cli/src/cost/prices.json for a pattern",
                path.display()
            ))
        })
    }
}

fn parse(text: &str) -> Result<Prices, String> {
    let prices: Prices = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let date: Result<Date, _> = prices.date.parse();
    date.map_err(|_| format!("`date` is {:?}; write it as 2026-11-27", prices.date))?;
    let of = &prices.usd_per_million;
    for (key, price) in [
        ("dynamodb_read_units", of.dynamodb_read_units),
        ("dynamodb_write_units", of.dynamodb_write_units),
        ("lambda_gb_seconds_arm64", of.lambda_gb_seconds_arm64),
        ("lambda_gb_seconds_x86_64", of.lambda_gb_seconds_x86_64),
        ("lambda_requests", of.lambda_requests),
        ("scheduler_invocations", of.scheduler_invocations),
        ("sqs_requests", of.sqs_requests),
    ] {
        if price < 0.0 {
            return Err(format!("`{key}` is {price}; write a price that is not negative"));
        }
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn table() -> Value {
        serde_json::from_str(include_str!("prices.json")).unwrap()
    }

    #[test]
    fn the_embedded_table_has_a_date_a_region_its_sources_and_every_price() {
        let prices = Prices::embedded();
        assert!(!prices.region.is_empty());
        for service in ["dynamodb", "lambda", "scheduler", "sqs"] {
            let page = &prices.sources[service];
            assert!(page.starts_with("https://aws.amazon.com/") && page.contains("/pricing/"));
        }
        let of = table()["usd_per_million"].as_object().unwrap().clone();
        assert_eq!(of.len(), 7);
        assert!(of.values().all(|price| price.as_f64().unwrap() > 0.0));
    }

    #[test]
    fn a_missing_key_is_named() {
        for key in table()["usd_per_million"].as_object().unwrap().keys() {
            let mut without = table();
            without["usd_per_million"].as_object_mut().unwrap().remove(key);
            let reason = parse(&without.to_string()).unwrap_err();
            assert!(reason.contains(key), "{reason}");
        }
    }

    #[test]
    fn a_wrong_key_price_or_date_is_named() {
        let mut slip = table();
        slip["usd_per_million"]["sqs_request"] = 1.into();
        assert!(parse(&slip.to_string()).unwrap_err().contains("sqs_request`"));
        let mut negative = table();
        negative["usd_per_million"]["sqs_requests"] = (-1).into();
        assert!(parse(&negative.to_string()).unwrap_err().contains("sqs_requests"));
        let mut undated = table();
        undated["date"] = "last summer".into();
        assert!(parse(&undated.to_string()).unwrap_err().contains("date"));
    }
}
