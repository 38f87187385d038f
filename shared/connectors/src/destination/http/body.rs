//! `body`: the format that requests have their bodies in.

mod form;
mod xml;

use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    file::{Fault, Findings, Place},
    value::{Headers, JsonPart, Shape},
};

/// The format of a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "BodyFormat")]
pub(super) enum Format {
    /// As the transform made it.
    #[default]
    Json,
    /// `a=b&c[d]=e&f[0]=g`: brackets name what is nested, as Stripe has it.
    Form,
    /// One JSON text a line; of a batch, each behind its `batch.action`.
    Ndjson,
    /// XML, from an object with one field: the root. Items of a list are elements of one name, a field `@name` is an
    /// attribute, and a field `$text` the text beside attributes.
    Xml,
}

impl Format {
    /// As a flow file has it.
    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Form => "form",
            Self::Ndjson => "ndjson",
            Self::Xml => "xml",
        }
    }

    /// What a request says of its body, unless the flow says otherwise.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Ndjson => "application/x-ndjson",
            Self::Xml => "application/xml; charset=utf-8",
        })
    }

    /// A JSON body in this format.
    ///
    /// # Errors
    /// Why it cannot be in this format.
    pub(super) fn encode(self, json: Vec<u8>) -> Result<Vec<u8>, String> {
        match self {
            Self::Json => Ok(json),
            Self::Form => form::encode(&json),
            Self::Ndjson => {
                let mut line = Vec::with_capacity(json.len() + 1);
                write_line(&json, &mut line);
                Ok(line)
            }
            Self::Xml => xml::encode(&json),
        }
    }

    /// Notes a header that says that the body is in another format.
    pub(super) fn check<A>(self, headers: &Headers<A>, findings: &mut Findings) {
        let Some((text, site)) = headers.literal(&reqwest::header::CONTENT_TYPE) else { return };
        let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let said = match kind.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Self::Ndjson,
            "application/json" => Self::Json,
            "text/xml" | "application/xml" => Self::Xml,
            "multipart/form-data" => {
                let remedy = "write `body: form`, or send JSON and remove the header";
                let fault = Fault::new(site.place, "there are no bodies in several parts", remedy);
                return findings.add(fault);
            }
            kind if kind.ends_with("+json") => Self::Json,
            kind if kind.ends_with("+xml") => Self::Xml,
            _ => return,
        };
        // An API for lines may want to have them called JSON.
        if said != self && (said, self) != (Self::Json, Self::Ndjson) {
            let message = format!("the header says `{kind}`, and the body is {}", self.name());
            let remedy = format!("write `body: {}`, or remove the header", said.name());
            findings.add(Fault::new(site.place, message, remedy));
        }
    }
}

impl Format {
    /// Notes names of what is sent that make no body of this format: `shape` says what the transform writes, and
    /// `around` what stands around it.
    pub(super) fn check_names(
        self,
        shape: &Shape,
        around: Option<&JsonPart>,
        place: Place,
        findings: &mut Findings,
    ) {
        if self != Self::Xml {
            return;
        }
        let mut keys: Vec<&str> = around.map(JsonPart::keys).unwrap_or_default();
        let mut faults = Vec::new();
        if let Shape::Fields(fields) = shape {
            keys.extend(fields.iter().flatten().map(String::as_str));
            if around.is_none() {
                let roots = fields.iter().filter_map(|field| field.first()).map(String::as_str);
                faults.extend(xml::check_root(roots).err());
            }
        }
        keys.sort_unstable();
        keys.dedup();
        faults.extend(keys.into_iter().filter_map(|key| xml::check_key(key).err()));
        for message in faults {
            let remedy = "write `body: xml` for fields whose names are XML's, with one of them around the others";
            findings.add(Fault::new(place, message, remedy));
        }
    }
}

/// Writes a JSON text as one line: a line break stands in none of its texts, only between.
pub(super) fn write_line(json: &[u8], out: &mut Vec<u8>) {
    out.extend(json.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    out.push(b'\n');
}
