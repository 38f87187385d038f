//! The recipes of docs/recipes: each one's flow file, as it stands there, runs over real HTTP between example APIs that
//! refuse what the real ones are documented to refuse, with failures on the way.
//!
//! Limits and waits are shortened on both sides alike: the flow file keeps to the real API's, and a test that did would
//! take minutes.

mod crm;
mod erp;
mod github;
mod github_to_notion;
mod hubspot;
mod meter;
mod notion;
mod opensearch;
mod recipe;
mod server;
mod shop;
mod shopify;
mod shopify_to_hubspot;
mod short;
mod slack;
mod stripe;
mod stripe_to_slack;
