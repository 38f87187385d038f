//! Whether the keys of a rule go together, and whether rules contradict each other.

use super::{
    kind::Kind,
    section::{PathRule, RuleKeys, Validate},
};
use crate::file::{Fault, Findings, Place};

impl Validate {
    /// Notes what does not go together. `place` is the section's.
    pub(crate) fn check(&self, place: Place, findings: &mut Findings) {
        if self.0.is_empty() {
            let remedy =
                "write a rule, like `price: { required: true, type: number }`, or remove it";
            findings.add(Fault::new(place, "`validate` demands nothing", remedy));
        }
        for (index, rule) in self.0.iter().enumerate() {
            rule.keys.value.check(rule.keys.place, findings);
            let (before, behind) = (&self.0[..index], &self.0[index + 1..]);
            if let Some(other) = before.iter().find(|other| other.path == rule.path) {
                let message =
                    format!("`{}` and `{}` are one value", other.name.value, rule.name.value);
                findings.add(Fault::new(rule.name.place, message, "write its rules in one place"));
            }
            let never = before.iter().chain(behind).find_map(|other| rule.never_beside(other));
            if let Some(fault) = never {
                findings.add(fault);
            }
        }
    }
}

impl PathRule {
    /// What is wrong where nothing can ever stand at its path, for another rule demands something else on the way.
    fn never_beside(&self, other: &Self) -> Option<Fault> {
        let next = self.path.inside(&other.path)?;
        let keys = &other.keys.value;
        let is = match (keys.kind.as_ref().map(|at| at.value), next) {
            (Some(kind), _) if kind.is_scalar() => kind.wanted(),
            (Some(Kind::Object), None) => "an object, and no array",
            (Some(Kind::Array), Some(key)) if !is_of_array(key) => "an array, and no object",
            (None, _) if keys.asks_for_scalar() => "a single value",
            _ => return None,
        };
        let (name, outer) = (&self.name.value, &other.name.value);
        let message = format!("nothing can stand at `{name}`: `{outer}` must be {is}");
        let remedy = format!(
            "mend the path or the rule for `{outer}`; elements of an array are `[]`, like `images[].url`"
        );
        Some(Fault::new(self.name.place, message, remedy))
    }
}

/// Whether an array can have something at a key: a number, or an element by a field of its own.
fn is_of_array(key: &str) -> bool {
    key.starts_with('[') || key.parse::<usize>().is_ok()
}

impl RuleKeys {
    /// Whether only a single value can keep it.
    fn asks_for_scalar(&self) -> bool {
        self.min.is_some() || self.max.is_some() || self.pattern.is_some() || self.one_of.is_some()
    }

    /// Notes keys that do not go together. `place` is the rule's.
    fn check(&self, place: Place, findings: &mut Findings) {
        let demands = self.required.as_ref().is_some_and(|at| at.value)
            || self.kind.is_some()
            || self.asks_for_scalar()
            || self.length_min.is_some()
            || self.length_max.is_some();
        if !demands {
            let remedy = "write `required: true`, a `type` or another rule, or remove it";
            findings.add(Fault::new(place, "the rule demands nothing", remedy));
        }
        self.check_order(findings);
        self.check_kind(findings);
        let empty = self.one_of.as_ref().filter(|at| at.value.is_empty());
        if let Some(at) = empty {
            findings.add(Fault::new(
                at.place,
                "no value is one of none",
                "write the values that it may have",
            ));
        }
    }

