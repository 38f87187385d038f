//! One rule, ready for use: what is wrong with a value.

use super::{
    faults::{Faults, Shown, Within},
    kind::{Kind, Value},
    pattern::Pattern,
};
use crate::{
    json::{Elements, Picker, Scalar},
    transform::Cast,
};

/// So many of the values that an `enum` permits are named.
const NAMED_MAX: usize = 10;

/// What is demanded of one value.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    /// The value's path, as the file has it; within an array, from its element on.
    pub(super) name: Box<str>,
    pub(super) required: bool,
    pub(super) kind: Option<Kind>,
    pub(super) strict: bool,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) length_min: Option<usize>,
    pub(super) length_max: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    /// The texts that are permitted.
    pub(super) one_of: Option<Box<[Box<str>]>>,
}

/// Where the faults of a value go, with the names that they bear.
pub(super) struct Noting<'a, 'f> {
    pub(super) within: Option<&'a Within<'a>>,
    pub(super) faults: &'f mut Faults,
}

impl Rule {
    /// Notes everything that is wrong with a value; `json` is none where it is absent or null.
    pub(super) fn check(&self, json: Option<&[u8]>, noting: &mut Noting<'_, '_>) {
        // In CSV and XML there is no other way to write that nothing is there.
        let Some(json) = json.filter(|json| *json != b"\"\"") else {
            if self.required {
                self.says(noting, format_args!("is missing"));
            }
            return;
        };
        let value = Value::read(json);
        if let Value::NoText = value {
            return self.says(noting, format_args!("is a text that is no Unicode"));
        }
        if let Some(kind) = self.kind.filter(|kind| !kind.takes(&value, self.strict)) {
            return self.is_not(kind, &value, json, noting);
        }
        self.check_length(&value, json, noting);
        if self.min.is_none()
            && self.max.is_none()
            && self.pattern.is_none()
            && self.one_of.is_none()
        {
            return;
        }
        match value {
            Value::Scalar(scalar) => {
                self.check_range(&scalar, json, noting);
                self.check_text(scalar, json, noting);
            }
            _ => self.says(noting, format_args!("is {}, not a single value", Shown(json))),
        }
    }

    fn says(&self, noting: &mut Noting<'_, '_>, says: std::fmt::Arguments<'_>) {
        noting.faults.add(noting.within, &self.name, says);
    }

    fn is_not(&self, kind: Kind, value: &Value<'_>, json: &[u8], noting: &mut Noting<'_, '_>) {
        let wanted = kind.wanted();
        match value {
            Value::Scalar(Scalar::Text(_)) if !kind.is_shown() => {
                self.says(noting, format_args!("is a text that is not {wanted}"));
            }
            _ => self.says(noting, format_args!("is {}, not {wanted}", Shown(json))),
        }
    }

    fn check_range(&self, scalar: &Scalar<'_>, json: &[u8], noting: &mut Noting<'_, '_>) {
        if self.min.is_none() && self.max.is_none() {
            return;
        }
        let number = match scalar {
            Scalar::Number(text) => text.parse::<f64>().ok(),
            text if Cast::Number.takes(text) => text.clone().into_text().trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            return self.says(noting, format_args!("is {}, not a number", Shown(json)));
        };
        if let Some(min) = self.min.filter(|min| number < *min) {
            self.says(noting, format_args!("is {}, less than {min}", Shown(json)));
        }
        if let Some(max) = self.max.filter(|max| number > *max) {
            self.says(noting, format_args!("is {}, more than {max}", Shown(json)));
        }
    }

    fn check_length(&self, value: &Value<'_>, json: &[u8], noting: &mut Noting<'_, '_>) {
        if self.length_min.is_none() && self.length_max.is_none() {
            return;
        }
        let (length, of) = match value {
            Value::Scalar(Scalar::Text(text)) => (text.chars().count(), "characters"),
            Value::Scalar(Scalar::Number(text)) => (text.len(), "characters"),
            Value::Array => (elements(json), "elements"),
            _ => return self.says(noting, format_args!("is {}, which has no length", Shown(json))),
        };
        if let Some(min) = self.length_min.filter(|min| length < *min) {
            self.says(noting, format_args!("has {length} {of}, fewer than {min}"));
        }
        if let Some(max) = self.length_max.filter(|max| length > *max) {
            self.says(noting, format_args!("has {length} {of}, more than {max}"));
        }
    }

    fn check_text(&self, scalar: Scalar<'_>, json: &[u8], noting: &mut Noting<'_, '_>) {
        let text = scalar.into_text();
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_in(&text)) {
            self.says(noting, format_args!("does not match `{}`", pattern.text()));
        }
        if let Some(one_of) = self.one_of.as_ref().filter(|it| !it.iter().any(|one| **one == *text))
        {
            let named: Vec<&str> = one_of.iter().take(NAMED_MAX).map(|one| &**one).collect();
            let more = if one_of.len() > NAMED_MAX { ", …" } else { "" };
            self.says(
                noting,
                format_args!("is {}, not one of {}{more}", Shown(json), named.join(", ")),
            );
        }
    }
}

/// How many elements an array has.
fn elements(json: &[u8]) -> usize {
    let (mut elements, nothing) = (Elements::of(json), Picker::new());
    let mut count = 0;
    while let Ok(Some(_)) = elements.next(&nothing) {
        count += 1;
    }
    count
}
