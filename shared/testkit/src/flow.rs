//! The ends of a flow: a source that nothing is read from, a transform that changes nothing, and a
//! destination that answers as a test says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
};

use tidegate_core::{
    model::{EpochMs, Outcome, Position, RecordId},
    ports::{
        Batching, BoxFuture, Delivery, Destination, Outgoing, Route, Source, Transform,
        Transformed, Walk,
    },
};

use crate::{clock::ManualClock, driver::yield_once, lock::lock};

/// A source for tests whose pages are sealed by hand.
pub struct NoSource;

impl Source for NoSource {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        unreachable!("this world has nothing to fetch")
    }
}

/// Sends a record as it is.
pub struct Same;

impl Transform for Same {
    fn apply(&self, record: &[u8], _: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        out.extend_from_slice(record);
        Transformed::Written
    }
}

/// What the destination answers for the record of this id.
type Answer = dyn Fn(i64) -> Outcome + Send + Sync;

/// A destination that takes one record a request, and a certain time for it by the clock. Clones are the
/// same destination.
#[derive(Clone)]
pub struct Api {
    clock: ManualClock,
    request_ms: Arc<AtomicI64>,
    requests: Arc<AtomicU64>,
    answer: Arc<Mutex<Arc<Answer>>>,
}

impl Api {
    /// It takes everything, in no time.
    pub fn new(clock: ManualClock) -> Self {
        let answer: Arc<Mutex<Arc<Answer>>> =
            Arc::new(Mutex::new(Arc::new(|_| Outcome::Delivered)));
        Self { clock, request_ms: Arc::default(), requests: Arc::default(), answer }
    }

    /// Each request takes so many ms from now on.
    pub fn takes(&self, request_ms: EpochMs) {
        self.request_ms.store(request_ms, SeqCst);
    }

    /// What it answers from now on, by the record's id. Requests are counted from 0 again.
    pub fn answers(&self, answer: impl Fn(i64) -> Outcome + Send + Sync + 'static) {
        *lock(&self.answer) = Arc::new(answer);
        self.requests.store(0, SeqCst);
    }

    /// Requests since its answers were last changed.
    pub fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }
}

impl Destination for Api {
    fn begins(&self, _: u64) {}

    fn routes(&self) -> usize {
        1
    }

    fn route(&self, _: &[u8], _: bool) -> Result<Route, Outcome> {
        Ok(Route::ONLY)
    }

    fn takes_unshaped(&self, _: &[u8], _: bool) -> bool {
        false
    }

    fn batching(&self, _: Route) -> Batching {
        Batching::ONE
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], _: u64) -> BoxFuture<'a, Delivery> {
        self.requests.fetch_add(1, SeqCst);
        self.clock.advance(self.request_ms.load(SeqCst));
        let answer = lock(&self.answer).clone();
        let RecordId::Number(id) = records[0].id else { panic!("{records:?}") };
        Box::pin(async move {
            yield_once().await;
            vec![answer(id)].into()
        })
    }
}
