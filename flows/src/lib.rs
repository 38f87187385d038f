//! The flows of this deployment: every `flows/*.yaml`, checked and embedded when this crate is
//! built.
//!
//! A broken flow fails the build with the error that `tidegate check` would print.

include!(concat!(env!("OUT_DIR"), "/flows.rs"));

/// The text of a flow's file, by the flow's name.
pub fn get(name: &str) -> Option<&'static str> {
    // Sorted by the build script.
    let index = FLOWS.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(FLOWS[index].1)
}

/// Every flow's name and text, by name.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    FLOWS.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_is_found_by_its_name() {
        assert!(all().count() >= 2);
        for (name, text) in all() {
            assert_eq!(get(name), Some(text));
            assert_eq!(tidegate_flow::parse(name, text).unwrap().name, name);
        }
        assert_eq!(get("nope"), None);
        assert_eq!(get("orders.test"), None);
    }
}
