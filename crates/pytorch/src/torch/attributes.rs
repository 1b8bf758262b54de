//! Attributes and methods of tensors.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use super::{Kind, Tensor, What, parameter_value};
use crate::interp::{Interp, Result};
use crate::value::{Method, NativeFn, Value};

/// Methods by name.
static METHODS: LazyLock<HashMap<&'static str, NativeFn>> = LazyLock::new(|| {
    let shared = super::functions().into_iter().filter(|(name, _)| !NOT_METHODS.contains(name));
    shared
        .chain(super::reshape::methods())
        .chain(super::arithmetic::methods())
        .chain(super::methods::methods())
        .collect()
});

/// Functions of `torch` and its parts that tensors do not have as methods.
const NOT_METHODS: [&str; 44] = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "alpha_dropout",
    "avg_pool2d",
    "batch_norm",
    "cat",
    "celu",
    "channel_shuffle",
    "concat",
    "concatenate",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose2d",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "einsum",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "group_norm",
    "gumbel_softmax",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "instance_norm",
    "interpolate",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "max_pool2d",
    "mish",
    "normalize",
    "pad",
    "pixel_shuffle",
    "relu6",
    "silu",
    "stack",
];

impl Interp {
    /// An attribute or a bound method of a tensor; `None` if it has none of this name.
    ///
    /// # Errors
    /// What making it raises.
    pub(crate) fn tensor_attr(&mut self, tensor: &Rc<Tensor>, name: &str) -> Result<Option<Value>> {
        let kind = tensor.kind();
        Ok(Some(match name {
            "shape" => {
                let dims = self.dims(tensor);
                self.size_value(&dims)
            }
            "ndim" => Value::Int(self.dims(tensor).len() as i64),
            "device" => self.device_value()?,
            "dtype" => self.dtype_value(matches!(kind, Kind::Host { is_integer: true, .. })),
            "requires_grad" => Value::Bool(match &kind {
                Kind::Traced(id) => self.tape.requires_grad(*id),
                Kind::Parameter(parameter) => parameter.requires_grad.get(),
                Kind::Host { .. } => false,
            }),
            "is_leaf" => Value::Bool(match &kind {
                Kind::Traced(id) => self.tape.step(*id).inputs.is_empty() || !self.tape.requires_grad(*id),
                _ => true,
            }),
            // A parameter's numbers are the parameter: what is done to them is done to it.
            "data" => match kind {
                Kind::Parameter(parameter) => parameter_value(&parameter),
                Kind::Traced(_) => self.detached(tensor)?,
                Kind::Host { .. } => Value::Tensor(tensor.clone()),
            },
            "grad" | "grad_fn" | "names" => Value::None,
            "is_cuda" | "is_mps" | "is_sparse" | "is_quantized" => Value::Bool(false),
            "T" | "mT" => {
                let rank = self.dims(tensor).len();
                let mut order: Vec<usize> = (0..rank).collect();
                if name == "T" {
                    order.reverse();
                } else if rank >= 2 {
                    order.swap(rank - 2, rank - 1);
                }
                self.permuted(tensor, order)?
            }
            _ => match METHODS.get_key_value(name) {
                Some((name, call)) => {
                    let function = Value::native(name, *call);
                    Value::Method(Rc::new(Method { receiver: Value::Tensor(tensor.clone()), function }))
                }
                None => return Ok(None),
            },
        }))
    }

    /// Sets an attribute of a tensor.
    ///
    /// # Errors
    /// AttributeError for those that cannot be set.
    pub(crate) fn tensor_set_attr(&mut self, tensor: &Rc<Tensor>, name: &str, new: Value) -> Result<()> {
        match (name, tensor.kind(), &new) {
            ("requires_grad", Kind::Parameter(parameter), flag) => {
                let flag = self.truth(flag)?;
                parameter.requires_grad.set(flag);
                Ok(())
            }
            ("requires_grad", Kind::Traced(id), flag) => {
                if self.truth(flag)? {
                    self.tape.autograd.asked.insert(id);
                } else {
                    self.tape.autograd.asked.remove(&id);
                }
                Ok(())
            }
            ("data", Kind::Parameter(parameter), Value::Tensor(values)) => {
                super::methods::copied(self, &parameter, values)
            }
            ("data", _, Value::Tensor(values)) => {
                *tensor.kind.borrow_mut() = values.kind();
                Ok(())
            }
            _ if METHODS.contains_key(name) || matches!(name, "shape" | "ndim" | "dtype" | "device") => {
                let text = format!("attribute '{name}' of 'torch._C.TensorBase' objects is not writable");
                Err(self.raise("AttributeError", &text))
            }
            // What is hung onto tensors, such as `grad`, is not kept.
            _ => Ok(()),
        }
    }

    /// The same values, through which no gradient goes.
    pub(super) fn detached(&mut self, tensor: &Rc<Tensor>) -> Result {
        let Kind::Traced(id) = tensor.kind() else { return Ok(Value::Tensor(Tensor::of(tensor.kind()))) };
        if !self.tape.requires_grad(id) {
            return Ok(super::trace::value(id));
        }
        let dims = self.tape.step(id).dims.clone();
        let detached = self.push(What::Reshape, &[id], dims)?;
        self.tape.autograd.detached.insert(detached);
        Ok(super::trace::value(detached))
    }
}
