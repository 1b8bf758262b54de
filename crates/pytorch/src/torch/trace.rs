//! Steps are added to the tape.

use std::rc::Rc;

use convnet::ops::Op;

use super::dims::{elements, shape_of, told};
use super::{Kind, Leaf, Parameter, Step, TapeId, Tensor, What};
use crate::interp::{Interp, Result};
use crate::value::Value;

/// A parameter with the name that its layer gives it.
pub(super) type Named = (&'static str, Rc<Parameter>);

impl Interp {
    /// Adds a step without parameters.
    ///
    /// # Errors
    /// When the limits are reached, or a tensor would be beyond any machine.
    pub(crate) fn push(&mut self, what: What, inputs: &[TapeId], dims: Vec<usize>) -> Result<TapeId> {
        self.push_with(what, inputs, dims, Vec::new(), false)
    }

    /// Adds a step.
    ///
    /// # Errors
    /// As [`Interp::push`].
    pub(super) fn push_with(
        &mut self,
        what: What,
        inputs: &[TapeId],
        dims: Vec<usize>,
        parameters: Vec<Named>,
        is_training: bool,
    ) -> Result<TapeId> {
        self.check_elements(&dims)?;
        self.charge(1 + dims.len())?;
        let step = Step {
            what,
            inputs: inputs.to_vec(),
            dims,
            parameters,
            frame: self.frame.clone(),
            sites: self.sites().into(),
            is_training,
        };
        let id = self.tape.push(step);
        if self.tape.autograd.off > 0 {
            self.tape.autograd.detached.insert(id);
        }
        Ok(id)
    }

    /// Refuses tensors that no machine could hold.
    ///
    /// # Errors
    /// RuntimeError.
    pub(super) fn check_elements(&mut self, dims: &[usize]) -> Result<()> {
        if elements(dims).is_some() && dims.len() <= 64 {
            return Ok(());
        }
        let shown = told(dims, None);
        Err(self
            .raise("RuntimeError", &format!("a tensor of {shown} has more elements than any machine holds")))
    }

    /// The step that a tensor is; numbers and parameters become leaves.
    ///
    /// # Errors
    /// As [`Interp::push`].
    pub(crate) fn traced(&mut self, tensor: &Tensor) -> Result<TapeId> {
        match tensor.kind() {
            Kind::Traced(id) => Ok(id),
            Kind::Host { dims, data, .. } => {
                let first = data.first().copied().unwrap_or(0.0);
                let what = if data.iter().all(|x| x.to_bits() == first.to_bits()) {
                    What::Leaf(Leaf::Constant(first))
                } else {
                    What::Missing("a tensor of given numbers")
                };
                self.push(what, &[], dims)
            }
            Kind::Parameter(parameter) => {
                let dims = parameter.dims.borrow().clone();
                let what = What::Missing("a computation with a parameter");
                self.push_with(what, &[], dims, vec![("parameter", parameter)], false)
            }
        }
    }

    /// A tensor's dimensions.
    pub(crate) fn dims(&self, tensor: &Tensor) -> Vec<usize> {
        match &*tensor.kind.borrow() {
            Kind::Traced(id) => self.tape.step(*id).dims.clone(),
            Kind::Parameter(parameter) => parameter.dims.borrow().clone(),
            Kind::Host { dims, .. } => dims.clone(),
        }
    }

    /// Dimensions of a step's values, with N for the batch of a network that is traced.
    pub(crate) fn told(&self, id: TapeId) -> String {
        told(&self.tape.step(id).dims, self.tape.batch(id))
    }

    /// What a layer gives for dimensions that it takes, `None` where it refuses them.
    pub(super) fn inferred(&self, op: &Op, inputs: &[TapeId]) -> Option<Vec<usize>> {
        let dims: Vec<&[usize]> = inputs.iter().map(|&id| self.tape.step(id).dims.as_slice()).collect();
        let shapes: Vec<_> = dims.iter().map(|dims| shape_of(dims)).collect::<Option<_>>()?;
        Some(op.infer(&shapes).ok()?.with_batch(*dims.first()?.first()?))
    }
}

/// The tensor of a step.
pub(crate) fn value(id: TapeId) -> Value {
    Value::Tensor(Tensor::of(Kind::Traced(id)))
}
