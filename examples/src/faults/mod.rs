//! What goes wrong on purpose. Everything random is seeded; everything timed is tokio's time.

mod dice;
mod gate;
mod meter;
mod outage;
mod window;

pub(crate) use dice::{Dice, Fate, mix};
pub(crate) use gate::{Gate, Ticket};
pub use gate::{Rate, RetryAfterForm};
pub(crate) use meter::Meter;
pub use meter::Traffic;
pub use outage::Outage;
pub(crate) use outage::OutageSwitch;
