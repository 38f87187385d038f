//! How the two APIs behave. All of it reads from JSON too, so that a script can ask for it.

use serde::{Deserialize, Serialize};

use crate::faults::Rate;

/// The pair of APIs. The default is 2,000 chats, Marketo's own limits and no trouble.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeadsConfig {
    /// Chats in the archive from the start.
    pub chats: u64,
    /// Chats that end only when told to ([`Leads::end_chats`](super::Leads::end_chats)).
    pub chats_later: u64,
    /// Seeds the chats, the leads and the faults.
    pub seed: u64,
    /// The source.
    pub livechat: LiveChatConfig,
    /// The destination.
    pub marketo: MarketoConfig,
}

/// The archive. Shares are of the chats or the customers, `0.0..=1.0`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveChatConfig {
    /// 0: any free port.
    pub port: u16,
    /// The first chat begins within a second of this, in ms since 1970.
    pub base_ms: i64,
    /// From one beginning to the next, about. One chat in 16 begins in the very same microsecond as
    /// the one before it, and three within 0.3 s.
    pub step_ms: u64,
    /// Every answer takes so long.
    pub latency_ms: u64,
    /// Chats with a customer who chatted before, from another city.
    pub repeated: f64,
    /// Customers with no e-mail: half of them null, half without the field.
    pub without_email: f64,
    /// Customers whose e-mail is none. Some have a comma in it, which is what separates a look-up's
    /// values.
    pub malformed_email: f64,
    /// Chats whose city is null.
    pub without_city: f64,
    /// Chats that write the e-mail with capital letters, `Zoe.Moreau17@Example.Com`; and likewise
    /// leads that Marketo has from the start.
    pub capitals: f64,
}

/// The lead database. Shares of failures are of the requests that the limits let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketoConfig {
    /// 0: any free port.
    pub port: u16,
    /// Every request that is let in takes so long. It lands even if the client has given up.
    pub latency_ms: u64,
    /// How long a token is good for.
    pub token_expires_in_s: u64,
    /// 606 above it.
    pub rate: Rate,
    /// 615 above so many at once.
    pub concurrency_max: u32,
    /// 607 after so many calls, until the quota is reset
    /// ([`Leads::reset_quota`](super::Leads::reset_quota)). At Marketo the day ends at midnight in
    /// Chicago.
    pub daily_quota: u64,
    /// The share of the customers with an e-mail who are leads from the start. About half of those
    /// have a city, none that a chat names; of the rest, half have null and half an empty text. Some
    /// have a country, a phone or a source.
    pub known: f64,
    /// The share of those whose e-mail several leads have: a few of them, or 250. Such an e-mail is
    /// refused with 1007, until told to accept all.
    pub shared: f64,
    /// Half of them 500, half 611 inside HTTP 200; nothing applied.
    pub fail_before: f64,
    /// 500, although applied.
    pub fail_after: f64,
    /// The connection is closed without an answer; half of them after applying.
    pub drop: f64,
    /// Refuses every n-th distinct e-mail of the archive with 1007, until told to accept all.
    pub refuse_every: Option<u64>,
}

impl Default for LeadsConfig {
    fn default() -> Self {
        Self {
            chats: 2_000,
            chats_later: 0,
            seed: 1,
            livechat: LiveChatConfig::default(),
            marketo: MarketoConfig::default(),
        }
    }
}

impl Default for LiveChatConfig {
    fn default() -> Self {
        Self {
            port: 0,
            // Black Friday: 2025-11-28T00:00:00Z.
            base_ms: 1_764_288_000_000,
            step_ms: 20_000,
            latency_ms: 0,
            repeated: 0.1,
            without_email: 0.1,
            malformed_email: 0.02,
            without_city: 0.08,
            capitals: 0.06,
        }
    }
}

impl Default for MarketoConfig {
    fn default() -> Self {
        Self {
            port: 0,
            latency_ms: 0,
            token_expires_in_s: 3_600,
            rate: Rate { requests: 100, per_ms: 20_000 },
            concurrency_max: 10,
            daily_quota: 50_000,
            known: 0.5,
            shared: 0.0,
            fail_before: 0.0,
            fail_after: 0.0,
            drop: 0.0,
            refuse_every: None,
        }
    }
}
