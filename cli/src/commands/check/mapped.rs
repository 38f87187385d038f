//! A record through a flow's mapping.

use tidegate_connectors::{Registry, RequestPreview, preview, transform};
use tidegate_core::ports::Transformed;
use tidegate_flow::{Connection, FlowSpec};

use crate::failure::Failure;

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
    let transform = transform(spec, &Registry::new()).map_err(Failure::usage)?;
    let mut out = Vec::new();
    match transform.apply(record, found, &mut out) {
        Transformed::Written => {
            let value: serde_json::Value = serde_json::from_slice(&out)
                .map_err(|error| Failure::run(format!("the mapping wrote no JSON: {error}")))?;
            println!("{}", serde_json::to_string_pretty(&value).expect("it was just read"));
            match preview(spec, given, record, &out) {
                Ok(request) => show_request(&request),
                Err(error) => println!("\nits request cannot be shown: {error}"),
            }
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

/// A request as it would go out; secrets are masked already.
fn show_request(request: &RequestPreview) {
    println!("\nits request, as it would go out (the key may have the record's version, too):");
    println!("{} {}", request.method, request.url);
    for (name, value) in &request.headers {
        println!("{name}: {value}");
    }
    if request.has_credentials {
        println!("(and the credentials of `auth`)");
    }
    if !request.body.is_empty() {
        println!("\n{}", String::from_utf8_lossy(&request.body));
    }
}
