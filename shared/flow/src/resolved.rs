//! A template with the connection's values filled in.

use std::fmt;

use tidegate_core::model::Secret;

/// A text in which only references to the record are open. Built once a connection, filled once a
/// record.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    pieces: Vec<Piece>,
    secret: bool,
}

/// A finished text; `Debug` shows it only if no secret went into it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResolvedText {
    value: Box<str>,
    secret: bool,
}

/// The record has no value for a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record has no `{}`", path.join("."))]
pub struct AbsentField {
    /// The path that was looked for.
    pub path: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Record(Vec<String>),
}

impl Resolved {
    /// Whether a secret went into it.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// The whole text, if nothing of the record is needed. May be a secret: for the request only.
    pub fn expose_fixed(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Fills in the record's fields: `field` looks one up by its path, `encode` appends it in the
    /// form that the place asks for (percent-encoded in a URL).
    ///
    /// # Errors
    ///
    /// The first field that the record does not have.
    pub fn fill(
        &self,
        field: impl Fn(&[String]) -> Option<String>,
        encode: impl Fn(&str, &mut String),
    ) -> Result<ResolvedText, AbsentField> {
        let mut value = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => value.push_str(text),
                Piece::Record(path) => match field(path) {
                    Some(text) => encode(&text, &mut value),
                    None => return Err(AbsentField { path: path.clone() }),
                },
            }
        }
        Ok(ResolvedText { value: value.into(), secret: self.secret })
    }
}

impl ResolvedText {
    /// The text itself, for the request that needs it.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Whether a secret went into it.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.secret {
            true => f.write_str("Secret(…)"),
            false => f.debug_list().entries(&self.pieces).finish(),
        }
    }
}

impl fmt::Debug for ResolvedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.secret {
            true => f.write_str("Secret(…)"),
            false => self.value.fmt(f),
        }
    }
}

/// Puts a [`Resolved`] together; texts that meet become one piece.
#[derive(Default)]
pub(crate) struct ResolvedBuilder {
    pieces: Vec<Piece>,
    secret: bool,
}

impl ResolvedBuilder {
    pub(crate) fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Text(text.into())),
        }
    }

    pub(crate) fn secret(&mut self, secret: &Secret) {
        self.text(secret.expose());
        self.secret = true;
    }

    pub(crate) fn record(&mut self, path: &[String]) {
        self.pieces.push(Piece::Record(path.to_vec()));
    }

    pub(crate) fn build(self) -> Resolved {
        Resolved { pieces: self.pieces, secret: self.secret }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::Connection, template::Template};

    fn connection() -> Connection {
        Connection {
            params: [("url".into(), "https://a.example".into())].into(),
            secrets: [("key".into(), Secret::new("hunter2"))].into(),
        }
    }

    fn resolve(text: &str) -> Resolved {
        text.parse::<Template>().unwrap().resolve(&connection()).unwrap()
    }

    #[test]
    fn a_text_with_a_secret_never_shows() {
        let resolved = resolve("Bearer ${secrets.key}");
        assert_eq!(resolved.expose_fixed(), Some("Bearer hunter2"));
        let filled = resolved.fill(|_| None, |_, _| {}).unwrap();
        assert_eq!(format!("{resolved:?} {filled:?}"), "Secret(…) Secret(…)");
        assert_eq!(filled.expose(), "Bearer hunter2");
    }

    #[test]
    fn the_records_fields_are_encoded_and_nothing_else_is() {
        let resolved = resolve("${params.url}/orders/${record.id}");
        assert_eq!(resolved.expose_fixed(), None);
        let upper = |text: &str, out: &mut String| out.push_str(&text.to_uppercase());
        let filled = resolved.fill(|path| Some(path.join("-")), upper).unwrap();
        assert_eq!(format!("{filled:?}"), r#""https://a.example/orders/ID""#);
        assert_eq!(
            resolved.fill(|_| None, upper).unwrap_err().to_string(),
            "the record has no `id`"
        );
    }

    #[test]
    fn what_the_connection_lacks_is_named() {
        let lacks = |text: &str| {
            text.parse::<Template>().unwrap().resolve(&connection()).unwrap_err().to_string()
        };
        assert_eq!(lacks("${params.nope}"), "the connection has no parameter `nope`");
        assert_eq!(lacks("${secrets.nope}"), "the connection has no secret `nope`");
    }
}
