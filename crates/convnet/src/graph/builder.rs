//! Writing networks: values that know their builder, so that layers chain and branches are values.

use std::cell::RefCell;

use super::{Assembly, Graph, GraphError, Init, NodeId, ScopeId, Shape, ShapeIssue, TensorForm};
use crate::ops::{
    AdaptiveAvgPool2d, Arithmetic, AvgPool2d, BatchNorm2d, Conv2d, Dropout, Dropout1d, Linear,
    LocalResponseNorm, MaxPool2d, Op, Unary,
};

/// A network under construction.
///
/// The first layer that does not fit is remembered and returned by [`Builder::build`]; what follows it is
/// ignored.
///
/// ```
/// use convnet::graph::Builder;
/// use convnet::ops::{Conv2d, Linear, MaxPool2d};
///
/// let net = Builder::image("small", 1, 28, 28);
/// let x = net.input().conv2d(Conv2d::new(8, 3)).relu().max_pool2d(MaxPool2d::new(2));
/// let graph = net.build(x.flatten().linear(Linear::new(10))).unwrap();
/// assert_eq!(graph.classes(), 10);
/// ```
#[derive(Debug)]
pub struct Builder(RefCell<BuilderState>);

#[derive(Debug)]
struct BuilderState {
    assembly: Assembly,
    /// Modules numbered so far, per scope.
    counters: Vec<usize>,
    current: ScopeId,
    error: Option<GraphError>,
}

/// The output of a layer of a network under construction: what the next layer is applied to.
#[derive(Clone, Copy, Debug)]
pub struct Value<'b> {
    builder: &'b Builder,
    node: NodeId,
}

impl Builder {
    /// Starts a network called `name` that takes images of `channels` × `height` × `width`.
    pub fn image(name: &str, channels: usize, height: usize, width: usize) -> Self {
        let (assembly, issue) = Assembly::with_image(name, Shape::map(channels, height, width));
        let error = issue.map(|issue| assembly.error("input", "Input", &[], issue));
        Self(RefCell::new(BuilderState { assembly, counters: vec![0], current: ScopeId::ROOT, error }))
    }

    /// The images.
    pub fn input(&self) -> Value<'_> {
        Value { builder: self, node: NodeId(0) }
    }

    /// Declares an auxiliary classifier: an output that training adds to the loss with `loss_weight`, and
    /// that inference leaves out.
    pub fn auxiliary(&self, name: &str, value: Value<'_>, loss_weight: f32) {
        let mut state = self.0.borrow_mut();
        if state.owns(self, name, "Output", &[value]) {
            state.assembly.auxiliary(name, value.node, loss_weight);
        }
    }

    /// Sets how the weights are drawn.
    pub fn init(&self, init: Init) {
        self.0.borrow_mut().assembly.init(init);
    }

    /// Ends the network with its main output.
    ///
    /// # Errors
    /// The first layer whose input does not fit it, or that reads a value of another network.
    pub fn build(&self, output: Value<'_>) -> Result<Graph, GraphError> {
        let state = self.0.borrow();
        if state.error.is_none() && !output.is_of(self) {
            return Err(state.foreign("output", "Output"));
        }
        match &state.error {
            Some(error) => Err(error.clone()),
            None => state.assembly.clone().finish(output.node),
        }
    }

    fn push(&self, name: Option<String>, op: Op, values: &[Value<'_>]) -> NodeId {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        let path = state.child_path(name);
        if state.error.is_some() || !state.owns(self, &path, op.name(), values) {
            return state.last(self, values);
        }
        let inputs: Vec<NodeId> = values.iter().map(|value| value.node).collect();
        state.assembly.node(state.current, &path, op, &inputs).unwrap_or_else(|error| {
            state.error = Some(error);
            inputs[0]
        })
    }
}

impl BuilderState {
    /// Whether values are those of `builder`, whose state this is; it fails where one is not.
    fn owns(&mut self, builder: &Builder, path: &str, op: &'static str, values: &[Value<'_>]) -> bool {
        let own = values.iter().all(|value| value.is_of(builder));
        if !own && self.error.is_none() {
            self.error = Some(self.foreign(path, op));
        }
        own
    }

    /// A layer, or an output, that reads a value of another network.
    fn foreign(&self, path: &str, op: &'static str) -> GraphError {
        let issue = ShapeIssue::new(
            "a value of another network",
            format!("one of `{}`", self.assembly.so_far().name()),
            "build each network from its own `input()`",
        );
        self.assembly.error(path, op, &[], issue)
    }

    /// Where building goes on after an error: the first input, if it is one of these nodes.
    fn last(&self, builder: &Builder, values: &[Value<'_>]) -> NodeId {
        values.first().filter(|value| value.is_of(builder)).map_or(NodeId(0), |value| value.node)
    }

    /// The path of a new child of the current scope: numbered when it has no name.
    fn child_path(&mut self, name: Option<String>) -> String {
        let counter = &mut self.counters[self.current.index()];
        let name = name.unwrap_or_else(|| {
            *counter += 1;
            (*counter - 1).to_string()
        });
        let prefix = &self.assembly.so_far().scope(self.current).path;
        if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
    }
}

/// Concatenates values along the channels (`torch.cat(…, dim=1)`).
///
/// # Panics
/// If `values` is empty.
pub fn concat<'b>(values: &[Value<'b>]) -> Value<'b> {
    let builder = values[0].builder;
    Value { builder, node: builder.push(Some("cat".into()), Op::Concat, values) }
}

/// Applies a layer of one or several inputs under its own name.
///
/// # Panics
/// If `inputs` is empty.
pub fn combine<'b>(name: &str, op: impl Into<Op>, inputs: &[Value<'b>]) -> Value<'b> {
    let builder = inputs[0].builder;
    Value { builder, node: builder.push(Some(name.into()), op.into(), inputs) }
}

