//! A record through a flow's mapping.

use tidegate_connectors::{Registry, transform};
use tidegate_core::ports::Transformed;
use tidegate_flow::FlowSpec;

use crate::failure::Failure;

/// Shows what a record becomes, with what a look-up found for it.
///
/// # Errors
/// It would be parked.
pub fn show(record: &[u8], found: Option<&[u8]>, spec: &FlowSpec) -> Result<(), Failure> {
    let transform = transform(spec, &Registry::new()).map_err(Failure::usage)?;
    let mut out = Vec::new();
    match transform.apply(record, found, &mut out) {
        Transformed::Written => {
            let value: serde_json::Value = serde_json::from_slice(&out)
                .map_err(|error| Failure::run(format!("the mapping wrote no JSON: {error}")))?;
            println!("{}", serde_json::to_string_pretty(&value).expect("it was just read"));
            Ok(())
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
        Transformed::Refused(reason) => {
            Err(Failure::run(format!("this record would be parked: {reason}")))
        }
    }
}
