//! Each way in which others have lost records at the cursor, as a test. Numbers are their issues.

use tidegate_core::{model::Position, ports::SourceError};

use crate::{
    api::{Api, Behaviour, Order, Sort, Style, time},
    flow::{
        EVERY_STYLE, NOW_MS, UNTIL_MS, number, set, source, source_spec, unset, walk, walk_in_runs,
        walk_with,
    },
};

fn row(id: i64, at: i64) -> Order {
    Order { id, at }
}

/// airbyte#14732: rows at the boundary's timestamp that come after it was saved.
#[tokio::test]
async fn repro_boundary_ties_are_read_when_they_come_later() {
    for sort in [Sort::Time, Sort::TimeId] {
        let api =
            Api::start(Behaviour::new(Style::PageNumber, sort, vec![row(1, 5), row(2, 9)])).await;
        let source = source(source_spec(&api));
        let last = walk(&*source, Position::Start).await.unwrap().records.pop().unwrap();
        api.now().orders.push(row(3, 9));
        let next = walk(&*source, Position::At(last.mark)).await.unwrap();
        assert_eq!(next.ids(), [3], "{sort:?}");
    }
}

/// estuary/connectors#5205: rows of the same second, cut by the end of a page.
#[tokio::test]
async fn repro_same_second_rows_across_a_page_boundary() {
    for style in EVERY_STYLE {
        for sort in [Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style)) {
            let orders: Vec<Order> = (0..150).map(|n| row(n, if n < 90 { 1 } else { 2 })).collect();
            let api = Api::start(Behaviour::new(style, sort, orders)).await;
            let walked = walk(&*source(source_spec(&api)), Position::Start).await.unwrap();
            assert_eq!(walked.ids(), (0..150).collect::<Vec<_>>(), "{style:?} {sort:?}");
        }
    }
}

/// airbyte#43317, airbyte#61543, estuary#2121: more ties than a page: no livelock, nothing skipped.
#[tokio::test]
async fn repro_a_thousand_equal_timestamps_in_pages_of_a_hundred_resumed_midway() {
    for style in EVERY_STYLE {
        for sort in [Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style)) {
            let mut orders: Vec<Order> = (0..1_000).map(|n| row(n, 60)).collect();
            orders.extend([row(5_000, 1), row(5_001, 100)]);
            let api = Api::start(Behaviour::new(style, sort, orders)).await;
            let source = source(source_spec(&api));
            let mut all = vec![5_000];
            all.extend(0..1_000);
            all.push(5_001);
            let walked = walk(&*source, Position::Start).await.unwrap();
            assert_eq!(walked.ids(), all, "{style:?} {sort:?}");
            let middle = Position::At(walked.records[437].mark.clone());
            let rest = walk(&*source, middle).await.unwrap();
            assert_eq!(rest.ids(), all[438..], "{style:?} {sort:?}");
        }
    }
}

#[tokio::test]
async fn repro_ten_thousand_equal_timestamps_end() {
    for sort in [Sort::Time, Sort::TimeId] {
        let orders: Vec<Order> = (0..10_000).map(|n| row(n, 60)).collect();
        let api = Api::start(Behaviour::new(Style::Offset, sort, orders)).await;
        let source = source(source_spec(&api));
        let walked = walk(&*source, Position::Start).await.unwrap();
        assert_eq!(walked.ids(), (0..10_000).collect::<Vec<_>>(), "{sort:?}");
        assert!(walked.requests < 300, "{sort:?} took {}", walked.requests);
    }
}

/// airbyte#81516: a loop at the end of the list.
#[tokio::test]
async fn repro_a_last_page_that_comes_again_and_again_is_no_loop() {
    let orders: Vec<Order> = (0..130).map(|n| row(n, 60)).collect();
    for style in EVERY_STYLE.into_iter().filter(|style| Sort::Time.goes_with(*style)) {
        let api = Api::start(Behaviour::new(style, Sort::Time, orders.clone())).await;
        let walked = walk(&*source(source_spec(&api)), Position::Start).await.unwrap();
        // Most letters have no orders, and each is asked for in every pass.
        let at_most = match style {
            Style::Letter => 20,
            // Only an empty page ends a pass, unless the flow says otherwise.
            Style::PageNumber | Style::Offset => 7,
            _ => 6,
        };
        assert!(walked.requests <= at_most, "{style:?} took {}", walked.requests);
    }
}

