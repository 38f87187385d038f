//! The flows of this deployment: every `flows/*.yaml`, checked and embedded when this crate is
//! built.
//!
//! A broken flow fails the build with the error that `tidegate check` would print.

include!(concat!(env!("OUT_DIR"), "/flows.rs"));

/// The text of a flow's file, by the flow's name.
pub fn get(name: &str) -> Option<&'static str> {
    find(TEXTS, name)
}

/// The embedded form of a flow that was checked when this crate was built, by the flow's name: what
/// a function reads, without YAML.
pub fn embedded(name: &str) -> Option<&'static str> {
    find(FORMS, name)
}

/// Every flow's name and text, by name.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXTS.iter().copied()
}

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    // Sorted by the build script.
    let index = table.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(table[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_is_found_by_its_name() {
        assert!(all().count() >= 2);
        for (name, text) in all() {
            assert_eq!(get(name), Some(text));
            let flow = tidegate_flow::parse(name, text).unwrap();
            assert_eq!(flow.name, name);
            let loaded = tidegate_flow::FlowSpec::embedded(name, embedded(name).unwrap()).unwrap();
            assert_eq!(loaded.settings, flow.settings);
            let sections = |flow: &tidegate_flow::FlowSpec| {
                let shown = format!("{flow:?}");
                shown.split_once("sections: ").unwrap().1.to_owned()
            };
            assert_eq!(sections(&loaded), sections(&flow));
        }
        assert_eq!(get("nope"), None);
        assert_eq!(get("orders.test"), None);
    }
}
