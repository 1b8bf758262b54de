//! A plan as text: a line a stage, then the backward pass.

use std::fmt;

use super::{BackwardStage, GradientWrite, Kernel, Plan, Region, Stage};

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{} {}×{}", self.offset, self.pixels, self.channels)?;
        if self.stride == self.channels { Ok(()) } else { write!(f, " of {}", self.stride) }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} images at a time, {} floats of activations", self.batch, self.floats)?;
        for (index, stage) in self.stages.iter().enumerate() {
            self.write_stage(f, index, stage)?;
        }
        if !self.backward.is_empty() {
            writeln!(f, "backward")?;
        }
        self.backward.iter().try_for_each(|back| self.write_backward(f, back))
    }
}

impl Plan {
    /// The layers that a stage computes: `conv1 + bn1 + relu`.
    pub(crate) fn layer_names(&self, stage: &Stage) -> String {
        let path = |id| self.graph.node(id).path.as_str();
        self.layers(stage).into_iter().map(path).collect::<Vec<_>>().join(" + ")
    }

    fn write_stage(&self, f: &mut fmt::Formatter<'_>, index: usize, stage: &Stage) -> fmt::Result {
        write!(f, "{index:4}  {} [{}]:", self.layer_names(stage), self.graph.node(stage.node).op.name())?;
        for (&input, &shape) in stage.inputs.iter().zip(&stage.shapes) {
            write!(f, " {}", self.region(input, shape, self.batch))?;
        }
        if let Kernel::Conv { addend: Some(value), .. } = stage.kernel {
            write!(f, " + {}", self.region(value, self.shape(stage), self.batch))?;
        }
        write!(f, " → {}", self.region(stage.out, self.shape(stage), self.batch))?;
        if let Some(workspace) = self.workspace(index, self.batch) {
            write!(f, ", workspace {workspace}")?;
        }
        writeln!(f)
    }

    fn write_backward(&self, f: &mut fmt::Formatter<'_>, back: &BackwardStage) -> fmt::Result {
        let stage = &self.stages[back.stage];
        write!(f, "{:4}  {}:", back.stage, self.layer_names(stage))?;
        for &slot in &back.fill {
            write!(f, " zero {};", self.gradient_part(slot, self.batch))?;
        }
        for ((&input, &shape), write) in stage.inputs.iter().zip(&stage.shapes).zip(&back.inputs) {
            let Some(GradientWrite { accumulate, fill }) = write else { continue };
            for &slot in fill {
                write!(f, " zero {};", self.gradient_part(slot, self.batch))?;
            }
            let sign = if *accumulate { "+=" } else { "=" };
            write!(f, " {} {sign}", self.gradient_region(input, shape, self.batch))?;
        }
        writeln!(f)
    }
}
