//! Values of a feed's keys: a share, and an encoding.

use tidegate_feed::text::{self, Encoding};

use crate::{
    file::{Fault, Site},
    value::{TextValue, text_value},
};

/// A share, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share(pub(super) u32);

impl Default for Share {
    fn default() -> Self {
        Self(100)
    }
}

impl TextValue for Share {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        let thousandths = text.strip_suffix('%').and_then(|number| {
            let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let is_number = digits(whole) && digits(tenth) && tenth.len() == 1;
            let whole: u32 = whole.parse().ok().filter(|_| is_number)?;
            Some(whole.checked_mul(10)? + tenth.parse::<u32>().ok()?)
        });
        match thousandths {
            Some(thousandths) if thousandths <= 1_000 => Ok(Self(thousandths)),
            _ => {
                let message = format!("`{text}` is no share");
                Err(Fault::new(
                    site.place,
                    message,
                    "write a percentage from `0%` to `100%`, like `2.5%`",
                ))
            }
        }
    }

    fn stand_in(_: Site) -> Self {
        Self::default()
    }
}

text_value!([] Share);

/// An encoding by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charset(pub(super) &'static Encoding);

impl TextValue for Charset {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        text::Charset::named(text).map(Self).ok_or_else(|| {
            let message = format!("`{text}` is no encoding that is known");
            let remedy =
                "write a name of the WHATWG's list, like `utf-8`, `windows-1251` or `iso-8859-1`";
            Fault::new(site.place, message, remedy)
        })
    }

    fn stand_in(_: Site) -> Self {
        Self(encoding_rs::UTF_8)
    }
}

text_value!([] Charset);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{read, section};

    #[test]
    fn a_share_is_a_percentage() {
        for (text, thousandths) in [("10%", 100), ("0%", 0), ("2.5%", 25), ("100%", 1_000)] {
            assert_eq!(section::<Share>(json!(text)).0, thousandths);
        }
        for text in ["10", "101%", "-1%", "1.25%", "%", "ten%", "99999999999%"] {
            assert_eq!(read::<Share>(json!(text)).1.faults.len(), 1, "{text}");
        }
    }

    #[test]
    fn an_encoding_has_a_known_name() {
        assert_eq!(section::<Charset>(json!("cp1251")).0.name(), "windows-1251");
        let (_, findings) = read::<Charset>(json!("utf8mb4"));
        assert!(findings.faults[0].message.contains("no encoding"), "{:?}", findings.faults);
    }
}
