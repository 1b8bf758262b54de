//! The names resolve, the networks build, and they are what their source says.

use super::*;

#[test]
fn every_network_builds_and_is_found_under_its_name() {
    for entry in entries() {
        let graph = entry.model().build().unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        assert_eq!(graph.classes(), entry.classes, "{}", entry.name);
        assert_eq!(find(entry.name).unwrap().name, entry.name);
        let full = format!("{}@{}", entry.base(), entry.variant);
        assert_eq!(find(&full).unwrap().name, entry.name, "{full}");
    }
}
