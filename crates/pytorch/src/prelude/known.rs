//! Names that PyTorch 2.15 and torchvision 0.29 have, as `dir()` gives them: a name that is missing here is a mistake, or
//! something that convnet lacks.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Names by module, in lines.
const NAMES: &[(&str, &str)] = &[
    ("torch", include_str!("known/torch.txt")),
    ("torch.Tensor", include_str!("known/torch.Tensor.txt")),
    ("torch.nn", include_str!("known/torch.nn.txt")),
    ("torch.nn.functional", include_str!("known/torch.nn.functional.txt")),
    ("torch.nn.init", include_str!("known/torch.nn.init.txt")),
    ("torch.nn.utils", include_str!("known/torch.nn.utils.txt")),
    ("torch.utils", include_str!("known/torch.utils.txt")),
    ("torch.cuda", include_str!("known/torch.cuda.txt")),
    ("torch.jit", include_str!("known/torch.jit.txt")),
    ("torch.fx", include_str!("known/torch.fx.txt")),
    ("torchvision", include_str!("known/torchvision.txt")),
    ("torchvision.ops", include_str!("known/torchvision.ops.txt")),
    ("torchvision.ops.misc", include_str!("known/torchvision.ops.misc.txt")),
];

/// Packages whose absence changes no network: no note is given of them.
const PLAIN: &[&str] = &[
    "argparse",
    "atexit",
    "builtins",
    "csv",
    "datetime",
    "gc",
    "glob",
    "importlib",
    "inspect",
    "io",
    "json",
    "logging",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "pprint",
    "random",
    "re",
    "shutil",
    "signal",
    "socket",
    "string",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "traceback",
    "types",
    "unittest",
    "urllib",
    "uuid",
    "weakref",
    "zipfile",
];

/// The public names of a module.
pub(crate) fn known(module: &str) -> &'static [&'static str] {
    static TABLE: OnceLock<HashMap<&'static str, Vec<&'static str>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        NAMES.iter().map(|(module, names)| (*module, names.split_whitespace().collect())).collect()
    });
    table.get(module).map(Vec::as_slice).unwrap_or_default()
}

/// Whether PyTorch has a name: `torch.nn.LSTM`.
pub(crate) fn is_known(path: &str) -> bool {
    let Some((module, name)) = path.rsplit_once('.') else { return false };
    // Python's own modules are short: what convnet's lack of them is told by name.
    let is_library = !module.starts_with("torch");
    known(module).contains(&name) || (is_library && !name.starts_with('_') && LIBRARY.contains(&module))
}

/// Modules of Python's library that are here in part.
const LIBRARY: &[&str] = &[
    "collections",
    "functools",
    "typing",
    "typing_extensions",
    "enum",
    "contextlib",
    "itertools",
    "math",
    "copy",
];

/// Whether a package is one of Python's that networks use around them.
pub(crate) fn is_plain(package: &str) -> bool {
    PLAIN.contains(&package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pytorch() {
        assert!(is_known("torch.nn.LSTM") && is_known("torch.nn.functional.gelu") && is_known("torch.optim"));
        assert!(!is_known("torch.nn.Conv2D") && !is_known("torch"));
        assert!(known("torch.Tensor").contains(&"view"));
    }
}
