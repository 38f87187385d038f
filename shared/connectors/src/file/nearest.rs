//! "Did you mean …?"

/// The name most like the one written, if one is like it at all.
pub fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Similar enough to be a slip of the hand; below it, a guess misleads.
    const SIMILAR: f64 = 0.75;
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// The names as a person would list them: `` `a`, `b` ``.
pub fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The whole remedy for an unknown name: the nearest, and all.
pub fn remedy(written: &str, what: &str, known: &[&str]) -> String {
    let all = format!("{what} are: {}", listed(known.iter().copied()));
    match nearest(written, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`? {all}"),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let known = ["destination", "description", "source"];
        assert_eq!(nearest("destinaton", known), Some("destination"));
        assert_eq!(nearest("Source", known), Some("source"));
        assert_eq!(nearest("zzz", known), None);
    }
}
