//! Names of entries: how they are written, and patterns for them.

/// The upper half of code page 437, which the standard has for names that are not UTF-8.
const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The name that these bytes are. Many writers do not say that theirs is UTF-8: what can be UTF-8 is taken for it.
pub(super) fn decode(raw: &[u8]) -> String {
    if let Ok(name) = std::str::from_utf8(raw) {
        return name.to_owned();
    }
    raw.iter()
        .map(|byte| match byte.checked_sub(0x80) {
            None => char::from(*byte),
            Some(upper) => {
                UPPER.chars().nth(usize::from(upper)).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
        })
        .collect()
}

/// Whether `name` matches `pattern`: `*` is any characters but `/`, `**` any, `?` one that is not `/`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Whether the pattern up to here matches the name up to each of its places.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let stars = pattern[at..].iter().take_while(|it| **it == '*').count();
        if stars > 0 {
            for place in 1..=name.len() {
                reached[place] |= reached[place - 1] && (stars > 1 || name[place - 1] != '/');
            }
            at += stars;
            continue;
        }
        for place in (1..=name.len()).rev() {
            let fits = match pattern[at] {
                '?' => name[place - 1] != '/',
                character => name[place - 1] == character,
            };
            reached[place] = reached[place - 1] && fits;
        }
        reached[0] = false;
        at += 1;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_folders_and_two_do_not() {
        for (pattern, name, expected) in [
            ("*.xml", "offers.xml", true),
            ("*.xml", "a/offers.xml", false),
            ("**.xml", "a/b/offers.xml", true),
            ("a/*/c.csv", "a/b/c.csv", true),
            ("a/*/c.csv", "a/b/b/c.csv", false),
            ("offer?.xml", "offer1.xml", true),
            ("offer?.xml", "offer.xml", false),
            ("?", "/", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("каталог*.xml", "каталог_1.xml", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_are_utf_8_where_they_can_be_and_code_page_437_else() {
        assert_eq!(decode("Größe.xml".as_bytes()), "Größe.xml");
        assert_eq!(decode(b"Gr\x94\xe1e.xml"), "Größe.xml");
        assert_eq!(UPPER.chars().count(), 128);
    }
}
