//! What is sent together, now and again.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;

use crate::{
    app::{
        Flow,
        send::{
            packing::Packing,
            unit::{Chunk, Item, Place, Places},
        },
    },
    model::{EpochMs, FlowSettings, Outcome, Position, RecordId, StreamId, Version, WireRecord},
    ports::{
        Batching, BoxFuture, Delivery, Destination, Outgoing, Route, Source, Transform,
        Transformed, Walk,
    },
};

const PAGE: usize = 0;

/// What these tests do not use.
struct Nothing;

impl Source for Nothing {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        unreachable!("nothing is read")
    }
}

/// Passes records on, but for those that are marked to be left out.
struct AsItIs;

impl Transform for AsItIs {
    fn apply(&self, record: &[u8], _: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        if record.starts_with(b"-") {
            return Transformed::Filtered;
        }
        out.extend_from_slice(record);
        Transformed::Written
    }
}

/// Records that begin with a `y` take another route than the others, and no route takes those with a `?`.
struct Takes(Batching);

impl Destination for Takes {
    fn begins(&self, _: u64) {}

    fn routes(&self) -> usize {
        2
    }

    fn route(&self, record: &[u8], _: bool) -> Result<Route, Outcome> {
        match record.first() {
            Some(b'y') => Ok(Route(1)),
            Some(b'?') => Err(Outcome::Refused { status: None, reason: "no route".into() }),
            _ => Ok(Route::ONLY),
        }
    }

    fn batching(&self, _: Route) -> Batching {
        self.0
    }

    fn takes_unshaped(&self, _: &[u8], _: bool) -> bool {
        false
    }

    fn deliver<'a>(&'a self, _: &'a [Outgoing], _: u64) -> BoxFuture<'a, Delivery> {
        unreachable!("nothing is sent")
    }
}

/// What is left of some pages.
struct Left {
    places: Vec<Place>,
    cuts: BTreeMap<(usize, Route), u32>,
}

impl Places for Left {
    fn peek(&mut self) -> Option<Place> {
        self.places.first().copied()
    }

    fn take(&mut self) -> Option<Place> {
        (!self.places.is_empty()).then(|| self.places.remove(0))
    }

    fn put_back(&mut self, places: Vec<Place>) {
        self.places.splice(0..0, places);
    }

    fn cut(&mut self, page: usize, route: Route) -> &mut u32 {
        self.cuts.entry((page, route)).or_default()
    }
}

fn batching(records_max: usize, bytes_max: usize) -> Batching {
    Batching {
        records_max,
        bytes_max,
        frame_bytes: 7,
        record_bytes: 3,
        carries_keys: false,
        known_as_a_whole: true,
    }
}

fn record(id: usize, data: &str) -> WireRecord {
    WireRecord {
        id: RecordId::Number(i64::try_from(id).unwrap()),
        version: Version(0),
        deleted: false,
        data: Bytes::copy_from_slice(data.as_bytes()),
    }
}

/// The chunks that these pages make, without what is settled.
fn chunks(batching: Batching, pages: &[Vec<String>], settled: &BTreeSet<Place>) -> Vec<Chunk> {
    with_packing(batching, pages, |packing| {
        let places = pages.iter().enumerate().flat_map(|(page, records)| {
            (0..u32::try_from(records.len()).unwrap()).map(move |index| Place { page, index })
        });
        let places = places.filter(|place| !settled.contains(place)).collect();
        let mut left = Left { places, cuts: BTreeMap::new() };
        let mut chunks = Vec::new();
        while left.peek().is_some() {
            let before = left.places.len();
            chunks.push(packing.chunk(&mut left));
            assert!(left.places.len() < before, "a chunk takes something");
        }
        chunks
    })
}

