//! The kernels that a stage can be bound to: a closed set. Each chooses, loads its weights, runs both passes and names
//! itself.

mod arithmetic;
mod channels;
mod constant;
mod conv;
mod elementwise;
mod layout;
mod linear;
mod norm;
mod pool;
mod scale;
mod separable;

use convnet_kernels::{self as kernels, Activation, Arithmetic, Isa, LocalResponse, Rectifier};

pub(super) use self::conv::{Conv, Scratch};
pub(super) use self::elementwise::Dropout;
use self::layout::Pad;
use self::linear::Linear;
use self::norm::Affine;
pub(super) use self::norm::BatchNorm;
use self::pool::{AvgPool, MaxPool};
use self::scale::ByChannel;
use self::separable::{Rearrange, Separable};
use super::binder::{Binder, Parameters};
use super::loader::Loader;
use super::matrix::Matrix;
use super::memory::zeros;
use super::run::{At, Backward, Forward, Saved};
use crate::graph::Shape;
use crate::ops::Op;
use crate::options::ReluGradient;
use crate::plan::{BackwardStage, CompileError, Kernel, Mode, Needs, Plan, Rectified, Stage};

/// A kernel and its geometry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Input,
    Conv(Box<Conv>),
    Linear(Linear),
    BatchNorm(BatchNorm),
    Affine(Affine),
    Activation(Activation),
    MaxPool(MaxPool),
    AvgPool(AvgPool),
    LocalResponse(LocalResponse),
    Softmax,
    LogSoftmax,
    Pad(Pad),
    Dropout(Dropout),
    Concat,
    Interleave,
    /// Channels of the input, where they are.
    Part,
    Add,
    Arithmetic(Arithmetic),
    MatMul,
    Extremum {
        sign: f32,
    },
    ByChannel(ByChannel),
    Separable(Box<Separable>),
    Rearrange(Box<Rearrange>),
    Constant,
    Flatten,
    Copy,
}

/// A stage's kernel, where its parameters lie, and what it needs of the plan.
pub(super) struct Bound {
    pub(super) kind: Kind,
    pub(super) parameters: Parameters,
    pub(super) needs: Needs,
}

impl Bound {
    /// A kernel that needs what its layers say.
    fn plain(binder: &Binder<'_>, stage: &Stage, kind: Kind, parameters: Parameters) -> Self {
        Self { kind, parameters, needs: binder.draft.needs(stage) }
    }
}

