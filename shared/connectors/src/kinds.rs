//! One file a kind: the registry that a section's kinds stand in.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A section that is exactly one of several kinds. Each kind is a module with a type that holds the
/// kind's keys, and that implements what all kinds of the section do:
///
/// ```text
/// kinds! {
///     /// How the next page of a list is asked for: exactly one kind.
///     pub(crate) enum Pagination: Style {
///         mod offset: Offset;
///     }
/// }
/// ```
///
/// What is not for every program stands in a trait of its own, `enum Source: SourceKind, SourceReader by reader`: a program
/// that never asks for it does without its code.
///
/// The module's name is the kind's key in a flow file, and the type's name says the same. A type
/// without keys is named alone: `pagination: none`. The section derefs to what its kind does.
macro_rules! kinds {
    (
        $(#[doc = $doc:literal])+
        $vis:vis enum $section:ident: $behaviour:ident $(, $apart:ident by $by:ident)? {
            $(mod $key:ident: $kind:ident;)+
        }
    ) => {
        $(mod $key;)+

        $(#[doc = $doc])+
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        $vis enum $section {
            $(
                #[doc = concat!("`", stringify!($key), "`")]
                $kind(
                    #[serde(deserialize_with = "crate::kinds::shared")]
                    std::sync::Arc<$key::$kind>,
                ),
            )+
        }

        impl std::ops::Deref for $section {
            type Target = dyn $behaviour;

            fn deref(&self) -> &Self::Target {
                match self {
                    $(Self::$kind(kind) => &**kind,)+
                }
            }
        }

        $crate::kinds::kinds!(@apart $section [$($apart by $by)?] $($kind)+);

        impl schemars::JsonSchema for $section {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($section).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let kinds = vec![
                    $($crate::kinds::schema::<$key::$kind>(stringify!($key), generator),)+
                ];
                let description = [$($doc),+].map(str::trim).join("\n");
                schemars::json_schema!({ "description": description, "oneOf": kinds })
            }
        }
    };
    (@apart $section:ident [] $($kind:ident)+) => {};
    (@apart $section:ident [$apart:ident by $by:ident] $($kind:ident)+) => {
        impl $section {
            /// The rest of what its kind does.
            pub(crate) fn $by(&self) -> &dyn $apart {
                match self {
                    $(Self::$kind(kind) => &**kind,)+
                }
            }
        }
    };
}
pub(crate) use kinds;

/// Reads what a kind's key says. Sections are shared by what is made of them.
pub(crate) fn shared<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Arc<T>, D::Error> {
    T::deserialize(deserializer).map(Arc::new)
}

/// The schema of a section of this kind: its key with what stands under it, or its name alone.
pub(crate) fn schema<T: JsonSchema>(key: &str, generator: &mut SchemaGenerator) -> Schema {
    let own = T::json_schema(generator);
    let description = own.get("description").cloned().unwrap_or_default();
    if own.get("type").is_some_and(|kind| kind == "null") {
        return json_schema!({ "description": description, "type": "string", "const": key });
    }
    json_schema!({
        "description": description,
        "type": "object",
        "properties": { key: generator.subschema_for::<T>() },
        "required": [key],
        "additionalProperties": false,
    })
}
