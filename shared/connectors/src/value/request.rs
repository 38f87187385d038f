//! Texts of a list's requests that only the request completes: `updated gt ${cursor.since}`.

use std::collections::BTreeMap;

use super::template::{CursorPart, Part, Template};
use crate::{
    error::ConnectError,
    http::encode_segment,
    json::{Scalar, quote},
    resolver::Resolver,
};

/// A text with a connection's values filled in, and places for those of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestText {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Cursor(CursorPart),
    Parent(String),
}

/// What completes the texts of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RequestValues<'v> {
    /// Where what is asked for begins.
    pub(crate) since: Option<&'v str>,
    /// Where it ends.
    pub(crate) until: Option<&'v str>,
    /// What `${parent.…}` stands for, as JSON by path.
    pub(crate) parent: Option<&'v ParentValues>,
}

/// A parent's fields that its children are asked for by: JSON by path. Each is a text, a number or a boolean.
pub(crate) type ParentValues = BTreeMap<String, String>;

impl RequestText {
    /// Fills in a connection's values. `place` is the key in the flow file.
    pub(crate) fn new(
        template: &Template,
        place: &str,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let piece = |part: &Part| {
            Ok(match part {
                Part::Cursor(what) => Piece::Cursor(*what),
                Part::Parent(path) => Piece::Parent(path.join(".")),
                part => Piece::Text(resolver.part(part, place)?),
            })
        };
        Ok(Self { pieces: template.parts.iter().map(piece).collect::<Result<_, _>>()? })
    }

    /// The whole text, where no request takes part.
    pub(crate) fn fixed(&self) -> Option<String> {
        let mut whole = String::new();
        for piece in &self.pieces {
            let Piece::Text(text) = piece else { return None };
            whole.push_str(text);
        }
        Some(whole)
    }

    /// The text for a request.
    pub(crate) fn text(&self, values: &RequestValues<'_>) -> String {
        self.with(|piece| piece.value(values))
    }

    /// The text for a request, each value as one segment of a path or one value of a query.
    pub(crate) fn address(&self, values: &RequestValues<'_>) -> String {
        self.with(|piece| encode_segment(&piece.value(values)))
    }

    /// The text for a request as JSON. A reference that is alone in it keeps its kind, be it a number; `bound`
    /// writes a value of the cursor.
    pub(crate) fn json(
        &self,
        values: &RequestValues<'_>,
        bound: impl Fn(&str) -> String,
    ) -> String {
        match self.pieces.as_slice() {
            [alone @ Piece::Cursor(_)] => bound(&alone.value(values)),
            [Piece::Parent(path)] => {
                values.parent.and_then(|parent| parent.get(path)).cloned().unwrap_or("null".into())
            }
            _ => quote(&self.text(values)),
        }
    }

    fn with(&self, value: impl Fn(&Piece) -> String) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            piece => value(piece),
        };
        self.pieces.iter().map(text).collect()
    }
}

impl Piece {
    /// The value of a request. The flow's check and the walk see to it that there is one.
    fn value(&self, values: &RequestValues<'_>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Cursor(CursorPart::Since) => values.since.unwrap_or_default().to_owned(),
            Self::Cursor(CursorPart::Until) => values.until.unwrap_or_default().to_owned(),
            Self::Parent(path) => {
                let json = values.parent.and_then(|parent| parent.get(path));
                let scalar = json.and_then(|json| Scalar::read(json.as_bytes()));
                scalar.map(|scalar| scalar.into_text().into()).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Connection;

    fn text(template: &str) -> RequestText {
        let params = [("kind".to_owned(), "a b".to_owned())].into();
        let connection = Connection { params, ..Connection::default() };
        RequestText::new(&template.parse().unwrap(), "source.http.url", &Resolver::new(&connection))
            .unwrap()
    }

    #[test]
    fn a_text_is_completed_by_its_request() {
        let filter = text("kind eq '${params.kind}' and updated gt ${cursor.since}");
        assert_eq!(filter.fixed(), None);
        let values = RequestValues { since: Some("2026-01-01T00:00:00Z"), ..Default::default() };
        assert_eq!(filter.text(&values), "kind eq 'a b' and updated gt 2026-01-01T00:00:00Z");
        assert_eq!(text("${params.kind}!").fixed(), Some("a b!".into()));
    }

    #[test]
    fn in_an_address_values_stay_one_segment_and_as_json_they_keep_their_kind() {
        let parent = [("id".into(), "7".into()), ("name".into(), "\"a/b\"".into())].into();
        let values = RequestValues { since: Some("5"), until: None, parent: Some(&parent) };
        let address = text("https://a.test/${parent.name}/x?from=${cursor.since}");
        assert_eq!(address.address(&values), "https://a.test/a%2Fb/x?from=5");
        let json = |template: &str| text(template).json(&values, str::to_owned);
        assert_eq!(json("${parent.id}"), "7");
        assert_eq!(json("${cursor.since}"), "5");
        assert_eq!(json("${parent.name}"), "\"a/b\"");
        assert_eq!(json("${parent.id}-${cursor.since}"), "\"7-5\"");
    }
}
