//! Convolutions timed on data of their own, to choose among plans.

use std::ffi::c_void;
use std::sync::Arc;

use super::memory::Block;
use super::{Event, Inner};
use crate::Error;
use crate::dnn::{Conv, Fused, Plan, Problem};
use crate::kernels::Family;
use crate::list::Lane;
use crate::view::Format;

/// A candidate so many times slower than the best so far is not timed again.
const CUT_OFF: f32 = 2.0;
/// What a burst of runs should take in microseconds, and how many runs it may have.
const BURST: f32 = 1500.0;
const RUNS: (f32, f32) = (2.0, 20.0);

/// Memory for the operands of any of some problems.
pub(super) struct Trial {
    device: Arc<Inner>,
    /// Input, weights, output, bias, addend, workspace.
    blocks: [Block; 6],
    format: Option<Format>,
}

/// Bytes of each operand.
fn sizes(problem: &Problem) -> [usize; 5] {
    let Conv { batch, input, channels, .. } = problem.conv;
    let output = problem.conv.output();
    let map =
        |(height, width): (usize, usize), stride: usize, size: usize| batch * height * width * stride * size;
    let addend = problem.fused.and_then(|Fused { addend, .. }| addend);
    [
        map(input, problem.input.stride, problem.input.format.size()),
        problem.conv.weights() * problem.weights.format.size(),
        map(output, problem.output.stride, problem.output.format.size()),
        channels.1 * 4,
        addend.map_or(0, |addend| map(output, addend.stride, addend.format.size())),
    ]
}

impl Trial {
    /// Memory for these problems. Convolutions of one sitting share it.
    pub(super) fn new(device: &Arc<Inner>, problems: &[Problem]) -> Result<Self, Error> {
        let mut most = [0; 6];
        for problem in problems {
            for (most, size) in most.iter_mut().zip(sizes(problem)) {
                *most = (*most).max(size);
            }
        }
        let blocks = most.map(|bytes| Block::new(device, bytes.next_multiple_of(256)));
        let [x, w, y, b, z, s] = blocks;
        Ok(Self { device: device.clone(), blocks: [x?, w?, y?, b?, z?, s?], format: None })
    }

    /// Fills all operands with noise in a format.
    fn fill(&mut self, format: Format) -> Result<(), Error> {
        if self.format == Some(format) {
            return Ok(());
        }
        let device = &self.device;
        let name = format!("noise_{}", format.name());
        let function = device.function(Family::Elementwise, &name)?;
        for block in &self.blocks[..5] {
            let count = (block.bytes / format.size()) as u64;
            device.launch(function, [1024, 1, 1], 256, &[block.pointer, count], Lane::Main, &name)?;
        }
        // The bias is single precision whatever the format.
        let (function, bias) = (device.function(Family::Elementwise, "noise_f32")?, &self.blocks[3]);
        let arguments = [bias.pointer, bias.bytes as u64 / 4];
        device.launch(function, [4, 1, 1], 256, &arguments, Lane::Main, "noise_f32")?;
        self.format = Some(format);
        Ok(())
    }

    /// Times the plans of a problem; what cannot run keeps an infinite time.
    pub(super) fn time(&mut self, problem: &Problem, plans: &mut [Plan]) -> Result<(), Error> {
        let most = plans.iter().map(|plan| plan.workspace).max().unwrap_or(0);
        if most > self.blocks[5].bytes {
            self.blocks[5] = Block::new(&self.device, most.next_multiple_of(256))?;
        }
        let device = self.device.clone();
        let _queue = device.queue()?;
        self.fill(problem.precision.format())?;
        let fused = problem.fused;
        let operand = |i: usize, given: bool| given.then(|| self.blocks[i].pointer);
        let operands = [
            operand(0, true),
            operand(1, true),
            operand(2, true),
            operand(3, fused.is_some_and(|fused| fused.bias)),
            operand(4, fused.is_some_and(|fused| fused.addend.is_some())),
        ];
        let stream = device.stream(Lane::Main);
        let events = [Event::new(device.driver, true)?, Event::new(device.driver, true)?];
        let mut best = f32::INFINITY;
        for plan in plans {
            let Ok(pack) = plan.pack(operands, self.blocks[5].pointer) else { continue };
            let burst = |runs: usize| -> Result<f32, Error> {
                events[0].record(stream)?;
                for _ in 0..runs {
                    // SAFETY: the blocks hold the largest operand of each kind and the largest workspace; `queue` is held.
                    unsafe { plan.run(&pack, stream)? };
                }
                events[1].record(stream)?;
                events[1].wait()?;
                Ok(events[1].since(&events[0])? / runs as f32)
            };
            // An engine may still refuse when it runs.
            let Ok(one) = burst(1).and_then(|_| burst(1)) else { continue };
            let time = if one > CUT_OFF * best {
                one
            } else {
                let runs = (BURST / one).clamp(RUNS.0, RUNS.1) as usize;
                burst(runs)?.min(burst(runs)?)
            };
            best = best.min(time);
            plan.engine.time = time;
        }
        Ok(())
    }
}

impl Inner {
    /// A kernel, compiled or loaded. The context must be current.
    pub(super) fn function(&self, family: Family, name: &str) -> Result<*mut c_void, Error> {
        let mut modules = self.modules.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        modules.function(self.driver, self.libraries, family, name)
    }

    /// Enqueues a kernel. Each argument is the low bytes of a word. `queue` must be held.
    pub(super) fn launch(
        &self,
        function: *mut c_void,
        grid: [u32; 3],
        threads: u32,
        arguments: &[u64],
        lane: Lane,
        name: &str,
    ) -> Result<(), Error> {
        let mut pointers: Vec<*mut c_void> =
            arguments.iter().map(|argument| std::ptr::from_ref(argument).cast_mut().cast()).collect();
        let ([x, y, z], stream, none) = (grid, self.stream(lane), std::ptr::null_mut());
        // SAFETY: the function is loaded. Its arguments are words of which it reads the low bytes, as many as it has: lists
        // are built by checked operations alone, one for each kernel. Their addresses lie in blocks that the program holds,
        // and the sizes beside them were checked against those blocks.
        let code = unsafe {
            (self.driver.launch)(function, x, y, z, threads, 1, 1, 0, stream, pointers.as_mut_ptr(), none)
        };
        self.driver.check(name, code)
    }
}
