//! A file as it stands, before anything is made of it.

use serde::{Deserialize, Serialize};

use super::at::At;

/// A value of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// Nothing.
    Null,
    /// `true` or `false`, with the text that stands there.
    Boolean(bool, Box<str>),
    /// A whole number, with the text that stands there.
    Integer(i64, Box<str>),
    /// A number with a fraction, or too large for anything that a flow counts, with the text that
    /// stands there.
    Number(serde_json::Number, Box<str>),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<At<Node>>),
    /// Keys with their values, in the file's order.
    Section(Vec<(At<String>, At<Node>)>),
}

impl Node {
    /// What a person would call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(..) => "true or false",
            Self::Integer(..) | Self::Number(..) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Section(_) => "a section with keys",
        }
    }
}