fn with_packing<T>(
    batching: Batching,
    pages: &[Vec<String>],
    then: impl FnOnce(&Packing<'_>) -> T,
) -> T {
    let flow = Flow {
        stream: StreamId::new("orders", "acme").unwrap(),
        settings: FlowSettings::default(),
        source: Box::new(Nothing),
        lookup: None,
        transform: Box::new(AsItIs),
        destination: Box::new(Takes(batching)),
    };
    let pages: Vec<Vec<WireRecord>> = pages
        .iter()
        .map(|page| page.iter().enumerate().map(|(id, data)| record(id, data)).collect())
        .collect();
    then(&Packing { flow: &flow, pages: pages.iter().map(Vec::as_slice).collect() })
}

fn sent(chunk: &Chunk) -> Vec<Place> {
    chunk.items.iter().map(|item| item.place).collect()
}

fn indices(chunks: &[Chunk]) -> Vec<Vec<(usize, u32)>> {
    let of = |chunk: &Chunk| sent(chunk).iter().map(|place| (place.page, place.index)).collect();
    chunks.iter().map(of).collect()
}

fn pages(sizes: &[usize]) -> Vec<Vec<String>> {
    sizes.iter().map(|size| vec!["x".to_owned(); *size]).collect()
}

#[test]
fn pages_are_not_mixed_and_each_is_cut_at_fixed_places() {
    let first = indices(&chunks(batching(3, 1_000), &pages(&[5, 2]), &BTreeSet::new()));
    let of = |page: usize, indices: &[u32]| indices.iter().map(|at| (page, *at)).collect();
    assert_eq!(first, [of(0, &[0, 1, 2]), of(0, &[3, 4]), of(1, &[0, 1])]);
    // The first was taken: the others are what they were.
    let settled = (0..3).map(|index| Place { page: 0, index }).collect();
    assert_eq!(indices(&chunks(batching(3, 1_000), &pages(&[5, 2]), &settled)), first[1..]);
    // Where records carry keys of their own, requests are filled.
    let filled = Batching { known_as_a_whole: false, ..batching(3, 1_000) };
    assert_eq!(
        indices(&chunks(filled, &pages(&[5, 2]), &BTreeSet::new())),
        [of(0, &[0, 1, 2]), vec![(0, 3), (0, 4), (1, 0)], of(1, &[1])]
    );
}

#[test]
fn a_record_that_no_request_can_carry_is_refused() {
    for known_as_a_whole in [false, true] {
        let batching = Batching { known_as_a_whole, ..batching(3, 20) };
        // Seven around all, three around each: ten are left for its own.
        let page = vec!["x".repeat(10), "x".repeat(11), "x".to_owned()];
        let chunks = chunks(batching, &[page], &BTreeSet::new());
        let refused: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.decided).collect();
        let [(place, Outcome::Refused { status: None, reason })] = refused[..] else {
            panic!("{refused:?}")
        };
        assert_eq!(place.index, 1);
        assert!(reason.contains("21 bytes") && reason.contains("20 at the most"), "{reason}");
        assert_eq!(indices(&chunks).concat(), [(PAGE, 0), (PAGE, 2)]);
    }
}

#[test]
fn what_may_have_been_applied_is_not_sent_with_others() {
    let items = |packing: &Packing<'_>| -> Vec<Item<Outgoing>> {
        (0..4)
            .map(|index| {
                let Item { place, record, .. } = packing.item(Place { page: PAGE, index });
                let record = record.with_body(Bytes::new(), Bytes::new());
                Item { place, record, unknown_until_ms: (index % 2 == 1).then_some(0) }
            })
            .collect()
    };
    let at =
        |items: &[Item<Outgoing>]| items.iter().map(|item| item.place.index).collect::<Vec<_>>();
    with_packing(batching(4, 1_000), &pages(&[4]), |packing| {
        let (first, others) = packing.apart(items(packing));
        assert_eq!((at(&first), at(&others)), (vec![1, 3], vec![0, 2]));
    });
    let keyed = Batching { known_as_a_whole: false, ..batching(4, 1_000) };
    with_packing(keyed, &pages(&[4]), |packing| {
        let (all, none) = packing.apart(items(packing));
        assert_eq!((at(&all), none.len()), (vec![0, 1, 2, 3], 0));
    });
}

