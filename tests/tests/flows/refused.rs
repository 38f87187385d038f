//! What a source must not talk us into.

use tidegate_examples::{
    http::Stranger,
    orders::{OrdersConfig, SourceConfig},
};

use super::world::World;

fn flow(path: &str, pagination: &str) -> String {
    format!(
        "flow: own
source:
  http:
    url: ${{params.source_url}}{path}
    auth: {{ bearer: '${{secrets.source_token}}' }}
    records: orders
    cursor: {{ by: id }}
    pagination: {pagination}
destination:
  http:
    url: ${{params.destination_url}}/fulfillments
    auth: {{ api_key: {{ header: X-Api-Key, value: '${{secrets.destination_key}}' }} }}
ordering: none
"
    )
}

fn stranger() -> (Stranger, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let stranger = runtime.block_on(Stranger::start()).expect("it starts");
    (stranger, runtime)
}

#[test]
fn a_next_link_to_another_host_is_refused_and_no_request_leaves() {
    for (path, pagination) in [
        ("/link/orders", "{ link_header: {} }"),
        ("/next-url/orders", "{ next_url: { path: next } }"),
    ] {
        let (stranger, _runtime) = stranger();
        let source =
            SourceConfig { foreign_next: Some(stranger.url.clone()), ..SourceConfig::default() };
        let world = World::new(OrdersConfig { records: 500, source, ..OrdersConfig::default() });
        let ended = world
            .command("run", &world.flow(&flow(path, pagination)), &["--until-caught-up"])
            .run();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("may see the credentials"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(&world.orders.source_token), "{}", ended.stderr);
        assert_eq!(stranger.requests(), 0);
    }
}

#[test]
fn a_redirect_to_another_host_is_refused_and_no_request_leaves() {
    let (stranger, _runtime) = stranger();
    let source =
        SourceConfig { redirect_to: Some(stranger.url.clone()), ..SourceConfig::default() };
    let world = World::new(OrdersConfig { records: 500, source, ..OrdersConfig::default() });
    let flow = world.flow(&flow("/orders", "{ last_id: { param: since_id } }"));
    let ended = world.command("run", &flow, &["--until-caught-up"]).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("may see the credentials"), "{}", ended.stderr);
    assert_eq!(stranger.requests(), 0);
}

/// 1 GB of JSON from 1 MB of gzip.
#[cfg(target_os = "linux")]
#[test]
fn a_decompression_bomb_is_refused_with_little_memory() {
    let world = World::new(OrdersConfig { records: 500, ..OrdersConfig::default() });
    let flow = world.flow(&flow("/bomb/orders", "none"));
    let run = world.command("run", &flow, &["--until-caught-up"]);
    let mut child = run.start();
    let mut peak_kb = 0;
    let code = loop {
        peak_kb = peak_kb.max(peak_memory_kb(child.id()));
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    assert_eq!(code, Some(1));
    assert!(peak_kb > 0 && peak_kb < 256 * 1024, "{peak_kb} kB");
    let ended = run.run();
    assert!(ended.stderr.contains("body_bytes_max"), "{}", ended.stderr);
}

#[cfg(target_os = "linux")]
fn peak_memory_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
