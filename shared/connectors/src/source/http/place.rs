//! A page, as a position carries it.

use serde::{Deserialize, Serialize};
use tidegate_core::model::RecordId;
use url::Url;

use super::pagination::{PageRef, PageToken};

/// The longest token or address that a position carries.
const TOKEN_BYTES_MAX: usize = 3_000;

/// Which page of a list to ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    First,
    Number(u64),
    Offset(u64),
    Token(String),
    /// A token that the source gave as a number.
    NumberToken(String),
    Address(String),
    After(RecordId),
}

impl Place {
    /// `None` where a position has no room for it.
    pub(super) fn of(page: &PageRef) -> Option<Self> {
        Some(match page {
            PageRef::First => Self::First,
            PageRef::Number(number) => Self::Number(*number),
            PageRef::Offset { at, .. } => Self::Offset(*at),
            PageRef::Token(PageToken { text, is_number }) if text.len() <= TOKEN_BYTES_MAX => {
                match is_number {
                    true => Self::NumberToken(text.clone()),
                    false => Self::Token(text.clone()),
                }
            }
            PageRef::Address(url) if url.as_str().len() <= TOKEN_BYTES_MAX => {
                Self::Address(url.as_str().to_owned())
            }
            PageRef::After(id) => Self::After(id.clone()),
            PageRef::Token(_) | PageRef::Address(_) => return None,
        })
    }

    pub(super) fn into_ref(self) -> PageRef {
        match self {
            Self::First => PageRef::First,
            Self::Number(number) => PageRef::Number(number),
            Self::Offset(at) => PageRef::Offset { at, overlap: true },
            Self::Token(text) => PageRef::Token(PageToken { text, is_number: false }),
            Self::NumberToken(text) => PageRef::Token(PageToken { text, is_number: true }),
            Self::Address(text) => Url::parse(&text).map_or(PageRef::First, PageRef::Address),
            Self::After(id) => PageRef::After(id),
        }
    }
}