#[test]
fn records_of_another_route_stay_in_front_and_those_of_none_are_decided() {
    for known_as_a_whole in [false, true] {
        let batching = Batching { known_as_a_whole, ..batching(3, 1_000) };
        let page: Vec<String> = ["x", "y", "?", "y", "x"].map(str::to_owned).into();
        let chunks = chunks(batching, &[page], &BTreeSet::new());
        let decided: Vec<u32> =
            chunks.iter().flat_map(|it| &it.decided).map(|(place, _)| place.index).collect();
        assert_eq!(decided, [2]);
        let sent: Vec<Vec<u32>> =
            indices(&chunks).iter().map(|it| it.iter().map(|(_, at)| *at).collect()).collect();
        let expected: &[&[u32]] = match known_as_a_whole {
            false => &[&[0, 4], &[1, 3]],
            // Blocks of three.
            true => &[&[0], &[1], &[3], &[4]],
        };
        assert_eq!(sent, expected);
    }
}

fn some_pages() -> impl Strategy<Value = Vec<Vec<String>>> {
    // Records of every size and of two routes, some of them left out by the filter, some without a route, some too
    // large for a request.
    let kind = prop_oneof![6 => Just("x"), 3 => Just("y"), 2 => Just("-"), 1 => Just("?")];
    let record = (0usize..24, kind);
    let record = record.prop_map(|(size, kind)| match kind {
        "x" | "y" => kind.repeat(size),
        other => other.to_owned(),
    });
    prop::collection::vec(prop::collection::vec(record, 1..30), 1..4)
}

proptest! {
    /// Whatever was settled meanwhile, a record that is sent again is with none that it was not with.
    #[test]
    fn a_repeat_has_the_records_that_it_had_but_for_those_that_are_settled(
        pages in some_pages(),
        records_max in 1usize..8,
        bytes_max in 30usize..120,
        settled in prop::collection::vec(any::<bool>(), 90),
    ) {
        let batching = batching(records_max, bytes_max);
        let first = chunks(batching, &pages, &BTreeSet::new());
        let settled: BTreeSet<Place> = pages
            .iter()
            .enumerate()
            .flat_map(|(page, records)| (0..records.len()).map(move |index| (page, index)))
            .zip(settled)
            .filter(|(_, settled)| *settled)
            .map(|((page, index), _)| Place { page, index: u32::try_from(index).unwrap() })
            .collect();
        let again = chunks(batching, &pages, &settled);
        let rest = |chunk: &Chunk| -> Vec<Place> {
            sent(chunk).into_iter().filter(|place| !settled.contains(place)).collect()
        };
        // Of two routes, the one may come before the other now.
        let expected: BTreeSet<_> = first.iter().map(rest).filter(|rest| !rest.is_empty()).collect();
        let again: BTreeSet<_> = again.iter().map(sent).filter(|sent| !sent.is_empty()).collect();
        prop_assert_eq!(again, expected);
    }

    #[test]
    fn no_request_has_more_bytes_or_records_than_it_may(
        pages in some_pages(),
        records_max in 1usize..8,
        bytes_max in 30usize..120,
        known_as_a_whole in any::<bool>(),
        carries_keys in any::<bool>(),
    ) {
        let batching = Batching { known_as_a_whole, carries_keys, ..batching(records_max, bytes_max) };
        for chunk in chunks(batching, &pages, &BTreeSet::new()) {
            let record = |item: &Item<Outgoing>| batching.bytes_of(item.record.body.len(), &item.record.key);
            let bytes: usize = chunk.items.iter().map(record).sum();
            prop_assert!(batching.frame_bytes + bytes <= bytes_max);
            prop_assert!(chunk.items.len() <= records_max);
            let routes: BTreeSet<bool> =
                chunk.items.iter().map(|item| item.record.body.starts_with(b"y")).collect();
            prop_assert!(routes.len() <= 1, "a request is of one route");
            for item in &chunk.items {
                let data = &pages[item.place.page][item.place.index as usize];
                prop_assert_eq!(&item.record.body[..], data.as_bytes());
            }
        }
    }
}
