//! A destination that permits so many requests in a window that rolls, and says how many are left of it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use super::{
    api::{Answer, Api},
    process::tidegate,
};

const PERMITTED: usize = 40;
const WINDOW: Duration = Duration::from_millis(1_000);
const RECORDS: u32 = 160;

const FLOW: &str = "
flow: rolling
params: { source: {}, destination: {} }
source: { http: { url: '${params.source}/orders', records: orders, cursor: { by: id }, pagination: whole } }
destination: { http: { url: '${params.destination}/things' } }
limits:
  concurrency: 10
  headers:
    remaining: X-HubSpot-RateLimit-Remaining
    interval: X-HubSpot-RateLimit-Interval-Milliseconds
";

/// Keeps the window, and counts those that it refused.
fn destination(refused: Arc<AtomicU32>) -> Api {
    let window = Mutex::new(VecDeque::new());
    Api::new(move |_| {
        let mut window = window.lock().expect("no test panics there");
        let now = Instant::now();
        while window.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            window.pop_front();
        }
        let is_full = window.len() >= PERMITTED;
        if is_full {
            refused.fetch_add(1, SeqCst);
        } else {
            window.push_back(now);
        }
        let headers = format!(
            "{}\r\nx-hubspot-ratelimit-remaining: {}\r\nx-hubspot-ratelimit-interval-milliseconds: {}",
            if is_full { "429 Too Many Requests" } else { "200 OK" },
            PERMITTED - window.len(),
            WINDOW.as_millis(),
        );
        Answer::At(Box::leak(headers.into_boxed_str()), "{}".to_owned())
    })
}

#[test]
fn repro_a_rolling_window_that_is_nearly_used_up_let_a_run_take_four_times_as_long() {
    let folder = tempfile::tempdir().unwrap();
    let flow = folder.path().join("flow.yaml");
    std::fs::write(&flow, FLOW).unwrap();
    let refused = Arc::new(AtomicU32::new(0));
    let source = Api::saying("200 OK", &super::api::orders(1..=RECORDS));
    let destination = destination(refused.clone());
    let state = folder.path().join("state").display().to_string();
    let params = [format!("source={}", source.url), format!("destination={}", destination.url)];
    let flow = flow.display().to_string();
    let summary = tidegate([
        "run",
        &flow,
        "--until-caught-up",
        "--json",
        "--state",
        &state,
        "-p",
        &params[0],
        "-p",
        &params[1],
    ])
    .run()
    .fine();
    assert_eq!(summary["delivered"], RECORDS, "{summary}");
    let least_ms = u64::from(RECORDS) * WINDOW.as_millis() as u64 / PERMITTED as u64;
    let took_ms = summary["elapsed_ms"].as_u64().unwrap();
    assert!(took_ms < least_ms * 3 / 2, "{took_ms} ms instead of {least_ms}: {summary}");
    assert!(refused.load(SeqCst) <= 2, "{} were refused", refused.load(SeqCst));
}
