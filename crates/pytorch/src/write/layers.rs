//! Layers as PyTorch's constructors.

use convnet::graph::{Node, Shape, Size2, TensorForm};
use convnet::ops::{Arithmetic, AvgPool2d, Op, Slice, Span, Unary};

use super::term::{Arg, Leaf, PARAMETER, Role, Scalar, Term, Usual};

/// How a layer is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// A module, or a parameter of the module around it.
    Module(Term),
    /// A function.
    Function(Function),
}

/// What has no module in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Concat,
    Add,
    Sub,
    Mul,
    Div,
    Flatten,
}

impl Function {
    /// Whether it is written between its operands.
    pub(super) fn is_operator(self) -> bool {
        matches!(self, Self::Add | Self::Sub | Self::Mul | Self::Div)
    }
}

/// A class that PyTorch does not have: its name, and its code.
pub(super) const AFFINE: (&str, &str) = (
    "Affine",
    r#"class Affine(nn.Module):
    """A fixed scale and shift by channel: training leaves both as they are."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))

    def forward(self, x):
        shape = [1, -1] + [1] * (x.dim() - 2)
        return x * self.weight.view(shape) + self.bias.view(shape)
"#,
);

/// A class that torchvision has.
pub(super) const STOCHASTIC_DEPTH: &str = "StochasticDepth";

/// As [`AFFINE`].
const UNEVEN_POOL: (&str, &str) = (
    "UnevenAvgPool2d",
    r#"class UnevenAvgPool2d(nn.Module):
    """Average pooling whose padding (left, right, top, bottom) may differ on opposite sides.

    With `ceil_mode` a last window may reach beyond the padding: what lies there is never counted.
    """

    def __init__(self, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, x):
        counts = float(self.count_include_pad)
        counted = F.pad(torch.ones_like(x[:1, :1]), self.padding, value=counts)
        x = F.pad(x, self.padding)
        sizes = [self.kernel_size, self.stride, 0, self.ceil_mode]
        return F.avg_pool2d(x, *sizes) / F.avg_pool2d(counted, *sizes)
"#,
);

/// As [`AFFINE`].
const PART: (&str, &str) = (
    "Part",
    r#"class Part(nn.Module):
    """`length` elements of a dimension from number `start` on."""

    def __init__(self, dim, start, length):
        super().__init__()
        self.dim = dim
        self.start = start
        self.length = length

    def forward(self, x):
        return x.narrow(self.dim, self.start, self.length)
"#,
);

/// As [`AFFINE`].
const SCALE: (&str, &str) = (
    "Scale",
    r#"class Scale(nn.Module):
    """Each element times a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor
"#,
);

/// As [`AFFINE`].
const LAYER_NORM: (&str, &str) = (
    "LayerNorm2d",
    r#"class LayerNorm2d(nn.LayerNorm):
    """Each pixel of a map over its channels."""

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)
"#,
);

/// As [`AFFINE`].
const POINTWISE: (&str, &str) = (
    "PointwiseLinear",
    r#"class PointwiseLinear(nn.Linear):
    """A linear layer at each pixel of a map."""

    def forward(self, x):
        x = F.linear(x.permute(0, 2, 3, 1), self.weight, self.bias)
        return x.permute(0, 3, 1, 2)
"#,
);

/// The classes that PyTorch does not have.
pub(super) const OWN: [(&str, &str); 6] = [AFFINE, UNEVEN_POOL, PART, SCALE, LAYER_NORM, POINTWISE];

