//! Errors of shapes, told so that they can be mended: what arrives and from where, what is expected and why, the
//! arithmetic, and the changes that fit.

mod batch;
mod channels;
mod join;
mod linear;
mod origin;
mod view;
mod window;

use convnet::ops::Op;

use super::TapeId;
use super::dims::shape_of;
use crate::interp::{Interp, Thrown};
use crate::value::Value;

impl Interp {
    /// A RuntimeError about what arrives, with the place that it comes from.
    pub(super) fn shape_error(&mut self, text: &str, arrives: TapeId) -> Box<Thrown> {
        let error = self.raise("RuntimeError", text);
        let label = format!("{} arrives here", self.told(arrives));
        let origin = self.origin(arrives);
        let made = self.layer_made().filter(|&made| made != self.site());
        let name = self.layer_name();
        error.teach(|t| {
            t.code = "shape";
            t.label = Some(label);
            t.labels.extend(origin);
            if let (Some(made), Some(name)) = (made, name) {
                t.labels.push((made, format!("this {name}")));
            }
        })
    }

    /// The error of a batch normalization for another number of dimensions; `None` where it takes them.
    pub(super) fn norm_rank(&mut self, input: TapeId) -> Option<Box<Thrown>> {
        let name = self.layer_kind()?;
        let rank = self.tape.step(input).dims.len();
        let expected: &[usize] = match name.trim_start_matches("Lazy") {
            "BatchNorm1d" => &[2, 3],
            "BatchNorm2d" => &[4],
            "BatchNorm3d" => &[5],
            _ => return None,
        };
        if expected.contains(&rank) {
            return None;
        }
        let words: Vec<String> = expected.iter().map(|rank| format!("{rank}D")).collect();
        let text = format!("expected {} input (got {rank}D input)", words.join(" or "));
        let channels = self.tape.step(input).dims.get(1).copied().unwrap_or(1);
        let kind = self.exception("ValueError", vec![Value::str(&text)]);
        let mut error = self.shape_error(&text, input);
        error.value = kind;
        Some(error.teach(|t| {
            let fits = match rank {
                2 => "vectors, [N, features], are normalized by `nn.BatchNorm1d",
                4 => "maps, [N, C, H, W], are normalized by `nn.BatchNorm2d",
                _ => {
                    t.helps.push("a batch of maps is [N, C, H, W]".to_owned());
                    return;
                }
            };
            t.helps.push(format!("{fits}({channels})`"));
            if rank == 2 {
                t.helps.push("or normalize before flattening".to_owned());
            }
        }))
    }

    /// The error for a dimension that a tensor does not have.
    pub(super) fn bad_dim(&mut self, dim: i64, rank: usize) -> Box<Thrown> {
        let rank = rank.max(1) as i64;
        let text = format!(
            "Dimension out of range (expected to be in range of [{}, {}], but got {dim})",
            -rank,
            rank - 1
        );
        self.raise("IndexError", &text).teach(|t| {
            t.code = "shape";
            t.notes.push(match rank {
                4 => "it has 4 dimensions, [N, C, H, W]: 0 the batch, 1 the channels, 2 the rows, 3 the columns".to_owned(),
                2 => "it has 2 dimensions, [N, features]: 0 the batch, 1 the features".to_owned(),
                1 => "it has 1 dimension: 0".to_owned(),
                _ => format!("it has {rank} dimensions: 0 to {}", rank - 1),
            });
            t.helps.push(format!("`dim={}` is the last one; counting starts at 0", rank - 1));
        })
    }

    /// The error for a layer of maps that gets something else.
    pub(super) fn not_a_map(&mut self, function: &str, arrives: TapeId) -> Box<Thrown> {
        let dims = self.tape.step(arrives).dims.clone();
        let told = self.told(arrives);
        let text = match function {
            "conv2d" => {
                format!(
                    "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: {told}"
                )
            }
            _ => format!("{function}(): expected a batch of maps [N, C, H, W], but got {told}"),
        };
        let name = self.layer_name().unwrap_or_else(|| function.to_owned());
        self.shape_error(&text, arrives).teach(|t| match dims.len() {
            2 => t.helps.push(format!(
                "{name} works on maps: put it before Flatten, or give back the rows and columns, \
                 `x.view(x.size(0), channels, height, width)`"
            )),
            1 => t.helps.push("give it a batch of images: [N, C, H, W]".to_owned()),
            _ => t.helps.push(format!("{name} wants 4 dimensions, {} arrive", dims.len())),
        })
    }

    /// The error of a layer that refuses its inputs, where no other one tells more.
    pub(super) fn refused(&mut self, function: &str, op: &Op, inputs: &[TapeId]) -> Box<Thrown> {
        let arrives = inputs.first().copied();
        let shapes: Option<Vec<_>> = inputs.iter().map(|&id| shape_of(&self.tape.step(id).dims)).collect();
        let (Some(arrives), Some(shapes)) = (arrives, shapes) else {
            return match arrives {
                Some(arrives) => self.not_a_map(function, arrives),
                None => self.raise("RuntimeError", &format!("{function}(): no input")),
            };
        };
        match op.infer(&shapes) {
            Ok(_) => self.shape_error(&format!("{function}(): these shapes do not fit"), arrives),
            Err(issue) => {
                let text = format!("{function}(): {} where {} is expected", issue.found, issue.expected);
                self.shape_error(&text, arrives).teach(|t| {
                    t.notes.extend(issue.arithmetic);
                    t.helps.push(issue.fix);
                })
            }
        }
    }
}

/// `32×32, 64×64`, in words for a help.
fn sizes_text(sizes: &[usize]) -> String {
    let shown: Vec<String> = sizes.iter().take(3).map(|s| format!("{s}×{s}")).collect();
    shown.join(" or ")
}
