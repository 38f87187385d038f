//! The texts of a list's requests: which bounds and which fields of a parent they name.

use super::{Http, cursor::Named};
use crate::{
    file::{Fault, Findings, Place},
    value::template::{CursorPart, Part, Template},
};

impl Http {
    /// Every text that each request may complete, with its place.
    fn request_texts(&self) -> impl Iterator<Item = (&Template, Place)> {
        let query = self.query.0.iter().map(|(_, text)| (&text.template, text.site.place));
        let form = self.form.iter().flat_map(|form| &form.value.0);
        let form = form.map(|(_, text)| (&text.template, text.site.place));
        let headers = self.headers.texts().map(|(template, site)| (template, site.place));
        let body = self.body.iter().flat_map(|body| {
            body.root.texts().into_iter().map(|(template, _)| (template, body.site.place))
        });
        let url = (&self.url.template, self.url.site.place);
        std::iter::once(url).chain(query).chain(form).chain(headers).chain(body)
    }

    /// The fields of a parent that they refer to.
    pub(super) fn parent_paths(&self) -> Vec<Vec<String>> {
        let mut paths: Vec<Vec<String>> = self
            .request_texts()
            .flat_map(|(text, _)| text.parent_paths().map(<[String]>::to_vec).collect::<Vec<_>>())
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Which bounds they refer to.
    pub(super) fn named_bounds(&self) -> Named {
        let names = |part| self.request_texts().any(|(text, _)| text.names_cursor(part));
        Named { since: names(CursorPart::Since), until: names(CursorPart::Until) }
    }

    /// Notes references that nothing can complete.
    pub(super) fn check_texts(&self, findings: &mut Findings) {
        let cursor = &self.cursor.value;
        for (text, place) in self.request_texts() {
            for part in &text.parts {
                let (message, remedy) = match part {
                    Part::Parent(_) if self.for_each.is_none() => (
                        "has no parent: the list is not of the children of each",
                        "add `for_each:` with the list of parents, or remove it",
                    ),
                    Part::Cursor(CursorPart::Since)
                        if cursor.start.is_none() && cursor.by.delta_path().is_none() =>
                    {
                        (
                            "is nothing before anything was read",
                            "add `start:` to `cursor`, with what the first request is to say",
                        )
                    }
                    Part::Cursor(CursorPart::Until) if !cursor.by.has_timestamp() => (
                        "needs a timestamp, and `by: id` has none",
                        "remove it, or write `by: timestamp` or `by: timestamp_id`",
                    ),
                    _ => continue,
                };
                findings.add(
                    Fault::new(place, format!("`{part}` {message}"), remedy).of(part.to_string()),
                );
            }
        }
    }
}
