//! Conv2d, with what was fused into it: by cuDNN, or by kernels of ours where there are few channels.

use std::ops::Range;

use convnet_gpu::{self as gpu, Affine, Bytes, Epilogue, Format, Lane, Precision, Stem, View};

use super::pooled::Pooled;
use super::{Bound, Kind};
use crate::gpu::binder::{Binder, Parameters};
use crate::gpu::emit::{At, Emit};
use crate::gpu::loader::Loader;
use crate::gpu::rows::Rows;
use crate::graph::NodeId;
use crate::ops::{Conv2d, Op};
use crate::plan::{BackwardStage, CompileError, Kernel, Mode, Needs, Prologue, Stage};
use crate::weights::scale_and_shift;

/// Output channels up to which kernels of ours are faster than cuDNN, where there are few input channels too.
const THIN: usize = 16;
/// Channels of a stem's blocks are a multiple of so many bytes.
const STEM: usize = 16;

/// A convolution bound to its operations.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gpu) struct Conv {
    /// For as many images as the plan takes.
    conv: gpu::Conv,
    pub(in crate::gpu) rows: Rows,
    by: By,
    addend: Option<NodeId>,
    /// Scale and shift applied to what it reads, in the flat parameters, and whether ReLU follows them.
    prologue: Option<([Range<usize>; 2], bool)>,
    /// Whether it can compute the maxima of its windows on the way.
    pub(super) takes_maxima: bool,
    /// The maxima that it computes in place of its output.
    pub(super) pooled: Option<Pooled>,
}

/// What computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Library,
    /// Kernels for few channels.
    Thin,
    /// The same on images of one channel as they came.
    Images,
    /// cuDNN over blocks of 2 × 2 pixels of the images.
    Blocks,
}