impl<'b> Value<'b> {
    fn is_of(self, builder: &Builder) -> bool {
        std::ptr::eq(self.builder, builder)
    }

    /// The layer that gives it.
    pub fn id(self) -> NodeId {
        self.node
    }

    /// The shape of this value for one image.
    pub fn shape(self) -> Shape {
        self.builder.0.borrow().assembly.shape(self.node)
    }

    /// Applies a layer under its own name, as an attribute of a PyTorch module is named.
    pub fn layer(self, name: &str, op: impl Into<Op>) -> Self {
        Self { builder: self.builder, node: self.builder.push(Some(name.into()), op.into(), &[self]) }
    }

    /// Applies a layer under the next number of the scope, as `nn.Sequential` names its children.
    pub fn then(self, op: impl Into<Op>) -> Self {
        Self { builder: self.builder, node: self.builder.push(None, op.into(), &[self]) }
    }

    /// Tells how the state dict has the parameters of the layer that gives this value.
    pub fn kept_as(self, form: TensorForm) -> Self {
        let state = &mut *self.builder.0.borrow_mut();
        if state.error.is_none() {
            state.error = state.assembly.keep_as(self.node, form).err();
        }
        self
    }

    /// Runs `f` in a named scope of class `kind`; the layers made inside are its children.
    pub fn scope(self, name: &str, kind: &str, f: impl FnOnce(Self) -> Self) -> Self {
        self.enter(Some(name.into()), kind, f)
    }

    /// Runs `f` in a scope named with the next number, of class `kind`.
    pub fn numbered(self, kind: &str, f: impl FnOnce(Self) -> Self) -> Self {
        self.enter(None, kind, f)
    }

    /// Runs `f` in a named `Sequential`.
    pub fn sequential(self, name: &str, f: impl FnOnce(Self) -> Self) -> Self {
        self.scope(name, "Sequential", f)
    }

    fn enter(self, name: Option<String>, kind: &str, f: impl FnOnce(Self) -> Self) -> Self {
        let outer = {
            let mut state = self.builder.0.borrow_mut();
            let path = state.child_path(name);
            let outer = state.current;
            state.current = state.assembly.scope(&path, kind, outer);
            let scopes = state.assembly.so_far().scopes().len();
            state.counters.resize(scopes, 0);
            outer
        };
        let result = f(self);
        let mut state = self.builder.0.borrow_mut();
        let inner = state.current;
        let path = state.assembly.so_far().scope(inner).path.clone();
        let result = match state.owns(self.builder, &path, "Output", &[result]) {
            true => result,
            false => self,
        };
        state.assembly.returns(inner, result.node);
        state.current = outer;
        result
    }

    /// 2-D convolution; input channels are inferred.
    pub fn conv2d(self, conv: Conv2d) -> Self {
        self.then(conv)
    }

    /// Fully connected layer; input features are inferred.
    pub fn linear(self, linear: Linear) -> Self {
        self.then(linear)
    }

    /// Batch normalization over N, H and W.
    pub fn batch_norm2d(self) -> Self {
        self.then(BatchNorm2d::default())
    }

    /// Local response normalization across channels.
    pub fn local_response_norm(self, norm: LocalResponseNorm) -> Self {
        self.then(norm)
    }

    /// max(x, 0).
    pub fn relu(self) -> Self {
        self.then(Op::Relu)
    }

    /// 1 / (1 + e^−x).
    pub fn sigmoid(self) -> Self {
        self.then(Op::Sigmoid)
    }

    /// x / (1 + e^−x).
    pub fn silu(self) -> Self {
        self.then(Unary::Silu)
    }

    /// Hyperbolic tangent.
    pub fn tanh(self) -> Self {
        self.then(Op::Tanh)
    }

    /// Softmax over dimension 1.
    pub fn softmax(self) -> Self {
        self.then(Op::Softmax)
    }

    /// Max pooling.
    pub fn max_pool2d(self, pool: MaxPool2d) -> Self {
        self.then(pool)
    }

    /// Average pooling.
    pub fn avg_pool2d(self, pool: AvgPool2d) -> Self {
        self.then(pool)
    }

    /// Average pooling to a fixed output size.
    pub fn adaptive_avg_pool2d(self, height: usize, width: usize) -> Self {
        self.then(AdaptiveAvgPool2d { height, width })
    }

    /// C × H × W to a vector, in that order.
    pub fn flatten(self) -> Self {
        self.then(Op::Flatten)
    }

    /// Zeroes each element with probability `p` while training.
    pub fn dropout(self, p: f32) -> Self {
        self.then(Dropout { p })
    }

    /// PyTorch's `Dropout1d`; on a batch of vectors it zeroes whole vectors (see [`Op::Dropout1d`]).
    pub fn dropout1d(self, p: f32) -> Self {
        self.then(Dropout1d { p })
    }
}

/// Element-wise product of two values, of which one may be repeated along axes.
impl std::ops::Mul for Value<'_> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        combine("mul", Arithmetic::Mul, &[self, other])
    }
}

/// Element-wise difference of two values, of which one may be repeated along axes.
impl std::ops::Sub for Value<'_> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        combine("sub", Arithmetic::Sub, &[self, other])
    }
}

/// Element-wise quotient of two values, of which one may be repeated along axes.
impl std::ops::Div for Value<'_> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        combine("div", Arithmetic::Div, &[self, other])
    }
}

/// Element-wise sum of two values of one shape.
impl std::ops::Add for Value<'_> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        combine("add", Op::Add, &[self, other])
    }
}
