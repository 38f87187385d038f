//! Slips in what is posted for a list.

use crate::{Slip, slip};

pub(crate) const POSTED: &[Slip] = &[
    slip("method: POST", "method: GET", 9, "a GET carries no `body`", "method: POST"),
    slip("method: POST", "method: PUT", 9, "PUT", "POST"),
    slip(
        "is: \"${params.owner}\"",
        "is: \"${params.ownr}\"",
        11,
        "the parameter `ownr` is not declared",
        "did you mean `owner`?",
    ),
    slip(
        "is: \"${params.owner}\"",
        "is: \"${record.owner}\"",
        11,
        "`${record.owner}` cannot stand here",
        "mark.url",
    ),
    slip(
        "since: filters.1.after.value",
        "since: filters.2.after",
        15,
        "`filters.2.after` leads to no item of `filters`, a list of 2",
        "from 0",
    ),
    slip(
        "since: filters.1.after.value",
        "since: filters.last",
        15,
        "leads to no item of `filters`",
        "from 0",
    ),
    slip(
        "since: filters.1.after.value",
        "since: filters.1.after",
        15,
        "is a value in `body` already",
        "remove one of the two",
    ),
    slip(
        "until: before",
        "until: sort.by.field",
        15,
        "leads through `sort.by`, which is a value in `body`",
        "remove one of the two",
    ),
    slip("until: before", "until: archived", 15, "is a value in `body` already", "remove one"),
    slip("until: before", "until: a..b", 15, "is no place in `body`", "dots between"),
    slip("until: before", "until: ''", 15, "cannot be a name", "as it is"),
    slip(
        "until: before",
        "until: paging.limit.most",
        17,
        "`size_param: paging.limit` and `until: paging.limit.most` are in each other's way",
        "place of its own",
    ),
    slip(
        "param: paging.after",
        "param: filters.1.after.value",
        17,
        "`param: filters.1.after.value` and `since: filters.1.after.value`",
        "place of its own",
    ),
];
