//! All rules of a flow, in one pass over a record; the elements of arrays are read a second time.

use super::{
    faults::{Faults, Within},
    rule::{Noting, Rule},
};
use crate::json::{Elements, Picker, Picks};
use jiter::JiterError;

/// What is demanded of a record, or of each element of an array.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    picker: Picker,
    /// In the file's order; an array stands where the first rule for its elements does.
    checks: Vec<(usize, Check)>,
}

#[derive(Debug, Clone)]
enum Check {
    Value(Rule),
    Each {
        /// The array's path, as the file has it.
        array: Box<str>,
        rules: Rules,
    },
}

impl Rules {
    /// Demands nothing yet.
    pub(super) fn new() -> Self {
        Self { picker: Picker::new(), checks: Vec::new() }
    }

    /// Adds a rule at a path: the keys to an array, and so on, as [`super::path::RulePath`] has it. `written` makes a
    /// name of keys.
    pub(super) fn add(
        &mut self,
        path: &[Vec<String>],
        rule: Rule,
        written: fn(&[String]) -> String,
    ) {
        let Some((keys, inner)) = path.split_first() else { return };
        let slot = self.picker.add(keys);
        if inner.is_empty() {
            let name = written(keys).into();
            self.checks.push((slot, Check::Value(Rule { name, ..rule })));
            return;
        }
        let known = self
            .checks
            .iter()
            .position(|(of, check)| *of == slot && matches!(check, Check::Each { .. }));
        let at = known.unwrap_or_else(|| {
            let (array, rules) = (written(keys).into(), Self::new());
            self.checks.push((slot, Check::Each { array, rules }));
            self.checks.len() - 1
        });
        if let Check::Each { rules, .. } = &mut self.checks[at].1 {
            rules.add(inner, rule, written);
        }
    }

    /// Everything that is wrong with a record.
    ///
    /// # Errors
    /// If it is no JSON.
    pub(super) fn faults(&self, record: &[u8]) -> Result<Faults, JiterError> {
        let mut faults = Faults::default();
        let picks = self.picker.pick_all(record)?;
        self.check(&picks, &mut Noting { within: None, faults: &mut faults })?;
        Ok(faults)
    }

    fn check(&self, picks: &Picks<'_>, noting: &mut Noting<'_, '_>) -> Result<(), JiterError> {
        for (slot, check) in &self.checks {
            let json = picks.json(*slot);
            match (check, json) {
                (Check::Value(rule), json) => rule.check(json, noting),
                (Check::Each { array, rules }, Some(json)) => {
                    rules.check_each(array, json, noting)?
                }
                // That it is there at all is demanded by a rule of its own.
                (Check::Each { .. }, None) => {}
            }
        }
        Ok(())
    }

    fn check_each(
        &self,
        array: &str,
        json: &[u8],
        noting: &mut Noting<'_, '_>,
    ) -> Result<(), JiterError> {
        match json {
            [b'[', ..] => {}
            b"\"\"" => return Ok(()),
            _ => {
                let found = super::faults::Shown(json);
                noting.faults.add(noting.within, array, format_args!("is {found}, not an array"));
                return Ok(());
            }
        }
        let mut elements = Elements::of(json);
        let mut index = 0;
        while let Some((_, picks)) = elements.next(&self.picker)? {
            let within = Within { outer: noting.within, array, index };
            self.check(&picks, &mut Noting { within: Some(&within), faults: noting.faults })?;
            index += 1;
        }
        Ok(())
    }
}
