//! LiveChat and Marketo: an archive of chats, and a database of leads to merge them into.
//!
//! # The source: `{source_url}`, `Authorization: Basic` of `{source_account}:{source_token}`, or Bearer
//!
//! `POST /v3.5/agent/action/list_archives` of LiveChat's Agent Chat API (Text, "Agent Chat Web API
//! Reference v3.5") with `{"filters":{"from":"2025-11-28T00:00:00.000000Z"},"limit":100,
//! "sort_order":"asc"}` answers `{"chats":[…],"found_chats":2000,"next_page_id":"…"}`, the last page
//! without `next_page_id`, all but the first with `previous_page_id`. Each entry is a chat with one
//! of its threads, so that a chat comes as often as its customer did. What of it a flow may want:
//!
//! ```json
//! {"id":"PJ0MRSHTDG",
//!  "users":[{"type":"agent","id":"tom@shop.example","name":"Tom","email":"tom@shop.example"},
//!           {"type":"customer","id":"8f14e45f-…","name":"Zoë Moreau","email":"zoe.moreau17@example.com",
//!            "last_visit":{"geolocation":{"city":"Cork","country":"Ireland"}}}],
//!  "thread":{"id":"K600PKZON8","active":false,"created_at":"2025-11-28T00:00:16.482913Z",
//!            "events":[{"type":"filled_form",
//!                       "fields":[{"label":"Phone:","answer":"+353 555 0000017"}]}]}}
//! ```
//!
//! Users come in either order. `email` may be absent, null, malformed or written with capital
//! letters; `city` may be null. One chat in ten is by a customer who chatted before, then from
//! another city.
//!
//! The reference does not say which time `filters.from`, `filters.to` and `sort_order` go by, or
//! whether they include it: here it is `thread.created_at`, the one time that an entry has, and they
//! do. Threads begin in the order in which they end, some in the same microsecond. `limit` is a
//! number, 10 unless given, from 1 to 100; `sort_order` is `desc` unless given. A `page_id` stands
//! alone in its body, for the filters, the order and the limit of its first request. All else, the
//! reference's other filters included, is a 400: `{"error":{"type":"validation","message":"…"}}`. An
//! unknown account or token is a 401 of type `authentication`.
//!
//! # The destination: `{destination_url}`
//!
//! `GET /identity/oauth/token?grant_type=client_credentials&client_id=…&client_secret=…` answers
//! `{"access_token","token_type":"bearer","expires_in":3599,"scope"}`: the same token with the time
//! left while it is good, then a new one. Wrong credentials are a 401.
//!
//! Calls take `Authorization: Bearer` and that token, and answer 200 with
//! `{"requestId","success":true,"result":[…]}` or
//! `{"requestId","success":false,"errors":[{"code":"606","message":"…"}]}`:
//!
//! | code | when |
//! |---|---|
//! | 601, 602 | the token is unknown, or has expired |
//! | 605, 610 | another method, another path |
//! | 606, 607, 615 | over the rate, the daily quota, the concurrency |
//! | 609, 612 | the body is no JSON, or its `Content-Type` is wrong |
//! | 611 | a failure on purpose; nothing was done |
//! | 1002, 1003, 1006, 1011 | parameters or body: missing, invalid, a field that is none, another key |
//!
//! Codes and texts are those of Marketo's list (Adobe, "Marketo REST API: Error Codes").
//!
//! `GET /rest/v1/leads.json?filterType=email&filterValues=a,b&fields=id,email,city` finds leads by up
//! to 300 e-mails, whatever their case; those that are not there are left out, and a field that is
//! not there is null. An empty city is null or `""`. Several leads may have one e-mail, and an answer
//! holds at most 300 leads (`batchSize`): where there are more it says `"moreResult":true` and a
//! `nextPageToken`, which the same request takes. An address beyond 8 KB is a 414;
//! `POST /rest/v1/leads.json?_method=GET` takes the same parameters as a form.
//!
//! `POST /rest/v1/leads.json` with `{"action":"createOrUpdate","lookupField":"email","input":[…]}`
//! merges up to 300 records and 1 MB (413). Each has its result, in order: `{"id":318,
//! "status":"created"}`, `"updated"`, or `{"status":"skipped","reasons":[{"code","message"}]}`:
//!
//! | code | when |
//! |---|---|
//! | 1001 | a value is neither text nor null |
//! | 1002, 1003 | there is no e-mail, or it is no address; an `id` was given |
//! | 1006 | a field is none |
//! | 1007 | several leads have the e-mail, or it is one of those refused on purpose |
//! | 1036 | the e-mail, whatever its case, came earlier in this request |
//!
//! Fields that are not named stay as they are; null clears. Marketo overwrites what is known if told
//! to: the [`Audit`] notices ([`NEVER_OVERWRITTEN`]). Fields: `email`, `firstName`, `lastName`, `city`, `country`, `phone`,
//! `company`, `leadSource`, `lastChatAt`, `lastChatTopic`.
//!
//! # For tests, without a token, on the destination's address
//!
//! `GET /healthz`, `GET /audit` (an [`Audit`]), `POST /control/accept-all`,
//! `POST /control/reset-quota`, `POST /control/end-chats` with `{"count":7}`.

mod answer;
mod archive;
mod audit;
mod chat;
mod config;
mod customer;
mod database;
mod fields;
mod identity;
mod input;
mod limits;
mod livechat;
mod lookup;
mod marketo;
mod query;
mod service;

#[cfg(test)]
mod tests;

pub use audit::{Audit, LimitErrors};
pub use config::{LeadsConfig, LiveChatConfig, MarketoConfig};
pub use database::NEVER_OVERWRITTEN;
pub use service::Leads;
