//! A bill as people and scripts read it.

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use serde::Serialize;

use super::{
    advice::advice,
    bill::{Bill, Functions, Line},
    prices::Prices,
};
use crate::{failure::Failure, summary::Summary, text::count};

/// What a bill is made of.
pub struct Measured<'a> {
    /// A flow's name, or a file's.
    pub of: &'a str,
    /// Its source and destination were examples that answer at once.
    pub instant: bool,
    /// The run.
    pub run: &'a Summary,
    /// The functions.
    pub functions: Functions,
    /// The prices.
    pub prices: Prices,
}

/// The bill with all that it rests on. Every number is for a million records, but for `records`.
#[derive(Debug, Serialize)]
pub struct Report {
    of: String,
    records: u64,
    functions: Functions,
    operations: Vec<Line>,
    usd_per_million_records: f64,
    advice: Option<String>,
    prices: Prices,
    #[serde(skip)]
    instant: bool,
}

impl Report {
    /// Reckons.
    pub fn new(measured: Measured<'_>) -> Result<Self, Failure> {
        let Measured { of, instant, run, functions, prices } = measured;
        let bill = Bill::of(run, &functions, &prices)?;
        Ok(Self {
            of: of.to_owned(),
            records: bill.records,
            functions,
            usd_per_million_records: bill.usd(),
            advice: advice(&bill, run),
            operations: bill.lines,
            prices,
            instant,
        })
    }

    /// The table for people.
    pub fn print(&self) {
        println!("{}, for a million records, by a run of {}:", self.of, count(self.records));
        println!("{}", self.table());
        if let Some(advice) = &self.advice {
            println!("\n{advice}");
        }
        println!("\n{}", self.notes());
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["", "requests", "units", "", "US dollars"]);
        for line in &self.operations {
            let about = if line.estimated { "~" } else { "" };
            table.add_row([
                line.operation.clone(),
                whole(line.requests),
                format!("{about}{}", whole(line.units)),
                line.unit.to_owned(),
                dollars(line.usd),
            ]);
        }
        let total = dollars(self.usd_per_million_records);
        table.add_row(["total".into(), String::new(), String::new(), String::new(), total]);
        for column in [1, 2, 4] {
            let column = table.column_mut(column).expect("the header has five columns");
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn notes(&self) -> String {
        let Functions { fetcher_memory, processor_memory, architecture } = self.functions;
        let mut notes = vec![
            format!(
                "AWS list prices of {} as of {}, without free tier.",
                self.prices.region, self.prices.date
            ),
            format!(
                "Fetcher of {fetcher_memory} MiB and processors of {processor_memory} MiB on {architecture}, \
                 for the time that they took here, waiting\nfor source and destination included. On AWS it \
                 is more: they have less CPU, and AWS answers later."
            ),
        ];
        if self.instant {
            notes.push(
                "The example APIs answered at once: --latency-ms and --source-latency-ms make them as \
                 slow as yours."
                    .to_owned(),
            );
        }
        notes.push(
            "Scheduled runs are as many as the host made: a slow or small run pays for many that find \
             nothing; `run --tick-ms`\nsets them apart. Left out: storage, logs, alarms, traffic, and \
             the mappings' polls of empty queues."
                .to_owned(),
        );
        if self.operations.iter().any(|line| line.estimated) {
            notes.push(
                "~ is estimated, with items under 1 KB; `run --count-units` measures it."
                    .to_owned(),
            );
        }
        notes.join("\n")
    }
}

/// Without a fraction, unless there is little else.
fn whole(number: f64) -> String {
    if number > 0.0 && number < 10.0 {
        format!("{number:.1}")
    } else {
        count(number.round() as u64)
    }
}

/// Four places below a dollar, and two above.
fn dollars(usd: f64) -> String {
    if usd < 1.0 {
        return format!("{usd:.4}");
    }
    let cents = (usd * 100.0).round() as u64;
    format!("{}.{:02}", count(cents / 100), cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_well() {
        let read = [0.0, 0.000_81, 0.0375, 1.5, 1_234.567].map(dollars);
        assert_eq!(read, ["0.0000", "0.0008", "0.0375", "1.50", "1,234.57"]);
        assert_eq!([0.0, 2.04, 12_345.6].map(whole), ["0", "2.0", "12,346"]);
    }
}
