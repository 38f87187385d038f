//! Slips in what records must be like.

use super::{Slip, slip};

/// With the good file.
pub(super) const VALIDATED: &[Slip] = &[
    slip("type: integer, strict: true", "type: whole, strict: true", 71, "`whole`", "`integer`"),
    slip("min: 0, max: 100", "minimum: 0", 71, "unknown key `minimum`", "known keys are"),
    slip(
        "min: 0, max: 100",
        "min: 100, max: 0",
        71,
        "no number is at least 100 and at most 0",
        "smaller one",
    ),
    slip("min: 0, max: 100", "min: none", 71, "`validate.score.min`", "number"),
    slip("enum: [person, company]", "enum: []", 72, "`validate.kind.enum`", "at least"),
    slip(
        "enum: [person, company]",
        "strict: true, required: true",
        72,
        "`strict` does nothing here",
        "`type`",
    ),
    slip("{ enum: [person, company] }", "{}", 72, "the rule demands nothing", "`required: true`"),
    slip(
        "pattern: '^\\S'",
        "pattern: '^(\\S'",
        73,
        "`^(\\S` is no regular expression",
        "`^[A-Z]{3}$`",
    ),
    slip("pattern: '^\\S'", "pattern: '^(?!x)'", 73, "is no regular expression", "look-around"),
    slip(
        "length_min: 2",
        "length_min: 200",
        73,
        "nothing has at least 200 and at most 80 characters",
        "smaller one",
    ),
    slip(
        "type: string, length_min: 2",
        "type: string, min: 2",
        73,
        "`min` is of numbers",
        "`length_max`",
    ),
    slip(
        "\"mails[].address\"",
        "\"mails[0].address\"",
        74,
        "`mails[0].address` is no path",
        "`users[type=customer].name`",
    ),
    slip(
        "\"mails[].address\"",
        "\"mails.*.address\"",
        74,
        "`*` stands for nothing here",
        "`images[].url`",
    ),
    slip(
        "\"mails[].address\"",
        "kind.name",
        74,
        "nothing can stand at `kind.name`: `kind` must be a single value",
        "mend the path",
    ),
    slip(
        "\"mails[].address\"",
        "'.\"kind\"'",
        74,
        "`kind` and `.\"kind\"` are one value",
        "in one place",
    ),
];
