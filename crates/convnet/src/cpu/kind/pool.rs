//! MaxPool2d, AvgPool2d and AdaptiveAvgPool2d.

use convnet_kernels::{self as kernels, PoolWindow};

use super::{Bound, Kind};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::run::{At, Backward, Forward, Saved};
use crate::graph::Shape;
use crate::ops::{AvgPool2d, MaxPool2d, Window};
use crate::plan::{CompileError, GradientWrite, Mode, Stage, adaptive_spans, pool_spans};

/// The largest window that training takes: where a maximum was is kept in a byte.
const LARGEST_WINDOW_ELEMENTS: usize = 256;

/// Maxima over windows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct MaxPool(PoolWindow);

/// Means over windows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct AvgPool(PoolWindow);

impl MaxPool {
    pub(super) fn bind(binder: &Binder<'_>, stage: &Stage, pool: &MaxPool2d) -> Result<Bound, CompileError> {
        let window = pool_window(&pool.window(), stage.shapes[0], binder.node(stage.node).shape, None);
        if binder.mode() == Mode::Train && window.area() > LARGEST_WINDOW_ELEMENTS {
            let reason = "training takes windows of at most 256 elements; use a smaller kernel";
            return Err(CompileError::unsupported(binder.node(stage.node), reason));
        }
        Ok(Bound::plain(binder, stage, Kind::MaxPool(Self(window)), Parameters::default()))
    }

    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>, saved: Option<&mut Saved>) {
        let views = [run.input(at, 0), run.output(at)];
        // Where no gradient comes back there is no room to keep them.
        let argmax = saved.and_then(|saved| saved.argmax.get_mut(..views[1].pixels * views[1].channels));
        kernels::max_pool(run.pool, run.isa, run.arena, &self.0, views, argmax);
    }

    pub(super) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite, saved: &Saved) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        let argmax = &saved.argmax[..views[0].pixels * views[0].channels];
        kernels::max_pool_backward(run.pool, run.isa, run.arena, &self.0, views, argmax, write.accumulate);
    }
}

impl AvgPool {
    pub(super) fn bind(binder: &Binder<'_>, stage: &Stage, pool: &AvgPool2d) -> Bound {
        let (input, output) = (stage.shapes[0], binder.node(stage.node).shape);
        Self::bound(binder, stage, pool_window(&pool.window(), input, output, Some(pool)))
    }

    pub(super) fn bind_adaptive(binder: &Binder<'_>, stage: &Stage) -> Bound {
        Self::bound(binder, stage, {
            let [rows, columns] = adaptive_spans(stage.shapes[0], binder.node(stage.node).shape);
            PoolWindow::new(stage.shapes[0].spatial(), &rows, &columns)
        })
    }

    fn bound(binder: &Binder<'_>, stage: &Stage, window: PoolWindow) -> Bound {
        Bound::plain(binder, stage, Kind::AvgPool(Self(window)), Parameters::default())
    }

    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        kernels::avg_pool(run.pool, run.isa, run.arena, &self.0, views);
    }

    pub(super) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        kernels::avg_pool_backward(run.pool, run.isa, run.arena, &self.0, views, write.accumulate);
    }
}

/// A pooling's windows.
fn pool_window(window: &Window, input: Shape, output: Shape, average: Option<&AvgPool2d>) -> PoolWindow {
    let [rows, columns] = pool_spans(window, input, output, average);
    PoolWindow::new(input.spatial(), &rows, &columns)
}
