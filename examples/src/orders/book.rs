//! The source's orders: what each says, and which are marked as processed.

use std::sync::atomic::{AtomicU64, Ordering};

use super::config::{OrdersConfig, TimeForm};
use super::line::Line;
use super::order::{Order, State};

/// All orders, present and to come.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) line: Line,
    seed: u64,
    cancelled_every: Option<u64>,
    time_form: TimeForm,
    /// A bit for each id.
    processed: Vec<AtomicU64>,
}

impl Book {
    pub(crate) fn new(config: &OrdersConfig) -> Self {
        let line = Line::new(config);
        let words = line.arrivals.count_max() / 64 + 1;
        Self {
            seed: config.seed,
            cancelled_every: config.source.cancelled_every,
            time_form: config.source.time_form,
            processed: (0..words).map(|_| AtomicU64::new(0)).collect(),
            line,
        }
    }

    /// Orders there now: ids 1 to this.
    pub(crate) fn count(&self) -> u64 {
        self.line.arrivals.count()
    }

    /// Whether an order with this id is there now.
    pub(crate) fn has(&self, id: u64) -> bool {
        (1..=self.count()).contains(&id)
    }

    pub(crate) fn order(&self, id: u64) -> Order {
        Order::new(self.seed, id)
    }

    pub(crate) fn is_cancelled(&self, id: u64) -> bool {
        self.cancelled_every.is_some_and(|every| every > 0 && id.is_multiple_of(every))
    }

    pub(crate) fn is_processed(&self, id: u64) -> bool {
        self.processed[(id / 64) as usize].load(Ordering::Relaxed) & (1 << (id % 64)) != 0
    }

    /// Marks an order; whether that changed anything.
    pub(crate) fn set_processed(&self, id: u64, processed: bool) -> bool {
        let (word, bit) = (&self.processed[(id / 64) as usize], 1 << (id % 64));
        let before = if processed {
            word.fetch_or(bit, Ordering::Relaxed)
        } else {
            word.fetch_and(!bit, Ordering::Relaxed)
        };
        (before & bit != 0) != processed
    }

    /// Orders that are marked.
    pub(crate) fn processed_count(&self) -> u64 {
        self.processed.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }

    /// Appends an order's JSON object.
    pub(crate) fn render(&self, id: u64, out: &mut Vec<u8>) {
        let state = State {
            updated_ms: self.line.updated_ms(id),
            cancelled: self.is_cancelled(id),
            processed: self.is_processed(id),
            time_form: self.time_form,
        };
        self.order(id).render(out, state);
    }
}
