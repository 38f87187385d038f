//! `source.http.pagination`

use super::{Check, values};
use crate::{
    at::At,
    raw::{ByParam, Cursor, LinkHeader, NextUrl, PageNumber, Pagination, Token},
    spec::{CursorBy, PaginationSpec},
};

pub(super) fn pagination(check: &mut Check<'_>, pagination: Pagination) -> Option<PaginationSpec> {
    let mut name = |name: At<String>| values::plain_name(check, &name);
    Some(match pagination {
        Pagination::PageNumber(PageNumber { param, size_param, first }) => {
            let (param, size_param) = (name(param), values::optional(size_param, name));
            let first = first.unwrap_or(1);
            PaginationSpec::PageNumber { param: param?, size_param: size_param?, first }
        }
        Pagination::Offset(ByParam { param, size_param }) => {
            let (param, size_param) = (name(param), values::optional(size_param, name));
            PaginationSpec::Offset { param: param?, size_param: size_param? }
        }
        Pagination::LastId(ByParam { param, size_param }) => {
            let (param, size_param) = (name(param), values::optional(size_param, name));
            PaginationSpec::LastId { param: param?, size_param: size_param? }
        }
        Pagination::LinkHeader(LinkHeader { size_param }) => {
            PaginationSpec::LinkHeader { size_param: values::optional(size_param, name)? }
        }
        Pagination::Token(Token { param, path, size_param, alone }) => {
            let (param, size_param) = (name(param), values::optional(size_param, name));
            let path = values::dotted(check, &path);
            let alone = alone.is_some_and(|alone| alone.value);
            PaginationSpec::Token { param: param?, path: path?, size_param: size_param?, alone }
        }
        Pagination::NextUrl(NextUrl { path, size_param }) => {
            let size_param = values::optional(size_param, name);
            let path = values::dotted(check, &path);
            PaginationSpec::NextUrl { path: path?, size_param: size_param? }
        }
        Pagination::None => PaginationSpec::None,
    })
}

/// Whether a walk by this pagination follows the cursor's order.
pub(super) fn fits_cursor(check: &mut Check<'_>, pagination: &At<Pagination>, cursor: &Cursor) {
    if let (Pagination::LastId(_), CursorBy::Timestamp) = (&pagination.value, cursor.by) {
        check.report.add(
            pagination.place,
            "`last_id` does not go with `by: timestamp`: ids do not follow that order",
            "write `by: id` or `by: timestamp_id`, or another pagination",
        );
    }
}
