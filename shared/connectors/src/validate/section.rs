//! `validate`: its keys.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use tidegate_core::ports::Transform;

use super::{
    kind::Kind, path::RulePath, pattern::Pattern, rule::Rule, rules::Rules, validated::Validated,
};
use crate::{
    file::{At, Entries, Fault, note_fault},
    value::{Scalar, path::written},
};

/// What a value of the record must be like. A record with a value that is not so is parked with everything that is
/// wrong with it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rule")]
pub(super) struct RuleKeys {
    /// Whether it must be there. Absent, null and an empty text are missing, and what is missing breaks no other rule.
    /// Default false.
    pub(super) required: Option<At<bool>>,
    /// What it must be.
    #[serde(rename = "type")]
    pub(super) kind: Option<At<Kind>>,
    /// Whether a `number`, an `integer` or a `boolean` must be one in JSON. Default false: a text that is one is taken,
    /// for CSV and XML give nothing else.
    pub(super) strict: Option<At<bool>>,
    /// The values that it may have, compared as they are written: `1` and `"1"` are the same, `1.0` is another.
    #[schemars(length(min = 1))]
    #[serde(rename = "enum")]
    pub(super) one_of: Option<At<Vec<Scalar>>>,
    /// The smallest number that it may be; a text must be a number then.
    pub(super) min: Option<At<f64>>,
    /// The largest number that it may be.
    pub(super) max: Option<At<f64>>,
    /// The fewest characters of a text, or elements of an array.
    pub(super) length_min: Option<At<usize>>,
    /// The most characters of a text, or elements of an array.
    pub(super) length_max: Option<At<usize>>,
    /// A regular expression that is found in its text; `^…$` for the whole.
    pub(super) pattern: Option<At<Pattern>>,
}

/// What records must be like, by the paths of their values.
#[derive(Debug, Clone)]
pub(crate) struct Validate(pub(super) Vec<PathRule>);

/// A rule at its path.
#[derive(Debug, Clone)]
pub(super) struct PathRule {
    pub(super) path: RulePath,
    /// As the file writes it, with its place.
    pub(super) name: At<String>,
    pub(super) keys: At<RuleKeys>,
}

impl Validate {
    /// A transform of what keeps the rules.
    pub(crate) fn before(&self, transform: Box<dyn Transform>) -> Box<dyn Transform> {
        let mut rules = Rules::new();
        for PathRule { path, keys, .. } in &self.0 {
            rules.add(&path.0, keys.value.rule(), written);
        }
        Box::new(Validated { rules, transform })
    }
}

impl RuleKeys {
    fn rule(&self) -> Rule {
        let is = |at: &Option<At<bool>>| at.as_ref().is_some_and(|at| at.value);
        let texts =
            |at: &At<Vec<Scalar>>| at.value.iter().map(|one| one.0.as_str().into()).collect();
        Rule {
            name: Box::default(),
            required: is(&self.required),
            kind: self.kind.as_ref().map(|at| at.value),
            strict: is(&self.strict),
            min: self.min.as_ref().map(|at| at.value),
            max: self.max.as_ref().map(|at| at.value),
            length_min: self.length_min.as_ref().map(|at| at.value),
            length_max: self.length_max.as_ref().map(|at| at.value),
            pattern: self.pattern.as_ref().map(|at| at.value.clone()),
            one_of: self.one_of.as_ref().map(texts),
        }
    }
}

impl<'de> Deserialize<'de> for Validate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rules = Vec::new();
        for (name, keys) in Entries::<RuleKeys>::deserialize(deserializer)?.0 {
            match RulePath::read(&name.value) {
                Ok(path) => rules.push(PathRule { path, name, keys }),
                Err((fault, remedy)) => {
                    let message = format!("`{}` is no path: {fault}", name.value);
                    note_fault(Fault::new(name.place, message, remedy));
                }
            }
        }
        Ok(Self(rules))
    }
}

impl JsonSchema for Validate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Entries::<RuleKeys>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Entries::<RuleKeys>::json_schema(generator)
    }
}
