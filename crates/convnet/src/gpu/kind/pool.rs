//! MaxPool2d, AvgPool2d and AdaptiveAvgPool2d.

use convnet_gpu::{Bytes, PoolWindow, View};

use super::pooled::Pooled;
use super::{Bound, Kind};
use crate::gpu::binder::{Binder, Parameters};
use crate::gpu::emit::{At, Emit};
use crate::ops::{AvgPool2d, MaxPool2d};
use crate::plan::{CompileError, Mode, Stage, adaptive_spans, pool_spans};

/// The largest window that training takes: where a maximum was is kept in a byte.
const LARGEST_WINDOW_ELEMENTS: usize = 256;

/// Maxima over windows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gpu) struct MaxPool {
    window: PoolWindow,
    /// Where the places of the maxima lie in what is saved, while training.
    saved: Option<usize>,
    /// Whose maxima it is, where the convolution before it computes them.
    pub(super) pooled: Option<Pooled>,
}

/// Means over windows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gpu) struct AvgPool(PoolWindow);

impl MaxPool {
    pub(super) fn bind(
        binder: &mut Binder<'_>,
        stage: &Stage,
        pool: &MaxPool2d,
    ) -> Result<Bound, CompileError> {
        let (input, output) = (stage.shapes[0], binder.node(stage.node).shape);
        let [rows, columns] = pool_spans(&pool.window(), input, output, None);
        let window = PoolWindow::new(input.spatial(), &rows, &columns);
        let train = binder.mode() == Mode::Train;
        if train && window.area() > LARGEST_WINDOW_ELEMENTS {
            let reason = "training takes windows of at most 256 elements; use a smaller kernel";
            return Err(CompileError::unsupported(binder.node(stage.node), reason));
        }
        let bytes = binder.batch * output.elements();
        let saved = train.then(|| binder.save(bytes.div_ceil(4)));
        Ok(Bound::plain(
            binder,
            stage,
            Kind::MaxPool(Self { window, saved, pooled: None }),
            Parameters::default(),
        ))
    }

    /// Whether its windows are 2 × 2 pixels, side by side from the first.
    pub(super) fn halves(&self) -> bool {
        self.window.halves()
    }

    /// Where each maximum of the output was.
    pub(super) fn codes(&self, run: &Emit<'_>, out: View) -> Option<Bytes> {
        let len = out.pixels * out.channels;
        self.saved.map(|start| Bytes { at: run.saved(start, 0).at, len })
    }

    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        let out = run.output(at);
        let codes = self.codes(run, out);
        match self.pooled {
            Some(pooled) => pooled.forward(run, codes),
            None => run.list.max_pool(&self.window, [run.input(at, 0), out], codes, None),
        }
    }

    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
        // The convolution does it, if it computes the maxima.
        if self.pooled.is_some() {
            return;
        }
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        if let Some(codes) = self.codes(run, views[0]) {
            run.list.max_pool_backward(&self.window, views, codes, None, accumulate);
        }
    }
}

impl AvgPool {
    pub(super) fn bind(binder: &Binder<'_>, stage: &Stage, pool: &AvgPool2d) -> Bound {
        let output = binder.node(stage.node).shape;
        Self::bound(binder, stage, &pool_spans(&pool.window(), stage.shapes[0], output, Some(pool)))
    }

    pub(super) fn bind_adaptive(binder: &Binder<'_>, stage: &Stage) -> Bound {
        Self::bound(binder, stage, &adaptive_spans(stage.shapes[0], binder.node(stage.node).shape))
    }

    fn bound(binder: &Binder<'_>, stage: &Stage, [rows, columns]: &[Vec<(usize, usize, usize)>; 2]) -> Bound {
        let window = PoolWindow::new(stage.shapes[0].spatial(), rows, columns);
        Bound::plain(binder, stage, Kind::AvgPool(Self(window)), Parameters::default())
    }

    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        run.list.avg_pool(&self.0, [run.input(at, 0), run.output(at)]);
    }

    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        run.list.avg_pool_backward(&self.0, views, accumulate);
    }
}
