//! A record through a flow's mapping.

use tidegate_connectors::{Registry, preview, takes_unshaped, transform};
use tidegate_core::ports::Transformed;
use tidegate_flow::{Connection, FlowSpec};

use crate::{failure::Failure, shown, text::lined};

/// Shows what a record becomes, with what a look-up found for it, and the request that it would be sent by.
///
/// # Errors
/// It would be parked.
pub fn show(
    record: &[u8],
    found: Option<&[u8]>,
    spec: &FlowSpec,
    given: &Connection,
) -> Result<(), Failure> {
    let transform = transform(spec, given, &Registry::new())
        .map_err(|error| Failure::usage(format!("error: {error}")))?;
    let mut out = Vec::new();
    if takes_unshaped(spec, given, record) {
        println!("a deletion: it is sent by no map");
        return match transform.admits(record) {
            Transformed::Filtered => {
                println!("skipped: the filter leaves this record out");
                Ok(())
            }
            _ => show_request(spec, given, record, record),
        };
    }
    match transform.apply(record, found, &mut out) {
        Transformed::Written => {
            let value: serde_json::Value = serde_json::from_slice(&out)
                .map_err(|error| Failure::run(format!("the mapping wrote no JSON: {error}")))?;
            println!("{}", serde_json::to_string_pretty(&value).expect("it was just read"));
            show_request(spec, given, record, &out)
        }
        Transformed::Unchanged => {
            println!("skipped: what was looked up has all of it already");
            Ok(())
        }
        Transformed::Filtered => {
            println!("skipped: the filter leaves this record out");
            Ok(())
        }
        Transformed::Later(reason) => Err(Failure::run(reason)),
        Transformed::Refused(reason) | Transformed::Invalid(reason) => {
            Err(Failure::run(format!("this record would be parked: {}", lined(&reason))))
        }
    }
}

/// Shows the request for a record of which this was made.
fn show_request(
    spec: &FlowSpec,
    given: &Connection,
    record: &[u8],
    body: &[u8],
) -> Result<(), Failure> {
    match preview(spec, given, record, body) {
        Ok(Ok(request)) => {
            println!(
                "\nits request, as it would go out (the key may have the record's version, too):"
            );
            print!("{}", shown::request(&request));
            Ok(())
        }
        Ok(Err(reason)) => Err(Failure::run(format!("this record would be parked: {reason}"))),
        Err(error) => {
            println!("\nits request cannot be shown: {error}");
            Ok(())
        }
    }
}
