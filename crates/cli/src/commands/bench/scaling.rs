//! How much faster a training step gets by several processes, under mpirun.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use convnet::exec::{Options, TrainingStep};
use convnet::graph::Graph;
use convnet::optim::{Optimizer, ParameterGroups};
use convnet::ranks::{Joint, Mpi, Part, Ranks};
use serde::Serialize;

use super::noise::{Noise, noise};
use super::subject::RATE;
use super::{Args, Mode};
use crate::commands::joined::Joined;
use crate::error::Failure;
use crate::output::counted;
use crate::{models, output};

/// Rounds of steps, alone and together in turn, at least.
const ROUNDS: usize = 5;

/// A network's figures.
#[derive(Debug, Serialize)]
struct Scaling {
    model: String,
    processes: usize,
    /// Of each process.
    batch: usize,
    threads: usize,
    library: String,
    /// How the processes come to the sum of their gradients.
    gradients: Gradients,
    /// Why they are sent, where they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_because: Option<String>,
    /// The library by which GPUs add them up where they lie, with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_by: Option<String>,
    /// Why GPUs do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_by_hosts_because: Option<String>,
    /// Medians over the rounds of a step's mean: of one process while the others wait, and of all together.
    ms_alone: f64,
    ms_together: f64,
    images_per_second_alone: f64,
    images_per_second_together: f64,
    /// How many times as many images a second all do together as one does: the median of the rounds, each of which times both.
    speedup: f64,
}

/// How gradients come to the other processes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Gradients {
    /// They are read where they lie, in memory of the same host.
    Read,
    /// They are sent.
    Sent,
    /// GPUs add them up where they lie.
    Gpus,
}

impl Gradients {
    fn of(joint: &Joint) -> Self {
        match joint.added_on_gpus_by() {
            Some(_) => Self::Gpus,
            None if joint.shares_memory() => Self::Read,
            None => Self::Sent,
        }
    }
}

/// One of the processes.
struct Process<'a> {
    mpi: &'a Arc<Mpi>,
    joint: Joint,
    training: TrainingStep,
    /// The first process's by itself, of which nobody reads anything.
    lone: Option<TrainingStep>,
    groups: ParameterGroups,
    images: Vec<f32>,
    labels: Vec<u32>,
}

/// Times each network.
pub(super) fn run(args: &Args, joined: &Joined) -> Result<(), Failure> {
    if args.mode != Mode::Train || args.layers || args.plan || args.rehearse {
        return Err(Failure::usage(
            "under mpirun training steps are timed: give `--mode train`, without --layers, --plan and --rehearse",
        ));
    }
    let options = joined.options(&args.engine.threads, &args.engine.device)?;
    for name in &args.models {
        let (graph, _) = models::network(name, &args.size.options())?;
        let scaling = Process::new(&joined.mpi, &graph, args.batch, &options)?.measure(args, name)?;
        if let Some(scaling) = scaling {
            let text = if args.json { serde_json::to_string(&scaling)? } else { text(&scaling) };
            output::emit(&text)?;
        }
    }
    Ok(())
}

impl<'a> Process<'a> {
    fn new(mpi: &'a Arc<Mpi>, graph: &Graph, batch: usize, options: &Options) -> Result<Self, Failure> {
        let ranks: Arc<dyn Ranks> = mpi.clone();
        let optimizer = Optimizer::sgd();
        let compile = || TrainingStep::compile(graph, &Noise::new(graph), batch, optimizer, 0, options);
        let training = compile()?;
        let lone = (mpi.rank() == 0).then(compile).transpose()?;
        let groups = training.uniform_groups();
        let labels = (0..batch).map(|i| (i % graph.classes()) as u32).collect();
        let images = noise(batch * graph.input_shape().elements());
        let joint = Joint::new(ranks, false, Arc::default());
        Ok(Self { mpi, joint, training, lone, groups, images, labels })
    }

    fn alone(&mut self) -> Result<(), Failure> {
        if let Some(lone) = &mut self.lone {
            lone.step(&self.images, &self.labels, &self.groups, RATE)?;
        }
        Ok(())
    }

    fn together(&mut self) -> Result<(), Failure> {
        let batch = self.labels.len();
        let whole = batch * self.mpi.size();
        let part = Part { first: batch * self.mpi.rank(), images: batch, whole, weighted: whole as f64 };
        let Self { training, joint, .. } = self;
        training.forward_backward_jointly(&self.images, &self.labels, part, (joint, true))?;
        training.join_gradients(joint)?;
        // What training tells of each step.
        joint.gather(&[0; 5])?;
        training.apply(&self.groups, RATE)?;
        Ok(())
    }

    /// The mean milliseconds of so many steps.
    fn mean(&mut self, steps: usize, step: fn(&mut Self) -> Result<(), Failure>) -> Result<f64, Failure> {
        let start = Instant::now();
        (0..steps).try_for_each(|_| step(self))?;
        Ok(start.elapsed().as_secs_f64() * 1e3 / steps as f64)
    }

