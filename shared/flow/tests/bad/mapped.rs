//! Slips in what becomes of a record.

use super::{Slip, slip};

/// With the good file.
pub(super) const MAPPED: &[Slip] = &[
    slip(
        "kind: { value: contact }",
        "kind: { value: \"${secrets.crm_password}\" }",
        40,
        "`${secrets.crm_password}` cannot stand here",
        "kept and shown with every record",
    ),
    slip(
        "kind: { value: contact }",
        "kind: { value: [{ a: \"${record.kind}\" }] }",
        40,
        "`${record.kind}` cannot stand here",
        "use a path in `transform.map`",
    ),
    slip(
        "default: unknown",
        "default: \"${params.tenent}\"",
        38,
        "`tenent` is not declared",
        "did you mean `tenant`?",
    ),
    slip("default: unknown", "null_as: \"${x}\"", 38, "refers to nothing", "`$${` stands for"),
    slip(
        "filter: .status != \"draft\"",
        "filter: .status != $params.tenent",
        35,
        "`tenent` is not declared",
        "did you mean `tenant`?",
    ),
    slip(
        "filter: .status != \"draft\"",
        "filter: .status != \"${params.tenant}\"",
        35,
        "`${params.tenant}` is not filled in inside a program",
        "write `$params.tenant`",
    ),
    slip(
        "filter: .status != \"draft\"",
        "filter: .status != \"${STATUS}\"",
        35,
        "`${STATUS}` is not filled in inside a program",
        "`$params.NAME`",
    ),
    slip(
        "when_absent: \"null\"",
        "when_absent: null",
        39,
        "and is nothing",
        "`omit` or `\"null\"`, in quotes, or `refuse`",
    ),
    slip(
        "cast: integer, when_absent: \"null\"",
        "date: { to: iso }",
        39,
        "`iso` is no way in which a date is written",
        "`%d.%m.%Y`",
    ),
    slip(
        "cast: integer, when_absent: \"null\"",
        "date: { from: \"%H:%M\", to: date }",
        39,
        "`%H:%M` is no way in which a date is read",
        "year, month and day",
    ),
    slip(
        "when_absent: \"null\"",
        "date: { to: rfc3339 }",
        39,
        "what `date` writes is no integer",
        "`to: epoch_s`",
    ),
    slip(
        "when_absent: \"null\"",
        "each: { a: b }",
        39,
        "`cast` is of one value, and `each` is of an array",
        "write it in `each`",
    ),
    slip(
        "cast: integer, when_absent: \"null\"",
        "each: { a: { lookup: b } }",
        39,
        "`lookup` cannot stand in `each`",
        "remove it",
    ),
    slip(
        "cast: integer, when_absent: \"null\"",
        "each: { a: b, a.c: d }",
        39,
        "`a` and `a.c` are in each other's way",
        "remove one",
    ),
    slip(
        "cast: integer, when_absent: \"null\"",
        "each: {}",
        39,
        "`each` is empty",
        "at least one field",
    ),
    slip(
        "kind: { value: contact }",
        "kind: { value: contact, each: a }",
        40,
        "`each` does nothing beside `value`",
        "write `path` instead",
    ),
];