/// airbyte#21500: rows that leave the front of the list while it is paged shift the rest.
#[tokio::test]
async fn repro_offset_under_change_rows_that_are_updated_while_paging() {
    for style in EVERY_STYLE {
        for sort in [Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style)) {
            // Tokens and links are offsets here, so that they shift as well.
            let orders: Vec<Order> = (0..1_000).map(|n| row(n, n / 40)).collect();
            let mut behaviour = Behaviour::new(style, sort, orders);
            behaviour.after = Some(Box::new(|number, orders| {
                for id in [number, number * 3 + 1, number * 5 + 2] {
                    orders[id % 1_000].at = 2_000 + number as i64;
                }
            }));
            let api = Api::start(behaviour).await;
            // Updates never stop, so the walk is bounded by time as in a real run.
            let until_ms = NOW_MS + 1_999_000;
            let walked = walk_with(&*source(source_spec(&api)), Position::Start, until_ms, |_| {})
                .await
                .unwrap();
            let seen: std::collections::HashSet<i64> = walked.ids().into_iter().collect();
            let api = api.now();
            for order in &api.orders {
                assert!(
                    seen.contains(&order.id) || order.at >= 2_000,
                    "{style:?} {sort:?}: {order:?} lost"
                );
            }
        }
    }
}

/// The same inside one tie, whose rows leave it while its pages are read.
#[tokio::test]
async fn repro_offset_under_change_inside_a_tie() {
    for style in [Style::PageNumber, Style::Offset] {
        for sort in [Sort::Time, Sort::TimeId] {
            let mut behaviour = Behaviour::new(style, sort, (0..600).map(|n| row(n, 60)).collect());
            behaviour.after = Some(Box::new(|number, orders| {
                if number.is_multiple_of(4) && number < 24 {
                    orders[number * 2].at = 2_000;
                }
            }));
            let api = Api::start(behaviour).await;
            let walked = walk(&*source(source_spec(&api)), Position::Start).await.unwrap();
            let seen: std::collections::HashSet<i64> = walked.ids().into_iter().collect();
            let lost: Vec<i64> = (0..600).filter(|id| !seen.contains(id)).collect();
            assert!(lost.is_empty(), "{style:?} {sort:?}: {lost:?} lost");
        }
    }
}

/// Rows that leave the list once they are marked as processed, behind the walk's back.
#[tokio::test]
async fn repro_offset_under_change_rows_that_are_marked_processed() {
    for style in [Style::PageNumber, Style::Offset, Style::LastId] {
        for since in [true, false] {
            let orders: Vec<Order> = (1..=730).map(|n| row(n, n)).collect();
            let api = Api::start(Behaviour::new(style, Sort::Id, orders)).await;
            let mut spec = source_spec(&api);
            if !since {
                unset(&mut spec, "cursor.since");
            }
            let mut unmarked = Vec::new();
            let mut seen = Vec::new();
            let mut from = Position::Start;
            let source = source(spec);
            // The processor lags behind and marks some of what it was given after every batch.
            for _run in 0..20 {
                let walked = walk_with(&*source, from.clone(), UNTIL_MS, |records| {
                    unmarked.extend(records.iter().map(|record| number(&record.id)));
                    seen.extend(
                        records.iter().map(|record| (number(&record.id), record.mark.clone())),
                    );
                    let marked: Vec<i64> = unmarked.drain(..unmarked.len().min(30)).collect();
                    api.now().orders.retain(|order| !marked.contains(&order.id));
                })
                .await;
                if let Some((_, mark)) = seen.last() {
                    from = Position::At(mark.clone());
                }
                match walked {
                    Ok(_) => break,
                    Err(SourceError::Later { .. }) => {}
                    Err(error) => panic!("{style:?} since={since}: {error}"),
                }
            }
            let ids: Vec<i64> = seen.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids, (1..=730).collect::<Vec<_>>(), "{style:?} since={since}");
        }
    }
}

