//! Gradients, by parameter and all together.

use std::ops::Range;

use convnet_gpu::{Activation, Format, Vector, View};

use super::Training;
use crate::gpu::binder::LINE;
use crate::gpu::program::{Part, Parts};
use crate::gpu::table::unpack;
use crate::gpu::update::live;
use crate::optim::ParameterGroups;
use crate::plan::CompileError;
use crate::state::{StateDict, Tensor};

impl Training {
    /// All gradients in the host's memory.
    fn seen(&self) -> Result<&[f32], CompileError> {
        if self.seen.get().is_none() {
            let gradients =
                self.card.read(self.blueprint.places.gradients, self.blueprint.program.learning)?;
            return Ok(self.seen.get_or_init(|| gradients));
        }
        Ok(self.seen.get().map_or(&[], Vec::as_slice))
    }

    /// The gradient of parameter number `parameter`, in the card's layout.
    pub(crate) fn gradient(&self, parameter: usize) -> Result<&[f32], CompileError> {
        Ok(&self.seen()?[self.blueprint.table[parameter].range.clone()])
    }

    /// The same, to change.
    pub(crate) fn gradient_mut(&mut self, parameter: usize) -> Result<&mut [f32], CompileError> {
        self.seen()?;
        *self.changed.get_mut() = true;
        let range = self.blueprint.table[parameter].range.clone();
        Ok(self.seen.get_mut().map_or(&mut [], |all| &mut all[range]))
    }

    /// The same, in PyTorch's layout.
    pub(crate) fn gradient_tensor(&self, parameter: usize) -> Result<Tensor, CompileError> {
        Ok(self.blueprint.table[parameter].unpack(self.gradient(parameter)?))
    }

    /// Every gradient under its parameter's name, in PyTorch's layout; none of what is frozen.
    pub(crate) fn gradients(&self) -> Result<StateDict, CompileError> {
        Ok(unpack(self.blueprint.learning(), self.seen()?, ""))
    }

    fn rows(&self, range: &Range<usize>) -> View {
        View::dense(self.blueprint.places.gradients + 4 * range.start, range.len() / LINE, LINE, Format::F32)
    }

    /// √Σ g² over the gradients that are not frozen.
    pub(crate) fn gradient_norm(&self, groups: &ParameterGroups) -> Result<f64, CompileError> {
        self.settle()?;
        let live = live(&self.blueprint.table, groups);
        let mut parts = Parts::new(&self.blueprint.places);
        for (i, range) in live.iter().enumerate() {
            let vector = |k: usize| Vector::new(self.blueprint.places.spare + 4 * LINE * (2 * i + k), LINE);
            parts.list.moments(self.rows(range), [vector(0), vector(1)]);
        }
        parts.mark(Part::Rest);
        self.card.run(&parts)?;
        let found = self.card.read(self.blueprint.places.spare, 2 * LINE * live.len())?;
        let squares = |(range, moments): (&Range<usize>, &[f32])| -> f64 {
            let (means, variances) = moments.split_at(LINE);
            let square = |(mean, variance): (&f32, &f32)| f64::from(*variance) + f64::from(*mean).powi(2);
            (range.len() / LINE) as f64 * means.iter().zip(variances).map(square).sum::<f64>()
        };
        Ok(live.iter().zip(found.chunks_exact(2 * LINE)).map(squares).sum::<f64>().sqrt())
    }

    /// Multiplies the gradients that are not frozen.
    pub(crate) fn scale_gradients(
        &mut self,
        groups: &ParameterGroups,
        factor: f32,
    ) -> Result<(), CompileError> {
        self.card.write(self.blueprint.places.spare, &[factor; LINE])?;
        let scale = Vector::new(self.blueprint.places.spare, LINE);
        self.change(groups, |parts, rows| parts.list.affine_backward([rows; 2], scale, false))
    }

    /// Brings the gradients that are not frozen within ±limit.
    pub(crate) fn clamp_gradients(
        &mut self,
        groups: &ParameterGroups,
        limit: f32,
    ) -> Result<(), CompileError> {
        let clamp = Activation::Hardtanh { min: -limit, max: limit };
        self.change(groups, |parts, rows| parts.list.activation(clamp, rows, rows))
    }

    fn change(
        &mut self,
        groups: &ParameterGroups,
        add: impl Fn(&mut Parts, View),
    ) -> Result<(), CompileError> {
        self.settle()?;
        self.forget();
        let mut parts = Parts::new(&self.blueprint.places);
        for range in live(&self.blueprint.table, groups) {
            add(&mut parts, self.rows(&range));
        }
        self.card.run(&parts)
    }
}
