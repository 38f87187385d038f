//! Slips in how a list is gone along.

use super::{Slip, slip};

pub(crate) const WAYS: &[Slip] = &[
    slip(
        "      settle_lag: 5s",
        "      settle_lag: 5s\n      overlap: 1m",
        24,
        "`overlap` is for lists that begin with the newest record",
        "newest_first: true",
    ),
    slip(
        "      settle_lag: 5s",
        "      newest_first: true\n      window: 30d",
        24,
        "`window` is for lists that begin with the oldest record",
        "remove one",
    ),
    slip(
        "      start: 2026-01-01T00:00:00Z",
        "      window: 30d",
        16,
        "`window` does not say where the first one begins",
        "add `start:`",
    ),
    slip(
        "      until: updated_until",
        "      window: 30d",
        16,
        "`window` needs an upper bound",
        "${cursor.until}",
    ),
    slip(
        "      since: updated_since\n      inclusive: true\n      until: updated_until",
        "      window: 30d",
        16,
        "`window` needs an upper bound",
        "${cursor.until}",
    ),
    slip(
        "      settle_lag: 5s",
        "      results_max: 100",
        23,
        "`results_max` is of a `window`",
        "add `window:`",
    ),
    slip(
        "      by: timestamp_id\n",
        "      by: { delta: { path: next } }\n",
        17,
        "`field` is not for `by: delta`",
        "remove it",
    ),
    slip(
        "query: { tenant: \"${params.tenant}\", active: true, limit: 5 }",
        "query: { tenant: \"${parent.id}\" }",
        10,
        "`${parent.id}` has no parent",
        "add `for_each:`",
    ),
    slip(
        "    page_size: 250",
        "    for_each: { url: \"${params.source_url}/tenants\", pagination: none }",
        26,
        "the list is the same for every parent",
        "${parent.id}",
    ),
    slip(
        "url: https://crm.example.com/contacts/${record.uuid}/seen",
        "url: https://crm.example.com/contacts/${cursor.since}/seen",
        31,
        "`${cursor.since}` cannot stand here",
        "`source.http`",
    ),
];

/// Of a cursor without `start`.
pub(crate) const WITHOUT_START: &[Slip] = &[slip(
    "query: { tenant: \"${params.tenant}\", active: true, limit: 5 }",
    "query: { filter: \"updated ge ${cursor.since}\" }",
    10,
    "`${cursor.since}` is nothing before anything was read",
    "add `start:`",
)];
