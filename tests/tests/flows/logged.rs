//! What an operator's log, and with it Sentry, is told of.

use tidegate_examples::orders::{DestinationConfig, OrdersConfig};

use super::world::{World, shipped_orders};

/// One line for all that is alike in an invocation, and no line a record.
#[test]
fn parked_records_are_logged_as_errors_by_their_reason() {
    let destination = DestinationConfig { refuse_every: Some(10), ..DestinationConfig::default() };
    let world = World::new(OrdersConfig { records: 500, destination, ..OrdersConfig::default() });
    let flow = world.flow(shipped_orders());
    let ended = world.command("run", &flow, &["--until-caught-up", "-v"]).run();
    let lines: Vec<&str> =
        ended.stderr.lines().filter(|line| line.contains("records were parked")).collect();
    let records: u64 = lines.iter().map(|line| field(line, "records")).sum();
    assert_eq!(records, 50, "{}", ended.stderr);
    assert!(lines.len() <= 10, "{lines:#?}");
    for line in lines {
        assert!(line.contains("ERROR") && line.contains("status=422"), "{line}");
        assert!(line.contains("examples="), "{line}");
        assert!(!line.contains(&world.orders.destination_key), "{line}");
    }
}

fn field(line: &str, name: &str) -> u64 {
    let value = line.split(&format!("{name}=")).nth(1).expect("the line has it");
    let digits = value.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).expect("it is a number")
}
