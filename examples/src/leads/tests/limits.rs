//! Each of Marketo's limits answers with its own code, inside HTTP 200.

use std::time::Duration;

use super::{code, look_up, start, token};
use crate::faults::Rate;
use crate::leads::LimitErrors;

#[tokio::test]
async fn above_the_rate_it_is_606_until_the_window_has_slid() {
    let leads = start(|config| config.marketo.rate = Rate { requests: 3, per_ms: 500 }).await;
    let token = token(&leads).await;
    let email = ["a@b.c".to_owned()];
    for _ in 0..3 {
        assert_eq!(code(&look_up(&leads, &token, &email, "id").await), None);
    }
    let answer = look_up(&leads, &token, &email, "id").await;
    assert_eq!(code(&answer), Some("606"));
    let message = "Max rate limit '3' exceeded with in '0.5' secs";
    assert_eq!(answer["errors"][0]["message"], message);
    tokio::time::sleep(Duration::from_millis(510)).await;
    assert_eq!(code(&look_up(&leads, &token, &email, "id").await), None);
    let audit = leads.audit();
    assert_eq!(audit.limit_errors, LimitErrors { rate: 1, ..LimitErrors::default() });
    assert_eq!(audit.lookups, 4);
}

#[tokio::test]
async fn marketos_own_rate_is_100_calls_in_20_seconds() {
    let leads = start(|_| ()).await;
    let token = token(&leads).await;
    for _ in 0..100 {
        assert_eq!(code(&look_up(&leads, &token, &["a@b.c".to_owned()], "id").await), None);
    }
    let answer = look_up(&leads, &token, &["a@b.c".to_owned()], "id").await;
    let message = "Max rate limit '100' exceeded with in '20' secs";
    assert_eq!(answer["errors"][0]["message"], message);
}

#[tokio::test]
async fn above_the_concurrency_it_is_615_and_a_place_is_free_again_afterwards() {
    let leads = start(|config| {
        config.marketo.latency_ms = 300;
        config.marketo.concurrency_max = 2;
    })
    .await;
    let token = token(&leads).await;
    let email = ["a@b.c".to_owned()];
    let one = || look_up(&leads, &token, &email, "id");
    let answers = tokio::join!(one(), one(), one(), one());
    let answers = [answers.0, answers.1, answers.2, answers.3];
    assert_eq!(answers.iter().filter(|answer| code(answer) == Some("615")).count(), 2);
    assert_eq!(code(&one().await), None);
    let audit = leads.audit();
    assert_eq!(audit.limit_errors, LimitErrors { concurrency: 2, ..LimitErrors::default() });
    assert_eq!(audit.destination.in_flight_max, 2);
}

#[tokio::test]
async fn beyond_the_quota_it_is_607_until_a_new_day() {
    let leads = start(|config| config.marketo.daily_quota = 2).await;
    let token = token(&leads).await;
    let email = ["a@b.c".to_owned()];
    let codes = async || {
        let mut codes = Vec::new();
        for _ in 0..3 {
            let answer = look_up(&leads, &token, &email, "id").await;
            codes.push(code(&answer).map(str::to_owned));
        }
        codes
    };
    assert_eq!(codes().await, [None, None, Some("607".to_owned())]);
    leads.reset_quota();
    assert_eq!(codes().await, [None, None, Some("607".to_owned())]);
    assert_eq!(leads.audit().limit_errors, LimitErrors { quota: 2, ..LimitErrors::default() });
}
