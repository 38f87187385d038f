//! What an object or a list holds, each as the text that it is.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields of an object, in its order; of a name that stands twice, both.
///
/// # Errors
/// What is no object.
pub(crate) fn fields(json: &[u8]) -> Result<Vec<(String, &RawValue)>, String> {
    struct Fields<'j>(Vec<(String, &'j RawValue)>);

    impl<'de> Deserialize<'de> for Fields<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct InOrder;

            impl<'de> Visitor<'de> for InOrder {
                type Value = Fields<'de>;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                    let mut fields = Vec::new();
                    while let Some(field) = map.next_entry()? {
                        fields.push(field);
                    }
                    Ok(Fields(fields))
                }
            }

            deserializer.deserialize_map(InOrder)
        }
    }

    let fields: Fields<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    Ok(fields.0)
}

/// The items of a list.
///
/// # Errors
/// What is no list.
pub(crate) fn items(json: &[u8]) -> Result<Vec<&RawValue>, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// An object with a value at a path, in the place of what stands there; `None` where something on the way is no object.
pub(crate) fn with(json: &[u8], path: &[String], value: &str) -> Option<Vec<u8>> {
    let (name, rest) = path.split_first()?;
    let mut out = b"{".to_vec();
    let mut is_set = false;
    let mut write = |name: &str, json: &[u8]| {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(super::quote(name).as_bytes());
        out.push(b':');
        out.extend_from_slice(json);
    };
    for (key, old) in fields(json).ok()? {
        if key != *name {
            write(&key, old.get().as_bytes());
        } else if !is_set {
            is_set = true;
            let new = set(old.get().as_bytes(), rest, value)?;
            write(name, &new);
        }
    }
    if !is_set {
        write(name, &set(b"null", rest, value)?);
    }
    out.push(b'}');
    Some(out)
}

fn set(old: &[u8], rest: &[String], value: &str) -> Option<Vec<u8>> {
    match (rest, old) {
        ([], _) => Some(value.as_bytes().to_vec()),
        (rest, b"null") => with(b"{}", rest, value),
        (rest, old) => with(old, rest, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_at_a_path_and_the_rest_stays_as_it_is() {
        let put = |json: &str, path: &[&str]| {
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            with(json.as_bytes(), &path, "7").map(|json| String::from_utf8(json).unwrap())
        };
        assert_eq!(put(r#"{"a":1.0}"#, &["k"]).unwrap(), r#"{"a":1.0,"k":7}"#);
        assert_eq!(put(r#"{"k":1,"a":[1, 2]}"#, &["k"]).unwrap(), r#"{"k":7,"a":[1, 2]}"#);
        assert_eq!(put(r#"{"m":{"a":1}}"#, &["m", "k"]).unwrap(), r#"{"m":{"a":1,"k":7}}"#);
        assert_eq!(put("{}", &["m", "k"]).unwrap(), r#"{"m":{"k":7}}"#);
        assert_eq!(put(r#"{"m":1}"#, &["m", "k"]), None);
        assert_eq!(put("[]", &["k"]), None);
    }
}
