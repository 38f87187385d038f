//! The ports on DynamoDB, SQS, SNS and Parameter Store. Beside the operator's credentials, this is the only
//! crate that names the AWS SDK.
//!
//! - [`Clients`] makes the rest: on Lambda, by an operator's credentials, or over a service in process.
//! - [`Table`] keeps cursors, pages, gates, the ledger and parked records in one DynamoDB table.
//! - [`Queue`] carries pages over SQS.
//! - [`Parameters`] reads a connection's parameters and secrets.
//! - [`Topic`] sends mail to its subscribers.
//! - [`Requests`] counts what all of them ask of AWS, retries included.
//!
//! No SDK type leaves this crate but in what makes [`Clients`]: [`Clients::over`] takes an HTTP client,
//! [`Clients::with_config`] a configuration, which is read over [`https`]. A failed
//! condition is a decision of the port; any other failure is `Unavailable`.

mod clients;
mod failure;
mod https;
mod in_process;
mod parameters;
mod queue;
mod requests;
mod service;
mod table;
mod topic;

pub use clients::Clients;
pub use https::https;
pub use in_process::InProcess;
pub use parameters::{Connection, Parameters};
pub use queue::Queue;
pub use requests::Requests;
pub use table::Table;
pub use topic::Topic;
