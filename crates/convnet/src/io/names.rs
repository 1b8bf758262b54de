//! Names of tensors that differ from PyTorch's own for the same thing.

/// What wrappers put before every name: DataParallel, and compiled modules.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// The wrapper's part that all names start with.
pub(super) fn wrapper(names: &[&str]) -> String {
    let mut prefix = String::new();
    while let Some(more) = WRAPPERS.iter().find(|wrapper| {
        !names.is_empty() && names.iter().all(|name| name[prefix.len()..].starts_with(**wrapper))
    }) {
        prefix.push_str(more);
    }
    prefix
}

/// Whether a tensor counts training steps, which weights do not depend on.
pub(super) fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_and_counters_are_known() {
        assert_eq!(wrapper(&["module.a", "module.b.c"]), "module.");
        assert_eq!(wrapper(&["module.a", "b"]), "");
        assert_eq!(wrapper(&["_orig_mod.module.a"]), "_orig_mod.module.");
        assert_eq!(wrapper(&[]), "");
        assert!(is_counter("bn1.num_batches_tracked") && !is_counter("bn1.weight"));
    }
}
