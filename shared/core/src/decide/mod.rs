//! Pure rules: what the application decides, without I/O and without a clock.

mod backoff;
mod budget;
mod chain;
mod deadline;
mod digest;
mod draft;
mod give_up;
mod isolation;
mod key;
mod rate;
mod send_slots;
mod stall;

pub use backoff::{backoff_ms, give_back_ms, jittered_ms, ms_until};
pub use budget::{ALL, QuotaSpan, Terms};
pub use chain::{chain, stuck};
pub use deadline::Deadline;
pub use digest::Grouping;
pub use draft::Draft;
pub use give_up::give_up;
pub use isolation::{Batches, CRASHES_MAX, ISOLATE_FROM_RECEIVES, batches};
pub use key::idempotency_key;
pub use rate::Rate;
pub use send_slots::{SendSlot, SendSlots};
pub use stall::{
    Delivery, delivery_changes, delivery_stalls, is_error_due, records_held, settled_until,
    source_failed, source_halted, source_stands, source_waits,
};