    /// The figures, of the first process.
    fn measure(mut self, args: &Args, model: &str) -> Result<Option<Scaling>, Failure> {
        self.mean(2, Self::together)?;
        if self.mpi.rank() > 0 {
            loop {
                match self.joint.hear(1)?[0] {
                    0 => return Ok(None),
                    steps => self.mean(steps as usize, Self::together).map(drop)?,
                }
            }
        }
        let once = self.mean(2, Self::alone)?;
        let share = 1e3 * args.seconds / (4 * ROUNDS) as f64;
        let steps = ((share / once) as usize).clamp(1, 1000);
        let mut rounds = Vec::new();
        let start = Instant::now();
        while rounds.len() < ROUNDS || start.elapsed().as_secs_f64() < args.seconds {
            let one = self.mean(steps, Self::alone)?;
            self.joint.tell(&[steps as u32])?;
            rounds.push([one, self.mean(steps, Self::together)?]);
        }
        self.joint.tell(&[0])?;
        let (processes, batch) = (self.mpi.size(), args.batch);
        let [ms_alone, ms_together, speedup] = medians(&rounds, processes);
        let speed = |images: usize, ms: f64| 1e3 * images as f64 / ms;
        Ok(Some(Scaling {
            model: model.into(),
            processes,
            batch,
            threads: self.training.threads(),
            library: self.mpi.library(),
            gradients: Gradients::of(&self.joint),
            sent_because: self.joint.sent_because().map(str::to_owned),
            added_by: self.joint.added_on_gpus_by().map(str::to_owned),
            added_by_hosts_because: self.joint.added_by_hosts_because().map(str::to_owned),
            ms_alone,
            ms_together,
            images_per_second_alone: speed(batch, ms_alone),
            images_per_second_together: speed(batch * processes, ms_together),
            speedup,
        }))
    }
}

/// The medians of a step's milliseconds alone and together, and of how many times as many images all do together, by the rounds that
/// gave both.
fn medians(rounds: &[[f64; 2]], processes: usize) -> [f64; 3] {
    let median = |of: &dyn Fn(&[f64; 2]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    [median(&|round| round[0]), median(&|round| round[1]), median(&|[one, all]| processes as f64 * one / all)]
}

fn text(scaling: &Scaling) -> String {
    let Scaling { model, processes, batch, ms_alone, ms_together, speedup, .. } = scaling;
    let gradients = gradients(scaling);
    let mut text = format!(
        "{model}: training step, {processes} processes by {}, {} and batch {batch} each, {gradients}: ",
        scaling.library,
        counted(scaling.threads, "thread")
    );
    let _ = write!(
        text,
        "{ms_together:.1} ms together, {ms_alone:.1} ms one alone; {:.1} and {:.1} images/s: {speedup:.2} times as fast, \
         {:.0}% of {processes}",
        scaling.images_per_second_together,
        scaling.images_per_second_alone,
        1e2 * speedup / *processes as f64
    );
    text
}

/// How gradients come to their sum, and why not otherwise.
fn gradients(scaling: &Scaling) -> String {
    let mut text = match (scaling.gradients, &scaling.sent_because) {
        (Gradients::Gpus, _) => {
            let library = scaling.added_by.as_deref().unwrap_or_default();
            format!("gradients added up by {library} on the GPUs")
        }
        (Gradients::Read, _) => "gradients read where they lie".to_owned(),
        (Gradients::Sent, None) => "gradients sent".to_owned(),
        (Gradients::Sent, Some(reason)) => format!("gradients sent ({reason})"),
    };
    if let Some(reason) = &scaling.added_by_hosts_because {
        let _ = write!(text, ", not added up on the GPUs ({reason})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_gradients_are_added_up_is_told_with_the_reason() {
        let told = |gradients: Gradients, added_by: Option<&str>, because: [Option<&str>; 2]| {
            let [sent_because, added_by_hosts_because] = because.map(|reason| reason.map(str::to_owned));
            super::gradients(&Scaling {
                model: "lenet".into(),
                processes: 2,
                batch: 1,
                threads: 1,
                library: "MPI".into(),
                gradients,
                sent_because,
                added_by: added_by.map(str::to_owned),
                added_by_hosts_because,
                ms_alone: 1.0,
                ms_together: 1.0,
                images_per_second_alone: 1.0,
                images_per_second_together: 1.0,
                speedup: 1.0,
            })
        };
        let told = [
            told(Gradients::Gpus, Some("NCCL 2.32.3"), [None, None]),
            told(Gradients::Read, None, [None, Some("rank 1: none")]),
            told(Gradients::Sent, None, [Some("rank 0: far"), None]),
        ];
        assert_eq!(
            told,
            [
                "gradients added up by NCCL 2.32.3 on the GPUs",
                "gradients read where they lie, not added up on the GPUs (rank 1: none)",
                "gradients sent (rank 0: far)",
            ]
        );
    }

    #[test]
    fn a_speedup_is_the_median_of_the_rounds_own() {
        // The machine got slower on the way.
        let rounds = [[10.0, 11.0], [10.0, 10.0], [20.0, 25.0], [40.0, 50.0], [40.0, 32.0]];
        assert_eq!(medians(&rounds, 2), [20.0, 25.0, 20.0 / 11.0]);
        assert_eq!(medians(&[[10.0, 20.0]], 4), [10.0, 20.0, 2.0]);
    }
}
