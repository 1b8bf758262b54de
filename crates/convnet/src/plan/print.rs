//! A plan as text: a line a stage, then the backward pass.

use std::fmt;

use super::{BackwardStage, GradientWrite, Plan, PlanStep, Region, Stage};
use crate::graph::{NodeId, Shape};
use crate::ops::Op;

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{} {}×{}", self.offset, self.pixels, self.channels)?;
        if self.stride == self.channels { Ok(()) } else { write!(f, " of {}", self.stride) }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&[]))
    }
}

impl Plan {
    /// A line a stage, each with its kernel where `steps` tells it, then the backward pass.
    pub(crate) fn text(&self, steps: &[PlanStep]) -> String {
        let mut text = format!("{} images at a time, {} floats of activations\n", self.batch, self.floats);
        for (index, stage) in self.stages.iter().enumerate() {
            text += &self.stage_line(index, stage);
            if let Some(step) = steps.get(index) {
                text += &format!(", {}", step.kernel);
                text += &step.winograd_cost.map_or(String::new(), |cost| format!(" (winograd {cost:.2})"));
            }
            text.push('\n');
        }
        if !self.backward.is_empty() {
            text += "backward\n";
        }
        for back in &self.backward {
            text += &self.backward_line(back);
            if let Some(step) = steps.get(back.stage) {
                text += &format!(", {}", step.backward);
            }
            text.push('\n');
        }
        text
    }

    /// The layers that a stage computes: `conv1 + bn1 + relu`.
    pub(crate) fn layer_names(&self, stage: &Stage) -> String {
        let path = |id| self.graph.node(id).path.as_str();
        self.layers(stage).into_iter().map(path).collect::<Vec<_>>().join(" + ")
    }

    fn stage_line(&self, index: usize, stage: &Stage) -> String {
        let op = self.graph.node(stage.node).op.name();
        let mut line = format!("{index:4}  {} [{op}]:", self.layer_names(stage));
        for (&input, &shape) in stage.inputs.iter().zip(&stage.shapes) {
            line += &format!(" {}", self.place(input, shape));
        }
        if let Some(value) = stage.addend() {
            line += &format!(" + {}", self.region(value, self.shape(stage), self.batch));
        }
        line += &format!(" → {}", self.place(stage.out, self.shape(stage)));
        if let Some(workspace) = self.workspace(index, self.batch) {
            line += &format!(", workspace {workspace}");
        }
        line
    }

    /// Where a value lies, if anywhere.
    fn place(&self, value: NodeId, shape: Shape) -> String {
        let is_input = self.graph.node(value).op == Op::Input;
        match self.passes(value) {
            true if is_input => "as given".into(),
            true => "on the way".into(),
            false => self.region(value, shape, self.batch).to_string(),
        }
    }

    fn backward_line(&self, back: &BackwardStage) -> String {
        let stage = &self.stages[back.stage];
        let mut line = format!("{:4}  {}:", back.stage, self.layer_names(stage));
        let zero = |slot| format!(" zero {};", self.gradient_part(slot, self.batch));
        line.extend(back.fill.iter().map(|&slot| zero(slot)));
        for ((&input, &shape), write) in stage.inputs.iter().zip(&stage.shapes).zip(&back.inputs) {
            let Some(GradientWrite { accumulate, fill }) = write else { continue };
            line.extend(fill.iter().map(|&slot| zero(slot)));
            let sign = if *accumulate { "+=" } else { "=" };
            line += &format!(" {} {sign}", self.gradient_region(input, shape, self.batch));
        }
        line
    }
}
