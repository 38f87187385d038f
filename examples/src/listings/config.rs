//! How the ERP and the portal behave. All of it reads from JSON too, so that a script can ask for it.

use serde::{Deserialize, Serialize};

use crate::faults::Rate;

/// The pair. The default is 5,000 offers and no trouble.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListingsConfig {
    /// Offers in the file from the start.
    pub offers: u64,
    /// Seeds the offers and the faults.
    pub seed: u64,
    /// Offers from the start whose number this divides are invalid, each in one of four ways.
    pub invalid_every: Option<u64>,
    /// The source.
    pub erp: ErpConfig,
    /// The destination.
    pub portal: PortalConfig,
}

/// The ERP.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErpConfig {
    /// 0: any free port.
    pub port: u16,
    /// Every answer takes so long to begin.
    pub latency_ms: u64,
    /// Between two pieces of the file, of some tens of kilobytes each, so much time passes.
    pub pause_ms: u64,
    /// The connection is closed after so many bytes of the file, every time.
    pub cut_every_bytes: Option<u64>,
    /// `Range` is answered with the whole file, and 200.
    pub ignores_ranges: bool,
}

/// The portal. Shares are of all requests, `0.0..=1.0`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortalConfig {
    /// 0: any free port.
    pub port: u16,
    /// Every request that is let in takes so long.
    pub latency_ms: u64,
    /// 429 above it.
    pub rate: Option<Rate>,
    /// 429 above so many at once.
    pub concurrency_max: Option<u32>,
    /// 500, and nothing was done.
    pub fail_before: f64,
    /// 500, although it was done.
    pub fail_after: f64,
    /// The connection is closed without an answer; half of these fall after the work.
    pub drop: f64,
    /// One listing that fails for a while.
    pub failing: Option<Failing>,
    /// Listings whose offer's number this divides are refused with 422.
    pub refuse_every: Option<u64>,
    /// Whether the content of each listing is kept, for [`Listings::listing`](super::Listings::listing). Without, a
    /// listing takes some tens of bytes.
    pub keeps_contents: bool,
}

/// One listing that is answered 503 for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// The number of its offer.
    pub number: u64,
    /// How often.
    pub times: u32,
}

impl Default for ListingsConfig {
    fn default() -> Self {
        let (erp, portal) = (ErpConfig::default(), PortalConfig::default());
        Self { offers: 5_000, seed: 1, invalid_every: None, erp, portal }
    }
}

impl Default for PortalConfig {
    fn default() -> Self {
        Self {
            port: 0,
            latency_ms: 0,
            rate: None,
            concurrency_max: None,
            fail_before: 0.0,
            fail_after: 0.0,
            drop: 0.0,
            failing: None,
            refuse_every: None,
            keeps_contents: true,
        }
    }
}
