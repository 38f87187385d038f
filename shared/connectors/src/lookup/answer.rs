//! Which result of an answer is whose.

use std::{collections::HashMap, ops::Range};

use bytes::Bytes;
use jiter::JiterError;
use tidegate_core::model::Blame;

use super::http::Http;
use crate::{
    json::{Elements, Picker, fault},
    keys::Keys,
    value::path,
};

/// How results are read.
pub(super) struct Results {
    /// The array, and what says that there is more.
    picker: Picker,
    records: usize,
    more: Option<usize>,
    path: Vec<String>,
    /// A result's key; none where the address named the only one.
    key: Option<Picker>,
}

/// Why an answer cannot be used. Taking it for "nothing found" would let a merge overwrite what is
/// there.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the look-up's answer is no JSON: {0}")]
    NoJson(String),
    #[error("the look-up's answer has nothing at `{0}` (lookup.http.records)")]
    NoRecords(String),
    #[error("no result of the look-up has a key: check `lookup.http.key`")]
    NoKeys,
    #[error("the look-up left results off (lookup.http.more)")]
    More,
}

impl Fault {
    /// What to do about it: a smaller request leaves less off, and one result that is no JSON is of one record. A
    /// page instead of JSON is of none.
    pub(super) fn blame(&self, many: bool, is_page: bool) -> Blame {
        match self {
            Self::More if many => Blame::Batch,
            Self::NoJson(_) if is_page => Blame::Request,
            Self::NoJson(_) if many => Blame::Batch,
            Self::NoJson(_) => Blame::Record,
            _ => Blame::Request,
        }
    }
}

impl Results {
    pub(super) fn new(section: &Http) -> Self {
        let mut picker = Picker::new();
        let path = section.records.as_ref().map(|records| records.keys.clone()).unwrap_or_default();
        Self {
            records: picker.add(&path),
            more: section.more.as_ref().map(|path| picker.add(&path.keys)),
            picker,
            path,
            key: section.key.as_ref().map(|path| Picker::of(&path.keys)),
        }
    }

    /// The result of each key, in order. Of several results with one key, the first counts; what has
    /// a key that was not asked for counts for none.
    pub(super) fn read(
        &self,
        body: &Bytes,
        keys: &[&str],
        form: Keys,
    ) -> Result<Vec<Option<Bytes>>, Fault> {
        let no_json = |error: JiterError| Fault::NoJson(fault(&error, body));
        // What is found is copied into records as it stands.
        std::str::from_utf8(body).map_err(|_| Fault::NoJson("it is not UTF-8".into()))?;
        let picks = self.picker.pick_all(body).map_err(no_json)?;
        let Some(records) = picks.range(self.records) else {
            // Some APIs write null for an empty list; what is absent is a wrong path.
            return match picks.is_null(self.records) {
                true => Ok(vec![None; keys.len()]),
                false => Err(Fault::NoRecords(path::written(&self.path))),
            };
        };
        let more = self.more.and_then(|slot| picks.json(slot));
        let more = more.is_some_and(|more| !matches!(more, b"false" | b"\"\""));
        if more && keys.len() > 1 {
            return Err(Fault::More);
        }
        let found = self.assign(body, records, keys, form)?;
        if more && found.iter().any(Option::is_none) {
            return Err(Fault::More);
        }
        Ok(found)
    }

    fn assign(
        &self,
        body: &Bytes,
        records: Range<usize>,
        keys: &[&str],
        form: Keys,
    ) -> Result<Vec<Option<Bytes>>, Fault> {
        let mut found = vec![None; keys.len()];
        let places: HashMap<&str, usize> = keys.iter().copied().zip(0..).collect();
        let (mut any, mut keyed) = (false, false);
        for result in objects(body, records) {
            any = true;
            let place = match &self.key {
                None => Some(0),
                Some(path) => {
                    let key = path.value(&body[result.clone()]).and_then(|key| form.read(key));
                    keyed |= key.is_some();
                    key.and_then(|key| places.get(&*key).copied())
                }
            };
            if let Some(place) = place.and_then(|place| found.get_mut(place)) {
                place.get_or_insert_with(|| body.slice(result));
            }
        }
        if any && !keyed && self.key.is_some() {
            return Err(Fault::NoKeys);
        }
        Ok(found)
    }
}

