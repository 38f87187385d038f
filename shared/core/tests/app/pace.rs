//! How much of a permitted rate several processors use, and whether they ever break it: whole pages through a queue, in
//! a time that passes when all of them wait.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Wake, Waker},
};

use futures_util::future::{BoxFuture, join_all};
use tidegate_core::{
    app::{Disposition, process},
    decide::Deadline,
    model::{EpochMs, FlowSettings, Ordering, Outcome, PageMessage, RateLimit},
    ports::{Batching, Clock, Delivery, Destination, Outgoing, Route},
};
use tidegate_testkit::{ManualClock, SplitMix, World, arrival};

/// The destination refuses more than so many requests in any second, and more than so many at once.
const RATE: u32 = 50;
const AT_ONCE: u32 = 10;
const PAGES: i64 = 15;
const PAGE: i64 = 100;
/// Most messages that a processor is given together.
const BATCH: usize = 10;
/// So often a processor without messages looks for some, in ms.
const POLL_MS: EpochMs = 5;

/// A destination that takes some time for each request, and notes when it came.
#[derive(Clone)]
struct Slow {
    clock: ManualClock,
    took_ms: (u64, u64),
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    random: SplitMix,
    came_ms: Vec<EpochMs>,
    in_flight: u32,
    in_flight_max: u32,
}

impl Destination for Slow {
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

    fn deliver<'a>(&'a self, _: &'a [Outgoing], _: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async {
            let now_ms = self.clock.now_ms();
            let took_ms = {
                let seen = &mut *self.seen.lock().unwrap();
                seen.came_ms.push(now_ms);
                seen.in_flight += 1;
                seen.in_flight_max = seen.in_flight_max.max(seen.in_flight);
                let (least_ms, most_ms) = self.took_ms;
                least_ms + seen.random.below(most_ms - least_ms + 1)
            };
            self.clock.sleep_until(now_ms.saturating_add_unsigned(took_ms)).await;
            self.seen.lock().unwrap().in_flight -= 1;
            vec![Outcome::Delivered].into()
        })
    }
}

struct Message {
    page: PageMessage,
    receives: u32,
    visible_ms: EpochMs,
}

/// A queue: what waits in it, and how many messages were not acknowledged.
struct Queue {
    waiting: VecDeque<Message>,
    open: usize,
}

impl Queue {
    fn receive(&mut self, now_ms: EpochMs) -> Vec<Message> {
        let (visible, hidden): (VecDeque<_>, VecDeque<_>) =
            self.waiting.drain(..).partition(|message| message.visible_ms <= now_ms);
        let mut visible = Vec::from(visible);
        let rest = visible.split_off(visible.len().min(BATCH));
        self.waiting = rest.into_iter().chain(hidden).collect();
        visible
    }
}

/// One invocation after the other, as long as there are messages.
async fn processor(world: &World, queue: &Mutex<Queue>, processors: u32) {
    let clock = &world.ports.clock;
    while queue.lock().unwrap().open > 0 {
        let received = queue.lock().unwrap().receive(clock.now_ms());
        if received.is_empty() {
            clock.sleep_until(clock.now_ms() + POLL_MS).await;
            continue;
        }
        let arrivals: Vec<_> =
            received.iter().map(|it| arrival(it.page.clone(), it.receives + 1)).collect();
        let receipts: Vec<_> = arrivals.iter().map(|arrival| arrival.receipt.clone()).collect();
        let deadline = Deadline::new(clock.now_ms(), clock.now_ms() + world.invocation_ms);
        let processed = process(&world.ports, &world.flow, arrivals, deadline, processors);
        let dispositions = processed.await.expect("memory answers").dispositions;
        let queue = &mut *queue.lock().unwrap();
        for (Message { page, receives, .. }, own) in received.into_iter().zip(receipts) {
            match dispositions.iter().find(|(receipt, _)| *receipt == own) {
                Some((_, Disposition::GiveBack { delay_ms })) => {
                    let visible_ms = clock.now_ms().saturating_add_unsigned(*delay_ms);
                    queue.waiting.push_back(Message { page, receives: receives + 1, visible_ms });
                }
                _ => queue.open -= 1,
            }
        }
    }
}

/// Runs a future to its end, and lets time pass whenever it waits.
fn run_through(clock: &ManualClock, future: impl Future) {
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, SeqCst);
        }
    }

    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut future = pin!(future);
    while future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        if !woken.0.swap(false, SeqCst) {
            clock.advance_to(clock.next_wake_ms().expect("it waits for a moment"));
        }
    }
}

/// How much of the rate was used, from the first request to the last, with requests that take so long.
fn used(seed: u64, processors: u32, took_ms: (u64, u64)) -> f64 {
    let settings = FlowSettings {
        rates: vec![RateLimit { count: RATE, window_ms: 1_000 }],
        concurrency_max: AT_ONCE,
        ordering: Ordering::None,
        ..FlowSettings::default()
    };
    let mut world = World::new(settings);
    let mut random = SplitMix::new(seed);
    // Pages come one after the other, as they are fetched.
    let fetched_ms = EpochMs::try_from(random.below(30)).unwrap();
    let seen = Seen { random, came_ms: Vec::new(), in_flight: 0, in_flight_max: 0 };
    let clock = world.ports.clock.clone();
    let slow = Slow { clock: clock.clone(), took_ms, seen: Arc::new(Mutex::new(seen)) };
    world.flow.destination = Box::new(slow.clone());
    let message = |page: i64| Message {
        page: world.page(page * PAGE..(page + 1) * PAGE),
        receives: 0,
        visible_ms: World::START_MS + page * fetched_ms,
    };
    let waiting: VecDeque<_> = (0..PAGES).map(message).collect();
    let queue = Mutex::new(Queue { open: waiting.len(), waiting });
    run_through(&clock, join_all((0..processors).map(|_| processor(&world, &queue, processors))));

    let seen = slow.seen.lock().unwrap();
    let came_ms = &seen.came_ms;
    assert_eq!(came_ms.len(), usize::try_from(PAGES * PAGE).unwrap());
    assert!(seen.in_flight_max <= AT_ONCE, "{} at once", seen.in_flight_max);
    for window in came_ms.windows(RATE as usize + 1) {
        assert!(window[RATE as usize] - window[0] >= 1_000, "seed {seed}: {window:?}");
    }
    let lasted_ms = came_ms.last().unwrap() - came_ms[0];
    (came_ms.len() - 1) as f64 * 1_000.0 / (lasted_ms as f64 * f64::from(RATE))
}

/// Where requests take anything up to all of the concurrency, what one processor cannot use another one must not
/// lose: at every change from one to the next a few requests would be lost.
#[test]
fn however_many_processors_there_are_nearly_all_of_a_rate_is_used() {
    for processors in [1, 4, 16, 50] {
        let quick = used(0, processors, (20, 20));
        assert!(quick >= 0.98, "{processors} processors, 20 ms: {quick}");
        for seed in 0..3 {
            let share = used(seed, processors, (5, 300));
            assert!(share >= 0.97, "{processors} processors, 5 to 300 ms, seed {seed}: {share}");
        }
    }
}
