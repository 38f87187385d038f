//! Random lists, paginations and changes, each from its seed: nothing is lost, nothing comes twice.

use std::collections::HashSet;

use tidegate_core::{
    model::Position,
    ports::{Source, SourceError},
};

use crate::{
    api::{Api, Behaviour, Order, Sort, Style},
    flow::{EVERY_STYLE, NOW_MS, number, set, source, source_spec, unset},
};

const SEEDS: u64 = 400;
/// Orders changed during the run are newer than this, and so beyond the walk's bound.
const CHANGED: i64 = 2_000;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

async fn run(seed: u64) {
    let mut random = Random(seed);
    let style = random.pick(&EVERY_STYLE);
    let sorts = [Sort::Id, Sort::Time, Sort::TimeId];
    let sorts: Vec<Sort> = sorts.into_iter().filter(|sort| sort.goes_with(style)).collect();
    let sort = random.pick(&sorts);
    let since = random.below(4) > 0;
    let count = i64::try_from(random.below(160)).unwrap();
    let ties = i64::try_from(1 + random.below(60)).unwrap();
    let ids_by_time = sort == Sort::Id;
    let orders: Vec<Order> = (0..count)
        .map(|n| Order { id: if ids_by_time { n } else { (n * 89) % 997 }, at: n / ties })
        .collect();
    let changes = random.below(4);
    // Without a `since`, the source alone keeps the place of a token, a link or a last id, and a
    // token's also inside a tie.
    let shifts = since && !(style == Style::Token && sort == Sort::TimeId)
        || matches!(style, Style::PageNumber | Style::Offset | Style::None);
    let mut behaviour = Behaviour::new(style, sort, orders.clone());
    // No API caps its pages below ten: a shorter first page is the last one.
    behaviour.cap = usize::try_from(10 + random.below(40)).unwrap();
    behaviour.inclusive = random.below(2) == 0;
    behaviour.since_grain = if sort == Sort::Id { 1 } else { random.pick(&[1, 1, 1, 5]) };
    let coarse = behaviour.since_grain > 1 && style == Style::Token;
    if changes > 0 && shifts && !coarse && sort != Sort::Id {
        let mut random = Random(seed ^ 0xffff);
        let chance = changes * 4;
        behaviour.after = Some(Box::new(move |number, orders| {
            // It quietens down in the end, as a busy list does at times.
            if number < 200 && !orders.is_empty() && random.below(chance) == 0 {
                let index = usize::try_from(random.below(orders.len() as u64)).unwrap();
                orders[index].at = CHANGED + i64::try_from(number).unwrap();
            }
        }));
    }
    // The body tells a total, and what was taken out makes a single page look like a part of the list.
    if matches!(style, Style::PageNumber | Style::Offset | Style::LastId | Style::Letter) {
        behaviour.hides = random.pick(&[0, 0, 7, 11]);
        behaviour.behind = random.pick(&[None, None, Some(400), Some(404), Some(416)]);
    }
    let name = format!(
        "seed {seed}: {style:?} {sort:?} since={since} inclusive={} cap={} grain={} count={count} ties={ties} \
         hides={} behind={:?}",
        behaviour.inclusive,
        behaviour.cap,
        behaviour.since_grain,
        behaviour.hides,
        behaviour.behind
    );
    let api = Api::start(behaviour).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "page_size", 30);
    if random.below(2) == 0 {
        unset(&mut spec, "cursor.inclusive");
    }
    if !since {
        unset(&mut spec, "cursor.since");
    }
    let most = 1 + random.below(120) as usize;
    let seen = read_in_runs(&*source(spec), most, &name).await;
    nothing_is_lost(&api, &seen, &name);
}

/// Reads in runs of at most so many records to the end; nothing comes twice.
async fn read_in_runs(source: &dyn Source, most: usize, name: &str) -> HashSet<i64> {
    let mut from = Position::Start;
    let mut seen = HashSet::new();
    'runs: for runs in 0.. {
        assert!(runs < 1_000, "{name} never ends");
        let mut walk = source.walk(from.clone(), NOW_MS + (CHANGED - 1) * 1_000);
        let mut taken = 0;
        for batches in 0.. {
            assert!(batches < 2_000, "{name}: a walk never ends");
            let batch = match walk.next(NOW_MS + 60_000).await {
                Ok(batch) => batch,
                Err(SourceError::Later { .. }) => continue 'runs,
                Err(error) => panic!("{name}: {error}"),
            };
            // A run may stop in the middle of a batch.
            for record in batch.records.into_iter().take(most - taken) {
                let at = Position::At(record.mark);
                assert!(at > from, "{name}: {at} after {from}");
                assert!(seen.insert(number(&record.id)), "{name}: {at} twice");
                from = at;
                taken += 1;
            }
            if taken == most {
                continue 'runs;
            }
            if batch.end {
                break 'runs;
            }
        }
    }
    seen
}

/// Whatever did not change meanwhile was read.
fn nothing_is_lost(api: &Api, seen: &HashSet<i64>, name: &str) {
    let api = api.now();
    for order in api.orders.iter().filter(|order| !api.is_hidden(order)) {
        assert!(seen.contains(&order.id) || order.at >= CHANGED, "{name}: {order:?} lost");
    }
}

#[tokio::test]
async fn whatever_the_list_does_nothing_is_lost_and_nothing_comes_twice() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, seeds) = match number("SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("SEEDS").unwrap_or(SEEDS)),
    };
    for seed in first..first + seeds {
        run(seed).await;
    }
}
