//! What a reference in a text stands for.

use super::entities;

/// What comes of the name between `&` and `;`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Referred {
    /// A character by its number, or by one of XML's own names.
    Character(char),
    /// A character by a name of HTML's.
    Named(char),
    /// The first half of a pair of UTF-16, which programs write though they may not.
    High(u32),
    /// The second half.
    Low(u32),
    /// No character that XML may hold.
    Nothing,
    /// No name that is known.
    Unknown,
}

pub(super) fn refer(name: &str) -> Referred {
    let Some(number) = name.strip_prefix('#') else {
        return match entities::predefined(name) {
            Some(character) => Referred::Character(character),
            None => entities::named(name).map_or(Referred::Unknown, Referred::Named),
        };
    };
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Referred::Unknown;
    }
    match u32::from_str_radix(digits, radix) {
        Ok(high @ 0xD800..=0xDBFF) => Referred::High(high),
        Ok(low @ 0xDC00..=0xDFFF) => Referred::Low(low),
        Ok(0..=8 | 0xB | 0xC | 0xE..=0x1F | 0xFFFE | 0xFFFF) | Err(_) => Referred::Nothing,
        Ok(number) => char::from_u32(number).map_or(Referred::Nothing, Referred::Character),
    }
}

/// The character of two halves.
pub(super) fn pair(high: u32, low: u32) -> Option<char> {
    char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_reference() {
        for (name, expected) in [
            ("amp", Referred::Character('&')),
            ("#233", Referred::Character('é')),
            ("#xE9", Referred::Character('é')),
            ("#x1F600", Referred::Character('😀')),
            ("#13", Referred::Character('\r')),
            ("auml", Referred::Named('ä')),
            ("#x1F", Referred::Nothing),
            ("#0", Referred::Nothing),
            ("#xFFFF", Referred::Nothing),
            ("#99999999999999", Referred::Nothing),
            ("#x110000", Referred::Nothing),
            ("#55357", Referred::High(0xD83D)),
            ("#56832", Referred::Low(0xDE00)),
            ("#", Referred::Unknown),
            ("#x", Referred::Unknown),
            ("#+5", Referred::Unknown),
            ("foo", Referred::Unknown),
            ("", Referred::Unknown),
        ] {
            assert_eq!(refer(name), expected, "{name}");
        }
        assert_eq!(pair(0xD83D, 0xDE00), Some('😀'));
    }
}
