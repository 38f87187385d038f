//! Values picked out of a JSON text by their paths, whatever else stands in it.
//!
//! The one reader of what other systems wrote. Nothing in a text makes it panic: half surrogates, bytes
//! that are no UTF-8, deep nesting and texts that break off are faults, or, beside the paths, are skipped.

use std::{borrow::Cow, ops::Range};

use jiter::{Jiter, JiterError};

use super::{
    Scalar,
    trie::{Picked, Trie},
};

/// The paths that are read out of many texts, in one pass over each.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    trie: Trie,
}

/// What stands at the paths of one text.
#[derive(Debug)]
pub(crate) struct Picks<'t> {
    text: &'t [u8],
    found: Picked,
}

impl Picker {
    /// Picks nothing yet.
    pub(crate) fn new() -> Self {
        Self { trie: Trie::new() }
    }

    /// Picks what stands at one path: see [`Picker::value`].
    pub(crate) fn of(path: &[String]) -> Self {
        let mut picker = Self::new();
        picker.add(path);
        picker
    }

    /// Adds a path and answers with its slot; the same path has the same slot.
    pub(crate) fn add(&mut self, path: &[String]) -> usize {
        self.trie.add(path)
    }

    /// Whether it has no path.
    pub(crate) fn is_empty(&self) -> bool {
        self.trie.slots() == 0
    }

    /// Reads the value that a text begins with. What follows it is not looked at.
    ///
    /// # Errors
    /// If that is no JSON, or breaks off.
    pub(crate) fn pick<'t>(&self, text: &'t [u8]) -> Result<Picks<'t>, JiterError> {
        let (picks, read) = self.pick_until_fault(text);
        read.map(|()| picks)
    }

    /// Reads the one value that a text is.
    ///
    /// # Errors
    /// If it is no JSON, breaks off, or goes on after its value.
    pub(crate) fn pick_all<'t>(&self, text: &'t [u8]) -> Result<Picks<'t>, JiterError> {
        let mut json = Jiter::new(text);
        let mut picks = self.picks(text);
        self.pick_next(&mut json, &mut picks)?;
        json.finish()?;
        Ok(picks)
    }

    /// Reads a text that may break off: what was found before it did, and why it could not be read on.
    pub(crate) fn pick_until_fault<'t>(
        &self,
        text: &'t [u8],
    ) -> (Picks<'t>, Result<(), JiterError>) {
        let mut picks = self.picks(text);
        let read = self.pick_next(&mut Jiter::new(text), &mut picks);
        (picks, read)
    }

    /// Room for what is picked out of a text.
    pub(crate) fn picks<'t>(&self, text: &'t [u8]) -> Picks<'t> {
        Picks { text, found: vec![None; self.trie.slots()] }
    }

    /// Reads the next value of the text that `json` reads and `picks` is for.
    ///
    /// # Errors
    /// If it is no JSON, or breaks off.
    pub(crate) fn pick_next<'t>(
        &self,
        json: &mut Jiter<'t>,
        picks: &mut Picks<'t>,
    ) -> Result<(), JiterError> {
        picks.found.fill(None);
        self.trie.pick(json, &mut picks.found)
    }

    /// What stands at the first path; `None` where it is absent or null, or the text is no JSON.
    pub(crate) fn value<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        self.pick(text).ok()?.json(0)
    }
}

impl<'t> Picks<'t> {
    /// The JSON in a slot; `None` where it is absent or null.
    pub(crate) fn json(&self, slot: usize) -> Option<&'t [u8]> {
        self.range(slot).map(|range| &self.text[range])
    }

    /// Where the JSON in a slot stands in the text; `None` where it is absent or null.
    pub(crate) fn range(&self, slot: usize) -> Option<Range<usize>> {
        self.found[slot].clone().filter(|_| !self.is_null(slot))
    }

    /// Whether null stands there, and not nothing.
    pub(crate) fn is_null(&self, slot: usize) -> bool {
        self.found[slot].as_ref().is_some_and(|range| self.text[range.clone()] == *b"null")
    }

    /// The scalar in a slot; `None` for anything else, and for a text that is none in Unicode.
    pub(crate) fn scalar(&self, slot: usize) -> Option<Scalar<'t>> {
        Scalar::read(self.json(slot)?)
    }

    /// The text that the scalar in a slot means.
    pub(crate) fn text(&self, slot: usize) -> Option<Cow<'t, str>> {
        self.scalar(slot).map(Scalar::into_text)
    }
}

