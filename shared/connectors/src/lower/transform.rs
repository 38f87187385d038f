//! `transform`

use serde_json::Value;

use super::{Check, source::constant, values};
use crate::{
    at::{At, Entries},
    flow::Ordering,
    jq::{self, Sees},
    path,
    raw::{DottedPath, Field, FieldKeys, Lookup, NeverOverwrite, Transform},
    spec::{Cast, FieldSpec, ShapeSpec, TransformSpec, WhenAbsent},
    text::Place,
};

/// What a transform needs to know of the flow's `lookup`.
pub(super) struct Asked {
    /// No two records that are looked up by the same key are merged at once.
    one_at_a_time: bool,
    by: Option<Vec<String>>,
    cache: Option<Place>,
    place: Place,
}

impl Asked {
    pub(super) fn of(lookup: &At<Lookup>, id: &[String], ordering: Option<Ordering>) -> Self {
        let by = path::parse_picked(&lookup.value.by.value.0).ok();
        let one_at_a_time = match ordering {
            Some(Ordering::Serial) => true,
            // What is no path is reported where it stands.
            Some(Ordering::Entity) | None => by.as_deref().is_none_or(|by| by == id),
            Some(Ordering::None) => false,
        };
        Self {
            one_at_a_time,
            by,
            cache: lookup.value.cache.as_ref().map(|cache| cache.place),
            place: lookup.place,
        }
    }
}

pub(super) fn transform(
    check: &mut Check<'_>,
    transform: Transform,
    asked: Option<&Asked>,
) -> Option<TransformSpec> {
    let Transform { filter, map, jq, rust } = transform;
    let filter = values::optional(filter, |program| self::program(check, program, Sees::Record));
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
    let map = values::optional(map, |fields| self::map(check, fields, asked));
    let sees = if asked.is_some() { Sees::Lookup } else { Sees::Record };
    let jq = values::optional(jq, |program| self::program(check, program, sees));
    let rust = values::optional(rust, |name| values::plain_name(check, &name));
    let shape = match (map?, jq?, rust?) {
        (Some(fields), _, _) => ShapeSpec::Map(fields),
        (_, Some(program), _) => ShapeSpec::Jq(program),
        (_, _, Some(name)) => ShapeSpec::Rust(name),
        (None, None, None) => ShapeSpec::Same,
    };
    if let Some(asked) = asked {
        uses(check, &shape, asked)?;
    }
    Some(TransformSpec { filter: filter?, shape })
}

/// Whether what is looked up is of use, and fresh where it has to be.
fn uses(check: &mut Check<'_>, shape: &ShapeSpec, asked: &Asked) -> Option<()> {
    let (reads, merges) = match shape {
        ShapeSpec::Same => (false, false),
        ShapeSpec::Map(fields) => {
            let merges = fields.iter().any(|(_, field)| field.merges());
            (merges || fields.iter().any(|(_, field)| field.lookup.is_some()), merges)
        }
        ShapeSpec::Jq(program) => (jq::reads_lookup(program), false),
        // Nobody knows but who wrote it.
        ShapeSpec::Rust(_) => (true, false),
    };
    if !reads {
        let remedy = "read it with `lookup: PATH` or `never_overwrite` in `transform.map`, or as \
                      `$lookup` in `transform.jq`, or remove the section";
        check.report.add(asked.place, "nothing reads what is looked up", remedy);
        return None;
    }
    if let (true, Some(cache)) = (merges, asked.cache) {
        let message = "`cache` and a merge (`never_overwrite`, `when_absent: keep`) cannot both be: \
                       what was known a while ago is no base to merge with";
        check.report.add(cache, message, "remove `cache`: every record is then looked up anew");
        return None;
    }
    if merges && !asked.one_at_a_time {
        let message = "a merge (`never_overwrite`, `when_absent: keep`) goes by what was looked up, and two \
                       records of one key could be merged at once";
        let remedy = "write `ordering: serial`, or have `source.http.id` and `lookup.by` name the same \
                      field with `ordering: entity`";
        check.report.add(asked.place, message, remedy);
        return None;
    }
    Some(())
}

