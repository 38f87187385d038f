//! The commit protocol over the ports.
//!
//! One rule: a queue message is only a carrier; the page item names the one live emission. Every
//! function here can be dropped at any await, and run again by any invocation, without losing a record.

mod bury;
mod commit;
mod digest;
mod dispatch;
mod fetch;
mod fetch_report;
mod flow;
mod operate;
mod process;
mod recover;
mod replay;
mod report;
mod send;
mod stalls;
mod standing;
mod throttle;

pub use bury::{Burial, bury};
pub use digest::{DigestReport, digest, preview};
pub use fetch::{FetchRun, fetch};
pub use fetch_report::{End, FetchReport};
pub use flow::{Flow, Ports};
pub use operate::{ReplayRequest, Status, list_parked, replay, rewind, set_paused, status};
pub use process::{Arrival, process};
pub use recover::{Predecessor, Recovered, recover};
pub use replay::process_replay;
pub use report::{Disposition, ProcessReport, Tally};
pub use stalls::{LOG as WAITING_LOG, awaits_landing, tell as tell_of_wait};
