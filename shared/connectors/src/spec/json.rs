//! JSON with references in it.

use crate::template::Template;

/// JSON whose texts may hold references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonTemplate {
    /// A text.
    Text(Template),
    /// An array.
    List(Vec<JsonTemplate>),
    /// An object; its keys are as they stand.
    Object(Vec<(String, JsonTemplate)>),
    /// A number, a boolean or null.
    Plain(serde_json::Value),
}
