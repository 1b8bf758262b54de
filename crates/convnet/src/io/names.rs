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

/// The name that the network has for it: torchvision's first DenseNets wrote `denselayer1.norm.1.weight` for
/// `denselayer1.norm1.weight`.
pub(super) fn canonical(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let mut out: Vec<String> = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        let layer = i >= 2 && parts[i - 2].starts_with("denselayer");
        let numbered = matches!(*part, "1" | "2") && matches!(parts[i.max(1) - 1], "norm" | "relu" | "conv");
        match out.last_mut() {
            Some(last) if layer && numbered => last.push_str(part),
            _ => out.push((*part).to_owned()),
        }
    }
    out.join(".")
}

/// Whether a tensor counts training steps, which weights do not depend on.
pub(super) fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_dense_layers_and_wrappers_are_known() {
        let old = "features.denseblock1.denselayer12.norm.2.running_mean";
        assert_eq!(canonical(old), "features.denseblock1.denselayer12.norm2.running_mean");
        assert_eq!(canonical("features.3.weight"), "features.3.weight");
        assert_eq!(canonical("conv.1.weight"), "conv.1.weight");
        assert_eq!(wrapper(&["module.a", "module.b.c"]), "module.");
        assert_eq!(wrapper(&["module.a", "b"]), "");
        assert_eq!(wrapper(&["_orig_mod.module.a"]), "_orig_mod.module.");
        assert_eq!(wrapper(&[]), "");
        assert!(is_counter("bn1.num_batches_tracked") && !is_counter("bn1.weight"));
    }
}
