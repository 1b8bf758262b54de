//! Steps of several ranks together.

use convnet_kernels::Whole;

use super::super::{Device, Images, RunError, Target};
use super::batch::Batch;
use super::{Compiled, TrainingStep};
use crate::plan::StepReport;
use crate::ranks::{Joint, Part};

impl TrainingStep {
    /// As [`TrainingStep::forward_backward`] over this rank's part of a batch: the loss and the gradients are its parts of
    /// those of the whole batch's mean, and become the whole by [`TrainingStep::join_gradients`], which every rank calls.
    /// Where it is the only pass of its update (`last`), gradients travel while the backward pass goes on.
    ///
    /// Running statistics become the mean of those ranks' whose loss is finite. A rank that the batch has no images for gives
    /// one that does not count. A loss that is not finite shows itself to the other ranks by their gradients only: tell them.
    ///
    /// # Errors
    /// As [`TrainingStep::forward_backward`]; on a GPU if batch normalizations take the whole batch's statistics; if another rank does
    /// not answer.
    pub fn forward_backward_jointly<'a>(
        &mut self,
        images: impl Into<Images<'a>>,
        target: impl Into<Target<'a>>,
        part: Part,
        (joint, last): (&mut Joint, bool),
    ) -> Result<StepReport, RunError> {
        let unweighted = [0.0];
        let batch = self.checked_part(images.into(), target.into(), (part, joint), &unweighted)?;
        joint.begin(part, last);
        let report = match &mut self.compiled {
            Compiled::Cpu(training) => training.forward_backward_jointly(batch.cpu(), joint),
            Compiled::Gpu(training) => training.forward_backward_jointly(batch.gpu(), joint)?,
        };
        Ok(joint.check().map(|()| report)?)
    }

    /// As [`TrainingStep::forward_backward_jointly`], but the gradients are added to those that are there.
    ///
    /// # Errors
    /// As [`TrainingStep::forward_backward_jointly`] and [`TrainingStep::accumulate`].
    pub fn accumulate_jointly<'a>(
        &mut self,
        images: impl Into<Images<'a>>,
        target: impl Into<Target<'a>>,
        part: Part,
        joint: &mut Joint,
    ) -> Result<StepReport, RunError> {
        let unweighted = [0.0];
        let batch = self.checked_part(images.into(), target.into(), (part, joint), &unweighted)?;
        joint.begin(part, false);
        let report = match &mut self.compiled {
            Compiled::Cpu(training) => training.accumulate_jointly(batch.cpu(), joint)?,
            Compiled::Gpu(training) => training.accumulate_jointly(batch.gpu(), joint)?,
        };
        Ok(joint.check().map(|()| report)?)
    }

    /// Makes the gradients the sum over all ranks.
    ///
    /// # Errors
    /// If another rank does not answer.
    pub fn join_gradients(&mut self, joint: &mut Joint) -> Result<(), RunError> {
        match &mut self.compiled {
            Compiled::Cpu(training) => training.join_gradients(joint),
            Compiled::Gpu(training) => training.join_gradients(joint)?,
        }
        Ok(joint.check()?)
    }

    /// A batch normalization that takes its statistics of the whole batch needs two values of that.
    fn checked_part<'b>(
        &self,
        images: Images<'b>,
        target: Target<'b>,
        (part, joint): (Part, &Joint),
        unweighted: &'b [f32],
    ) -> Result<Batch<'b>, RunError> {
        if self.device() != Device::Cpu && joint.syncs_batch_norm() {
            return Err(RunError::SyncedGpu);
        }
        let n = self.count(images)?;
        if n != part.images.max(1) || part.first + part.images > part.whole {
            return Err(RunError::Count { what: "images", found: n, expected: part.images.max(1) });
        }
        if !joint.syncs_batch_norm() || part.whole == 1 {
            self.check_images(n)?;
        }
        let target = if part.images == 0 { target.weighted(unweighted) } else { target };
        let whole = Whole { rows: part.whole as f64, weighted: part.weighted };
        self.batch_of(images, n, target.part_of(whole))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exec::Options;
    use crate::graph::{Builder, Graph};
    use crate::ops::Linear;
    use crate::optim::Optimizer;
    use crate::ranks::{Ranks, local, local_on};
    use crate::reference::random::{random_input, random_labels};
    use crate::state::{StateDict, initialize};

    /// How gradients are joined.
    #[derive(Clone, Copy)]
    enum By {
        /// Those that leave during the backward pass.
        Early,
        /// Those that leave after it.
        Late,
        /// Those of two batches.
        Accumulating,
    }

    /// The gradients of a rank, which has two images of each batch, after two steps, and whether they were read where they
    /// lie. Another training was there before.
    fn gradients(graph: &Graph, ranks: Arc<dyn Ranks>, by: By) -> (StateDict, bool) {
        let options = Options { threads: 1, ..Options::default() };
        let state = initialize(graph, 3);
        let compile = || TrainingStep::compile(graph, &state, 2, Optimizer::sgd(), 5, &options).unwrap();
        let (rank, size) = (ranks.rank(), ranks.size());
        let mut joint = Joint::new(ranks, false, Arc::default());
        let batch = |number: u64| {
            let seed = 10 * number + rank as u64;
            let images = random_input(graph, 2, 40 + seed).data;
            (images.iter().map(|&x| x as f32).collect::<Vec<f32>>(), random_labels(graph, 2, 50 + seed))
        };
        let whole = 2 * size;
        let part = Part { first: 2 * rank, images: 2, whole, weighted: whole as f64 };
        let early = matches!(by, By::Early);
        let mut pass = |training: &mut TrainingStep, step: u64| {
            let (images, labels) = batch(step);
            training.forward_backward_jointly(&images, &labels, part, (&mut joint, early)).unwrap();
            if matches!(by, By::Accumulating) {
                let (images, labels) = batch(7 + step);
                training.accumulate_jointly(&images, &labels, part, &mut joint).unwrap();
            }
            training.join_gradients(&mut joint).unwrap();
        };
        pass(&mut compile(), 3);
        let mut training = compile();
        pass(&mut training, 0);
        training.apply(&training.uniform_groups(), 0.01).unwrap();
        pass(&mut training, 1);
        let names: Vec<String> = training.parameters().map(|spec| spec.name.clone()).collect();
        let of = |name: String| (name.clone(), training.gradient_tensor(&name).unwrap());
        (names.into_iter().map(of).collect(), joint.shares_memory())
    }

    /// Those of all ranks, which are read where they lie or not.
    fn all_gradients(graph: &Graph, ranks: Vec<Arc<dyn Ranks>>, (by, read): (By, bool)) -> Vec<StateDict> {
        std::thread::scope(|scope| {
            let started: Vec<_> =
                ranks.into_iter().map(|ranks| scope.spawn(move || gradients(graph, ranks, by))).collect();
            let found = started.into_iter().map(|rank| rank.join().unwrap());
            found.inspect(|(_, found)| assert_eq!(*found, read)).map(|(gradients, _)| gradients).collect()
        })
    }

    /// Networks whose gradients travel in one part and in several.
    fn graphs() -> Vec<Graph> {
        let small = ["lenet", "nin@small", "googlenet@small", "densenet@small"]
            .map(|name| crate::zoo::find(name).unwrap().model().build().unwrap());
        // Each of its first two layers is a part, the first of which leaves before the last layer's gradient is there.
        let net = Builder::image("wide", 1, 16, 16);
        let x = net.input().flatten().linear(Linear::new(2048)).relu().linear(Linear::new(512)).relu();
        small.into_iter().chain([net.build(x.linear(Linear::new(10))).unwrap()]).collect()
    }

    #[test]
    fn gradients_that_leave_during_the_backward_pass_are_those_that_leave_after_it() {
        for graph in graphs() {
            let [early, late] = [By::Early, By::Late].map(|by| all_gradients(&graph, local(2), (by, false)));
            assert!(early == late, "{}", graph.name());
            assert!(early[0] == early[1], "{}", graph.name());
        }
    }

    #[test]
    fn gradients_that_are_read_where_they_lie_are_those_that_are_sent() {
        let can_read = cfg!(target_os = "linux");
        for graph in graphs() {
            for by in [By::Early, By::Late, By::Accumulating] {
                let sent = all_gradients(&graph, local(3), (by, false));
                let read = all_gradients(&graph, local_on(&["a"; 3]), (by, can_read));
                assert!(sent == read, "{}", graph.name());
                assert!(read[0] == read[2], "{}", graph.name());
            }
        }
    }

    #[test]
    fn gradients_are_sent_where_one_rank_is_on_another_host() {
        let graph = crate::zoo::find("lenet").unwrap().model().build().unwrap();
        let sent = all_gradients(&graph, local(3), (By::Early, false));
        assert!(sent == all_gradients(&graph, local_on(&["a", "b", "a"]), (By::Early, false)));
    }
}
