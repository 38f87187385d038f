//! A look-up: which leads, and which of their fields.

use serde_json::Value;

use super::answer::{Failure, Page};
use super::fields::{Field, field};
use crate::faults::mix;

/// Marketo's own.
const VALUES_MAX: usize = 300;
/// Likewise; its default, too.
const RESULTS_MAX: usize = 300;

/// `filterType=email&filterValues=a,b&fields=id,city&batchSize=300&nextPageToken=…`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// As the client wrote them.
    pub(crate) emails: Vec<String>,
    /// Besides the id, which is always there.
    pub(crate) fields: Vec<Field>,
    /// Most leads in an answer.
    batch_size: usize,
    /// How many were answered before.
    offset: usize,
}

/// How many values a look-up has, before anything about it is judged.
pub(crate) fn count_values(pairs: &[(String, String)]) -> usize {
    let values = pairs.iter().filter(|(name, _)| name == "filterValues");
    values.flat_map(|(_, text)| text.split(',')).filter(|value| !value.trim().is_empty()).count()
}

impl Lookup {
    /// Reads the parameters, wherever they stood.
    pub(crate) fn parse(pairs: &[(String, String)]) -> Result<Self, Failure> {
        let (mut kind, mut values, mut fields) = (None, None, None);
        let (mut batch_size, mut token) = (None, None);
        for (name, value) in pairs {
            let slot = match name.as_str() {
                "filterType" => &mut kind,
                "filterValues" => &mut values,
                "fields" => &mut fields,
                "batchSize" => &mut batch_size,
                "nextPageToken" => &mut token,
                "_method" => continue,
                // Marketo lets such pass; here a slip of the pen has to show.
                _ => return Err(Failure::new(1003, format!("Invalid parameter '{name}'"))),
            };
            if slot.replace(value.as_str()).is_some() {
                return Err(Failure::new(1003, format!("Parameter '{name}' is there twice")));
            }
        }
        let missing = |name| {
            let message = format!("Missing value for the required parameter '{name}'");
            Failure::new(1002, message)
        };
        match kind {
            Some("email") => {}
            Some(kind) => return Err(Failure::new(1011, format!("Field '{kind}' not supported"))),
            None => return Err(missing("filterType")),
        }
        let emails: Vec<_> = values
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect();
        if emails.is_empty() {
            return Err(missing("filterValues"));
        }
        if emails.len() > VALUES_MAX {
            return Err(Failure::new(1003, "Values in filterValues are too many"));
        }
        let fields = fields.unwrap_or("id,email,firstName,lastName").split(',').map(str::trim);
        let fields = fields.filter(|name| *name != "id").map(|name| {
            field(name).ok_or_else(|| Failure::new(1006, format!("Field '{name}' not found")))
        });
        let fields = fields.collect::<Result<_, _>>()?;
        let batch_size = match batch_size {
            None => RESULTS_MAX,
            Some(text) => {
                let size = text.parse().ok().filter(|size| (1..=RESULTS_MAX).contains(size));
                size.ok_or_else(|| Failure::new(1003, format!("Invalid batchSize '{text}'")))?
            }
        };
        let offset = match token {
            None => 0,
            Some(token) => read_token(token, &emails)
                .ok_or_else(|| Failure::new(1003, format!("Invalid nextPageToken '{token}'")))?,
        };
        Ok(Self { emails, fields, batch_size, offset })
    }

    /// The page that is asked for, of all that there is.
    pub(crate) fn page(&self, all: impl Iterator<Item = Value>) -> Page {
        let mut rest = all.skip(self.offset);
        let result = rest.by_ref().take(self.batch_size).collect();
        let next = rest.next().map(|_| token(self.offset + self.batch_size, &self.emails));
        Page { result, next }
    }
}

/// A token says nothing to a client, and is good for one filter only.
fn token(offset: usize, emails: &[String]) -> String {
    let key = emails.iter().flat_map(|email| email.bytes().chain([b',']));
    let key = key.fold(0, |key, byte| mix(key ^ u64::from(byte)));
    format!("{:016x}{:016x}===", offset as u64 ^ key, mix(mix(offset as u64) ^ key))
}

fn read_token(text: &str, emails: &[String]) -> Option<usize> {
    // Whose offset is 0 has the key itself.
    let hidden = |text: &str| u64::from_str_radix(text.get(..16)?, 16).ok();
    let offset = (hidden(text)? ^ hidden(&token(0, emails))?) as usize;
    (token(offset, emails) == text).then_some(offset)
}
