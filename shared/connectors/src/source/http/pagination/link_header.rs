//! `link_header`: `Link: <…>; rel="next"` (RFC 8288).

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Style};
use crate::value::Name;

/// By the `Link: <…>; rel="next"` header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkHeader {
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
}

impl Style for LinkHeader {
    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn drift(&self, in_tie: bool) -> Drift {
        if in_tie { Drift::Reread } else { Drift::Stored }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        next_link(answered.links).map(|next| answered.join(next)).transpose()
    }
}

/// The target of `rel="next"` in `Link` headers (RFC 8288).
fn next_link(headers: &[String]) -> Option<&str> {
    headers.iter().find_map(|header| {
        let mut rest = header.as_str();
        loop {
            let start = rest.find('<')?;
            let end = start + rest[start..].find('>')?;
            let target = &rest[start + 1..end];
            // The parameters reach to the next link, which begins with `<` outside of quotes.
            let (params, tail) = split_params(&rest[end + 1..]);
            if is_next(params) {
                return Some(target);
            }
            rest = tail;
        }
    })
}

fn split_params(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

fn is_next(params: &str) -> bool {
    params.split(';').any(|param| {
        param.trim().trim_end_matches(',').split_once('=').is_some_and(|(name, value)| {
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, next) in [
            (r#"<https://a.test/?page=2>; rel="next", <https://a.test/?page=9>; rel="last""#, true),
            (r#"<https://a.test/?page=1>; rel="prev", <https://a.test/?page=2>; rel="next""#, true),
            (r#"<https://a.test/?page=2>; title="a, <b>"; rel=next"#, true),
            (r#"<https://a.test/?page=2>; rel="prefetch NEXT""#, true),
            (r#"<https://a.test/?page=1>; rel="prev""#, false),
            ("garbage", false),
            ("<unclosed", false),
        ] {
            let found = next_link(&[header.to_owned()]).map(str::to_owned);
            assert_eq!(found.as_deref(), next.then_some("https://a.test/?page=2"), "{header}");
        }
        let headers = [r#"<https://a.test/x>; rel="self""#.to_owned(), "<y>; rel=next".to_owned()];
        assert_eq!(next_link(&headers), Some("y"));
    }
}
