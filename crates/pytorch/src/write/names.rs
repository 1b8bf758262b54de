//! What things may be called in Python and in PyTorch's modules.

/// Python's keywords, and names that the file itself uses.
const RESERVED: [&str; 46] = [
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "self",
    "torch",
    "nn",
    "F",
    "range",
    "super",
    "OrderedDict",
    "namedtuple",
    "i",
    "layer",
    "layers",
];

/// Attributes that every `nn.Module`, `nn.Sequential`, `nn.ModuleList` or `nn.ModuleDict` has (PyTorch 2): no module
/// inside can be called so by the usual ways.
const ATTRIBUTES: [&str; 76] = [
    "T_destination",
    "add_module",
    "append",
    "apply",
    "bfloat16",
    "buffers",
    "call_super_init",
    "children",
    "clear",
    "compile",
    "cpu",
    "cuda",
    "double",
    "dump_patches",
    "eval",
    "extend",
    "extra_repr",
    "float",
    "forward",
    "get_buffer",
    "get_extra_state",
    "get_parameter",
    "get_submodule",
    "half",
    "insert",
    "ipu",
    "items",
    "keys",
    "load_state_dict",
    "modules",
    "mtia",
    "named_buffers",
    "named_children",
    "named_modules",
    "named_parameters",
    "parameters",
    "pop",
    "register_backward_hook",
    "register_buffer",
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook",
    "register_module",
    "register_parameter",
    "register_state_dict_post_hook",
    "register_state_dict_pre_hook",
    "requires_grad_",
    "set_extra_state",
    "set_submodule",
    "share_memory",
    "state_dict",
    "to",
    "to_empty",
    "train",
    "training",
    "type",
    "update",
    "values",
    "xpu",
    "zero_grad",
    "_apply",
    "_buffers",
    "_call_impl",
    "_modules",
    "_parameters",
    "_backward_hooks",
    "_forward_hooks",
    "_get_name",
    "_load_from_state_dict",
    "_named_members",
    "_non_persistent_buffers_set",
    "_version",
    "_wrapped_call_impl",
];

/// How other attributes of theirs begin.
const PRIVATE: [&str; 13] = [
    "__",
    "_backward",
    "_compiled",
    "_forward",
    "_get_",
    "_is_full",
    "_load_state",
    "_maybe",
    "_register",
    "_replicate",
    "_save",
    "_slow",
    "_state_dict",
];

/// Whether a name is one of Python's that is not taken.
pub(super) fn is_identifier(name: &str) -> bool {
    let starts = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !RESERVED[..35].contains(&name)
}

/// Whether a local variable or a parameter may be called so.
pub(super) fn is_variable(name: &str) -> bool {
    is_identifier(name) && !RESERVED.contains(&name)
}

/// Whether a module may be added to another under this name.
pub(super) fn is_free(name: &str) -> bool {
    let private = PRIVATE.iter().any(|prefix| name.starts_with(prefix));
    !name.is_empty() && !private && !ATTRIBUTES.contains(&name)
}

/// Whether a module can be written as an attribute, `self.name`.
pub(super) fn is_attribute(name: &str) -> bool {
    is_identifier(name) && is_free(name)
}

/// Whether names are the numbers from 0 on.
pub(super) fn are_numbers<S: AsRef<str>>(names: &[S]) -> bool {
    !names.is_empty() && names.iter().enumerate().all(|(i, name)| name.as_ref() == i.to_string())
}

/// A name as part of an identifier: other characters become underscores.
pub(super) fn cleaned(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// A name in lower case, its words joined by underscores.
pub(super) fn snake(name: &str) -> String {
    let cleaned = cleaned(name).to_lowercase();
    let parts: Vec<&str> = cleaned.split('_').filter(|part| !part.is_empty()).collect();
    let text = parts.join("_");
    if is_variable(&text) { text } else { format!("net_{text}") }
}

/// A name as a class has it: `DenseLayer`.
pub(super) fn camel(name: &str) -> String {
    let mut text = String::new();
    for part in cleaned(name).split('_') {
        let mut chars = part.chars();
        text.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        text.push_str(chars.as_str());
    }
    if is_variable(&text) { text } else { format!("Net{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_what_they_may_be() {
        assert!(is_attribute("conv1") && is_attribute("_x") && is_attribute("layers"));
        for name in ["1x1", "type", "lambda", "__x", "", "a-b", "forward", "ä"] {
            assert!(!is_attribute(name), "{name}");
        }
        assert!(is_free("1x1") && is_free("lambda") && !is_free("keys"));
        assert!(are_numbers(&["0", "1"]) && !are_numbers(&["1", "2"]) && !are_numbers(&["00"]));
        assert_eq!(camel("dense_layer-2"), "DenseLayer2");
        assert_eq!(camel("1x1"), "Net1x1");
        assert_eq!((snake("vgg11-lrn@paper").as_str(), snake("7").as_str()), ("vgg11_lrn_paper", "net_7"));
    }
}
