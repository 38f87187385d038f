//! `tidegate check`: is a flow file right, and what does it do?

mod live;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use tidegate_connectors::Registry;
use tidegate_flow::{Connection, FlowSpec, cases, secret_variable};

use crate::{
    connection::{self, FlowFile},
    failure::Failure,
    input, mapped,
    options::{ParamOptions, StateOptions},
};

/// Validates a flow file, runs its tests, and shows a record through its mapping.
#[derive(Debug, Args)]
pub struct Check {
    /// The flow file.
    #[arg(value_name = "FILE")]
    pub flow: PathBuf,
    /// A record (JSON) to show through the mapping; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// What the flow's look-up found for the record (JSON); without it, it found nothing.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub lookup: Option<PathBuf>,
    /// Checks too that this connection's parameters and secrets are all given.
    #[arg(long, short)]
    pub connection: Option<String>,
    #[command(flatten)]
    pub params: ParamOptions,
    /// Asks the source for one page and says what it saw: the order, the timestamps, what ends the list, the
    /// limits, and a record through the mapping. Sends nothing to the destination.
    #[arg(long, conflicts_with = "record")]
    pub live: bool,
    /// Where tokens are kept, and budgets that a run shares.
    #[command(flatten, next_help_heading = "With --live")]
    pub state: StateOptions,
}

/// Validates the file, runs its tests, and shows a record through it.
pub async fn run(asked: Check) -> Result<(), Failure> {
    let file = connection::read(&asked.flow)?;
    let given = connection::given(&file, &asked.params.params);
    if asked.connection.is_some() {
        connection::complete(&file, &given)?;
    }
    println!("{}: flow `{}` is right", file.name, file.spec.name);
    show_needs(&file, &given);
    if let Some(schedule) = file.spec.schedule() {
        println!(
            "  schedule: {schedule}; on AWS as ScheduleExpression='{schedule}' when it is deployed"
        );
    }
    for note in file.spec.notes() {
        println!("  note, line {}: {}; {}", note.location.line, note.message, note.remedy);
    }
    run_cases(&asked.flow, &file.spec)?;
    if asked.live {
        let connection = asked.connection.as_deref().unwrap_or("default");
        return live::run(&file, (connection, &given), &asked.state).await;
    }
    match &asked.record {
        Some(path) => show_record(path, asked.lookup.as_deref(), &file, &given),
        None => Ok(()),
    }
}

fn show_needs(file: &FlowFile, given: &Connection) {
    let needs = file.spec.needs();
    for name in needs.params.keys() {
        let state = given.params.get(name).map_or("not given: --param NAME=VALUE", String::as_str);
        println!("  parameter {name}: {state}");
    }
    for name in needs.secrets.keys() {
        let state = if given.secrets.contains_key(name) { "set" } else { "not set" };
        println!("  secret {name}: {} is {state}", secret_variable(name));
    }
}

/// Runs `NAME.test.yaml`, where there is one beside the file.
fn run_cases(flow: &Path, spec: &FlowSpec) -> Result<(), Failure> {
    let path = flow.with_extension("test.yaml");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("  no tests: write {} to have some", path.display());
        return Ok(());
    };
    let name = path.display().to_string();
    let listed = cases::parse(&name, &text).map_err(Failure::usage)?;
    let failures = cases::run(spec, &listed, &Registry::new()).map_err(Failure::usage)?;
    if failures.is_empty() {
        println!("  {} tests pass", listed.len());
        return Ok(());
    }
    let reports: Vec<String> =
        failures.iter().map(|failure| format!("{name}: {failure}")).collect();
    Err(Failure::run(format!(
        "{} of {} tests fail\n{}",
        failures.len(),
        listed.len(),
        reports.join("\n")
    )))
}

fn show_record(
    path: &Path,
    lookup: Option<&Path>,
    file: &FlowFile,
    given: &Connection,
) -> Result<(), Failure> {
    if lookup.is_some() && !file.spec.looks_up() {
        let message = format!("error: {} has no `lookup`, and looks nothing up", file.name);
        return Err(Failure::usage(message));
    }
    let record = input::read(path)?;
    let found = lookup.map(input::read).transpose()?;
    mapped::show(&record, found.as_deref(), &file.spec, given)
}