/// Where the objects of a list stand, or the one object that there is instead of a list. The text
/// has been read as JSON before.
fn objects(body: &[u8], list: Range<usize>) -> Vec<Range<usize>> {
    let mut objects = Vec::new();
    let start = list.start;
    if body[list.clone()].first() == Some(&b'{') {
        objects.push(list);
        return objects;
    }
    let (nothing, mut elements) = (Picker::new(), Elements::of(&body[list]));
    while let Ok(Some((element, _))) = elements.next(&nothing) {
        let element = start + element.start..start + element.end;
        if body[element.start] == b'{' {
            objects.push(element);
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    fn results(records: &str, key: Option<&str>, more: Option<&str>) -> Results {
        let mut http = json!({ "url": "https://a.example" });
        let paths = [("records", Some(records)), ("key", key), ("more", more)];
        for (name, path) in paths {
            if let Some(path) = path.filter(|path| !path.is_empty()) {
                http[name] = path.into();
            }
        }
        Results::new(&section::<Http>(http))
    }

    fn read(results: &Results, body: &str, keys: &[&str]) -> Result<Vec<Option<String>>, Fault> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let found = results.read(&body, keys, Keys { ignore_case: true })?;
        let text = |found: Bytes| String::from_utf8(found.to_vec()).unwrap();
        Ok(found.into_iter().map(|found| found.map(text)).collect())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_key_has_the_first_result_that_names_it_as_it_stands() {
        let results = results("result", Some("email"), None);
        let body = r#"{"result": [ {"email":"B@x","id" : 1.50}, {"email":"z@x"},
            {"email":"b@x","id":2}, 7, null, {"id":3}, {"email":" \u0061@x "} ]}"#;
        let found = read(&results, body, &["a@x", "b@x", "c@x"]).unwrap();
        assert_eq!(
            found,
            [some(r#"{"email":" \u0061@x "}"#), some(r#"{"email":"B@x","id" : 1.50}"#), None]
        );
    }

    #[test]
    fn a_list_may_be_empty_or_null_but_not_absent() {
        let of = |body: &str| read(&results("a.b", Some("k"), None), body, &["x"]);
        assert_eq!(of(r#"{"a":{"b":[]}}"#), Ok(vec![None]));
        assert_eq!(of(r#"{"z":{"b":1},"a":{"y":[],"b":null}}"#), Ok(vec![None]));
        for absent in [r#"{"a":{}}"#, r#"{"b":[]}"#, "[]", "null", r#"{"a":null}"#] {
            assert_eq!(of(absent), Err(Fault::NoRecords("a.b".into())), "{absent}");
        }
        for bad in ["", "<html>", r#"{"a":{"b":[{"k":"x"}"#, r#"{"a":{"b":[]}}}"#] {
            assert!(matches!(of(bad), Err(Fault::NoJson(_))), "{bad}");
        }
        // The body itself.
        let of = |body: &str| read(&results("", Some("k"), None), body, &["x"]);
        assert_eq!(of("null"), Ok(vec![None]));
        assert_eq!(of(r#"[{"k":"x"}]"#), Ok(vec![some(r#"{"k":"x"}"#)]));
        assert_eq!(of(r#"{"k":"x"}"#), Ok(vec![some(r#"{"k":"x"}"#)]));
    }

    #[test]
    fn a_path_that_leads_to_no_key_is_no_answer() {
        let of = |body: &str| read(&results("", Some("mail"), None), body, &["x"]);
        assert_eq!(of(r#"[{"email":"x"},{"email":"y"}]"#), Err(Fault::NoKeys));
        assert_eq!(of(r#"[{"email":"x"},{"mail":"y"}]"#), Ok(vec![None]));
    }

    #[test]
    fn where_the_address_named_the_key_the_one_result_is_its_own() {
        let of = |body: &str| read(&results("", None, None), body, &["x"]);
        assert_eq!(of(r#"{"id":1}"#), Ok(vec![some(r#"{"id":1}"#)]));
        assert_eq!(of(r#"[{"id":1},{"id":2}]"#), Ok(vec![some(r#"{"id":1}"#)]));
    }

    #[test]
    fn what_was_left_off_may_be_anybodys() {
        let results = results("r", Some("k"), Some("more"));
        let of = |more: &str, keys: &[&str]| {
            read(&results, &format!(r#"{{"r":[{{"k":"a"}}],"more":{more}}}"#), keys)
        };
        for none in ["false", "null", "\"\""] {
            assert_eq!(of(none, &["a", "b"]).unwrap().len(), 2);
        }
        for more in ["true", "\"token\"", "3"] {
            assert_eq!(of(more, &["a", "b"]), Err(Fault::More));
            assert_eq!(of(more, &["b"]), Err(Fault::More));
            assert!(of(more, &["a"]).is_ok(), "its first result is there");
        }
        assert_eq!(
            (Fault::More.blame(true, false), Fault::More.blame(false, false)),
            (Blame::Batch, Blame::Request)
        );
    }
}
