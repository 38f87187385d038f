//! What becomes of a record: a filter, then at most one shape.

mod cast;
mod check;
mod jq;
mod map;
mod words;

use tidegate_core::ports::{Transform, Transformed};
use tidegate_flow::{
    jq::Sees,
    spec::{ShapeSpec, TransformSpec},
};

use crate::{Registry, error::ConnectError};
use check::check_json;
use jq::{Jq, Verdict};
use map::FieldMap;

/// Makes a section's transform.
pub(crate) fn build(
    spec: &TransformSpec,
    registry: &Registry,
) -> Result<Box<dyn Transform>, ConnectError> {
    let shape: Box<dyn Transform> = match &spec.shape {
        ShapeSpec::Same => Box::new(Same),
        ShapeSpec::Map(fields) => Box::new(FieldMap::new(fields)),
        ShapeSpec::Jq(program) => Box::new(Jq::new(program, "transform.jq", Sees::Lookup)?),
        ShapeSpec::Rust(name) => registry.get(name).ok_or_else(|| {
            let known: Vec<&str> = registry.names().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            ConnectError::new(
                "transform.rust",
                format!("no transform `{name}` is registered; registered are: {known}"),
            )
        })?,
    };
    Ok(match &spec.filter {
        None => shape,
        Some(program) => {
            let filter = Jq::new(program, "transform.filter", Sees::Record)?;
            Box::new(Filtered { filter, shape })
        }
    })
}

/// Passes a record on as it is.
struct Same;

impl Transform for Same {
    fn apply(&self, record: &[u8], _: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        if let Err(reason) = check_json(record) {
            return Transformed::Refused(reason);
        }
        out.extend_from_slice(record);
        Transformed::Written
    }
}

/// Leaves records out before they are shaped.
struct Filtered {
    filter: Jq,
    shape: Box<dyn Transform>,
}

impl Transform for Filtered {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        match self.filter.holds(record) {
            Ok(Verdict::Holds) => self.shape.apply(record, found, out),
            Ok(Verdict::Fails) => Transformed::Filtered,
            Err(reason) => Transformed::Refused(reason),
        }
    }

    fn admits(&self, record: &[u8]) -> Transformed {
        match self.filter.holds(record) {
            Ok(Verdict::Holds) => Transformed::Written,
            Ok(Verdict::Fails) => Transformed::Filtered,
            Err(reason) => Transformed::Refused(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(spec: &TransformSpec, record: &str) -> (Transformed, String) {
        let mut out = b"before".to_vec();
        let transformed =
            build(spec, &Registry::new()).unwrap().apply(record.as_bytes(), None, &mut out);
        (transformed, String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned())
    }

    #[test]
    fn same_passes_the_bytes_on_and_refuses_what_is_no_json() {
        let same = TransformSpec::default();
        let record = r#"{"a" : 1.0e2,"b":"\u00e9"}"#;
        assert_eq!(apply(&same, record), (Transformed::Written, record.to_owned()));
        let deep = "[".repeat(100_000);
        for bad in ["", "{", "{}x", "{\"a\":}", deep.as_str()] {
            let (transformed, out) = apply(&same, bad);
            assert!(matches!(transformed, Transformed::Refused(_)) && out.is_empty(), "{bad:.20}");
        }
    }

    #[test]
    fn a_filter_leaves_out_what_is_false_or_null() {
        let spec = TransformSpec { filter: Some(".paid".into()), ..TransformSpec::default() };
        assert_eq!(apply(&spec, r#"{"paid":true}"#).0, Transformed::Written);
        assert_eq!(apply(&spec, r#"{"paid":0}"#).0, Transformed::Written);
        assert_eq!(apply(&spec, r#"{"paid":false}"#).0, Transformed::Filtered);
        assert_eq!(apply(&spec, r#"{}"#).0, Transformed::Filtered);
        assert!(matches!(apply(&spec, "[1]").0, Transformed::Refused(_)));
    }

    #[test]
    fn a_transform_that_is_not_registered_is_named_with_those_that_are() {
        let shape = ShapeSpec::Rust("nope".into());
        let spec = TransformSpec { filter: None, shape };
        let registry = Registry::new().transform("yes", Same);
        let error = build(&spec, &registry).err().unwrap().to_string();
        assert!(error.contains("`nope`") && error.contains("yes"), "{error}");
    }
}
