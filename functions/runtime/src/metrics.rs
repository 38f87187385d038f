//! What the fetcher tells CloudWatch, at the end of each run, of how its stream gets on: lines in the
//! embedded metric format, which cost no request. template.yaml has an alarm for each.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde_json::{Map, Value, json};
use tidegate_core::{
    app::{End, FetchReport},
    model::{EpochMs, Stall, StallOn, StreamId},
};

/// For how long the source was not readable: it fails, asked to wait, or an operator has to act.
pub const SOURCE_WAITING: &str = "SourceWaitingSeconds";
/// For how long nothing could be delivered: an outage, a quota, a lock, failing records.
pub const DELIVERY_WAITING: &str = "DeliveryWaitingSeconds";
/// For how long an operator has paused the stream. Only while it is paused.
pub const PAUSED: &str = "PausedSeconds";
/// For how long another invocation has had the lease. Only while it has, and keeps this one from reading.
pub const LEASE_WAITING: &str = "LeaseWaitingSeconds";
/// For how long records have been seen that are held back, since others may still come before them. Only
/// while there are any.
pub const HELD_BACK: &str = "HeldBackSeconds";
/// How far behind the source the stream is, beside the flow's own settle lag.
pub const WATERMARK_LAG: &str = "WatermarkLagSeconds";

/// Writes metrics of one stage.
#[derive(Debug)]
pub struct Metrics {
    stage: String,
}

impl Metrics {
    /// Of the stage that this function is deployed in.
    pub fn of(stage: &str) -> Self {
        Self { stage: stage.to_owned() }
    }

    /// The line for a run that ended at `now_ms`.
    pub fn line(&self, stream: &StreamId, report: &FetchReport, now_ms: EpochMs) -> String {
        let seconds = |since_ms: EpochMs| (now_ms - since_ms).max(0) / 1_000;
        let stalled = |stall: Option<&Stall>| stall.map_or(0, |stall| seconds(stall.since_ms));
        let stall = report.stall.as_ref();
        let of_source = stall.filter(|stall| matches!(stall.on, StallOn::Source | StallOn::Halt));
        // A run that had no lease, or lost it, does not know how the rest does.
        let knows = !matches!(report.end, End::Held | End::Paused | End::Fenced);
        let lag_ms = report.settled_until_ms.map(|until_ms| (report.until_ms - until_ms).max(0));
        let mut values = Map::new();
        let mut measure = |name: &str, value: Option<EpochMs>| {
            values.extend(value.map(|value| (name.to_owned(), json!(value))));
        };
        for (on, name) in [
            (StallOn::Pause, PAUSED),
            (StallOn::Lease, LEASE_WAITING),
            (StallOn::SettleLag, HELD_BACK),
        ] {
            measure(name, stall.filter(|it| it.on == on).map(|it| seconds(it.since_ms)));
        }
        measure(SOURCE_WAITING, knows.then(|| stalled(of_source)));
        measure(DELIVERY_WAITING, knows.then(|| stalled(report.delivering.as_ref())));
        measure(WATERMARK_LAG, lag_ms.map(|ms| ms / 1_000));
        let metrics: Vec<Value> =
            values.keys().map(|name| json!({ "Name": name, "Unit": "Seconds" })).collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": now_ms,
                "CloudWatchMetrics": [{
                    "Namespace": "Tidegate",
                    "Dimensions": [["Stage", "Stream"]],
                    "Metrics": metrics,
                }],
            },
            "Stage": self.stage,
            "Stream": stream.to_string(),
        });
        let fields = line.as_object_mut().expect("it was made as one");
        fields.extend(values);
        if let Some(stall) = report.stall.as_ref().or(report.delivering.as_ref()) {
            fields.insert("WaitsFor".to_owned(), json!(stall.on));
            fields.insert("Reason".to_owned(), json!(stall.reason));
        }
        line.to_string()
    }

    /// Writes it to the function's log, from where CloudWatch takes it.
    pub fn write(&self, stream: &StreamId, report: &FetchReport, now_ms: EpochMs) {
        println!("{}", self.line(stream, report, now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(report: &FetchReport) -> Value {
        let stream = StreamId::new("orders", "shop").unwrap();
        serde_json::from_str(&Metrics::of("dev").line(&stream, report, 100_000)).unwrap()
    }

    #[test]
    fn a_stream_that_gets_on_says_so_with_zeros() {
        let report =
            FetchReport { settled_until_ms: Some(70_000), ..FetchReport::new(End::Source, 99_000) };
        let line = line(&report);
        assert_eq!((&line["Stage"], &line["Stream"]), (&json!("dev"), &json!("orders/shop")));
        assert_eq!((&line[SOURCE_WAITING], &line[DELIVERY_WAITING]), (&json!(0), &json!(0)));
        assert_eq!((&line[WATERMARK_LAG], &line[PAUSED]), (&json!(29), &Value::Null));
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Metrics"].as_array().unwrap().len(), 3);
        assert_eq!(metrics["Dimensions"], json!([["Stage", "Stream"]]));
    }

    #[test]
    fn what_is_waited_for_is_measured_from_its_beginning() {
        let stall = |on| Some(Stall::new(on, "503", 40_000, None));
        let new = || FetchReport::new(End::SourceLater("503".to_owned()), 100_000);
        let failing = line(&FetchReport { stall: stall(StallOn::Source), ..new() });
        assert_eq!(
            (&failing[SOURCE_WAITING], &failing["WaitsFor"]),
            (&json!(60), &json!("source"))
        );
        let held = line(&FetchReport { stall: stall(StallOn::SettleLag), ..new() });
        assert_eq!((&held[HELD_BACK], &held[SOURCE_WAITING]), (&json!(60), &json!(0)));
        let outage = line(&FetchReport { delivering: stall(StallOn::Destination), ..new() });
        assert_eq!((&outage[DELIVERY_WAITING], &outage["Reason"]), (&json!(60), &json!("503")));
    }

    #[test]
    fn a_run_without_the_lease_measures_only_what_it_knows() {
        let measured = |end, on: Option<StallOn>| {
            let stall = on.map(|on| Stall::new(on, "why", 40_000, None));
            let line = line(&FetchReport { stall, ..FetchReport::new(end, 100_000) });
            let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
            let values = metrics.iter().map(|it| it["Name"].as_str().unwrap());
            values.map(|name| (name.to_owned(), line[name].as_i64().unwrap())).collect::<Vec<_>>()
        };
        let paused = measured(End::Paused, Some(StallOn::Pause));
        assert_eq!(paused, [(PAUSED.to_owned(), 60)]);
        let held = measured(End::Held, Some(StallOn::Lease));
        assert_eq!(held, [(LEASE_WAITING.to_owned(), 60)]);
        assert_eq!(measured(End::Fenced, None), []);
    }

    #[test]
    fn every_metric_has_an_alarm_in_the_template() {
        let template = include_str!("../../../template.yaml");
        let names =
            [SOURCE_WAITING, DELIVERY_WAITING, PAUSED, WATERMARK_LAG, LEASE_WAITING, HELD_BACK];
        for name in names {
            assert!(template.contains(&format!("MetricName: {name}")), "{name}");
        }
    }
}
