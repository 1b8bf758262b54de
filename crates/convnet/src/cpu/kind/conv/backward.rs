//! The gradients of a convolution.

use convnet_kernels::{
    self as kernels, Group, Grouped, GroupedGradient, Igemm, Outer, Panels, Rectifier, Scatter, View,
    Weights, WinogradGradient,
};

use super::Conv;
use super::choose::{InputGradient, WeightGradient, Winograd};
use super::walk::Phase;
use crate::cpu::run::{At, Backward};
use crate::plan::BackwardStage;

impl Conv {
    pub(in crate::cpu::kind) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage) {
        let Some(gradients) = &self.gradients else { return };
        let dy = run.output_gradient(at);
        match gradients.weight.as_ref().map(|choice| choice.kernel) {
            None => {}
            Some(WeightGradient::Winograd(winograd)) => self.weight_gradient_winograd(run, at, winograd, dy),
            Some(WeightGradient::Grouped(group)) => self.weight_gradient_grouped(run, at, group, dy),
            Some(kernel @ (WeightGradient::Rows | WeightGradient::Outer)) => {
                self.weight_gradient(run, at, kernel, dy);
            }
        }
        let (Some(input), Some(Some(write))) = (&gradients.input, back.inputs.first()) else { return };
        let views = (dy, run.input_gradient(at, 0));
        match &input.kernel {
            InputGradient::Scatter => self.scatter(run, at, views, write.accumulate),
            InputGradient::Winograd(winograd) => {
                self.input_gradient_winograd(run, at, *winograd, views, write.accumulate);
            }
            InputGradient::Phases(phases) => {
                for phase in phases {
                    match self.walk.small {
                        Some(group) => {
                            self.input_gradient_grouped(run, at, (phase, group), views, write.accumulate);
                        }
                        None => self.input_gradient(run, at, phase, views, write.accumulate),
                    }
                }
            }
        }
    }

    fn weight_gradient_winograd(&self, run: &mut Backward<'_>, at: At<'_>, winograd: Winograd, dy: View) {
        let Winograd { filtering, panels, .. } = winograd;
        let call = WinogradGradient {
            filtering,
            batch: run.n,
            input: run.input(at, 0),
            input_size: at.stage.shapes[0].spatial(),
            padding: self.padding,
            output_gradient: dy,
            output_size: run.plan.graph.node(at.stage.node).shape.spatial(),
            panels,
            scratch: run.winograd_at,
        };
        let products = &mut run.transformed[..winograd.floats()];
        let gradient = (&mut run.gradients[at.parameters.weight.clone()], self.matrix.panels);
        kernels::winograd_gradient(run.pool, run.isa, run.arena, &call, products, gradient);
    }

    fn weight_gradient_grouped(&self, run: &mut Backward<'_>, at: At<'_>, group: Group, dy: View) {
        let call = GroupedGradient {
            geometry: &self.walk.geometry,
            group,
            batch: run.n,
            input: run.input(at, 0),
            output_gradient: dy,
            panels: self.matrix.panels,
        };
        let gradient = &mut run.gradients[at.parameters.weight.clone()];
        kernels::grouped_gradient(run.pool, run.isa, run.arena, &call, gradient);
    }

    fn weight_gradient(&self, run: &mut Backward<'_>, at: At<'_>, kernel: WeightGradient, dy: View) {
        // The forward pass has left the padded copy of the input.
        let input = match run.plan.workspace(at.index, run.n) {
            Some(region) => region.into(),
            None => run.input(at, 0),
        };
        let (inner, outer) = self.walk.group_channels;
        for g in 0..self.walk.groups {
            let call = Outer {
                geometry: &self.walk.geometry,
                batch: run.n,
                input: input.slice(g * inner, inner),
                output_gradient: dy.slice(g * outer, outer),
                panels: self.matrix.panels,
            };
            let gradient = &mut run.gradients[at.parameters.weight.clone()][self.matrix.group(g)];
            if kernel == WeightGradient::Rows {
                kernels::rows_gradient(run.pool, run.isa, run.arena, &call, gradient);
            } else {
                kernels::outer(run.pool, run.isa, run.arena, &call, gradient, run.scratch);
            }
        }
    }

    fn scatter(&self, run: &mut Backward<'_>, at: At<'_>, (dy, dx): (View, View), accumulate: bool) {
        let geometry = &self.walk.geometry;
        let panels = self.matrix.transposed(1, geometry.run);
        let weights = &run.parameters[at.parameters.weight.clone()];
        let matrices = &mut run.scratch[..geometry.taps.len() * panels.len()];
        for (tap, target) in matrices.chunks_exact_mut(panels.len()).enumerate() {
            let source = (weights, self.matrix.panels);
            kernels::transpose(run.pool, run.isa, source, geometry.run, &[tap], (target, panels));
        }
        let call = Scatter {
            geometry,
            batch: run.n,
            output_gradient: dy,
            weights: matrices,
            panels,
            input_gradient: dx,
            accumulate,
        };
        kernels::scatter(run.pool, run.isa, run.arena, &call);
    }

    /// Floats of the transposed weights that [`Conv::scatter`] takes.
    pub(super) fn scattered_floats(&self) -> usize {
        self.walk.geometry.taps.len() * self.matrix.transposed(1, self.walk.geometry.run).len()
    }

    fn input_gradient_winograd(
        &self,
        run: &mut Backward<'_>,
        at: At<'_>,
        winograd: Winograd,
        (dy, dx): (View, View),
        accumulate: bool,
    ) {
        let Winograd { filtering, panels: to, .. } = winograd;
        let side = filtering.kernel();
        let weights = (&run.parameters[at.parameters.weight.clone()], self.matrix.panels);
        let target = &mut run.transformed[..winograd.floats()];
        // A convolution over the output's gradient takes the kernels transposed and back to front.
        kernels::winograd_turned_weights(run.pool, run.isa, filtering, weights, (&mut *target, to));
        let call = kernels::Winograd {
            filtering,
            batch: run.n,
            input: dy,
            input_size: run.plan.graph.node(at.stage.node).shape.spatial(),
            padding: (side - 1 - self.padding.0, side - 1 - self.padding.1),
            weights: target,
            panels: to,
            bias: None,
            addend: accumulate.then_some(dx),
            relu: Rectifier::None,
            out: dx,
            output_size: at.stage.shapes[0].spatial(),
            scratch: run.winograd_at,
        };
        kernels::winograd(run.pool, run.isa, run.arena, &call, None);
    }

    fn input_gradient(
        &self,
        run: &mut Backward<'_>,
        at: At<'_>,
        phase: &Phase,
        (dy, dx): (View, View),
        accumulate: bool,
    ) {
        let (inner, outer) = self.walk.group_channels;
        let panels = self.transposed(phase);
        for g in 0..self.walk.groups {
            let weights = &run.parameters[at.parameters.weight.clone()][self.matrix.group(g)];
            let target = &mut run.scratch[..panels.len()];
            let source = (weights, self.matrix.panels);
            kernels::transpose(run.pool, run.isa, source, inner, &phase.taps, (target, panels));
            let out = dx.slice(g * inner, inner);
            let call = Igemm {
                geometry: &phase.geometry,
                batch: run.n,
                input: dy.slice(g * outer, outer),
                weights: Weights::Single(&run.scratch[..panels.len()]),
                panels,
                bias: None,
                addend: accumulate.then_some(out),
                before: None,
                relu: Rectifier::None,
                out,
            };
            kernels::igemm(run.pool, run.isa, run.arena, &call, None);
        }
    }

    fn input_gradient_grouped(
        &self,
        run: &mut Backward<'_>,
        at: At<'_>,
        (phase, group): (&Phase, Group),
        (dy, dx): (View, View),
        accumulate: bool,
    ) {
        let panels = self.transposed(phase);
        let weights = (&run.parameters[at.parameters.weight.clone()], self.matrix.panels);
        kernels::grouped_taps(group, weights, &phase.taps, (&mut run.scratch[..panels.len()], panels));
        let call = Grouped {
            geometry: &phase.geometry,
            group,
            batch: run.n,
            input: dy,
            weights: &run.scratch[..panels.len()],
            panels,
            bias: None,
            addend: accumulate.then_some(dx),
            relu: Rectifier::None,
            out: dx,
        };
        kernels::grouped(run.pool, run.isa, run.arena, &call, None);
    }

    /// The layout of the weights of a phase.
    pub(super) fn transposed(&self, phase: &Phase) -> Panels {
        if let Some(group) = self.walk.small {
            return self.matrix.rows(phase.taps.len() * group.outputs);
        }
        self.matrix.transposed(phase.taps.len(), self.walk.group_channels.0)
    }
}
