//! The request for some keys.

use url::{Url, form_urlencoded};

use super::http::Http;
use crate::{
    error::ConnectError,
    http::{Origin, encode_segment},
    json::quote,
    resolver::Resolver,
    value::{
        JsonPart, LookupKeys, Query, Text,
        template::{LookupPart, Part, Template},
    },
};

/// A longer key would fill the request, and what stands under it is no key.
const KEY_BYTES_MAX: usize = 1024;

/// How keys are put into a request.
pub(super) struct Request {
    url: Vec<Piece>,
    origin: Origin,
    query: Vec<(String, Piece)>,
    content: Option<Content>,
    separator: String,
    /// Whether keys stand in the address.
    in_url: bool,
    /// Whether the separator stands between keys anywhere.
    joins: bool,
}

/// A text that is the same for every request, or keys.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Each key by itself.
    Key,
    /// All of them, joined.
    Keys,
}

enum Content {
    Form(Vec<(String, Piece)>),
    Json(Json),
}

/// A JSON body with places for keys.
enum Json {
    /// No key in it.
    Fixed(String),
    Key,
    Keys,
    /// Each key as JSON with its colon.
    Object(Vec<(String, Json)>),
    /// Each item with whether it stands there once for each key.
    Array(Vec<(Json, bool)>),
}

impl Piece {
    fn of(template: &Template, place: &str, resolver: &Resolver<'_>) -> Result<Self, ConnectError> {
        match template.parts.as_slice() {
            [Part::Lookup(LookupPart::Key)] => Ok(Self::Key),
            [Part::Lookup(LookupPart::Keys)] => Ok(Self::Keys),
            // Whatever stands beside a key is refused here.
            _ => resolver.text(template, place).map(Self::Text),
        }
    }
}

impl Request {
    /// Fills in a connection's values.
    pub(super) fn new(section: &Http, resolver: &Resolver<'_>) -> Result<Self, ConnectError> {
        let (url, origin) = url(&section.url.template, &section.url.site.key, resolver)?;
        let query = pairs(&section.query, resolver)?;
        let content = match (&section.form, &section.body) {
            (Some(fields), _) => Some(Content::Form(pairs(fields, resolver)?)),
            (None, Some(body)) => {
                Some(Content::Json(Json::of(&body.root, &body.site.key, resolver)?))
            }
            (None, None) => None,
        };
        let has = |piece: Piece| {
            let fields: &[(String, Piece)] = match &content {
                Some(Content::Form(fields)) => fields,
                _ => &[],
            };
            url.contains(&piece) || query.iter().chain(fields).any(|(_, given)| *given == piece)
        };
        let joins =
            has(Piece::Keys) || matches!(&content, Some(Content::Json(json)) if json.joins());
        let in_url = url.iter().any(|piece| !matches!(piece, Piece::Text(_)));
        let separator = section.separator().to_owned();
        Ok(Self { joins, in_url, url, origin, query, content, separator })
    }

    /// Where it leads, whatever the keys.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn content_type(&self) -> Option<&'static str> {
        self.content.as_ref().map(|content| match content {
            Content::Form(_) => "application/x-www-form-urlencoded",
            Content::Json(_) => "application/json",
        })
    }

    /// Why a key cannot be asked for, if it cannot. One that holds the separator would be read as two
    /// others; `.` and `..` climb a path even when they are percent-encoded.
    pub(super) fn cannot_hold(&self, key: &str) -> Option<String> {
        if key.len() > KEY_BYTES_MAX {
            return Some(format!("it has over {KEY_BYTES_MAX} bytes"));
        }
        if self.joins && key.contains(&*self.separator) {
            let remedy = "set another `lookup.http.separator`, or correct it at the source";
            return Some(format!("it holds the separator `{}`: {remedy}", self.separator));
        }
        let climbs = self.in_url && matches!(key, "." | "..");
        climbs.then(|| format!("`{key}` means another address"))
    }

    /// Address and body for these keys, all of which it can hold.
    pub(super) fn render(&self, keys: &[&str]) -> Option<(Url, Vec<u8>)> {
        let joined = keys.join(&self.separator);
        let mut text = String::new();
        for piece in &self.url {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Key => text.push_str(&encode_segment(keys.first()?)),
                Piece::Keys => text.push_str(&encode_segment(&joined)),
            }
        }
        let mut url = Url::parse(&text).ok().filter(|url| self.origin.has(url))?;
        if !self.query.is_empty() {
            fill(&mut url.query_pairs_mut(), &self.query, keys, &joined);
        }
        let body = match &self.content {
            None => Vec::new(),
            Some(Content::Form(fields)) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                fill(&mut form, fields, keys, &joined);
                form.finish().into_bytes()
            }
            Some(Content::Json(json)) => {
                let mut out = String::new();
                json.write(keys.first().copied()?, keys, &joined, &mut out);
                out.into_bytes()
            }
        };
        Some((url, body))
    }
}