/// airbyte#85918, airbyte#80152, dlt#2269: rows that are committed late, with an older timestamp.
#[tokio::test]
async fn repro_late_commits_are_waited_for_by_the_settle_lag() {
    for sort in [Sort::Time, Sort::TimeId] {
        for style in EVERY_STYLE.into_iter().filter(|style| sort.goes_with(*style)) {
            let orders = (0..250).map(|n| row(n, n)).collect();
            let api = Api::start(Behaviour::new(style, sort, orders)).await;
            let source = source(source_spec(&api));
            // The orders' clock begins at NOW_MS.
            let until = |at: i64| NOW_MS + at * 1_000;
            let walked = walk_with(&*source, Position::Start, until(120), |_| {}).await.unwrap();
            assert_eq!(walked.ids(), (0..=120).collect::<Vec<_>>(), "{style:?} {sort:?}");
            // One that was still being committed when the walk went by.
            api.now().orders.push(row(999, 121));
            let from = Position::At(walked.records[120].mark.clone());
            let rest = walk_with(&*source, from, until(1_000), |_| {}).await.unwrap();
            assert_eq!(rest.ids().len(), 130, "{style:?} {sort:?}");
            assert!(rest.ids().contains(&999));
        }
    }
}

#[tokio::test]
async fn repro_late_commits_by_id_go_by_the_records_time() {
    let api =
        Api::start(Behaviour::new(Style::LastId, Sort::Id, (0..250).map(|n| row(n, n)).collect()))
            .await;
    let mut spec = source_spec(&api);
    set(&mut spec, "cursor.time", "updated_at");
    let walked =
        walk_with(&*source(spec), Position::Start, NOW_MS + 120_000, |_| {}).await.unwrap();
    assert_eq!(walked.ids(), (0..=120).collect::<Vec<_>>());
}

/// dlt#4363: a cursor that is zero or empty is a cursor.
#[tokio::test]
async fn repro_a_cursor_of_zero_is_a_cursor() {
    for sort in [Sort::Id, Sort::Time, Sort::TimeId] {
        let api =
            Api::start(Behaviour::new(Style::PageNumber, sort, vec![row(0, 0), row(1, 0)])).await;
        let source = source(source_spec(&api));
        let first = walk(&*source, Position::Start).await.unwrap().records.remove(0);
        let rest = walk(&*source, Position::At(first.mark)).await.unwrap();
        assert_eq!(rest.ids(), [1], "{sort:?}");
        assert!(api.now().requests.last().unwrap().iter().any(|(key, _)| key == "since"));
    }
}

/// nango#752: a cursor at the end of the run instead of at the last record.
#[tokio::test]
async fn repro_the_position_is_the_last_records_and_not_the_runs_end() {
    let api = Api::start(Behaviour::new(Style::Offset, Sort::TimeId, vec![row(1, 10)])).await;
    let source = source(source_spec(&api));
    let last = walk(&*source, Position::Start).await.unwrap().records.pop().unwrap();
    api.now().orders.push(row(2, 11));
    assert_eq!(walk(&*source, Position::At(last.mark)).await.unwrap().ids(), [2]);
}

/// PostHog#64704, airbyte#84302: a token that expires is restarted from the keyset.
#[tokio::test]
async fn repro_an_expired_token_restarts_from_the_keyset() {
    use axum::{http::StatusCode, response::IntoResponse};
    for style in [Style::Token, Style::Link, Style::NextUrl] {
        for status in [StatusCode::BAD_REQUEST, StatusCode::GONE] {
            let mut behaviour =
                Behaviour::new(style, Sort::TimeId, (0..450).map(|n| row(n, n / 9)).collect());
            behaviour.instead = Some(match status {
                StatusCode::GONE => {
                    |number| (number == 2).then(|| StatusCode::GONE.into_response())
                }
                _ => |number| (number == 2).then(|| StatusCode::BAD_REQUEST.into_response()),
            });
            let api = Api::start(behaviour).await;
            let mut spec = source_spec(&api);
            unset(&mut spec, "cursor.since");
            let walked = walk(&*source(spec), Position::Start).await.unwrap();
            assert_eq!(walked.ids(), (0..450).collect::<Vec<_>>(), "{style:?} {status}");
        }
    }
}