/// Chooses the kernel of a stage.
///
/// # Errors
/// If there is none.
pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage) -> Result<Bound, CompileError> {
    let op = &binder.draft.graph.node(stage.node).op;
    let train = binder.mode() == Mode::Train;
    let kind = match op {
        Op::Conv2d(conv) => return Ok(Conv::bind(binder, stage, conv)),
        Op::Linear(linear) => return Ok(Linear::bind(binder, stage, linear)),
        Op::BatchNorm2d(norm) => return Ok(BatchNorm::bind(binder, stage, norm)),
        Op::Affine => return Ok(Affine::bind(binder, stage)),
        Op::MaxPool2d(pool) => return MaxPool::bind(binder, stage, pool),
        Op::AvgPool2d(pool) => return Ok(AvgPool::bind(binder, stage, pool)),
        Op::AdaptiveAvgPool2d(_) => return Ok(AvgPool::bind_adaptive(binder, stage)),
        Op::Input => Kind::Input,
        Op::Concat if stage.kernel == Kernel::Interleave => Kind::Interleave,
        Op::Concat => Kind::Concat,
        Op::Add => Kind::Add,
        Op::Arithmetic(op) => Kind::Arithmetic(arithmetic::function(op)),
        Op::MatMul => Kind::MatMul,
        Op::Flatten if stage.kernel == Kernel::Flatten => Kind::Flatten,
        Op::Relu => Kind::Activation(Activation::Relu),
        Op::LeakyRelu(op) => Kind::Activation(Activation::LeakyRelu { slope: op.slope }),
        Op::Hardtanh(op) => Kind::Activation(Activation::Hardtanh { min: op.min, max: op.max }),
        Op::Sigmoid => Kind::Activation(Activation::Sigmoid),
        Op::Tanh => Kind::Activation(Activation::Tanh),
        Op::Unary(op) => Kind::Activation(elementwise::unary(op)),
        Op::Prelu(_) => return Ok(ByChannel::Prelu.bind(binder, stage)),
        Op::LayerScale(_) => return Ok(ByChannel::Scale.bind(binder, stage)),
        Op::Constant(_) => return Ok(constant::bind(binder, stage)),
        Op::LayerNorm(norm) => return Ok(ByChannel::LayerNorm { eps: norm.eps }.bind(binder, stage)),
        Op::GroupNorm(norm) => {
            return Ok(ByChannel::GroupNorm { groups: norm.groups, eps: norm.eps }.bind(binder, stage));
        }
        Op::InstanceNorm2d(norm) => {
            let groups = stage.shapes[0].channels();
            return Ok(ByChannel::GroupNorm { groups, eps: norm.eps }.bind(binder, stage));
        }
        Op::Softmax => Kind::Softmax,
        Op::LogSoftmax => Kind::LogSoftmax,
        Op::Reduce(reduce) if !reduce.is_linear() => Kind::Extremum { sign: reduce.reduction.sign() },
        Op::Reduce(reduce) => return Separable::bind(binder, stage, |shape| reduce.axes(shape)),
        Op::Pad2d(pad) => return Separable::bind(binder, stage, |shape| pad.axes(shape)),
        Op::Upsample(upsample) => return Separable::bind(binder, stage, |shape| upsample.axes(shape)),
        Op::Slice(_) if binder.draft.is_part(stage) => Kind::Part,
        Op::Slice(slice) => return Separable::bind(binder, stage, |shape| slice.axes(shape)),
        Op::IndexSelect(select) => return Separable::bind(binder, stage, |shape| select.axes(shape)),
        Op::ChannelShuffle(shuffle) => {
            return Separable::bind(binder, stage, |shape| shuffle.axes(shape));
        }
        Op::PixelShuffle(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::PixelUnshuffle(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::Permute(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::Reshape(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::ConstantPad2d(pad) => Kind::Pad(Pad::new(pad)),
        Op::LocalResponseNorm(norm) => Kind::LocalResponse(LocalResponse {
            size: norm.size,
            alpha: norm.alpha,
            beta: norm.beta,
            k: norm.k,
        }),
        Op::Dropout(dropout) if train => Kind::Dropout(Dropout { p: dropout.p, whole: false }),
        Op::Dropout1d(dropout) if train => Kind::Dropout(Dropout { p: dropout.p, whole: true }),
        Op::StochasticDepth(depth) if train => Kind::Dropout(Dropout { p: depth.p, whole: true }),
        Op::Flatten
        | Op::Unflatten
        | Op::Identity
        | Op::Dropout(_)
        | Op::Dropout1d(_)
        | Op::StochasticDepth(_) => Kind::Copy,
    };
    Ok(Bound::plain(binder, stage, kind, Parameters::default()))
}

/// What a product goes through before it is written.
fn rectifier(stage: &Stage) -> Rectifier {
    match stage.rectified {
        Some(Rectified::Clipped { ceiling }) => Rectifier::Clipped { ceiling },
        Some(Rectified::Hardswish) => Rectifier::Hardswish,
        Some(Rectified::Silu) => Rectifier::Silu,
        Some(Rectified::Gelu { tanh: false }) => Rectifier::Gelu,
        Some(Rectified::Gelu { tanh: true }) => Rectifier::GeluTanh,
        None => stage.relu.into(),
    }
}

impl Kind {
    /// Writes the weights of inference.
    pub(super) fn load(&self, loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        match self {
            Self::Conv(conv) => conv.load(loader, at),
            Self::Linear(linear) => linear.load(loader, at),
            Self::Affine(_) => Affine::load(loader, at),
            Self::ByChannel(_) => ByChannel::load(loader, at),
            Self::Constant => constant::load(loader, at),
            Self::Input
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::MaxPool(_)
            | Self::AvgPool(_)
            | Self::LocalResponse(_)
            | Self::Softmax
            | Self::LogSoftmax
            | Self::Pad(_)
            | Self::Dropout(_)
            | Self::Concat
            | Self::Interleave
            | Self::Part
            | Self::Add
            | Self::Arithmetic(_)
            | Self::MatMul
            | Self::Extremum { .. }
            | Self::Separable(_)
            | Self::Rearrange(_)
            | Self::Flatten
            | Self::Copy => Ok(()),
        }
    }

    /// Runs the stage.
    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>, saved: Option<&mut Saved>) {
        match self {
            Self::Input => layout::input(run, at),
            Self::Conv(conv) => conv.forward(run, at),
            Self::Linear(linear) => linear.forward(run, at),
            Self::BatchNorm(norm) => norm.forward(run, at, saved),
            Self::Affine(_) => Affine::forward(run, at),
            Self::Activation(kind) => elementwise::activate(*kind, run, at),
            Self::MaxPool(pool) => pool.forward(run, at, saved),
            Self::AvgPool(pool) => pool.forward(run, at),
            Self::LocalResponse(norm) => channels::local_response(*norm, run, at),
            Self::Softmax => channels::softmax(run, at),
            Self::LogSoftmax => channels::log_softmax(run, at),
            Self::Pad(pad) => pad.forward(run, at),
            Self::Dropout(dropout) => dropout.forward(run, at),
            Self::Concat => layout::concat(run, at),
            Self::Interleave => layout::interleave(run, at),
            Self::Part => {}
            Self::Add => elementwise::add(run, at),
            Self::Arithmetic(function) => arithmetic::arithmetic(*function, run, at),
            Self::MatMul => arithmetic::matmul(run, at),
            Self::Extremum { sign } => arithmetic::extremum(*sign, run, at),
            Self::ByChannel(layer) => layer.forward(run, at),
            Self::Separable(map) => map.forward(run, at),
            Self::Rearrange(order) => order.forward(run, at),
            Self::Constant => constant::forward(run, at),
            Self::Flatten => layout::flatten(run, at),
            Self::Copy => elementwise::copy(run, at),
        }
    }

    /// Runs its backward pass: the gradients of its parameters, and of its inputs where they are wanted.
    pub(super) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage, saved: &Saved) {
        if run.relu == ReluGradient::Guided && (at.stage.relu || *self == Self::Activation(Activation::Relu))
        {
            let dy = run.output_gradient(at);
            kernels::activation(run.pool, run.isa, run.arena, Activation::Relu, dy, dy);
        }
        match self {
            Self::Conv(_) | Self::Linear(_) => run.rectify_and_sum(at),
            _ if self.masks_by_output(at.stage) => {
                let views = (run.output(at), run.output_gradient(at));
                kernels::relu_backward(run.pool, run.isa, run.arena, views.0, views.1);
            }
            _ => {}
        }
        match (self, back.inputs.first().and_then(Option::as_ref)) {
            (Self::Conv(conv), _) => conv.backward(run, at, back),
            (Self::Linear(linear), _) => linear.backward(run, at, back),
            (Self::BatchNorm(norm), _) => norm.backward(run, at, back, saved),
            (Self::Concat, _) => layout::concat_backward(run, at, back),
            (Self::Add, _) => elementwise::add_backward(run, at, back),
            (Self::Arithmetic(function), _) => arithmetic::arithmetic_backward(*function, run, at, back),
            (Self::MatMul, _) => arithmetic::matmul_backward(run, at, back),
            (Self::ByChannel(layer), _) => layer.backward(run, at, back),
            (Self::Extremum { .. }, Some(write)) => arithmetic::extremum_backward(run, at, write),
            (Self::Separable(map), Some(write)) => map.backward(run, at, write),
            (Self::Rearrange(order), Some(write)) => order.backward(run, at, write),
            (Self::Constant, Some(write)) => constant::backward(run, at, write),
            (Self::Affine(_), Some(write)) => Affine::backward(run, at, write),
            (Self::Activation(kind), Some(write)) => elementwise::activate_backward(*kind, run, at, write),
            (Self::MaxPool(pool), Some(write)) => pool.backward(run, at, write, saved),
            (Self::AvgPool(pool), Some(write)) => pool.backward(run, at, write),
            (Self::LocalResponse(norm), Some(write)) => {
                channels::local_response_backward(*norm, run, at, write);
            }
            (Self::Softmax, Some(write)) => channels::softmax_backward(run, at, write),
            (Self::LogSoftmax, Some(write)) => channels::log_softmax_backward(run, at, write),
            (Self::Pad(pad), Some(write)) => pad.backward(run, at, write),
            (Self::Dropout(dropout), Some(write)) => dropout.backward(run, at, write),
            (Self::Flatten, Some(write)) => layout::flatten_backward(run, at, write),
            (Self::Copy, Some(write)) => elementwise::copy_backward(run, at, write),
            // The images, inputs whose gradient nobody wants, and what is there in inference only.
            (Self::Input | Self::Interleave | Self::Part, _) | (_, None) => {}
        }
    }

    /// Whether the gradient passes a fused ReLU by the output, before all else; a normalization masks it on its way.
    pub(super) fn masks_by_output(&self, stage: &Stage) -> bool {
        stage.relu && !matches!(self, Self::BatchNorm(_))
    }

    /// Whether the kernel computes the statistics of what it writes itself.
    pub(super) fn measures(&self) -> bool {
        matches!(self, Self::Conv(_))
    }

    /// The layout of its packed weight, if it has one.
    pub(super) fn matrix(&self) -> Option<&Matrix> {
        match self {
            Self::Conv(conv) => Some(&conv.matrix),
            Self::Linear(linear) => Some(&linear.matrix),
            _ => None,
        }
    }

    /// Room for what it saves for the backward pass, its output being of a shape.
    pub(super) fn saved(&self, shape: Shape, batch: usize) -> Result<Saved, CompileError> {
        let saved = match self {
            Self::MaxPool(_) => {
                let argmax = zeros(batch * shape.elements(), ("training", batch))?;
                Saved { argmax, ..Saved::default() }
            }
            Self::BatchNorm(_) => {
                let zeros = vec![0.0; shape.channels()];
                Saved { argmax: Vec::new(), inverse: zeros.clone(), scale: zeros.clone(), shift: zeros }
            }
            Self::Input
            | Self::Conv(_)
            | Self::Linear(_)
            | Self::Affine(_)
            | Self::Activation(_)
            | Self::AvgPool(_)
            | Self::LocalResponse(_)
            | Self::Softmax
            | Self::LogSoftmax
            | Self::Pad(_)
            | Self::Dropout(_)
            | Self::Concat
            | Self::Interleave
            | Self::Part
            | Self::Add
            | Self::Arithmetic(_)
            | Self::MatMul
            | Self::Extremum { .. }
            | Self::ByChannel(_)
            | Self::Separable(_)
            | Self::Rearrange(_)
            | Self::Constant
            | Self::Flatten
            | Self::Copy => Saved::default(),
        };
        Ok(saved)
    }

    /// Memory that it needs while it runs.
    pub(super) fn scratch(&self, plan: &Plan, stage: &Stage, threads: usize) -> Scratch {
        match self {
            Self::Conv(conv) => conv.scratch(plan, stage, threads),
            _ => Scratch::default(),
        }
    }

    /// The kernel and its operands' sizes; of a convolution that Winograd's algorithm fits, what the model of costs
    /// takes that to cost over the direct kernel.
    pub(super) fn describe(
        &self,
        plan: &Plan,
        stage: &Stage,
        (isa, half): (Isa, bool),
    ) -> (String, Option<f64>) {
        let name = match self {
            Self::Input if plan.passes(stage.out) => "no copy",
            Self::Input => "from_nchw",
            Self::Conv(conv) => return conv.describe(isa, half),
            Self::Linear(linear) => return (linear.name(isa, half), None),
            Self::BatchNorm(_) => "batch_norm",
            Self::Affine(_) => "affine",
            Self::Activation(kind) => elementwise::activation_name(*kind),
            Self::MaxPool(_) => "max_pool",
            Self::AvgPool(_) => "avg_pool",
            Self::LocalResponse(_) => "local_response",
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log_softmax",
            Self::Pad(_) => "pad",
            Self::Dropout(_) => "dropout",
            Self::Part => "in place",
            Self::Concat if plan.copies(stage.out).is_empty() => "in place",
            Self::Concat | Self::Copy => "copy",
            Self::Interleave => "interleave",
            Self::Add => "add",
            Self::Arithmetic(function) => arithmetic::name(*function),
            Self::MatMul => "matmul",
            Self::Extremum { .. } => "extremum",
            Self::ByChannel(layer) => layer.name(),
            Self::Separable(_) => "separable",
            Self::Rearrange(_) => "rearrange",
            Self::Constant => "constant",
            Self::Flatten => "flatten",
        };
        (name.into(), None)
    }

    /// The kernels of its backward pass.
    pub(super) fn describe_backward(&self, plan: &Plan, stage: &Stage, back: &BackwardStage) -> Vec<String> {
        let input = back.inputs.iter().any(Option::is_some);
        match self {
            Self::Input => Vec::new(),
            Self::Conv(conv) => conv.describe_backward(),
            Self::Linear(linear) if !linear.learns => vec!["dx".into()],
            Self::Linear(_) if input => vec!["dx and dW in one pass over the weights".into()],
            Self::Linear(_) => vec!["dW".into()],
            Self::Concat if plan.copies(stage.out).is_empty() => vec!["in place".into()],
            _ => vec![format!("{}_backward", self.describe(plan, stage, (Isa::PORTABLE, false)).0)],
        }
    }
}