    /// What is smallest must be smaller than what is largest.
    fn check_order(&self, findings: &mut Findings) {
        for at in [&self.min, &self.max].into_iter().flatten().filter(|at| !at.value.is_finite()) {
            findings.add(Fault::new(
                at.place,
                "it is no number that there is",
                "write a number, like `0`",
            ));
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && min.value > max.value
        {
            let message = format!("no number is at least {} and at most {}", min.value, max.value);
            findings.add(Fault::new(min.place, message, "`min` is the smaller one"));
        }
        if let (Some(min), Some(max)) = (&self.length_min, &self.length_max)
            && min.value > max.value
        {
            let message =
                format!("nothing has at least {} and at most {} characters", min.value, max.value);
            findings.add(Fault::new(min.place, message, "`length_min` is the smaller one"));
        }
    }

    /// What the type makes useless, or impossible.
    fn check_kind(&self, findings: &mut Findings) {
        let kind = self.kind.as_ref().map(|at| at.value);
        if let Some(strict) = &self.strict
            && !kind.is_some_and(Kind::has_texts)
        {
            let message = "`strict` does nothing here: it is for a `type` of `number`, `integer` or `boolean`";
            findings.add(Fault::new(strict.place, message, "remove it, or say the `type`"));
        }
        let Some(kind) = kind else { return };
        let wanted = kind.wanted();
        let range = [("min", &self.min), ("max", &self.max)];
        for (key, at) in range.into_iter().filter_map(|(key, at)| Some((key, at.as_ref()?))) {
            if !kind.is_number() {
                let message = format!("`{key}` is of numbers, and it must be {wanted}");
                let remedy = "write `type: number`; how long a text is says `length_max`";
                findings.add(Fault::new(at.place, message, remedy));
            }
        }
        let of_scalars = [
            ("pattern", self.pattern.as_ref().map(|at| at.place)),
            ("enum", self.one_of.as_ref().map(|at| at.place)),
        ];
        for (key, place) in of_scalars.into_iter().filter_map(|(key, place)| Some((key, place?))) {
            if !kind.is_scalar() {
                let message = format!("`{key}` is of single values, and it must be {wanted}");
                let remedy =
                    "for the elements of an array write a rule of their own, like `tags[]`";
                findings.add(Fault::new(place, message, remedy));
            }
        }
        let lengths = [&self.length_min, &self.length_max].into_iter().flatten();
        for at in lengths.filter(|_| matches!(kind, Kind::Object | Kind::Boolean)) {
            let message = format!("{wanted} has no length");
            findings.add(Fault::new(at.place, message, "remove it, or mend `type`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::read;

    /// What is wrong with the section.
    fn said(rules: Value) -> Vec<String> {
        let (validate, mut findings) = read::<Validate>(rules);
        // In a test all values stand at one place, of which one fault is noted.
        validate.check(Place::default(), &mut findings);
        findings
            .faults
            .into_iter()
            .map(|fault| format!("{}; {}", fault.message, fault.remedy))
            .collect()
    }

    #[test]
    fn rules_that_can_be_kept_are_right() {
        for rules in [
            json!({ "a": { "required": true } }),
            json!({ "a": { "type": "integer", "strict": true, "min": 1, "max": 1 } }),
            json!({ "a": { "type": "array", "length_max": 3 }, "a[]": { "type": "object" }, "a[].b": { "enum": [1] } }),
            json!({ "a": { "type": "array" }, "a.0": { "required": true }, "a[b=c].d": { "required": true } }),
            json!({ "a": { "type": "object" }, "a.b": { "pattern": "x" } }),
            json!({ "a": { "length_min": 1 }, "a[].b": { "required": true } }),
        ] {
            assert_eq!(said(rules.clone()), [""; 0], "{rules}");
        }
    }

    #[test]
    fn rules_that_cannot_be_kept_or_demand_nothing_are_refused() {
        for (rules, part) in [
            (json!({}), "demands nothing"),
            (json!({ "a": {} }), "the rule demands nothing"),
            (json!({ "a": { "required": false } }), "the rule demands nothing"),
            (json!({ "a": { "pattern": "(" } }), "`(` is no regular expression"),
            (json!({ "a": { "pattern": "(?=x)" } }), "look-around"),
            (json!({ "a": { "pattern": "(a{1,300}){1,300}" } }), "size limit"),
            (json!({ "a": { "pattern": "" } }), "an empty pattern"),
            (json!({ "a": { "enum": [] } }), "no value is one of none"),
            (json!({ "a": { "min": 2, "max": 1 } }), "no number is at least 2 and at most 1"),
            (
                json!({ "a": { "length_min": 2, "length_max": 1 } }),
                "at least 2 and at most 1 characters",
            ),
            (json!({ "a": { "required": true, "strict": true } }), "`strict` does nothing here"),
            (json!({ "a": { "type": "string", "strict": true } }), "`strict` does nothing here"),
            (json!({ "a": { "type": "string", "min": 1 } }), "`min` is of numbers"),
            (json!({ "a": { "type": "array", "pattern": "x" } }), "`pattern` is of single values"),
            (json!({ "a": { "type": "object", "enum": ["x"] } }), "`enum` is of single values"),
            (json!({ "a": { "type": "object", "length_min": 1 } }), "an object has no length"),
            (json!({ "a[0]": { "required": true } }), "`a[0]` is no path"),
            (json!({ "a.*": { "required": true } }), "write `[]` for each element"),
            (
                json!({ "a.b": { "required": true }, "a": { "type": "number" } }),
                "nothing can stand at `a.b`: `a` must be a number",
            ),
            (
                json!({ "a": { "type": "array" }, "a.b": { "required": true } }),
                "nothing can stand at `a.b`: `a` must be an array, and no object",
            ),
            (
                json!({ "a[]": { "required": true }, "a": { "type": "object" } }),
                "nothing can stand at `a[]`: `a` must be an object, and no array",
            ),
            (
                json!({ "a": { "enum": ["x"] }, "a[].b": { "required": true } }),
                "nothing can stand at `a[].b`: `a` must be a single value",
            ),
            (
                json!({ "a.b": { "required": true }, "a.\"b\"": { "type": "number" } }),
                "are one value",
            ),
        ] {
            let said = said(rules.clone());
            assert!(said.len() == 1 && said[0].contains(part), "{rules}: {said:?}");
        }
    }
}