/// A layer that reads these shapes; `None` for one that is not written.
pub(super) fn form(node: &Node, inputs: &[Shape], classes: bool) -> Option<Form> {
    let op = &node.op;
    let channels = inputs.first().map_or(0, |shape| shape.channels());
    let input = || arg(None, [int(channels, Role::InChannels)], Usual::Never);
    let one = |keyword, value, role, usual| arg(keyword, [Leaf::new(value, role)], usual);
    let simple = |class: &str, light| layer(class, Vec::new(), light);
    let term = match op {
        Op::Input => simple("nn.Identity", false),
        Op::Concat => return Some(Form::Function(Function::Concat)),
        Op::Add | Op::Arithmetic(Arithmetic::Add) => return Some(Form::Function(Function::Add)),
        Op::Arithmetic(Arithmetic::Sub) => return Some(Form::Function(Function::Sub)),
        Op::Arithmetic(Arithmetic::Mul) => return Some(Form::Function(Function::Mul)),
        Op::Arithmetic(Arithmetic::Div) => return Some(Form::Function(Function::Div)),
        Op::Conv2d(conv) if node.tensors == TensorForm::Linear => {
            let bias = one(Some("bias"), Scalar::Bool(conv.bias), Role::Bias, Usual::Text("True"));
            let out = arg(None, [int(conv.out_channels, Role::OutChannels)], Usual::Never);
            layer(POINTWISE.0, vec![input(), out, bias], false)
        }
        Op::Conv2d(conv) => {
            let mut out = int(conv.out_channels, Role::OutChannels);
            out.classes = classes;
            let args = vec![
                input(),
                arg(None, [out], Usual::Never),
                pair("kernel_size", conv.kernel, Role::Kernel, Usual::Never),
                pair("stride", conv.stride, Role::Stride, Usual::Text("1")),
                pair("padding", conv.padding, Role::Padding, Usual::Text("0")),
                pair("dilation", conv.dilation, Role::Dilation, Usual::Text("1")),
                one(Some("groups"), Scalar::Int(conv.groups), Role::Groups, Usual::Text("1")),
                one(Some("bias"), Scalar::Bool(conv.bias), Role::Bias, Usual::Text("True")),
            ];
            layer("nn.Conv2d", args, false)
        }
        Op::Linear(linear) => {
            let mut out = int(linear.out_features, Role::OutChannels);
            out.classes = classes;
            let args = vec![
                input(),
                arg(None, [out], Usual::Never),
                one(Some("bias"), Scalar::Bool(linear.bias), Role::Bias, Usual::Text("True")),
            ];
            layer("nn.Linear", args, false)
        }
        Op::BatchNorm2d(norm) => {
            let args = vec![
                input(),
                float("eps", norm.eps, Usual::Text("1e-05")),
                float("momentum", norm.momentum, Usual::Text("0.1")),
            ];
            layer("nn.BatchNorm2d", args, true)
        }
        Op::LocalResponseNorm(norm) => {
            let args = vec![
                one(None, Scalar::Int(norm.size), Role::Other("size"), Usual::Never),
                float("alpha", norm.alpha, Usual::Text("0.0001")),
                float("beta", norm.beta, Usual::Text("0.75")),
                float("k", norm.k, Usual::Text("1.0")),
            ];
            layer("nn.LocalResponseNorm", args, false)
        }
        Op::Relu => simple("nn.ReLU", true),
        Op::LeakyRelu(leaky) => {
            let args = vec![float("negative_slope", leaky.slope, Usual::Text("0.01"))];
            layer("nn.LeakyReLU", args, true)
        }
        Op::Hardtanh(bounds) if bounds.min == 0.0 && bounds.max == 6.0 => simple("nn.ReLU6", true),
        Op::Hardtanh(bounds) => {
            let args = vec![
                float("min_val", bounds.min, Usual::Text("-1.0")),
                float("max_val", bounds.max, Usual::Text("1.0")),
            ];
            layer("nn.Hardtanh", args, true)
        }
        Op::Sigmoid => simple("nn.Sigmoid", true),
        Op::Tanh => simple("nn.Tanh", true),
        Op::Unary(function) => unary(function)?,
        Op::Softmax => layer("nn.Softmax", vec![dim()], false),
        Op::LogSoftmax => layer("nn.LogSoftmax", vec![dim()], false),
        Op::MaxPool2d(pool) => {
            let args = vec![
                pair("kernel_size", pool.kernel, Role::Kernel, Usual::Never),
                pair("stride", pool.stride, Role::Stride, Usual::As(0)),
                pair("padding", pool.padding, Role::Padding, Usual::Text("0")),
                switch("ceil_mode", pool.ceil_mode, Usual::Text("False")),
            ];
            layer("nn.MaxPool2d", args, false)
        }
        Op::AvgPool2d(pool) => average_pool(pool),
        Op::AdaptiveAvgPool2d(pool) => {
            let size = Size2 { h: pool.height, w: pool.width };
            let args =
                vec![Arg { keyword: None, ..pair("", size, Role::Other("output_size"), Usual::Never) }];
            layer("nn.AdaptiveAvgPool2d", args, false)
        }
        Op::ConstantPad2d(pad) => {
            let sides = [pad.left, pad.right, pad.top, pad.bottom];
            let mut args = vec![arg(None, sides.map(|side| int(side, Role::Padding)), Usual::Never)];
            if pad.value.to_bits() == 0 {
                layer("nn.ZeroPad2d", args, false)
            } else {
                args.push(Arg { keyword: None, ..float("value", pad.value, Usual::Never) });
                layer("nn.ConstantPad2d", args, false)
            }
        }
        Op::Flatten => simple("nn.Flatten", false),
        Op::Unflatten => {
            let sizes = [int(channels, Role::InChannels), int(1, Role::Other("")), int(1, Role::Other(""))];
            let args = vec![
                one(None, Scalar::Int(1), Role::Other("dim"), Usual::Never),
                arg(None, sizes, Usual::Never),
            ];
            layer("nn.Unflatten", args, false)
        }
        Op::Affine => layer(AFFINE.0, vec![input()], false),
        Op::Dropout(dropout) => layer("nn.Dropout", vec![float("p", dropout.p, Usual::Text("0.5"))], false),
        Op::Dropout1d(dropout) => {
            layer("nn.Dropout1d", vec![float("p", dropout.p, Usual::Text("0.5"))], false)
        }
        Op::StochasticDepth(depth) => {
            let mode = arg(Some("mode"), [Leaf::new(Scalar::Text("row"), Role::Other("mode"))], Usual::Never);
            layer(STOCHASTIC_DEPTH, vec![float("p", depth.p, Usual::Never), mode], false)
        }
        Op::LayerNorm(norm) => {
            let class = match inputs.first() {
                Some(Shape::Map { .. }) => LAYER_NORM.0,
                _ => "nn.LayerNorm",
            };
            layer(class, vec![input(), float("eps", norm.eps, Usual::Text("1e-05"))], true)
        }
        Op::ChannelShuffle(shuffle) => {
            let args = vec![one(None, Scalar::Int(shuffle.groups), Role::Groups, Usual::Never)];
            layer("nn.ChannelShuffle", args, false)
        }
        Op::Slice(slice) => part(slice, *inputs.first()?)?,
        Op::LayerScale(scale) => match (node.tensors, inputs.first()) {
            (TensorForm::Parameter, Some(Shape::Map { .. })) => {
                let one = || int(1, Role::Other("shape"));
                let shape = arg(None, [int(channels, Role::InChannels), one(), one()], Usual::Never);
                let value = Leaf::new(Scalar::Float(scale.initial), Role::Other("layer_scale"));
                layer(PARAMETER, vec![shape, arg(None, [value], Usual::Never)], false)
            }
            _ => return None,
        },
        Op::Identity => simple("nn.Identity", false),
        Op::Arithmetic(
            Arithmetic::Maximum
            | Arithmetic::Minimum
            | Arithmetic::Pow
            | Arithmetic::Less
            | Arithmetic::LessOrEqual
            | Arithmetic::Equal
            | Arithmetic::Mask,
        )
        | Op::Constant(_)
        | Op::MatMul
        | Op::Prelu(_)
        | Op::GroupNorm(_)
        | Op::InstanceNorm2d(_)
        | Op::Reduce(_)
        | Op::Pad2d(_)
        | Op::Upsample(_)
        | Op::IndexSelect(_)
        | Op::PixelShuffle(_)
        | Op::PixelUnshuffle(_)
        | Op::Permute(_)
        | Op::Reshape(_) => return None,
    };
    Some(Form::Module(term))
}

