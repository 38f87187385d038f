//! A destination as an invocation sees it: over real HTTP, one request after the other, with the latency of the case's
//! own clock, and processes that crash before and after an answer.

use std::{
    future::{Future, pending},
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use tidegate_core::{
    model::{Later, Outcome, RecordKey, SkipReason},
    ports::{Around, BoxFuture, Clock, Delivery, Destination, Outgoing},
};
use tidegate_testkit::ManualClock;

use super::{
    habits::{Habits, Order},
    records::Name,
    server::Server,
};
use crate::random::Random;

/// Real time that a request may take, on a busy machine too: the case's own clock stands still meanwhile.
const REAL_MS: u64 = 300_000;

/// What the invocations of a case share.
pub struct Shared {
    pub server: Arc<Server>,
    pub clock: ManualClock,
    /// Requests that the server has not answered.
    busy: AtomicUsize,
    /// One request after the other goes over the wire, so that a case is the same whenever it is tried.
    wire: tokio::sync::Mutex<()>,
    random: Mutex<Random>,
    crashes_left: AtomicU64,
    in_flight: AtomicU64,
    habits: Habits,
    pub requests: AtomicU64,
}

/// The destination as one invocation sees it.
pub struct Watched {
    pub inner: Arc<dyn Destination>,
    pub shared: Arc<Shared>,
    pub crashed: Arc<AtomicBool>,
}

struct Counted<'a>(&'a Shared);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}

struct Busy<'a>(&'a Shared);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, SeqCst);
    }
}

impl Shared {
    pub fn new(habits: &Habits, server: Arc<Server>, clock: ManualClock, random: Random) -> Self {
        Self {
            server,
            clock,
            busy: AtomicUsize::new(0),
            wire: tokio::sync::Mutex::default(),
            random: Mutex::new(random),
            crashes_left: AtomicU64::new(habits.crashes),
            in_flight: AtomicU64::new(0),
            habits: habits.clone(),
            requests: AtomicU64::new(0),
        }
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.random.lock().unwrap().below(bound)
    }

    /// Whether the server has requests that it has not answered.
    pub fn is_busy(&self) -> bool {
        self.busy.load(SeqCst) > 0
    }

    /// Whether the process dies here.
    fn crashes(&self) -> bool {
        let left = self.crashes_left.load(SeqCst);
        let crashes = left > 0 && self.below(4) == 0;
        self.crashes_left.fetch_sub(u64::from(crashes), SeqCst);
        crashes
    }
}

impl Watched {
    async fn exchange<T>(&self, exchange: impl Future<Output = T>, timeout_ms: u64) -> T {
        let shared = &*self.shared;
        shared.requests.fetch_add(1, Relaxed);
        if self.crashed.load(SeqCst) || shared.crashes() {
            self.crashed.store(true, SeqCst);
            pending::<()>().await;
        }
        let in_flight = shared.in_flight.fetch_add(1, SeqCst) + 1;
        let _counted = Counted(shared);
        let most = match shared.habits.order {
            Order::Serial => 1,
            _ => shared.habits.concurrency,
        };
        if in_flight > most {
            shared.server.now().accuse(format_args!("{in_flight} requests are in flight"));
        }
        shared.busy.fetch_add(1, SeqCst);
        let busy = Busy(shared);
        let turn = shared.wire.lock().await;
        let answer = exchange.await;
        drop((turn, busy));
        let latency_ms = shared.below(shared.habits.latency_ms + 1).min(timeout_ms);
        let until_ms = shared.clock.now_ms() + i64::try_from(latency_ms).unwrap();
        shared.clock.sleep_until(until_ms).await;
        if shared.crashes() {
            self.crashed.store(true, SeqCst);
            pending::<()>().await;
        }
        answer
    }

    /// What counts as delivered is to be there.
    fn check(&self, records: &[Outgoing], delivery: &Delivery) {
        if delivery.again {
            return;
        }
        let mut server = self.shared.server.now();
        for (record, outcome) in records.iter().zip(&delivery.outcomes) {
            let name = name_of(&RecordKey { id: record.id.clone(), version: record.version });
            server.note(format_args!("    {name:?}: {outcome:?}"));
            let counts =
                matches!(outcome, Outcome::Delivered | Outcome::Skipped(SkipReason::Duplicate));
            if counts && !server.took(&name) {
                server.accuse(format_args!("{name:?} counts as delivered, and was never taken"));
            }
        }
    }
}

impl Around for Watched {
    fn inner(&self) -> &dyn Destination {
        &*self.inner
    }

    fn deliver_around<'a>(
        &'a self,
        records: &'a [Outgoing],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let sent = async {
                let delivery = self.inner.deliver(records, timeout_ms.max(REAL_MS)).await;
                self.check(records, &delivery);
                delivery
            };
            self.exchange(sent, timeout_ms).await
        })
    }

    fn has_around<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        Box::pin(async move {
            let asked = self.inner.has(record, timeout_ms.max(REAL_MS));
            self.exchange(asked, timeout_ms).await
        })
    }
}

pub fn name_of(key: &RecordKey) -> Name {
    (key.id.to_string(), key.version.0)
}
