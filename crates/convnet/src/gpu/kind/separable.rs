//! Layers that are a linear map along each axis, and those that put elements in another order.

use convnet_gpu::{self as gpu, Order, Taps};

use super::{Bound, Kind};
use crate::gpu::binder::{Binder, Parameters};
use crate::gpu::emit::{At, Emit};
use crate::graph::Shape;
use crate::ops::{Axes, Source};
use crate::plan::{CompileError, Stage, axis_tables, element_order, pixels_and_channels};

/// A linear map along each axis.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gpu) struct Separable(gpu::Separable);

/// Elements in another order.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gpu) struct Rearrange(Order);

impl Separable {
    /// Binds a layer that is the map that `axes` gives for an input.
    pub(super) fn bind(
        binder: &Binder<'_>,
        stage: &Stage,
        axes: impl Fn(Shape) -> Axes,
    ) -> Result<Bound, CompileError> {
        let node = binder.node(stage.node);
        let tables = axis_tables(node, [stage.shapes[0], node.shape], axes)?;
        let [channels, rows, columns] = tables.map(|(inputs, rows)| Taps::new(inputs, rows));
        let kind = Kind::Separable(Box::new(Self(gpu::Separable { channels, rows, columns })));
        Ok(Bound::plain(binder, stage, kind, Parameters::default()))
    }

    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        run.list.separable(&self.0, views, false);
    }

    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        run.list.separable(&self.0.transposed(), views, accumulate);
    }
}

impl Rearrange {
    /// Binds a layer whose elements come from where `source` tells.
    pub(super) fn bind(
        binder: &Binder<'_>,
        stage: &Stage,
        source: &Source<'_>,
    ) -> Result<Bound, CompileError> {
        let node = binder.node(stage.node);
        let shapes = [stage.shapes[0], node.shape];
        let source = element_order(node, shapes, source)?;
        let kind = Kind::Rearrange(Box::new(Self(Order::new(shapes.map(pixels_and_channels), source))));
        Ok(Bound::plain(binder, stage, kind, Parameters::default()))
    }

    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        run.list.rearrange(&self.0, views, false);
    }

    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        run.list.rearrange(&self.0.inverse(), views, accumulate);
    }
}