/// The address's pieces and where they lead. Keys may stand only after the host: a record must not
/// choose where our credentials go.
fn url(
    template: &Template,
    place: &str,
    resolver: &Resolver<'_>,
) -> Result<(Vec<Piece>, Origin), ConnectError> {
    let mut pieces = Vec::new();
    let mut probe = String::new();
    for part in &template.parts {
        let Part::Lookup(what) = part else {
            let text = resolver.part(part, place)?;
            probe.push_str(&text);
            pieces.push(Piece::Text(text));
            continue;
        };
        if !probe.split_once("://").is_some_and(|(_, rest)| rest.contains('/')) {
            let message = "a key may stand only after the host and a `/`";
            return Err(ConnectError::new(place, message));
        }
        probe.push('x');
        pieces.push(match what {
            LookupPart::Key => Piece::Key,
            LookupPart::Keys => Piece::Keys,
        });
    }
    // Not shown: parts of it may be secrets.
    let fault = || ConnectError::new(place, "it comes to no absolute http(s) URL");
    let url = Url::parse(&probe).map_err(|_| fault())?;
    Ok((pieces, Origin::of(&url).ok_or_else(fault)?))
}

fn pairs(
    fields: &Query<LookupKeys>,
    resolver: &Resolver<'_>,
) -> Result<Vec<(String, Piece)>, ConnectError> {
    let pair = |(name, text): &(String, Text<LookupKeys>)| {
        Ok((name.clone(), Piece::of(&text.template, &text.site.key, resolver)?))
    };
    fields.0.iter().map(pair).collect()
}

fn fill<T: form_urlencoded::Target>(
    pairs: &mut form_urlencoded::Serializer<'_, T>,
    fields: &[(String, Piece)],
    keys: &[&str],
    joined: &str,
) {
    for (name, piece) in fields {
        match piece {
            Piece::Text(text) => {
                pairs.append_pair(name, text);
            }
            Piece::Keys => {
                pairs.append_pair(name, joined);
            }
            Piece::Key => {
                pairs.extend_pairs(keys.iter().map(|key| (name, key)));
            }
        }
    }
}

impl Json {
    fn of(json: &JsonPart, place: &str, resolver: &Resolver<'_>) -> Result<Self, ConnectError> {
        Ok(match json {
            JsonPart::Text(text) => match Piece::of(text, place, resolver)? {
                Piece::Text(text) => Self::Fixed(quote(&text)),
                Piece::Key => Self::Key,
                Piece::Keys => Self::Keys,
            },
            JsonPart::List(items) => {
                let item = |item| {
                    let item = Self::of(item, place, resolver)?;
                    let each = item.wants_key();
                    Ok((item, each))
                };
                Self::Array(items.iter().map(item).collect::<Result<_, ConnectError>>()?)
            }
            JsonPart::Object(fields) => {
                let field = |(name, value): &(String, JsonPart)| {
                    Ok((format!("{}:", quote(name)), Self::of(value, place, resolver)?))
                };
                Self::Object(fields.iter().map(field).collect::<Result<_, ConnectError>>()?)
            }
            JsonPart::Plain(value) => Self::Fixed(value.to_string()),
        })
    }

    /// Whether it holds a key outside of lists of its own.
    fn wants_key(&self) -> bool {
        match self {
            Self::Key => true,
            Self::Object(fields) => fields.iter().any(|(_, value)| value.wants_key()),
            Self::Fixed(_) | Self::Keys | Self::Array(_) => false,
        }
    }

    fn joins(&self) -> bool {
        match self {
            Self::Keys => true,
            Self::Fixed(_) | Self::Key => false,
            Self::Object(fields) => fields.iter().any(|(_, value)| value.joins()),
            Self::Array(items) => items.iter().any(|(item, _)| item.joins()),
        }
    }

    /// Writes it for the key whose turn it is.
    fn write(&self, key: &str, keys: &[&str], joined: &str, out: &mut String) {
        match self {
            Self::Fixed(json) => out.push_str(json),
            Self::Key => out.push_str(&quote(key)),
            Self::Keys => out.push_str(&quote(joined)),
            Self::Object(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(name);
                    value.write(key, keys, joined, out);
                }
                out.push('}');
            }
            Self::Array(items) => {
                out.push('[');
                let mut first = true;
                for (item, each) in items {
                    let turns = if *each { keys } else { &[key] };
                    for key in turns {
                        if !std::mem::take(&mut first) {
                            out.push(',');
                        }
                        item.write(key, keys, joined, out);
                    }
                }
                out.push(']');
            }
        }
    }
}
