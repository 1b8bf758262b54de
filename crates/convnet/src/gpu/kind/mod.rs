//! The operations that a stage can be bound to: a closed set. Each chooses, loads its weights, adds both passes to lists
//! and names itself.

mod arithmetic;
mod by_channel;
mod constant;
mod conv;
mod elementwise;
mod join;
mod layout;
mod linear;
mod norm;
mod pool;
mod pooled;
mod separable;

use convnet_gpu::{Activation, Arithmetic, Function, LocalResponse};

use self::by_channel::ByChannel;
use self::conv::Conv;
pub(super) use self::elementwise::Dropout;
pub(super) use self::join::{Join, joins};
use self::layout::Pad;
use self::linear::Linear;
use self::norm::Affine;
pub(super) use self::norm::BatchNorm;
use self::pool::{AvgPool, MaxPool};
pub(super) use self::pooled::pooled;
use self::separable::{Rearrange, Separable};
use super::binder::{Binder, Parameters};
use super::emit::{At, Emit};
use super::loader::Loader;
use super::rows::Rows;
use crate::ops::Op;
use crate::plan::{BackwardStage, CompileError, Kernel, Mode, Needs, Plan, Stage};

/// An operation and its geometry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Input,
    Conv(Box<Conv>),
    Linear(Linear),
    BatchNorm(BatchNorm),
    Affine(Affine),
    Activation(Activation),
    Function(Function),
    MaxPool(MaxPool),
    AvgPool(AvgPool),
    LocalResponse(LocalResponse),
    Softmax,
    LogSoftmax,
    Pad(Pad),
    Dropout(Dropout),
    Concat,
    Add,
    Arithmetic(Arithmetic),
    MatMul,
    Extremum { sign: f32 },
    Constant,
    ByChannel(ByChannel),
    Separable(Box<Separable>),
    Rearrange(Box<Rearrange>),
    Join(Join),
    Flatten,
    Copy,
}

/// A stage's operation, where its parameters lie, and what it needs of the plan.
pub(super) struct Bound {
    pub(super) kind: Kind,
    pub(super) parameters: Parameters,
    pub(super) needs: Needs,
}

impl Bound {
    /// An operation that needs what its layers say.
    fn plain(binder: &Binder<'_>, stage: &Stage, kind: Kind, parameters: Parameters) -> Self {
        Self { kind, parameters, needs: binder.draft.needs(stage) }
    }
}

