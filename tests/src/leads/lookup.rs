//! A look-up: which leads, and which of their fields.

use super::answer::Failure;
use super::fields::{Field, field};

/// Marketo's own.
const VALUES_MAX: usize = 300;

/// `filterType=email&filterValues=a,b&fields=id,city`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// As the client wrote them.
    pub(crate) emails: Vec<String>,
    /// Besides the id, which is always there.
    pub(crate) fields: Vec<Field>,
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
        for (name, value) in pairs {
            let slot = match name.as_str() {
                "filterType" => &mut kind,
                "filterValues" => &mut values,
                "fields" => &mut fields,
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
        Ok(Self { emails, fields: fields.collect::<Result<_, _>>()? })
    }
}
