//! Kinds of values: each reads itself, reports its own faults and fills itself.
//!
//! A value that is written as one text implements [`TextValue`]; [`text_value!`] makes serde and the
//! schema know it. What is wrong with it is noted while the file is read, so that all faults of a
//! file show at once, and something stands in for it.

pub(crate) mod address;
mod cron;
mod duration;
mod headers;
mod json;
mod list;
mod name;
pub(crate) mod path;
mod query;
mod rate;
mod references;
mod request;
mod scalar;
pub(crate) mod schedule;
mod secret;
mod sent;
pub(crate) mod template;
mod text;
mod url;
mod zone;

pub use cron::next_run_ms;
pub(crate) use duration::{Millis, Timeout};
pub(crate) use headers::Headers;
pub(crate) use json::{Constant, JsonPart, JsonTemplate};
pub use json::{Given, given};
pub(crate) use list::OneOrList;
pub(crate) use name::{HeaderName, Name};
pub(crate) use path::{ListPath, Path, RecordPath};
pub(crate) use query::{Query, or_stand_in};
pub(crate) use rate::Rate;
pub(crate) use references::{
    Enveloped, EnvelopedBatch, Following, Listed, LookupKeys, NoRecord, Record, Sent,
};
pub(crate) use request::{ParentValues, RequestText, RequestValues};
pub(crate) use scalar::{Scalar, StatusCode};
pub(crate) use schedule::Schedule;
pub(crate) use secret::SecretText;
pub(crate) use sent::{RecordIs, SentText, SentValues, Shape};
pub(crate) use text::{Text, Words};
pub(crate) use url::Url;
pub(crate) use zone::{TimeOfDay, Zone};

use serde::{Deserialize, Deserializer};

use crate::file::{Fault, Site, note_fault, site};

/// A value that is written as one text.
pub(crate) trait TextValue: Sized {
    /// Reads it; a fault says what is wrong and what to write instead.
    fn read(text: &str, site: Site) -> Result<Self, Fault>;

    /// Stands in for one that is wrong, so that the rest of the file is read. It is never used: a
    /// file with a fault makes no flow.
    fn stand_in(site: Site) -> Self;
}

/// Reads a [`TextValue`] where serde asks for it.
pub(crate) fn read_text<'de, T: TextValue, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let site = site();
    let text = String::deserialize(deserializer)?;
    Ok(T::read(&text, site.clone()).unwrap_or_else(|fault| {
        note_fault(fault);
        T::stand_in(site)
    }))
}

/// Lets serde read a [`TextValue`] and gives it its schema: that of any text, or one of its own.
macro_rules! text_value {
    ([$($generic:ident: $bound:path)?] $type:ty) => {
        $crate::value::text_value!(@read [$($generic: $bound)?] $type);

        impl<$($generic: $bound)?> schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <String as schemars::JsonSchema>::schema_name()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <String as schemars::JsonSchema>::json_schema(generator)
            }
        }
    };
    (@read [$($generic:ident: $bound:path)?] $type:ty) => {
        impl<'de $(, $generic: $bound)?> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                $crate::value::read_text(deserializer)
            }
        }
    };
    ($type:ty, $name:literal, $schema:tt) => {
        $crate::value::text_value!(@read [] $type);

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
    ($type:ty) => {
        $crate::value::text_value!([] $type);
    };
}
pub(crate) use text_value;
