//! Linear: by cuBLAS, or by kernels of ours where it is small.

use convnet_gpu::{Lane, is_small_linear};

use super::{Bound, Kind};
use crate::gpu::binder::{Binder, Parameters};
use crate::gpu::emit::{At, Emit};
use crate::gpu::loader::Loader;
use crate::gpu::rows::Rows;
use crate::ops;
use crate::plan::{BackwardStage, CompileError, Kernel, Needs, Stage};

/// A Linear.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gpu) struct Linear {
    pub(in crate::gpu) rows: Rows,
}

impl Linear {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage, linear: &ops::Linear) -> Bound {
        let order = match stage.kernel {
            Kernel::Linear { order } => order,
            _ => None,
        };
        let spots = order.map_or(1, |(_, height, width)| height * width);
        let features = stage.shapes[0].elements();
        let rows = Rows { out: linear.out_features, channels: features / spots, spots, stem: None };
        let [weight_frozen, bias_frozen] = [0, 1].map(|i| binder.is_frozen(stage.node, i));
        let weight = binder.allocate_for(rows.len(), weight_frozen);
        let bias = linear.bias.then(|| binder.allocate_for(linear.out_features, bias_frozen));
        let needs = binder.draft.needs(stage);
        let needs = Needs { reads_inputs: needs.reads_inputs && !weight_frozen, ..needs };
        Bound { kind: Kind::Linear(Self { rows }), parameters: Parameters { weight, bias }, needs }
    }

    pub(super) fn load(&self, loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        loader.pack(at, &self.rows, None)?;
        at.parameters.bias.clone().map_or(Ok(()), |range| loader.bias(at, range))
    }

    /// Whether kernels of ours take it, of so many images.
    pub(super) fn is_small(&self, n: usize) -> bool {
        is_small_linear(n, self.rows.channels * self.rows.spots, self.rows.out)
    }

    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        let (weight, bias) = (run.factor(at), run.bias(at));
        match self.is_small(run.n) {
            true => run.list.small_linear(views, weight, bias, at.stage.relu),
            false => run.list.linear(run.precision, views, weight, bias, at.stage.relu),
        }
    }

    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
        let (x, dy) = (run.input(at, 0), run.output_gradient(at));
        // The kernels for small layers pass the gradient through its ReLU on their way.
        let (small, output) = (self.is_small(run.n), at.stage.relu.then(|| run.output(at)));
        let (weight, gradient, bias) = (run.factor(at), run.weight_gradient(at), run.bias_gradient(at));
        let write = back.inputs.first().and_then(Option::as_ref);
        let input = write.map(|write| (run.input_gradient(at, 0), write.accumulate));
        let (list, precision) = (&mut *run.list, run.precision);
        let learns = gradient.is_some() || bias.is_some();
        // The weight's gradient beside the input's.
        if input.is_some() && learns {
            list.fork();
            list.on(Lane::Side);
        }
        if small && learns {
            let weight = gradient.map(|gradient| (x, gradient));
            list.small_linear_weight_gradient(dy, output, weight, bias);
        } else {
            if let Some(bias) = bias {
                list.column_sums(dy, bias);
            }
            if let Some(gradient) = gradient {
                list.linear_weight_gradient(precision, [x, dy], gradient);
            }
        }
        let Some((dx, accumulate)) = input else { return };
        list.on(Lane::Main);
        match small {
            true => list.small_linear_input_gradient([dy, dx], output, weight, accumulate),
            false => list.linear_input_gradient(precision, [dy, dx], weight, accumulate),
        }
        if learns {
            list.join();
        }
    }

    pub(super) fn describe(&self, batch: usize) -> String {
        let Rows { out, channels, spots, .. } = self.rows;
        let by = if self.is_small(batch) { "small" } else { "cublas" };
        format!("{by} {}-{out}", channels * spots)
    }
}
