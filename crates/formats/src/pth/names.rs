//! Names in pickles.

/// The classes and functions that tensors and dictionaries are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    RebuildFromType,
    Size,
    /// `torch.FloatStorage` and the like.
    Storage(&'static str),
    /// `torch.float32` and the like.
    Type(&'static str),
    /// Any other: what it would be called with is kept.
    Other,
}

const STORAGES: [&str; 17] = [
    "FloatStorage",
    "DoubleStorage",
    "HalfStorage",
    "BFloat16Storage",
    "LongStorage",
    "IntStorage",
    "ShortStorage",
    "CharStorage",
    "ByteStorage",
    "BoolStorage",
    "UntypedStorage",
    "ComplexFloatStorage",
    "ComplexDoubleStorage",
    "QInt8Storage",
    "QUInt8Storage",
    "QInt32Storage",
    "QUInt4x2Storage",
];

const TYPES: [&str; 20] = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    "bool",
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3fnuz",
    "float8_e5m2fnuz",
    "complex32",
    "complex64",
    "complex128",
];

/// What a name means; `None` for one that is no tensor's.
pub(super) fn known(module: &str, name: &str) -> Option<Known> {
    let of = |names: &[&'static str]| names.iter().copied().find(|known| *known == name);
    match (module, name) {
        ("collections", "OrderedDict") => Some(Known::OrderedDict),
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
            Some(Known::RebuildTensor)
        }
        (
            "torch._utils",
            "_rebuild_parameter" | "_rebuild_parameter_with_state" | "_rebuild_device_tensor_from_cpu_tensor",
        ) => Some(Known::RebuildParameter),
        ("torch._tensor", "_rebuild_from_type_v2") => Some(Known::RebuildFromType),
        ("torch", "Size") => Some(Known::Size),
        ("torch" | "torch.storage" | "torch.cuda", _) => {
            of(&STORAGES).map(Known::Storage).or_else(|| of(&TYPES).map(Known::Type))
        }
        _ => None,
    }
}

/// Modules that a pickle refers to for no other purpose than to run code.
const DANGEROUS: [&str; 11] = [
    "os",
    "posix",
    "nt",
    "subprocess",
    "pty",
    "socket",
    "shutil",
    "runpy",
    "webbrowser",
    "importlib",
    "ctypes",
];

/// Whether a name is there to run code where Python loads the pickle.
pub(super) fn runs_code(module: &str, name: &str) -> bool {
    match module {
        "builtins" | "__builtin__" => {
            matches!(name, "eval" | "exec" | "execfile" | "compile" | "open" | "__import__")
        }
        _ => DANGEROUS.contains(&module),
    }
}