/// The elements of an array, one after another.
pub(crate) struct Elements<'t> {
    text: &'t [u8],
    json: Jiter<'t>,
    /// Whether the first one has been asked for.
    begun: bool,
}

impl<'t> Elements<'t> {
    /// Of the array that a text is.
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self { text, json: Jiter::new(text), begun: false }
    }

    /// The next one: where it stands, and what the picker finds in it.
    ///
    /// # Errors
    /// If the text is no array, is no JSON, or breaks off.
    pub(crate) fn next(
        &mut self,
        picker: &Picker,
    ) -> Result<Option<(Range<usize>, Picks<'t>)>, JiterError> {
        let step = match std::mem::replace(&mut self.begun, true) {
            false => self.json.next_array()?,
            true => self.json.array_step()?,
        };
        if step.is_none() {
            return Ok(None);
        }
        let start = self.json.current_index();
        let mut picks = picker.picks(self.text);
        picker.pick_next(&mut self.json, &mut picks)?;
        Ok(Some((start..self.json.current_index(), picks)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn null_is_told_from_nothing_and_both_are_no_value() {
        let mut picker = Picker::new();
        let slots = ["a", "b", "c.d"].map(|text| picker.add(&path(text)));
        let picks = picker.pick_all(br#"{"a":null,"c":{"d":"x\u0041"}}"#).unwrap();
        assert_eq!(slots.map(|slot| picks.is_null(slot)), [true, false, false]);
        assert_eq!(slots.map(|slot| picks.json(slot).is_some()), [false, false, true]);
        assert_eq!(picks.text(slots[2]).as_deref(), Some("xA"));
        assert!(picker.pick_all(b"{} {}").is_err());
        assert!(picker.pick(b"{} {}").is_ok());
    }

    #[test]
    fn what_was_found_before_a_text_breaks_off_counts() {
        let picker = Picker::of(&path("code"));
        let (picks, read) = picker.pick_until_fault(br#"{"code":7,"more":[1"#);
        assert!(read.is_err());
        assert_eq!(picks.text(0).as_deref(), Some("7"));
    }

    #[test]
    fn elements_stand_where_they_say() {
        let text = br#"[ {"k":1} , null,{"k":"b"}]"#;
        let picker = Picker::of(&path("k"));
        let mut elements = Elements::of(text);
        let mut found = Vec::new();
        while let Some((range, picks)) = elements.next(&picker).unwrap() {
            found.push((&text[range], picks.json(0)));
        }
        let none: Option<&[u8]> = None;
        assert_eq!(
            found,
            [
                (&br#"{"k":1}"#[..], Some(&b"1"[..])),
                (b"null", none),
                (br#"{"k":"b"}"#, Some(b"\"b\""))
            ]
        );
        assert!(Elements::of(b"{}").next(&picker).is_err());
    }

    #[test]
    fn poisoned_texts_are_faults_or_are_skipped_and_never_panic() {
        let picker = Picker::of(&path("id"));
        let texts = [
            &br#"{"id":"\ud800"}"#[..],
            br#"{"x":"\ud800","id":1}"#,
            br#"{"\ud800":1,"id":1}"#,
            b"{\"id\":\"\xff\xfe\"}",
            b"{\"\xff\":1,\"id\":2}",
            b"\"",
            b"",
            b"{\"id\":\"",
        ];
        for text in texts {
            if let Ok(picks) = picker.pick(text) {
                let _ = (picks.text(0), picks.is_null(0));
            }
        }
        for deep in ["[".repeat(100_000), "{\"id\":".repeat(100_000)] {
            assert!(picker.pick(deep.as_bytes()).is_err());
        }
        for broken in [&b"\""[..], b"\"\\ud800\"", b"\"\xff\"", b""] {
            assert_eq!(Scalar::read(broken), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_stands_there_nothing_panics(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(br#"{}[]":,\u0dn1e-"#.to_vec())], 0..60),
        ) {
            let mut picker = Picker::new();
            let slots = ["", "a", "0", "[a=1].b"].map(|text| picker.add(&path(text)));
            let (picks, _) = picker.pick_until_fault(&bytes);
            for slot in slots {
                let _ = (picks.json(slot), picks.text(slot), picks.is_null(slot));
            }
            let _ = Scalar::read(&bytes);
            let mut elements = Elements::of(&bytes);
            while let Ok(Some(_)) = elements.next(&picker) {}
        }
    }
}
