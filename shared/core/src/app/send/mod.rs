//! Records on their way out: put into requests, looked up where the flow says so, claimed in the ledger
//! where it orders by entity, sent, and their outcomes noted.

mod block;
mod claim;
mod look_up;
mod mark;
mod packing;
mod sender;
mod unit;

pub(super) use packing::Packing;
pub(super) use sender::{Confirmed, Invocation, Sender, Step};
pub(super) use unit::{Place, Places, Unit};