fn program(check: &mut Check<'_>, program: At<String>, sees: Sees) -> Option<String> {
    let Err(errors) = jq::compile(&program.value, sees) else { return Some(program.value) };
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

fn map(
    check: &mut Check<'_>,
    fields: At<Entries<Field>>,
    asked: Option<&Asked>,
) -> Option<Vec<(Vec<String>, FieldSpec)>> {
    if fields.value.0.is_empty() {
        let remedy = "write at least one field, or remove `map` to pass records on as they are";
        check.report.add(fields.place, "`map` is empty: every record would become `{}`", remedy);
        return None;
    }
    let mut targets: Vec<(Vec<String>, String)> = Vec::new();
    values::all(fields.value.0.into_iter().map(|(name, field)| {
        let target = target(check, name, &mut targets);
        let field = self::field(check, field, target.as_deref().unwrap_or_default(), asked);
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

fn field(
    check: &mut Check<'_>,
    field: At<Field>,
    target: &[String],
    asked: Option<&Asked>,
) -> Option<FieldSpec> {
    let is_key =
        |path: &Option<Vec<String>>| path.is_some() && asked.is_some_and(|asked| asked.by == *path);
    match field.value {
        Field::Path(DottedPath(path)) => {
            let path = At { value: DottedPath(path), place: field.place };
            let path = Some(values::picked(check, &path)?);
            Some(FieldSpec { is_key: is_key(&path), path, ..FieldSpec::default() })
        }
        Field::Keys(keys) => {
            let fits =
                keys_fit(check, &keys, field.place) & lookup_fits(check, &keys, asked.is_some());
            let FieldKeys {
                path,
                lookup,
                value,
                default,
                words,
                cast,
                when_absent,
                never_overwrite,
            } = *keys;
            let path = values::optional(path, |path| values::picked(check, &path));
            let lookup = values::optional(lookup, |path| values::dotted(check, &path));
            let never_overwrite = values::optional(never_overwrite, |never| match never.value {
                NeverOverwrite::Switch(on) => Some(on.then(|| target.to_vec())),
                NeverOverwrite::Path(path) => {
                    values::dotted(check, &At { value: path, place: never.place }).map(Some)
                }
            });
            let value = values::optional(value, |value| constant(check, value));
            let default = values::optional(default, |default| constant(check, default));
            let path = path?;
            let spec = FieldSpec {
                // A part of the key is not what was looked up by.
                is_key: is_key(&path) && words.is_none(),
                path,
                lookup: lookup?,
                value: value?,
                default: default?,
                words: words.map(|words| words.value),
                cast: cast.map(|cast| cast.value),
                when_absent: when_absent.map(|when| when.value).unwrap_or_default(),
                never_overwrite: never_overwrite?.flatten(),
            };
            fits.then_some(spec)
        }
    }
}

/// Whether what a field says of the look-up can be.
fn lookup_fits(check: &mut Check<'_>, keys: &FieldKeys, asked: bool) -> bool {
    let keep = keys.when_absent.as_ref().filter(|when| when.value == WhenAbsent::Keep);
    let lookup = keys.lookup.as_ref().map(|at| ("lookup", at.place));
    let never = keys.never_overwrite.as_ref().map(|at| ("never_overwrite", at.place));
    let keep = keep.map(|at| ("when_absent: keep", at.place));
    let mut fits = true;
    let mut clash = |place, message: String, remedy: &str| {
        check.report.add(place, message, remedy);
        fits = false;
    };
    if !asked {
        for (key, place) in [lookup, never, keep].into_iter().flatten() {
            let message = format!("`{key}` needs what was looked up, and nothing is");
            clash(place, message, "add a `lookup` section, or remove it");
        }
    }
    match (lookup, never, keep) {
        (Some(_), Some((key, place)), _) | (Some(_), None, Some((key, place))) => {
            let message = format!("`{key}` does nothing beside `lookup`: it is there already");
            clash(place, message, "remove it, or write `path` instead of `lookup`");
        }
        (None, Some(_), Some((key, place))) => {
            let message = format!("`{key}` does nothing beside `never_overwrite`");
            clash(place, message, "remove one: what is there stays as it is");
        }
        _ => {}
    }
    fits
}

/// Whether a field's keys go together.
fn keys_fit(check: &mut Check<'_>, keys: &FieldKeys, place: Place) -> bool {
    let mut fits = true;
    let mut clash = |place, message: &str, remedy: &str| {
        check.report.add(place, message, remedy);
        fits = false;
    };
    let path = keys.path.as_ref().or(keys.lookup.as_ref());
    if let (Some(_), Some(lookup)) = (&keys.path, &keys.lookup) {
        let remedy = "remove one; for what is absent in the record there is `when_absent: keep`";
        clash(lookup.place, "a field has a `path` or a `lookup`, not both", remedy);
    }
    match (path, &keys.value) {
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
            let words = keys.words.as_ref().map(|at| ("words", at.place));
            let cast = keys.cast.as_ref().map(|at| ("cast", at.place));
            let when_absent = keys.when_absent.as_ref().map(|at| ("when_absent", at.place));
            for (key, place) in [default, words, cast, when_absent].into_iter().flatten() {
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
