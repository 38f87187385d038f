//! The names and characters of XML 1.0 (fifth edition), and the prefixes of its namespaces.

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `<name>`
    Element,
    /// `name="…"`
    Attribute,
}

/// Attributes of XML itself.
const OWN: [&str; 5] = ["xmlns", "xml:lang", "xml:space", "xml:id", "xml:base"];
const DECLARES: &str = "xmlns:";

/// Whether XML may have a character at all (production 2): control characters are none, escaped or not.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a name may begin so (production 4), but for the colon.
fn begins(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// Whether a name may go on so (production 4a), but for the colon.
fn goes_on(c: char) -> bool {
    begins(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Whether this is a name without a colon, or a part of one.
fn is_part(part: &str) -> bool {
    part.starts_with(begins) && part.chars().all(goes_on)
}

/// Checks a name: one or two parts with a colon between.
///
/// # Errors
/// Why it is none.
pub(super) fn check_name(name: &str, kind: Kind) -> Result<(), String> {
    let (prefix, local) = name.split_once(':').unwrap_or(("a", name));
    if !is_part(prefix) || !is_part(local) {
        return Err(format!("`{name}` cannot name an element or an attribute of XML"));
    }
    let is_own = kind == Kind::Attribute && (OWN.contains(&name) || name.starts_with(DECLARES));
    let begins_xml = name.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("xml"));
    match begins_xml && !is_own {
        true => {
            Err(format!("`{name}` cannot be a name: those that begin with `xml` are XML's own"))
        }
        false => Ok(()),
    }
}

/// The prefixes that are declared around an element, and by it.
#[derive(Debug, Default)]
pub(super) struct Prefixes<'p> {
    around: Option<&'p Prefixes<'p>>,
    declared: Vec<String>,
}

impl<'p> Prefixes<'p> {
    /// With those that these attributes declare.
    ///
    /// # Errors
    /// A declaration that declares nothing.
    pub(super) fn with<'a>(
        &'p self,
        attributes: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let mut declared = Vec::new();
        for (name, namespace) in attributes {
            let Some(prefix) = name.strip_prefix(DECLARES) else { continue };
            if namespace.is_empty() {
                return Err(format!("`{name}` has to name a namespace"));
            }
            declared.push(prefix.to_owned());
        }
        Ok(Self { around: Some(self), declared })
    }

    /// Checks that a name's prefix is declared.
    ///
    /// # Errors
    /// That it is not.
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        let Some((prefix, _)) = name.split_once(':') else { return Ok(()) };
        if matches!(prefix, "xml" | "xmlns") || self.has(prefix) {
            return Ok(());
        }
        Err(format!(
            "`{name}` has a prefix that nothing declares: add `\"@xmlns:{prefix}\"` with its namespace"
        ))
    }

    fn has(&self, prefix: &str) -> bool {
        let is_around = || self.around.is_some_and(|around| around.has(prefix));
        self.declared.iter().any(|declared| declared == prefix) || is_around()
    }
}
