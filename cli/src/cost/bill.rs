//! From what a run counted to dollars per million records.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

use super::{
    prices::{Prices, UsdPerMillion},
    units::{Unit, estimated, unit},
};
use crate::{failure::Failure, summary::Summary};

/// The functions as template.yaml makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Functions {
    /// The fetcher's memory, in MiB.
    pub fetcher_memory: u32,
    /// A processor's memory, in MiB.
    pub processor_memory: u32,
    /// Both functions' architecture.
    pub architecture: Architecture,
}

/// What a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
pub enum Architecture {
    /// Graviton.
    #[serde(rename = "arm64")]
    #[value(name = "arm64")]
    Arm64,
    /// Intel and AMD.
    #[serde(rename = "x86_64")]
    #[value(name = "x86_64")]
    X86,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        })
    }
}

/// One line. All numbers are for a million records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// An AWS operation, or a part of a function's price.
    pub operation: String,
    /// Requests, or invocations.
    pub requests: f64,
    /// What is billed.
    pub units: f64,
    /// Of what.
    pub unit: &'static str,
    /// The units are an estimate.
    pub estimated: bool,
    /// Dollars.
    pub usd: f64,
}

/// All lines, the dearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// Records that the run settled.
    pub records: u64,
    /// For a million records.
    pub lines: Vec<Line>,
}

impl Bill {
    /// What a million records like those of `run` cost.
    pub fn of(run: &Summary, functions: &Functions, prices: &Prices) -> Result<Self, Failure> {
        let records = run.delivered + run.skipped + run.parked;
        if records == 0 {
            return Err(Failure::usage(
                "error: that run settled no records, so it says nothing of what a record costs\n   = help: give the summary of a run that delivered some",
            ));
        }
        let per_million = 1_000_000.0 / records as f64;
        let mut lines = operations(run, &prices.usd_per_million)?;
        lines.extend(invocations(run, functions, &prices.usd_per_million));
        for line in &mut lines {
            line.requests *= per_million;
            line.units *= per_million;
            line.usd *= per_million;
        }
        lines.sort_by(|a, b| b.usd.total_cmp(&a.usd).then_with(|| a.operation.cmp(&b.operation)));
        Ok(Self { records, lines })
    }

    /// Dollars for a million records.
    pub fn usd(&self) -> f64 {
        self.lines.iter().map(|line| line.usd).sum()
    }
}

/// The requests to the table and the queue: of the whole run.
fn operations(run: &Summary, usd: &UsdPerMillion) -> Result<Vec<Line>, Failure> {
    let line = |(operation, requests): (&String, &u64)| {
        let (unit, price) = match unit(operation) {
            Some(Unit::Read) => ("read units", usd.dynamodb_read_units),
            Some(Unit::Write) => ("write units", usd.dynamodb_write_units),
            Some(Unit::Queue) => ("64 KiB requests", usd.sqs_requests),
            None => {
                return Err(Failure::usage(format!(
                    "error: the run made {requests} requests `{operation}`, whose price is not known"
                )));
            }
        };
        let measured = run.aws_units.get(operation).copied();
        let units = measured.unwrap_or_else(|| estimated(operation, *requests, run));
        let estimated = measured.is_none();
        Ok(priced(operation, *requests as f64, (units, unit), price, estimated))
    };
    run.aws_requests.iter().map(line).collect()
}

/// The functions and their schedule: of the whole run.
fn invocations(run: &Summary, functions: &Functions, usd: &UsdPerMillion) -> [Line; 4] {
    let (fetches, processes) = (run.fetch_invocations as f64, run.process_invocations as f64);
    let gb_second = match functions.architecture {
        Architecture::Arm64 => usd.lambda_gb_seconds_arm64,
        Architecture::X86 => usd.lambda_gb_seconds_x86_64,
    };
    let time = |name: &str, invocations: f64, ms: u64, memory: u32| {
        let gb_seconds = ms as f64 / 1_000.0 * f64::from(memory) / 1_024.0;
        priced(name, invocations, (gb_seconds, "GB-seconds"), gb_second, false)
    };
    let each = |name: &str, invocations: f64, unit, price| {
        priced(name, invocations, (invocations, unit), price, false)
    };
    [
        time(FETCHER, fetches, run.fetch_ms, functions.fetcher_memory),
        time(PROCESSOR, processes, run.process_ms, functions.processor_memory),
        each("Lambda requests", fetches + processes, "requests", usd.lambda_requests),
        each("Scheduler", fetches, "invocations", usd.scheduler_invocations),
    ]
}