/// A function of each element as PyTorch's module, if it has one with these settings.
fn unary(function: &Unary) -> Option<Term> {
    let simple = |class: &str| layer(class, Vec::new(), true);
    let alpha = |class: &str, alpha| layer(class, vec![float("alpha", alpha, Usual::Text("1.0"))], true);
    Some(match *function {
        Unary::Silu => simple("nn.SiLU"),
        Unary::Gelu { tanh } => {
            let text = Scalar::Text(if tanh { "tanh" } else { "none" });
            let leaves = [Leaf::new(text, Role::Other("approximate"))];
            layer("nn.GELU", vec![arg(Some("approximate"), leaves, Usual::Text("'none'"))], true)
        }
        Unary::Hardswish => simple("nn.Hardswish"),
        Unary::Elu { alpha: a } => alpha("nn.ELU", a),
        Unary::Selu => simple("nn.SELU"),
        Unary::Celu { alpha: a } => alpha("nn.CELU", a),
        Unary::Softplus { beta, threshold } => {
            let args = vec![
                float("beta", beta, Usual::Text("1.0")),
                float("threshold", threshold, Usual::Text("20.0")),
            ];
            layer("nn.Softplus", args, true)
        }
        Unary::Softsign => simple("nn.Softsign"),
        Unary::Mish => simple("nn.Mish"),
        Unary::Hardsigmoid { .. } if *function == Unary::hardsigmoid() => simple("nn.Hardsigmoid"),
        Unary::Hardsigmoid { .. }
        | Unary::Abs
        | Unary::Exp
        | Unary::Log
        | Unary::Sqrt
        | Unary::Reciprocal
        | Unary::Erf
        | Unary::Power { .. } => return None,
        Unary::Scale { factor } => {
            let args =
                vec![arg(None, [Leaf::new(Scalar::Float(factor), Role::Other("factor"))], Usual::Never)];
            layer(SCALE.0, args, true)
        }
    })
}

