//! `tidegate cost`: what a million records cost on AWS.

use std::path::{Path, PathBuf};

use clap::Args;

use super::demo::play;
use crate::{
    cost::{Architecture, Functions, Measured, Prices, Report},
    embedded,
    failure::Failure,
    input,
    options::{HostOptions, WorldOptions},
    output::print_json,
    summary::Summary,
};

/// Between scheduled runs, at the least. One that finds nothing costs as much as one that works, and
/// on AWS they are minutes apart, not a fifth of a second.
const TICK_MS: u64 = 5_000;

/// Says what a million records cost on AWS: requests, units and dollars, by operation.
#[derive(Debug, Args)]
pub struct Cost {
    /// The shipped flow that is run for it against example APIs, as `demo` does, but with scheduled
    /// runs at least 5 s apart.
    #[arg(value_name = "NAME", required_unless_present = "from", conflicts_with = "from")]
    pub name: Option<String>,
    /// A run of your own instead: a file with what `run --json` printed; `-` for standard input.
    #[arg(long, value_name = "SUMMARY.json", conflicts_with = "WorldOptions")]
    pub from: Option<PathBuf>,
    /// Other prices: a file like cli/src/cost/prices.json.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// The fetcher's memory, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub fetcher_memory: u32,
    /// A processor's memory, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub processor_memory: u32,
    /// What the functions run on.
    #[arg(long, default_value = "arm64")]
    pub architecture: Architecture,
    #[command(flatten)]
    pub host: HostOptions,
    #[command(flatten)]
    pub world: WorldOptions,
}

/// Measures a run, or takes a summary of one, and prints its bill.
pub async fn run(asked: Cost) -> Result<(), Failure> {
    // A wrong table is said before anything runs.
    let prices = asked.prices.as_deref().map_or_else(|| Ok(Prices::embedded()), Prices::read)?;
    let (of, run) = match (&asked.from, &asked.name) {
        (Some(path), _) => (path.display().to_string(), summary(path)?),
        (None, Some(name)) => (name.clone(), measured(name, &asked).await?),
        (None, None) => return Err(Failure::usage("error: give a flow, or a summary by --from")),
    };
    let functions = Functions {
        fetcher_memory: asked.fetcher_memory,
        processor_memory: asked.processor_memory,
        architecture: asked.architecture,
    };
    let instant =
        asked.from.is_none() && asked.world.latency_ms.max(asked.world.latency_max_ms) == 0;
    let report = Report::new(Measured { of: &of, instant, run: &run, functions, prices })?;
    if asked.host.json {
        print_json(&report)
    } else {
        report.print()
    }
    Ok(())
}

async fn measured(name: &str, asked: &Cost) -> Result<Summary, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::run)?;
    let state = embedded::open_counting(Some(folder.path()))?;
    let host = HostOptions { tick_ms: asked.host.tick_ms.max(TICK_MS), ..asked.host.clone() };
    play(name, &asked.world, &host, &state).await
}

/// The summary that `run --json` or `demo --json` left in this file, as its last line.
fn summary(path: &Path) -> Result<Summary, Failure> {
    let text = input::read(path)?;
    let last = text.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(last).map_err(|error| {
        Failure::usage(format!(
            "error: {} ends with no summary: {error}\n   = help: give what `tidegate run FILE --until-caught-up --json` printed",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> Result<Summary, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        fs::write(&path, text).unwrap();
        summary(&path)
    }

    #[test]
    fn a_summary_is_the_last_line_whatever_came_before() {
        let run = Summary { delivered: 7, ..Summary::default() };
        let line = serde_json::to_string(&run).unwrap();
        assert_eq!(read(&format!("started\n{line}\n")).unwrap().delivered, 7);
    }

    #[test]
    fn a_file_that_is_no_summary_is_told_so() {
        for text in ["", "total 4", r#"{"delivered": 7}"#] {
            let failure = read(text).unwrap_err();
            assert_eq!(failure.code, 2);
            assert!(failure.report.contains("no summary"), "{failure:?}");
        }
    }

    #[test]
    fn the_functions_are_by_default_those_of_the_template() {
        let template = include_str!("../../../template.yaml");
        for (parameter, default) in
            [("FetcherMemory", "256"), ("ProcessorMemory", "256"), ("Architecture", "arm64")]
        {
            let lines: Vec<_> = template.lines().map(str::trim).collect();
            let at = lines.iter().position(|line| *line == format!("{parameter}:")).unwrap();
            assert_eq!(lines[at + 2], format!("Default: {default}"), "{parameter}");
        }
    }
}
