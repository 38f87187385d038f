//! `params`: what a connection gives.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    file::{Entries, Fault, Findings},
    value::{Scalar, template::is_name},
};

/// A parameter that a connection gives.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Param {
    /// Taken where the connection gives none.
    default: Option<Scalar>,
    /// One line for people.
    #[expect(dead_code, reason = "it is for those who read the file")]
    description: Option<String>,
}

/// Notes names that no reference could hold.
pub(super) fn check(params: &Entries<Param>, findings: &mut Findings) {
    for (name, _) in &params.0 {
        if !is_name(&name.value) {
            let message = format!("`{}` cannot name a parameter", name.value);
            let remedy = "names are letters, digits and `_`, and begin with a letter";
            findings.add(Fault::new(name.place, message, remedy));
        }
    }
}

/// What is taken where a connection gives nothing, by the parameter's name.
pub(super) fn defaults(params: &Entries<Param>) -> BTreeMap<String, String> {
    let default = |(name, param): &(crate::file::At<String>, crate::file::At<Param>)| {
        Some((name.value.clone(), param.value.default.clone()?.0))
    };
    params.0.iter().filter_map(default).collect()
}