/// Chooses the operation of a stage.
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
        Op::Concat => Kind::Concat,
        Op::Add => Kind::Add,
        Op::Flatten if stage.kernel == Kernel::Flatten => Kind::Flatten,
        Op::Relu => Kind::Activation(Activation::Relu),
        Op::LeakyRelu(op) => Kind::Activation(Activation::LeakyRelu { slope: op.slope }),
        Op::Hardtanh(op) => Kind::Activation(Activation::Hardtanh { min: op.min, max: op.max }),
        Op::Sigmoid => Kind::Activation(Activation::Sigmoid),
        Op::Tanh => Kind::Activation(Activation::Tanh),
        Op::Unary(op) => Kind::Function(arithmetic::function(op)),
        Op::Softmax => Kind::Softmax,
        Op::LogSoftmax => Kind::LogSoftmax,
        Op::Arithmetic(op) => Kind::Arithmetic(arithmetic::of_two(*op)),
        Op::Reduce(reduce) if reduce.is_linear() => {
            return Separable::bind(binder, stage, |shape| reduce.axes(shape));
        }
        Op::Pad2d(pad) => return Separable::bind(binder, stage, |shape| pad.axes(shape)),
        Op::Upsample(upsample) => return Separable::bind(binder, stage, |shape| upsample.axes(shape)),
        Op::Slice(slice) => return Separable::bind(binder, stage, |shape| slice.axes(shape)),
        Op::IndexSelect(select) => return Separable::bind(binder, stage, |shape| select.axes(shape)),
        Op::ChannelShuffle(shuffle) => return Separable::bind(binder, stage, |shape| shuffle.axes(shape)),
        Op::PixelShuffle(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::PixelUnshuffle(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::Permute(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::Reshape(op) => return Rearrange::bind(binder, stage, &op.source(stage.shapes[0])),
        Op::Prelu(_) => return Ok(ByChannel::prelu(binder, stage)),
        Op::LayerScale(_) => return Ok(ByChannel::Scale.bind(binder, stage)),
        Op::LayerNorm(norm) => return Ok(ByChannel::layer_norm(binder, stage, norm.eps)),
        Op::GroupNorm(norm) => return Ok(ByChannel::group_norm(binder, stage, norm.groups, norm.eps)),
        Op::InstanceNorm2d(norm) => {
            return Ok(ByChannel::group_norm(binder, stage, stage.shapes[0].channels(), norm.eps));
        }
        Op::Reduce(reduce) => Kind::Extremum { sign: reduce.reduction.sign() },
        Op::Constant(_) => return Ok(constant::bind(binder, stage)),
        Op::MatMul => Kind::MatMul,
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

impl Kind {
    /// Writes the weights of inference.
    pub(super) fn load(&self, loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        match self {
            Self::Conv(conv) => conv.load(loader, at),
            Self::Linear(linear) => linear.load(loader, at),
            Self::Affine(_) => Affine::load(loader, at),
            // Their parameters as they are.
            Self::ByChannel(_) | Self::Constant => loader.read(at),
            Self::Input
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Function(_)
            | Self::MaxPool(_)
            | Self::AvgPool(_)
            | Self::LocalResponse(_)
            | Self::Softmax
            | Self::LogSoftmax
            | Self::Pad(_)
            | Self::Dropout(_)
            | Self::Concat
            | Self::Add
            | Self::Arithmetic(_)
            | Self::MatMul
            | Self::Extremum { .. }
            | Self::Separable(_)
            | Self::Rearrange(_)
            | Self::Join(_)
            | Self::Flatten
            | Self::Copy => Ok(()),
        }
    }

    /// Adds the stage's forward pass.
    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        let out = run.output(at);
        match self {
            Self::Input => layout::input(run, at),
            Self::Conv(conv) => conv.forward(run, at),
            Self::Linear(linear) => linear.forward(run, at),
            Self::BatchNorm(norm) => norm.forward(run, at),
            Self::Affine(_) => Affine::forward(run, at),
            Self::Activation(kind) => run.list.activation(*kind, run.input(at, 0), out),
            Self::Function(function) => run.list.function(*function, [run.input(at, 0), out]),
            Self::MaxPool(pool) => pool.forward(run, at),
            Self::AvgPool(pool) => pool.forward(run, at),
            Self::LocalResponse(norm) => run.list.local_response(*norm, [run.input(at, 0), out]),
            Self::Softmax => run.list.softmax([run.input(at, 0), out]),
            Self::LogSoftmax => run.list.log_softmax([run.input(at, 0), out]),
            Self::Pad(pad) => pad.forward(run, at),
            Self::Dropout(dropout) => dropout.forward(run, at),
            Self::Concat => layout::concat(run, at),
            Self::Add => run.list.add([run.input(at, 0), run.input(at, 1)], out, at.stage.relu),
            Self::Arithmetic(function) => arithmetic::arithmetic(*function, run, at),
            Self::MatMul => arithmetic::matmul(run, at),
            Self::Extremum { sign } => arithmetic::extremum(*sign, run, at),
            Self::Constant => constant::forward(run, at),
            Self::ByChannel(layer) => layer.forward(run, at),
            Self::Separable(map) => map.forward(run, at),
            Self::Rearrange(order) => order.forward(run, at),
            Self::Join(join) => join.forward(run, at),
            Self::Flatten => run.list.flatten(layout::map(at), [run.input(at, 0), out]),
            Self::Copy => run.list.copy(run.input(at, 0), out),
        }
    }

    /// Adds its backward pass: the gradients of its parameters, and of its inputs where they are wanted.
    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
        let (y, dy) = (run.output(at), run.output_gradient(at));
        if self.masks_by_output(at.stage, run.n) {
            run.list.relu_backward(y, dy);
        }
        let first = back.inputs.first().and_then(Option::as_ref);
        match self {
            Self::Conv(conv) => return conv.backward(run, at, back),
            Self::Linear(linear) => return linear.backward(run, at, back),
            Self::BatchNorm(norm) => return norm.backward(run, at, back),
            Self::Concat => return layout::concat_backward(run, at, back),
            Self::Add => return elementwise::add_backward(run, at, back),
            Self::Arithmetic(function) => return arithmetic::arithmetic_backward(*function, run, at, back),
            Self::MatMul => return arithmetic::matmul_backward(run, at, back),
            Self::ByChannel(layer) => return layer.backward(run, at, back),
            // The normalizations do it.
            Self::Join(_) => return,
            Self::Input
            | Self::Affine(_)
            | Self::Activation(_)
            | Self::Function(_)
            | Self::MaxPool(_)
            | Self::AvgPool(_)
            | Self::LocalResponse(_)
            | Self::Softmax
            | Self::LogSoftmax
            | Self::Pad(_)
            | Self::Dropout(_)
            | Self::Extremum { .. }
            | Self::Constant
            | Self::Separable(_)
            | Self::Rearrange(_)
            | Self::Flatten
            | Self::Copy => {}
        }
        let Some(write) = first else { return };
        let (x, dx, adds) = (run.input(at, 0), run.input_gradient(at, 0), write.accumulate);
        match self {
            Self::Affine(_) => run.list.affine_backward([dy, dx], run.weight(at), adds),
            Self::Activation(kind) => run.list.activation_backward(*kind, [y, dy, dx], adds),
            Self::Function(function) => run.list.function_backward(*function, [x, dy, dx], adds),
            Self::MaxPool(pool) => pool.backward(run, at, adds),
            Self::AvgPool(pool) => pool.backward(run, at, adds),
            Self::LocalResponse(norm) => run.list.local_response_backward(*norm, [x, dy, dx], adds),
            Self::Softmax => run.list.softmax_backward([y, dy, dx], adds),
            Self::LogSoftmax => run.list.log_softmax_backward([y, dy, dx], adds),
            Self::Pad(pad) => pad.backward(run, at, adds),
            Self::Dropout(dropout) => dropout.backward(run, at, adds),
            Self::Extremum { .. } => arithmetic::extremum_backward(run, at, adds),
            Self::Constant => constant::backward(run, at, adds),
            Self::Separable(map) => map.backward(run, at, adds),
            Self::Rearrange(order) => order.backward(run, at, adds),
            Self::Flatten => run.list.unflatten(layout::map(at), [dy, dx], adds),
            Self::Copy => run.list.transfer(dy, dx, adds),
            // The images; and what was dealt with above.
            Self::Input
            | Self::Conv(_)
            | Self::Linear(_)
            | Self::BatchNorm(_)
            | Self::Concat
            | Self::Add
            | Self::Arithmetic(_)
            | Self::MatMul
            | Self::ByChannel(_)
            | Self::Join(_) => {}
        }
    }

    /// Whether the gradient of `n` images passes a fused ReLU in a pass of its own, by the output; a normalization, a small
    /// Linear and a convolution with maxima mask it on its way.
    fn masks_by_output(&self, stage: &Stage, n: usize) -> bool {
        let on_its_way = match self {
            Self::BatchNorm(_) | Self::Join(_) => true,
            Self::Linear(linear) => linear.is_small(n),
            Self::Conv(conv) => conv.pooled.is_some(),
            _ => false,
        };
        stage.relu && !on_its_way
    }

    /// Whether a ReLU is the last that it does.
    pub(super) fn rectifies(&self, stage: &Stage) -> bool {
        match self {
            Self::Conv(conv) if conv.pooled.is_some() => false,
            Self::MaxPool(MaxPool { pooled: Some(pooled), .. }) => pooled.rectifies(),
            _ => stage.relu || *self == Self::Activation(Activation::Relu),
        }
    }

    /// Whether it takes the images as they came.
    pub(super) fn packs_images(&self) -> bool {
        matches!(self, Self::Conv(conv) if conv.packs_images())
    }

    /// The layout of its weight, if it has one.
    pub(super) fn rows(&self) -> Option<&Rows> {
        match self {
            Self::Conv(conv) => Some(&conv.rows),
            Self::Linear(linear) => Some(&linear.rows),
            _ => None,
        }
    }

    /// The operation and its operands' sizes.
    pub(super) fn describe(&self, plan: &Plan, stage: &Stage) -> String {
        match self {
            Self::Input => "nhwc",
            Self::Conv(conv) => return conv.describe(),
            Self::Linear(linear) => return linear.describe(plan.batch),
            Self::BatchNorm(norm) if norm.join.is_some() => "batch_norm, with the sum",
            Self::BatchNorm(_) => "batch_norm",
            Self::Affine(_) => "affine",
            Self::Activation(kind) => elementwise::activation_name(*kind),
            Self::Function(function) => arithmetic::function_name(*function),
            Self::MaxPool(MaxPool { pooled: Some(_), .. }) => "max_pool with the convolution",
            Self::MaxPool(_) => "max_pool",
            Self::AvgPool(_) => "avg_pool",
            Self::LocalResponse(_) => "local_response",
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log_softmax",
            Self::Pad(_) => "pad",
            Self::Dropout(_) => "dropout",
            Self::Concat if plan.copies(stage.out).is_empty() => "in place",
            Self::Concat | Self::Copy => "copy",
            Self::Add => "add",
            Self::Arithmetic(function) => arithmetic::arithmetic_name(*function),
            Self::MatMul => "matmul",
            Self::Extremum { .. } => "extremum",
            Self::Constant => "constant",
            Self::ByChannel(layer) => layer.name(),
            Self::Separable(_) => "separable",
            Self::Rearrange(_) => "rearrange",
            Self::Join(_) => "add of batch_norm",
            Self::Flatten => "flatten",
        }
        .into()
    }

    /// The operations of its backward pass.
    pub(super) fn describe_backward(
        &self,
        plan: &Plan,
        (stage, learns): (&Stage, [bool; 2]),
        back: &BackwardStage,
    ) -> String {
        let mask = if self.masks_by_output(stage, plan.batch) { "relu mask, " } else { "" };
        let products = match self {
            Self::Input => return String::new(),
            Self::Join(_) => return "with batch_norm".into(),
            Self::MaxPool(MaxPool { pooled: Some(_), .. }) => return "with the convolution".into(),
            Self::Conv(_) | Self::Linear(_) => {
                // A bias's gradient comes with the weight's.
                let [weight, bias] = learns;
                let dx = back.inputs.iter().any(Option::is_some);
                let parts = [(dx, "dx"), (weight, "dW"), (bias && !weight, "db")];
                parts.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect::<Vec<_>>().join(", ")
            }
            Self::Concat if plan.copies(stage.out).is_empty() => "in place".into(),
            _ => format!("{}_backward", self.describe(plan, stage)),
        };
        format!("{mask}{products}")
    }
}