/// Elements of one axis that follow one another, as a module of its own.
fn part(slice: &Slice, input: Shape) -> Option<Term> {
    let (height, width) = input.spatial();
    let axes = [(slice.channels, input.channels()), (slice.rows, height), (slice.columns, width)];
    let mut parts = (1..).zip(axes).filter(|(_, (span, size))| *span != Span::whole(*size));
    let ((dim, (span, _)), None) = (parts.next()?, parts.next()) else { return None };
    let number = |value, role| arg(None, [int(value, role)], Usual::Never);
    let args = vec![
        number(dim, Role::Other("dim")),
        number(span.start, Role::OutChannels),
        number(span.length, Role::OutChannels),
    ];
    (span.step == 1).then(|| layer(PART.0, args, false))
}

/// Whether a layer that reads these shapes is not written as PyTorch's code.
pub(super) fn lacks(node: &Node, inputs: &[Shape]) -> bool {
    form(node, inputs, false).is_none()
}

fn average_pool(pool: &AvgPool2d) -> Term {
    let switches = [
        switch("ceil_mode", pool.ceil_mode, Usual::Text("False")),
        switch("count_include_pad", pool.count_include_pad, Usual::Text("True")),
    ];
    let kernel = pair("kernel_size", pool.kernel, Role::Kernel, Usual::Never);
    let Some(end) = pool.padding_end else {
        let mut args = vec![
            kernel,
            pair("stride", pool.stride, Role::Stride, Usual::As(0)),
            pair("padding", pool.padding, Role::Padding, Usual::Text("0")),
        ];
        args.extend(switches);
        return layer("nn.AvgPool2d", args, false);
    };
    let sides = [pool.padding.w, end.w, pool.padding.h, end.h].map(|side| int(side, Role::Padding));
    let mut args = vec![
        kernel,
        pair("stride", pool.stride, Role::Stride, Usual::Never),
        arg(Some("padding"), sides, Usual::Never),
    ];
    args.extend(switches);
    layer(UNEVEN_POOL.0, args, false)
}

fn layer(class: &str, args: Vec<Arg>, light: bool) -> Term {
    Term::Layer { class: class.into(), args, light }
}

fn arg<const N: usize>(keyword: Option<&'static str>, leaves: [Leaf; N], usual: Usual) -> Arg {
    Arg { keyword, leaves: leaves.into(), usual }
}

fn int(value: usize, role: Role) -> Leaf {
    Leaf::new(Scalar::Int(value), role)
}

fn pair(keyword: &'static str, size: Size2, role: Role, usual: Usual) -> Arg {
    arg(Some(keyword), [int(size.h, role), int(size.w, role)], usual)
}

fn float(keyword: &'static str, value: f32, usual: Usual) -> Arg {
    arg(Some(keyword), [Leaf::new(Scalar::Float(value), Role::Other(keyword))], usual)
}

fn switch(keyword: &'static str, value: bool, usual: Usual) -> Arg {
    arg(Some(keyword), [Leaf::new(Scalar::Bool(value), Role::Other(keyword))], usual)
}

fn dim() -> Arg {
    arg(Some("dim"), [int(1, Role::Other("dim"))], Usual::Never)
}
