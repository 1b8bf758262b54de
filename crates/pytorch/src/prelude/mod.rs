//! What files import: PyTorch's vocabulary and a part of Python's library, written in Python, and the names that PyTorch
//! has beyond it.
//!
//! What Python cannot say is a function of the module `_torch`.

mod absent;
mod known;
mod library;

pub(crate) use known::{is_known, is_plain, known};

use crate::value::NativeFn;

/// Each module's text.
const FILES: &[(&str, &str)] = &[
    ("torch", include_str!("parts/torch.py")),
    ("torch.nn", include_str!("nn/__init__.py")),
    ("torch.nn.functional", include_str!("nn/functional.py")),
    ("torch.nn.init", include_str!("nn/init.py")),
    ("torch.nn.parameter", include_str!("nn/parameter.py")),
    ("torch.nn.modules", include_str!("nn/modules.py")),
    ("torch.nn.modules.module", include_str!("nn/module.py")),
    ("torch.nn.modules.container", include_str!("nn/container.py")),
    ("torch.nn.modules.linear", include_str!("nn/linear.py")),
    ("torch.nn.modules.conv", include_str!("nn/conv.py")),
    ("torch.nn.modules.batchnorm", include_str!("nn/norm.py")),
    ("torch.nn.modules.activation", include_str!("nn/activation.py")),
    ("torch.nn.modules.pooling", include_str!("nn/pooling.py")),
    ("torch.nn.modules.dropout", include_str!("nn/dropout.py")),
    ("torch.nn.modules.flatten", include_str!("nn/shape.py")),
    ("torch.nn.modules.absent", include_str!("nn/absent.py")),
    ("torch.nn.modules.utils", include_str!("nn/utils.py")),
    ("torch.nn.utils", ""),
    ("torch.utils", ""),
    ("torch.utils.checkpoint", include_str!("parts/checkpoint.py")),
    ("torch.jit", include_str!("parts/jit.py")),
    ("torch.fx", include_str!("parts/fx.py")),
    ("torch.cuda", include_str!("parts/cuda.py")),
    ("torchvision", ""),
    ("torchvision.ops", include_str!("torchvision/ops.py")),
    ("torchvision.ops.misc", include_str!("torchvision/misc.py")),
    ("collections", include_str!("python/collections.py")),
    ("collections.abc", include_str!("python/collections_abc.py")),
    ("functools", include_str!("python/functools.py")),
    ("typing", include_str!("python/typing.py")),
    ("typing_extensions", "from typing import *\n"),
    ("enum", include_str!("python/enum.py")),
    ("dataclasses", include_str!("python/dataclasses.py")),
    ("abc", include_str!("python/abc.py")),
    ("contextlib", include_str!("python/contextlib.py")),
    ("copy", include_str!("python/copy.py")),
    ("warnings", include_str!("python/warnings.py")),
    ("__future__", include_str!("python/future.py")),
];

/// The text of one of these modules.
pub(crate) fn file(module: &str) -> Option<&'static str> {
    FILES.iter().find(|(name, _)| *name == module).map(|(_, text)| *text)
}

/// The native functions that these modules use, those of tensors aside.
pub(crate) fn natives() -> Vec<(&'static str, NativeFn)> {
    [absent::natives(), library::natives()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    #[test]
    fn each_file_is_python() {
        for (name, text) in FILES {
            let mut sources = Sources::default();
            let file = sources.add(*name, *text, true);
            let parsed = crate::parse::parse(&sources, file);
            assert!(parsed.is_ok(), "{name}: {:?}", parsed.err());
        }
    }
}
