//! All fields of a map: whether their keys go together, and whether they are in each other's way.

use super::field::{Each, FieldKeys, Fields, Target, WhenAbsent};
use crate::file::{Fault, Findings, Place};

impl Fields {
    /// Notes what does not go together. `place` is the section's.
    pub(in crate::transform) fn check(
        &self,
        place: Place,
        looks_up: bool,
        findings: &mut Findings,
    ) {
        if self.0.is_empty() {
            let message = "`map` is empty: every record would become `{}`";
            let remedy = "write at least one field, or remove `map` to pass records on as they are";
            findings.add(Fault::new(place, message, remedy));
        }
        for (index, field) in self.0.iter().enumerate() {
            let before = self.0[..index].iter().find(|other| {
                other.path.starts_with(&field.path) || field.path.starts_with(&other.path)
            });
            if let Some(other) = before {
                let (one, two) = (&other.name.value, &field.name.value);
                let message = format!("the fields `{one}` and `{two}` are in each other's way");
                let remedy = "one would overwrite the other: remove one of them";
                findings.add(Fault::new(field.name.place, message, remedy));
            }
            field.keys.value.check(field.keys.place, looks_up, findings);
        }
    }
}

impl FieldKeys {
    /// Notes keys that do not go together. `place` is the field's; `looks_up` says whether the flow
    /// has a `lookup`.
    pub(super) fn check(&self, place: Place, looks_up: bool, findings: &mut Findings) {
        self.check_origin(place, findings);
        self.check_default(findings);
        self.check_date(findings);
        self.check_each(findings);
        self.check_lookup(looks_up, findings);
    }

    fn check_date(&self, findings: &mut Findings) {
        let (Some(date), Some(cast)) = (&self.date, &self.cast) else { return };
        if !date.value.goes_with(cast.value) {
            let (name, _) = cast.value.name_and_example();
            let message = format!("what `date` writes is no {name}, which `cast` asks for");
            findings.add(Fault::new(cast.place, message, "remove `cast`, or write `to: epoch_s`"));
        }
    }

    fn check_each(&self, findings: &mut Findings) {
        let Some(each) = &self.each else { return };
        let beside = [
            ("words", self.words.as_ref().map(|at| at.place)),
            ("date", self.date.as_ref().map(|at| at.place)),
            ("cast", self.cast.as_ref().map(|at| at.place)),
        ];
        for (key, place) in beside {
            let Some(place) = place else { continue };
            let message = format!("`{key}` is of one value, and `each` is of an array");
            let remedy = "write it in `each`, at the field whose value it is";
            findings.add(Fault::new(place, message, remedy));
        }
        let Each::Fields(fields) = &each.value else { return };
        for Target { keys, .. } in &fields.0 {
            for (key, place) in keys.value.lookup_keys().into_iter().flatten() {
                let message = format!(
                    "`{key}` cannot stand in `each`: what was looked up has no such elements"
                );
                let remedy = "remove it, or write the array by `transform.jq`";
                findings.add(Fault::new(place, message, remedy));
            }
        }
        if fields.0.is_empty() {
            let message = "`each` is empty: every element would become `{}`";
            let remedy = "write at least one field, or remove `each` to send the array as it is";
            findings.add(Fault::new(each.place, message, remedy));
        }
        // What is wrong with those keys has been said.
        fields.check(each.place, true, findings);
    }

    fn check_origin(&self, place: Place, findings: &mut Findings) {
        if let (Some(_), Some(lookup)) = (&self.path, &self.lookup) {
            let message = "a field has a `path` or a `lookup`, not both";
            let remedy =
                "remove one; for what is absent in the record there is `when_absent: keep`";
            findings.add(Fault::new(lookup.site.place, message, remedy));
        }
        let is_read = self.path.is_some() || self.lookup.is_some();
        match &self.value {
            None if is_read => {}
            None => {
                let remedy = "add `path:` with a place in the record, or `value:` with a constant";
                findings.add(Fault::new(place, "the field comes from nowhere", remedy));
            }
            Some(value) if is_read => {
                let message = "a field has a `path` or a `value`, not both";
                let remedy = "remove one; a constant for absent values is `default`";
                findings.add(Fault::new(value.site.place, message, remedy));
            }
            Some(value) => {
                let is_fixed = !value.has_references();
                let beside = [
                    ("default", self.default.as_ref().map(|default| default.site.place)),
                    ("words", self.words.as_ref().map(|at| at.place)),
                    ("date", self.date.as_ref().map(|at| at.place)),
                    ("each", self.each.as_ref().map(|at| at.place)),
                    // What a parameter holds is a text, which may be meant as a number.
                    ("cast", self.cast.as_ref().filter(|_| is_fixed).map(|at| at.place)),
                    ("when_absent", self.when_absent.as_ref().map(|at| at.place)),
                    ("null_as", self.null_as.as_ref().map(|null_as| null_as.site.place)),
                ];
                for (key, place) in beside {
                    let Some(place) = place else { continue };
                    let message =
                        format!("`{key}` does nothing beside `value`, which is a constant");
                    let remedy = "remove it, or write `path` instead of `value`";
                    findings.add(Fault::new(place, message, remedy));
                }
            }
        }
    }

    fn check_default(&self, findings: &mut Findings) {
        let Some(default) = &self.default else { return };
        if let Some(when_absent) = &self.when_absent {
            // `omit` beside a default contradicts it as much as `refuse` does.
            let message = "with a `default`, the field is never absent";
            findings.add(Fault::new(when_absent.place, message, "remove one of the two"));
        }
        if let Some(cast) = &self.cast
            && !default.has_references()
            && !cast.value.gives(&default.written)
        {
            let (name, example) = cast.value.name_and_example();
            let message =
                format!("the default `{}` is no {name}, which `cast` asks for", default.written);
            let remedy = format!("write one that is, like `{example}`");
            findings.add(Fault::new(default.site.place, message, remedy));
        }
    }

    /// The keys that go by what was looked up, those that are given with their places.
    fn lookup_keys(&self) -> [Option<(&'static str, Place)>; 3] {
        let keep = self.when_absent.as_ref().filter(|at| at.value == WhenAbsent::Keep);
        [
            self.lookup.as_ref().map(|path| ("lookup", path.site.place)),
            self.never_overwrite.as_ref().map(|at| ("never_overwrite", at.place)),
            keep.map(|at| ("when_absent: keep", at.place)),
        ]
    }

    fn check_lookup(&self, looks_up: bool, findings: &mut Findings) {
        let [lookup, never, keep] = self.lookup_keys();
        if !looks_up {
            for (key, place) in [lookup, never, keep].into_iter().flatten() {
                let message = format!("`{key}` needs what was looked up, and nothing is");
                let remedy = "add a `lookup` section, or remove it";
                findings.add(Fault::new(place, message, remedy));
            }
        }
        match (lookup, never, keep) {
            (Some(_), Some((key, place)), _) | (Some(_), None, Some((key, place))) => {
                let message = format!("`{key}` does nothing beside `lookup`: it is there already");
                let remedy = "remove it, or write `path` instead of `lookup`";
                findings.add(Fault::new(place, message, remedy));
            }
            (None, Some(_), Some((key, place))) => {
                let message = format!("`{key}` does nothing beside `never_overwrite`");
                let remedy = "remove one: what is there stays as it is";
                findings.add(Fault::new(place, message, remedy));
            }
            _ => {}
        }
    }
}