impl Conv {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage, op: &Conv2d) -> Bound {
        let input = stage.shapes[0];
        let Kernel::Conv { prologue, norm, addend } = stage.kernel else {
            unreachable!("a Conv2d is lowered to a convolution")
        };
        let conv = gpu::Conv {
            batch: binder.batch,
            input: input.spatial(),
            channels: (input.channels(), op.out_channels),
            kernel: (op.kernel.h, op.kernel.w),
            stride: (op.stride.h, op.stride.w),
            padding: (op.padding.h, op.padding.w),
            dilation: (op.dilation.h, op.dilation.w),
            groups: op.groups,
        };
        // The gradient of the images is that of their pixels, not of blocks; and other layers have no blocks.
        let images = binder.node(stage.inputs[0]).op == Op::Input
            && !(binder.mode() == Mode::Train && binder.draft.wants_gradient(stage.inputs[0]))
            && !binder.is_shared(stage.node);
        let stem = Stem::of(conv, STEM / binder.precision.format().size())
            .filter(|_| images && binder.precision != Precision::F32);
        let by = match stem {
            Some(_) => By::Blocks,
            None if conv.is_thin() && op.out_channels <= THIN => {
                // Of one channel N, C, H, W and pixel by pixel are the same.
                let same = input.channels() == 1 && binder.precision.format() == Format::F32;
                if images && same && prologue.is_none() { By::Images } else { By::Thin }
            }
            None => By::Library,
        };
        let (channels, spots) = (input.channels() / op.groups, op.kernel.h * op.kernel.w);
        let rows = Rows { out: op.out_channels, channels, spots, stem };
        let weight_frozen = binder.is_frozen(stage.node, 0);
        let weight = binder.allocate_for(rows.len(), weight_frozen);
        // A normalization is folded in training only where it and the convolution are frozen.
        let bias_frozen = binder.is_frozen(stage.node, 1) || (binder.mode() == Mode::Train && norm.is_some());
        let bias = (op.bias || norm.is_some()).then(|| binder.allocate_for(op.out_channels, bias_frozen));
        let prologue = prologue.map(|prologue| {
            let Prologue::Norm { relu, .. } = prologue else {
                unreachable!("lowering fuses nothing else for this device")
            };
            ([(); 2].map(|()| binder.allocate(input.channels())), relu)
        });
        let mut workspace = prologue.as_ref().map(|_| {
            let (height, width) = input.spatial();
            (height * width, input.channels())
        });
        let needs = binder.draft.needs(stage);
        if let Some(Stem { blocks, .. }) = stem {
            workspace = Some((blocks.input.0 * blocks.input.1, blocks.channels.0));
        }
        let reads_input = workspace.is_none() && by != By::Images;
        let needs = Needs {
            workspace,
            reads_inputs: needs.reads_inputs && reads_input && !weight_frozen,
            reads_workspace: workspace.is_some() && !weight_frozen,
            ..needs
        };
        // The gradient of a bias comes with that of the weight there.
        let bias_alone = weight_frozen && op.bias && !bias_frozen;
        let takes_maxima = matches!(by, By::Thin | By::Images)
            && addend.is_none()
            && prologue.is_none()
            && !(binder.mode() == Mode::Train && bias_alone);
        let pooled = None;
        let kind = Kind::Conv(Box::new(Self { conv, rows, by, addend, prologue, takes_maxima, pooled }));
        Bound { kind, parameters: Parameters { weight, bias }, needs }
    }

    /// Writes the weights, a batch normalization folded into them.
    pub(super) fn load(&self, loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        let Kernel::Conv { prologue, norm, .. } = at.stage.kernel else { return Ok(()) };
        if let (Some(([scale_at, shift_at], _)), Some(Prologue::Norm { norm, .. })) =
            (&self.prologue, prologue)
        {
            let (scale, shift) = scale_and_shift(loader.graph, loader.source, norm)?;
            loader.parameters[scale_at.clone()].copy_from_slice(&scale);
            loader.parameters[shift_at.clone()].copy_from_slice(&shift);
        }
        let fold = norm.map(|id| scale_and_shift(loader.graph, loader.source, id)).transpose()?;
        loader.pack(at, &self.rows, fold.as_ref().map(|(scale, _)| scale.as_slice()))?;
        let Some(range) = at.parameters.bias.clone() else { return Ok(()) };
        loader.bias(at, range.clone())?;
        if let Some((scale, shift)) = &fold {
            for ((x, scale), shift) in loader.parameters[range].iter_mut().zip(scale).zip(shift) {
                *x = *x * scale + shift;
            }
        }
        Ok(())
    }

    /// The convolution of `n` images.
    fn conv(&self, n: usize) -> gpu::Conv {
        let conv = self.rows.stem.as_ref().map_or(self.conv, |stem| stem.blocks);
        gpu::Conv { batch: n, ..conv }
    }

    /// Whether it takes the images as they came.
    pub(super) fn packs_images(&self) -> bool {
        matches!(self.by, By::Blocks | By::Images)
    }

    fn is_thin(&self) -> bool {
        matches!(self.by, By::Thin | By::Images)
    }

    /// What it reads: the input, or its copy with a normalization applied or in blocks.
    fn source(&self, run: &Emit<'_>, at: At<'_>) -> View {
        if self.by == By::Images {
            let images = run.images();
            return View::dense(images.at, images.len, 1, images.format);
        }
        let Some(workspace) = run.workspace(at) else { return run.input(at, 0) };
        workspace
    }

    /// The maxima of windows of 2 × 2 pixels, and codes for where they were.
    pub(super) fn forward_maxima(&self, run: &mut Emit<'_>, at: At<'_>, (out, codes): (View, Option<Bytes>)) {
        let (source, weight, bias) = (self.source(run, at), run.factor(at), run.bias(at));
        run.list.thin_pooled(&self.conv(run.n), ([source, out], codes), weight, bias, at.stage.relu);
    }

    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        if self.pooled.is_some() {
            return;
        }
        let (source, out, relu) = (self.source(run, at), run.output(at), at.stage.relu);
        if let Some(([scale, shift], relu)) = &self.prologue {
            let [scale, shift] = [scale, shift].map(|range| run.parameter(range));
            let (input, relu) = (run.input(at, 0), *relu);
            run.list.affine(&Affine { input, scale, shift, addend: None, relu, out: source });
        }
        if let Some(stem) = &self.rows.stem {
            let one = |conv: gpu::Conv| gpu::Conv { batch: run.n, ..conv };
            let stem = Stem { conv: one(stem.conv), blocks: one(stem.blocks) };
            let images = run.images();
            run.list.pack_stem(&stem, images, source);
        }
        let (conv, weight, bias) = (self.conv(run.n), run.factor(at), run.bias(at));
        let addend = self.addend.map(|value| run.value(value, run.plan.shape(at.stage)));
        if self.is_thin() {
            let alone = addend.is_none();
            run.list.thin_convolution(&conv, [source, out], weight, bias, relu && alone);
            if !alone {
                run.list.bias(out, None, addend, relu);
            }
            return;
        }
        // Of one channel, what follows runs by itself: cuDNN's fused kernel for it was off by more than rounding.
        let single = conv.channels.1 == 1;
        let epilogue = if single { Epilogue::default() } else { Epilogue { bias, addend, relu } };
        run.list.convolution(&conv, run.precision, [source, out], weight, epilogue);
        if single && (bias.is_some() || addend.is_some() || relu) {
            run.list.bias(out, bias, addend, relu);
        }
    }

    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
        let (conv, source) = (self.conv(run.n), self.source(run, at));
        let (dy, codes) = match self.pooled {
            Some(pooled) => pooled.gradient(run),
            None => (run.output_gradient(at), None),
        };
        let (weight, gradient, bias) = (run.factor(at), run.rough_weight_gradient(at), run.bias_gradient(at));
        let write = back.inputs.first().and_then(Option::as_ref);
        let input = write.map(|write| (run.input_gradient(at, 0), write.accumulate));
        let (list, precision) = (&mut *run.list, run.precision);
        let learns = gradient.is_some() || bias.is_some();
        // The weight's gradient beside the input's.
        if input.is_some() && learns {
            list.fork();
            list.on(Lane::Side);
        }
        match (gradient, bias) {
            (Some(gradient), bias) if self.is_thin() => {
                list.thin_weight_gradient(&conv, source, (dy, codes), gradient, bias);
            }
            (gradient, bias) => {
                if let Some(bias) = bias {
                    list.column_sums(dy, bias);
                }
                if let Some(gradient) = gradient {
                    list.convolution_weight_gradient(&conv, precision, [source, dy], gradient);
                    if let Some(stem) = &self.rows.stem {
                        list.clear_stem(stem, gradient);
                    }
                }
            }
        }
        run.settle_weight_gradient(at);
        let Some((dx, accumulate)) = input else { return };
        let list = &mut *run.list;
        list.on(Lane::Main);
        if self.is_thin() {
            list.thin_input_gradient(&conv, (dy, codes), dx, weight, accumulate);
        } else {
            list.convolution_input_gradient(&conv, precision, [dy, dx], weight, accumulate);
        }
        if learns {
            list.join();
        }
    }

    pub(super) fn describe(&self) -> String {
        let gpu::Conv { channels, kernel, stride, groups, .. } = self.conv;
        let by = match self.by {
            By::Library => "cudnn",
            By::Thin | By::Images => "thin",
            By::Blocks => "cudnn over 2x2 blocks",
        };
        let groups = if groups > 1 { format!(", {groups} groups") } else { String::new() };
        format!("{by} {}x{}/{} {}-{}{groups}", kernel.0, kernel.1, stride.0, channels.0, channels.1)
    }
}
