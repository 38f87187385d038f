//! What a flow costs on AWS: from counted requests and list prices to dollars per million records.
//!
//! A [`bill::Bill`] has a line for each operation and for the functions. DynamoDB's units are those that the
//! run measured ([`crate::summary::Summary::aws_units`]), or else an estimate ([`units`]).

mod advice;
mod bill;
mod prices;
mod report;
mod units;

pub use bill::{Architecture, Functions};
pub use prices::Prices;
pub use report::{Measured, Report};
