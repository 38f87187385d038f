//! What a host brings: one type that names its ports.

use super::{Clock, Ids, PageQueue, Random, Store};
use crate::guard::Guard;

/// The ports of one host, as types: the deployed functions' platform names a cloud's table and queue, the
/// embedded host's those of its process, the simulation's a seat from which every call may fail. What runs on a platform takes it as its one type parameter.
pub trait Platform {
    /// The state table.
    type Store: Store;
    /// The page queue.
    type Queue: PageQueue;
    /// The clock.
    type Clock: Clock;
    /// Randomness and ids.
    type Entropy: Random + Ids;

    /// Whether a guard of the protocol stands: always, but where the simulation takes one out to see that
    /// it is missed.
    fn stands(_: Guard) -> bool {
        true
    }
}