/// The lines of the functions' time.
pub const FETCHER: &str = "Lambda, fetcher";
pub const PROCESSOR: &str = "Lambda, processor";

fn priced(
    operation: &str,
    requests: f64,
    (units, unit): (f64, &'static str),
    usd_per_million: f64,
    estimated: bool,
) -> Line {
    let usd = units / 1_000_000.0 * usd_per_million;
    Line { operation: operation.to_owned(), requests, units, unit, estimated, usd }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTIONS: Functions =
        Functions { fetcher_memory: 256, processor_memory: 512, architecture: Architecture::Arm64 };

    /// A run of 1,000 records: everything counts a thousandfold in a million.
    fn run() -> Summary {
        let count = |name: &str, number| (name.to_owned(), number);
        Summary {
            delivered: 990,
            skipped: 6,
            parked: 4,
            pages: 10,
            fetch_invocations: 2,
            process_invocations: 3,
            fetch_ms: 400,
            process_ms: 8_000,
            aws_requests: [
                count("BatchGetItem", 3),
                count("SendMessageBatch", 1),
                count("TransactWriteItems", 1),
                count("UpdateItem", 20),
            ]
            .into(),
            aws_units: [("SendMessageBatch".to_owned(), 2.0)].into(),
            ..Summary::default()
        }
    }

    fn line<'a>(bill: &'a Bill, operation: &str) -> &'a Line {
        bill.lines.iter().find(|line| line.operation == operation).unwrap()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_small_run_costs_what_it_costs_by_hand() {
        let bill = Bill::of(&run(), &FUNCTIONS, &Prices::embedded()).unwrap();
        assert_eq!(bill.records, 1_000);
        for (operation, units, usd) in [
            // Thousands of a million records, at dollars per million.
            ("BatchGetItem", 13_000.0, 0.013 * 0.125),
            ("TransactWriteItems", 22_000.0, 0.022 * 0.625),
            ("UpdateItem", 20_000.0, 0.020 * 0.625),
            ("SendMessageBatch", 2_000.0, 0.002 * 0.4),
            // 0.4 s of a quarter, and 8 s of half a GB.
            (FETCHER, 100.0, 100.0 / 1e6 * 13.3334),
            (PROCESSOR, 4_000.0, 4_000.0 / 1e6 * 13.3334),
            ("Lambda requests", 5_000.0, 0.005 * 0.2),
            ("Scheduler", 2_000.0, 0.002 * 1.0),
        ] {
            let line = line(&bill, operation);
            assert!(near(line.units, units) && near(line.usd, usd), "{line:?}");
        }
        assert_eq!(bill.lines.len(), 8);
        assert_eq!(bill.lines[0].operation, PROCESSOR);
        let usd = 0.001_625 + 0.013_75 + 0.012_5 + 0.000_8 + 0.054_666_94 + 0.001 + 0.002;
        assert!(near(bill.usd(), usd), "{}", bill.usd());
    }

    #[test]
    fn what_was_not_measured_is_called_an_estimate() {
        let bill = Bill::of(&run(), &FUNCTIONS, &Prices::embedded()).unwrap();
        assert!(line(&bill, "UpdateItem").estimated);
        assert!(!line(&bill, "SendMessageBatch").estimated);
    }

    #[test]
    fn a_run_of_no_records_or_of_unknown_requests_has_no_bill() {
        let none = Bill::of(&Summary::default(), &FUNCTIONS, &Prices::embedded()).unwrap_err();
        assert!(none.report.contains("no record"));
        let mut run = run();
        run.aws_requests.insert("Scan".into(), 1);
        let unknown = Bill::of(&run, &FUNCTIONS, &Prices::embedded()).unwrap_err();
        assert!(unknown.report.contains("`Scan`"), "{unknown:?}");
    }
}
