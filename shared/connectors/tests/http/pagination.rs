//! Every style of pagination with every cursor: whatever the API, all is read, once, in order.

use tidegate_core::model::Position;

use crate::{
    api::{Api, Behaviour, Order, Sort, Style},
    flow::{EVERY_STYLE, posted, set, source, source_spec, unset, walk, walk_in_runs},
};

/// Seven orders of each second, their ids not in the order of time.
fn sevens(count: i64) -> Vec<Order> {
    (0..count).map(|n| Order { id: 1 + (n * 37) % count, at: n / 7 }).collect()
}

fn expected(sort: Sort, orders: &[Order]) -> Vec<i64> {
    let mut orders = orders.to_vec();
    match sort {
        Sort::Id => orders.sort_by_key(|order| order.id),
        Sort::Time | Sort::TimeId => orders.sort_by_key(|order| (order.at, order.id)),
    }
    orders.into_iter().map(|order| order.id).collect()
}

/// All styles, sorts, and ways to say where to start, by GET and by POST.
async fn everywhere(orders: &[Order], runs: &[usize]) {
    for style in EVERY_STYLE {
        for sort in
            [Sort::Id, Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style))
        {
            for inclusive in [true, false] {
                for since in [true, false] {
                    let methods: &[bool] = if inclusive { &[false, true] } else { &[false] };
                    for &post in methods {
                        one(orders, runs, style, sort, (inclusive, since, post)).await;
                    }
                }
            }
        }
    }
}

async fn one(
    orders: &[Order],
    runs: &[usize],
    style: Style,
    sort: Sort,
    (inclusive, since, post): (bool, bool, bool),
) {
    let mut behaviour = Behaviour::new(style, sort, orders.to_vec());
    behaviour.inclusive = inclusive;
    let api = Api::start(behaviour).await;
    let mut spec = source_spec(&api);
    if !since {
        unset(&mut spec, "cursor.since");
    }
    if post {
        spec = posted(spec);
    }
    let name = format!("{style:?} {sort:?} inclusive={inclusive} since={since} post={post}");
    let source = source(spec);
    let walked = walk(&*source, Position::Start).await.expect(&name);
    assert_eq!(walked.ids(), expected(sort, orders), "{name}");
    assert_eq!(walked.requests as usize, api.requests(), "{name}");
    let bodies = api.now().bodies.len();
    assert_eq!(bodies, if post { api.requests() } else { 0 }, "{name}");
    for run in runs {
        let walked = walk_in_runs(&*source, *run).await.expect(&name);
        assert_eq!(walked.ids(), expected(sort, orders), "{name} in runs of {run}");
    }
}

#[tokio::test]
async fn seven_to_a_timestamp_in_pages_of_a_hundred_are_all_read_once() {
    everywhere(&sevens(460), &[97]).await;
}

#[tokio::test]
async fn empty_short_full_and_just_over_full_lists_end() {
    for count in [0, 1, 9, 99, 100, 101, 200] {
        everywhere(&sevens(count), &[]).await;
    }
}

#[tokio::test]
async fn two_hundred_and_fifty_of_one_timestamp_are_walked_inside_the_tie() {
    let orders: Vec<Order> =
        (0..270).map(|n| Order { id: n + 1, at: (n / 250) + i64::from(n > 0) }).collect();
    everywhere(&orders, &[60]).await;
}

#[tokio::test]
async fn a_walk_costs_about_a_request_a_page() {
    for (style, sort, at_most) in [
        (Style::PageNumber, Sort::Id, 11),
        (Style::PageNumber, Sort::Time, 13),
        (Style::Offset, Sort::TimeId, 13),
        (Style::Token, Sort::Time, 12),
        (Style::LastId, Sort::Id, 11),
    ] {
        let orders = (0..1_000).map(|n| Order { id: n, at: n }).collect();
        let api = Api::start(Behaviour::new(style, sort, orders)).await;
        let walked = walk(&*source(source_spec(&api)), Position::Start).await.unwrap();
        assert_eq!(walked.records.len(), 1_000);
        assert!(walked.requests <= at_most, "{style:?} {sort:?} took {}", walked.requests);
    }
}

#[tokio::test]
async fn an_idle_poll_is_one_request_and_one_more_where_only_an_empty_page_is_the_end() {
    for style in [Style::PageNumber, Style::Offset, Style::Token, Style::Link, Style::LastId] {
        for sort in
            [Sort::Id, Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style))
        {
            let api = Api::start(Behaviour::new(style, sort, sevens(3))).await;
            let source = source(source_spec(&api));
            let last = walk(&*source, Position::Start).await.unwrap().records.pop().unwrap();
            let idle = walk(&*source, Position::At(last.mark)).await.unwrap();
            // The last record comes again, alone on its page.
            let is_counted = matches!(style, Style::PageNumber | Style::Offset | Style::LastId);
            let requests = 1 + u32::from(is_counted && sort != Sort::Id);
            assert_eq!((idle.records.len(), idle.requests), (0, requests), "{style:?} {sort:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_caps_its_pages_below_what_was_asked_is_not_at_its_end() {
    for style in [Style::PageNumber, Style::Offset, Style::LastId] {
        for sort in
            [Sort::Id, Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style))
        {
            let mut behaviour = Behaviour::new(style, sort, sevens(700));
            behaviour.cap = 25;
            let api = Api::start(behaviour).await;
            let walked = walk(&*source(source_spec(&api)), Position::Start).await.unwrap();
            assert_eq!(walked.records.len(), 700, "{style:?} {sort:?}");
        }
    }
}

#[tokio::test]
async fn a_since_that_goes_by_the_minute_is_read_on_by_pages() {
    for style in [Style::PageNumber, Style::Offset, Style::Token, Style::Link] {
        for sort in [Sort::Time, Sort::TimeId] {
            let mut behaviour = Behaviour::new(style, sort, sevens(2_000));
            behaviour.since_grain = 60;
            let api = Api::start(behaviour).await;
            let source = source(source_spec(&api));
            let all = expected(sort, &sevens(2_000));
            assert_eq!(
                walk(&*source, Position::Start).await.unwrap().ids(),
                all,
                "{style:?} {sort:?}"
            );
            assert_eq!(walk_in_runs(&*source, 777).await.unwrap().ids(), all, "{style:?} {sort:?}");
        }
    }
}

#[tokio::test]
async fn a_page_of_one_record_gets_on() {
    for style in EVERY_STYLE {
        for sort in
            [Sort::Id, Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style))
        {
            let mut behaviour = Behaviour::new(style, sort, sevens(15));
            behaviour.cap = 1;
            let api = Api::start(behaviour).await;
            let mut spec = source_spec(&api);
            set(&mut spec, "page_size", 1);
            let walked = walk(&*source(spec), Position::Start).await.unwrap();
            assert_eq!(walked.ids(), expected(sort, &sevens(15)), "{style:?} {sort:?}");
        }
    }
}