#[tokio::test]
async fn repro_a_token_that_always_expires_is_no_loop() {
    use axum::{http::StatusCode, response::IntoResponse};
    let mut behaviour =
        Behaviour::new(Style::Token, Sort::Id, (0..450).map(|n| row(n, n)).collect());
    behaviour.instead = Some(|number| (number % 2 == 1).then(|| StatusCode::GONE.into_response()));
    let api = Api::start(behaviour).await;
    let mut spec = source_spec(&api);
    unset(&mut spec, "cursor.since");
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    assert!(matches!(error, SourceError::Halt(_)), "{error}");
    assert!(api.requests() <= 6);
}

/// airbyte#9915: rounding cursors: the source sees its own text again.
#[tokio::test]
async fn repro_the_source_sees_its_own_text_and_not_a_rounded_one() {
    let api = Api::start(Behaviour::new(Style::PageNumber, Sort::TimeId, vec![row(1, 61)])).await;
    let source = source(source_spec(&api));
    let last = walk(&*source, Position::Start).await.unwrap().records.pop().unwrap();
    walk(&*source, Position::At(last.mark)).await.unwrap();
    let since = api
        .now()
        .requests
        .last()
        .unwrap()
        .iter()
        .find(|(key, _)| key == "since")
        .unwrap()
        .1
        .clone();
    assert_eq!(since, time(61));
}

/// The list grows while it is walked: what is there in the end is read, once.
#[tokio::test]
async fn growth_while_walking_is_read_in_order() {
    for style in EVERY_STYLE {
        for sort in
            [Sort::Id, Sort::Time, Sort::TimeId].into_iter().filter(|sort| sort.goes_with(style))
        {
            let mut behaviour =
                Behaviour::new(style, sort, (0..310).map(|n| row(n, n / 7)).collect());
            behaviour.after = Some(Box::new(|number, orders| {
                if number < 5 {
                    let next = orders.len() as i64;
                    orders.extend((next..next + 60).map(|n| row(n, n / 7)));
                }
            }));
            let api = Api::start(behaviour).await;
            let source = source(source_spec(&api));
            let walked = walk(&*source, Position::Start).await.unwrap();
            let last = walked.records.last().unwrap().mark.clone();
            let rest = walk_in_runs(&*source, 1_000).await.unwrap();
            let more = walk(&*source, Position::At(last)).await.unwrap();
            let mut ids = walked.ids();
            ids.extend(more.ids());
            assert_eq!(ids, rest.ids(), "{style:?} {sort:?}");
        }
    }
}

/// Without a `since`, pages must meet: a stretch whose pages do not is read again, held rows and all.
#[tokio::test]
async fn repro_offset_under_change_without_a_since_parameter() {
    for style in [Style::PageNumber, Style::Offset] {
        for sort in [Sort::Time, Sort::TimeId] {
            let mut behaviour =
                Behaviour::new(style, sort, (0..1_000).map(|n| row(n, n / 40)).collect());
            behaviour.after = Some(Box::new(|number, orders| {
                if number % 7 == 3 {
                    orders[(number * 13) % 1_000].at = 2_000 + number as i64;
                }
            }));
            let api = Api::start(behaviour).await;
            let mut spec = source_spec(&api);
            unset(&mut spec, "cursor.since");
            let source = source(spec);
            let mut seen = std::collections::HashSet::new();
            let mut from = Position::Start;
            for _run in 0..30 {
                let until_ms = NOW_MS + 1_999_000;
                let walked = walk_with(&*source, from.clone(), until_ms, |records| {
                    seen.extend(records.iter().map(|record| number(&record.id)));
                    if let Some(last) = records.last() {
                        from = Position::At(last.mark.clone());
                    }
                })
                .await;
                match walked {
                    Ok(_) => break,
                    Err(SourceError::Later { .. }) => {}
                    Err(error) => panic!("{style:?} {sort:?}: {error}"),
                }
            }
            for order in &api.now().orders {
                assert!(
                    seen.contains(&order.id) || order.at >= 2_000,
                    "{style:?} {sort:?}: {order:?} lost"
                );
            }
        }
    }
}
