//! Ways to an element.

use super::names::Name;
use crate::BadFormat;

/// Most names in a path.
const STEPS_MAX: usize = 32;

/// Names of elements, each within the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    steps: Box<[Step]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `*`.
    Any,
    /// A name whatever its prefix.
    Local(Box<str>),
    /// A name of a namespace that the format declares, by its place among them.
    Of { space: u16, local: Box<str> },
    /// A name that is written so.
    Written(Box<str>),
}

impl Path {
    /// Reads a path; `prefixes` are those that the format declares.
    pub fn parse(path: &str, prefixes: &[Box<str>]) -> Result<Self, BadFormat> {
        let separator = if path.contains('/') { '/' } else { '.' };
        let steps: Vec<Step> = path
            .split(separator)
            .map(|step| Step::parse(step.trim(), prefixes))
            .collect::<Option<_>>()
            .ok_or_else(|| {
                BadFormat(format!("{path:?} is no path: names of elements, like `offers.offer`"))
            })?;
        if steps.len() > STEPS_MAX {
            return Err(BadFormat(format!("{path:?} has more than {STEPS_MAX} names")));
        }
        Ok(Self { steps: steps.into() })
    }

    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether names, given from the innermost outwards, end in this path; but for its last `above` names.
    pub fn fits<'n>(&self, above: usize, mut names: impl Iterator<Item = Name<'n>>) -> bool {
        self.steps[..self.steps.len() - above]
            .iter()
            .rev()
            .all(|step| names.next().is_some_and(|name| step.fits(name)))
    }
}

impl Step {
    fn parse(step: &str, prefixes: &[Box<str>]) -> Option<Self> {
        if step == "*" {
            return Some(Self::Any);
        }
        if step.is_empty() || step.contains(|c: char| c.is_whitespace() || "*@#<>&\"'".contains(c))
        {
            return None;
        }
        let Some((prefix, local)) = step.split_once(':') else {
            return Some(Self::Local(step.into()));
        };
        if prefix.is_empty() || local.is_empty() {
            return None;
        }
        let space = prefixes.iter().position(|known| **known == *prefix);
        Some(match space {
            Some(space) => Self::Of { space: u16::try_from(space).ok()?, local: local.into() },
            None => Self::Written(step.into()),
        })
    }

    fn fits(&self, name: Name<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Local(local) => name.local() == &**local,
            Self::Of { space, local } => name.space == Some(*space) && name.local() == &**local,
            Self::Written(written) => name.written == &**written,
        }
    }
}
