//! The example APIs that `demo` and the tests share: small HTTP servers in this process that
//! behave as badly as asked, and that audit what arrived.
//!
//! - [`orders`]: OrderPlacementPavillion (pages of orders) and FulfillmentsRUs (takes fulfilments).
//! - [`leads`]: LiveChat (an archive of chats) and Marketo (look-ups, merges, tokens and limits).
//! - [`listings`]: an ERP that exports offers as one large file, and a portal that takes them one by one.
//! - [`faults`]: what goes wrong on purpose: limits, errors, lost answers; seeded.
//! - [`http`]: just enough of a server, and [`http::Stranger`], a host that must see no secret.
//!
//! This crate knows no other of the workspace: it plays the outside world.

pub mod faults;
pub mod http;
pub mod leads;
pub mod listings;
pub mod orders;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic while a lock was held is already a failed test; the data is taken as it is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
