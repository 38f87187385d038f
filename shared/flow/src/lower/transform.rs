//! `transform`

use serde_json::Value;

use super::{Check, source::constant, values};
use crate::{
    at::{At, Entries},
    jq, path,
    raw::{DottedPath, Field, FieldKeys, Transform},
    spec::{Cast, FieldSpec, ShapeSpec, TransformSpec},
};

pub(super) fn transform(check: &mut Check<'_>, transform: Transform) -> Option<TransformSpec> {
    let Transform { filter, map, jq, rust } = transform;
    let filter = values::optional(filter, |program| self::program(check, program));
    let mut given: Vec<_> = [
        map.as_ref().map(|map| (map.place, "map")),
        jq.as_ref().map(|jq| (jq.place, "jq")),
        rust.as_ref().map(|rust| (rust.place, "rust")),
    ]
    .into_iter()
    .flatten()
    .collect();
    given.sort_by_key(|(place, _)| place.start);
    if let [(_, first), (place, second), ..] = given.as_slice() {
        let message = format!("`{first}` and `{second}` both say what becomes of a record");
        check.report.add(*place, message, format!("remove `{first}` or `{second}`"));
    }
    // Each is looked at all the same, so that its own faults show too.
    let map = values::optional(map, |fields| self::map(check, fields));
    let jq = values::optional(jq, |program| self::program(check, program));
    let rust = values::optional(rust, |name| values::plain_name(check, &name));
    let shape = match (map?, jq?, rust?) {
        (Some(fields), _, _) => ShapeSpec::Map(fields),
        (_, Some(program), _) => ShapeSpec::Jq(program),
        (_, _, Some(name)) => ShapeSpec::Rust(name),
        (None, None, None) => ShapeSpec::Same,
    };
    Some(TransformSpec { filter: filter?, shape })
}

fn program(check: &mut Check<'_>, program: At<String>) -> Option<String> {
    let Err(errors) = jq::compile(&program.value) else { return Some(program.value) };
    for error in errors {
        // The file may indent or fold the program: its words are found by counting them.
        let fragment = &program.value[error.span.clone()];
        let before = match fragment {
            "" => 0,
            word => program.value[..error.span.start].matches(word).count(),
        };
        let place = check.report.source.inside(program.place, fragment, before);
        check.report.add(place, error.message, error.remedy);
    }
    None
}

fn map(check: &mut Check<'_>, fields: At<Entries<Field>>) -> Option<Vec<(Vec<String>, FieldSpec)>> {
    if fields.value.0.is_empty() {
        let remedy = "write at least one field, or remove `map` to pass records on as they are";
        check.report.add(fields.place, "`map` is empty: every record would become `{}`", remedy);
        return None;
    }
    let mut targets: Vec<(Vec<String>, String)> = Vec::new();
    values::all(fields.value.0.into_iter().map(|(name, field)| {
        let target = target(check, name, &mut targets);
        let field = self::field(check, field);
        Some((target?, field?))
    }))
}

/// Where a field goes: a path that no other field is on, above or below.
fn target(
    check: &mut Check<'_>,
    name: At<String>,
    targets: &mut Vec<(Vec<String>, String)>,
) -> Option<Vec<String>> {
    let target = match path::parse(&name.value) {
        Ok(target) => target,
        Err(fault) => {
            let message = format!("`{}` is no field: {fault}", name.value);
            check.report.add(name.place, message, path::REMEDY);
            return None;
        }
    };
    let clash =
        targets.iter().find(|(other, _)| other.starts_with(&target) || target.starts_with(other));
    if let Some((_, other)) = clash {
        let message = format!("the fields `{other}` and `{}` are in each other's way", name.value);
        check.report.add(name.place, message, "one would overwrite the other: remove one of them");
        return None;
    }
    targets.push((target.clone(), name.value));
    Some(target)
}

fn field(check: &mut Check<'_>, field: At<Field>) -> Option<FieldSpec> {
    match field.value {
        Field::Path(DottedPath(path)) => {
            let path = At { value: DottedPath(path), place: field.place };
            let path = values::dotted(check, &path)?;
            Some(FieldSpec { path: Some(path), ..FieldSpec::default() })
        }
        Field::Keys(keys) => {
            let fits = keys_fit(check, &keys, field.place);
            let FieldKeys { path, value, default, cast, when_absent } = *keys;
            let path = values::optional(path, |path| values::dotted(check, &path));
            let value = values::optional(value, |value| constant(check, value));
            let default = values::optional(default, |default| constant(check, default));
            let spec = FieldSpec {
                path: path?,
                value: value?,
                default: default?,
                cast: cast.map(|cast| cast.value),
                when_absent: when_absent.map(|when| when.value).unwrap_or_default(),
            };
            fits.then_some(spec)
        }
    }
}

/// Whether a field's keys go together.
fn keys_fit(check: &mut Check<'_>, keys: &FieldKeys, place: crate::text::Place) -> bool {
    let mut fits = true;
    let mut clash = |place, message: &str, remedy: &str| {
        check.report.add(place, message, remedy);
        fits = false;
    };
    match (&keys.path, &keys.value) {
        (None, None) => {
            let remedy = "add `path:` with a place in the record, or `value:` with a constant";
            clash(place, "the field comes from nowhere", remedy);
        }
        (Some(_), Some(value)) => {
            let remedy = "remove one; a constant for absent values is `default`";
            clash(value.place, "a field has a `path` or a `value`, not both", remedy);
        }
        (None, Some(_)) => {
            let default = keys.default.as_ref().map(|at| ("default", at.place));
            let cast = keys.cast.as_ref().map(|at| ("cast", at.place));
            let when_absent = keys.when_absent.as_ref().map(|at| ("when_absent", at.place));
            for (key, place) in [default, cast, when_absent].into_iter().flatten() {
                let message = format!("`{key}` does nothing beside `value`, which is a constant");
                clash(place, &message, "remove it, or write `path` instead of `value`");
            }
        }
        (Some(_), None) => {}
    }
    let Some(default) = &keys.default else { return fits };
    if let Some(when_absent) = &keys.when_absent {
        // `omit` beside a default contradicts it as much as `refuse` does.
        let remedy = "remove one of the two";
        clash(when_absent.place, "with a `default`, the field is never absent", remedy);
    }
    if let Some(cast) = &keys.cast
        && !is_of(&default.value.0, cast.value)
    {
        let (name, example) = match cast.value {
            Cast::String => ("string", "\"none\""),
            Cast::Integer => ("integer", "0"),
            Cast::Number => ("number", "0.0"),
            Cast::Boolean => ("boolean", "false"),
        };
        let message =
            format!("the default `{}` is no {name}, which `cast` asks for", default.value.0);
        clash(default.place, &message, &format!("write one that is, like `{example}`"));
    }
    fits
}

/// Whether a default is what the cast gives. A default is sent as it stands, not cast.
fn is_of(default: &Value, cast: Cast) -> bool {
    match cast {
        // `null` says "absent" in every type.
        _ if default.is_null() => true,
        Cast::String => default.is_string(),
        Cast::Integer => default.is_i64() || default.is_u64(),
        Cast::Number => default.is_number(),
        Cast::Boolean => default.is_boolean(),
    }
}
