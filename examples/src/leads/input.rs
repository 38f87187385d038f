//! The body of a merge, and what each of its records says.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::Failure;
use super::fields::{Field, field, is_email};

/// Marketo's own.
const RECORDS_MAX: usize = 300;

/// `{"action":"createOrUpdate","lookupField":"email","input":[{…}]}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    action: Option<String>,
    #[serde(rename = "lookupField")]
    lookup_field: Option<String>,
    input: Vec<Map<String, Value>>,
}

/// One record: its e-mail as the client wrote it, and the fields to set, null to clear.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) email: String,
    pub(crate) fields: BTreeMap<Field, Option<String>>,
}

/// The records of a body, each with what is wrong with it; `Err` where the whole is refused.
pub(crate) fn read(body: &[u8]) -> Result<Vec<Result<Item, Failure>>, Failure> {
    let body: Body = serde_json::from_slice(body).map_err(|error| match error.is_data() {
        true => Failure::new(1003, format!("Invalid data: {error}")),
        false => Failure::new(609, "Invalid JSON"),
    })?;
    // Both defaults are Marketo's. Its other actions and keys have no place in a merge by e-mail.
    match body.action.as_deref().unwrap_or("createOrUpdate") {
        "createOrUpdate" => {}
        action => return Err(Failure::new(1003, format!("Invalid action '{action}'"))),
    }
    match body.lookup_field.as_deref().unwrap_or("email") {
        "email" => {}
        name => return Err(Failure::new(1011, format!("Field '{name}' not supported"))),
    }
    match body.input.len() {
        0 => Err(Failure::new(1002, "Missing value for the required parameter 'input'")),
        1..=RECORDS_MAX => Ok(body.input.into_iter().map(item).collect()),
        count => {
            let message = format!("Too many records in input: {count}, at most {RECORDS_MAX}");
            Err(Failure::new(1003, message))
        }
    }
}

fn item(record: Map<String, Value>) -> Result<Item, Failure> {
    let mut fields = BTreeMap::new();
    for (name, value) in record {
        if name == "id" {
            return Err(Failure::new(1003, "Invalid data: 'id' with lookupField 'email'"));
        }
        let field =
            field(&name).ok_or_else(|| Failure::new(1006, format!("Field '{name}' not found")))?;
        let value = match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => {
                let message = format!("Invalid value '{other}'. Required of type 'string'");
                return Err(Failure::new(1001, message));
            }
        };
        fields.insert(field, value);
    }
    let email = fields.get("email").cloned().flatten();
    let email = email.ok_or_else(|| {
        Failure::new(1002, "Missing value for the required parameter 'email'".to_owned())
    })?;
    if !is_email(&email) {
        return Err(Failure::new(1003, "Invalid email address"));
    }
    Ok(Item { email, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Result<usize, u16> {
        read(body.as_bytes()).map(|items| items.len()).map_err(|failure| failure.code)
    }

    #[test]
    fn a_body_is_what_marketo_documents() {
        assert_eq!(code(r#"{"input":[{"email":"a@b.c"},{}]}"#), Ok(2));
        assert_eq!(code(r#"{"input":[]}"#), Err(1002));
        assert_eq!(code(r#"{"input":["#), Err(609));
        assert_eq!(code(r#"{"input":[1]}"#), Err(1003));
        assert_eq!(code(r#"{"inputs":[{}],"input":[{}]}"#), Err(1003));
        assert_eq!(code(r#"{"action":"merge","input":[{}]}"#), Err(1003));
        assert_eq!(code(r#"{"lookupField":"city","input":[{}]}"#), Err(1011));
    }

    #[test]
    fn each_record_is_judged_by_itself() {
        let body = r#"{"input":[{"email":"a@b.c","city":null},{"email":"a@b.c","City":"x"},
            {"email":"a@b.c","city":7},{"city":"x"},{"email":"a@b"},{"id":"7","email":"a@b.c"}]}"#;
        let items = read(body.as_bytes()).unwrap();
        let codes: Vec<_> =
            items.iter().map(|item| item.as_ref().map_err(|failure| failure.code).err()).collect();
        assert_eq!(codes, [None, Some(1006), Some(1001), Some(1002), Some(1003), Some(1003)]);
        assert_eq!(items[0].as_ref().unwrap().fields["city"], None);
    }
}
