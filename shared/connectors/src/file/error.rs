//! What is said where a file is wrong: the place, the fault and the remedy.

use std::fmt;

use super::text::{Location, Place, SourceText};

/// One fault in a file, and what to do about it.
///
/// `Display` is what a compiler would print, without colour:
///
/// ```text
/// error: unknown key `destinaton`
///   --> flows/orders.yaml:12:1
///    |
/// 12 | destinaton:
///    | ^^^^^^^^^^
///    = help: did you mean `destination`? known keys are: …
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowError {
    /// The file as it was named to the parser.
    pub file: Box<str>,
    /// Where in it.
    pub location: Location,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it, in one line.
    pub remedy: String,
}

/// Everything that is wrong with a file, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowErrors(pub Vec<FlowError>);

impl FlowError {
    /// A fault at a place of a file.
    pub fn new(
        source: &SourceText<'_>,
        place: Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            file: source.file.into(),
            location: source.location(place),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Shows stars for the place: what stands there is a secret.
    pub fn hidden(mut self) -> Self {
        let Location { shown, marked, .. } = &mut self.location;
        let before = shown.chars().take(marked.start);
        // What follows goes too: a secret may be cut, or go on after a blank.
        *shown = before.chain("***".chars()).collect::<String>().into();
        *marked = marked.start..marked.start + 3;
        self
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { line, column, shown, marked } = &self.location;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "error: {}", self.message)?;
        if *line == 0 {
            // An embedded form has no lines.
            writeln!(f, "{margin}--> {}", self.file)?;
            return write!(f, "{margin} = help: {}", self.remedy);
        }
        writeln!(f, "{margin}--> {}:{line}:{column}", self.file)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {shown}")?;
        writeln!(f, "{margin} | {}{}", " ".repeat(marked.start), "^".repeat(marked.len()))?;
        write!(f, "{margin} = help: {}", self.remedy)
    }
}

impl std::error::Error for FlowError {}

impl fmt::Display for FlowErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for FlowErrors {}

impl std::ops::Deref for FlowErrors {
    type Target = [FlowError];

    fn deref(&self) -> &[FlowError] {
        &self.0
    }
}

impl IntoIterator for FlowErrors {
    type Item = FlowError;
    type IntoIter = std::vec::IntoIter<FlowError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
