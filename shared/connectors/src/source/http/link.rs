//! `Link` headers (RFC 8288).

/// The target of the link to the next page. A link that says itself that it has no results, as
/// Sentry's do at the end, is none.
///
/// # Errors
/// What speaks of a next page, and cannot be read.
pub(super) fn next_link(headers: &[String]) -> Result<Option<String>, String> {
    for header in headers {
        let mut rest = header.as_str();
        while let Some((target, params, tail)) = split_link(rest) {
            if param(params, "rel", "next") {
                let is_over = param(params, "results", "false");
                return Ok(Some(target.trim().to_owned()).filter(|it| !is_over && !it.is_empty()));
            }
            rest = tail;
        }
        if param(rest, "rel", "next") {
            return Err("the header `Link` speaks of a next page, and has no address in <…>".into());
        }
    }
    Ok(None)
}

/// The first link of a header: its target, its parameters, and what is behind it.
fn split_link(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')?;
    // The parameters reach to the next link, which begins with `<` outside of quotes.
    let (params, tail) = split_params(&text[end + 1..]);
    Some((&text[start + 1..end], params, tail))
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

/// Whether a parameter has a word among those that it lists.
fn param(params: &str, wanted: &str, word: &str) -> bool {
    params.split(';').any(|param| {
        param.trim().trim_end_matches(',').split_once('=').is_some_and(|(name, value)| {
            let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case(wanted)
                && value.split_ascii_whitespace().any(|found| found.eq_ignore_ascii_case(word))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(header: &str) -> Result<Option<String>, String> {
        next_link(&[header.to_owned()])
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, is_there) in [
            (r#"<https://a.test/?page=2>; rel="next", <https://a.test/?page=9>; rel="last""#, true),
            (r#"<https://a.test/?page=1>; rel="prev", <https://a.test/?page=2>; rel="next""#, true),
            (r#"<https://a.test/?page=2>; title="a, <b>"; rel=next"#, true),
            (r#"<https://a.test/?page=2>; rel="prefetch NEXT""#, true),
            (r#"<https://a.test/?page=2>; rel="next"; results="true"; cursor="0:100:0""#, true),
            (r#"<https://a.test/?page=2>; rel="next"; results="false"; cursor="0:200:0""#, false),
            (r#"<https://a.test/?page=1>; rel="prev""#, false),
            ("garbage", false),
        ] {
            let expected = is_there.then(|| "https://a.test/?page=2".to_owned());
            assert_eq!(next(header), Ok(expected), "{header}");
        }
        let headers = [r#"<https://a.test/x>; rel="self""#.to_owned(), "<y>; rel=next".to_owned()];
        assert_eq!(next_link(&headers), Ok(Some("y".to_owned())));
    }

    #[test]
    fn a_next_link_without_an_address_is_named() {
        for header in ["https://a.test/?page=2; rel=next", "<unclosed; rel=\"next\""] {
            assert!(next(header).unwrap_err().contains("no address"), "{header}");
        }
    }
}
