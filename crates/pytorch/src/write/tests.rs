//! The text for the networks of the zoo, and for random ones.

use convnet::zoo;

use super::write;

#[test]
fn every_network_of_the_zoo_is_python() {
    for entry in zoo::entries() {
        let graph = entry.model().build().unwrap();
        let text = write(&graph).unwrap();
        ruff_python_parser::parse_module(&text)
            .unwrap_or_else(|error| panic!("{}: {error}\n{text}", entry.name));
        assert_eq!(text, write(&graph).unwrap(), "{}", entry.name);
        for line in text.lines() {
            assert!(line.chars().count() <= 100 && line.trim_end() == line, "{}: {line}", entry.name);
        }
    }
}
