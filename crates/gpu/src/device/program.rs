//! A list bound to a device and a block of memory, run launch by launch or as a captured graph.

use std::ffi::{c_int, c_longlong, c_void};
use std::sync::{Arc, PoisonError};

use super::memory::Block;
use super::trial::Trial;
use super::{Device, Event, Inner, Memory};
use crate::Error;
use crate::dnn::{Chooser, Convolution, Pack, Plan, Problem};
use crate::linear::Product;
use crate::list::{Argument, COUNTERS, KernelLaunch, Lane, List, Work};
use crate::load::cublas::{compute_type, data_type};

/// What kernels of ours after a plain convolution cost: a launch in microseconds, and bytes of a microsecond.
const LAUNCH: f32 = 2.0;
const BYTES: f32 = 2.5e6;

/// A list bound to a device.
pub struct Program {
    device: Arc<Inner>,
    memory: Memory,
    /// Counters, constants, scratch and workspaces.
    own: Block,
    steps: Vec<Step>,
    fork: [Event; 2],
    workspace: usize,
}

/// A kernel with its arguments as words.
struct Kernel {
    function: *mut c_void,
    launch: KernelLaunch,
    arguments: Vec<u64>,
}

enum Task {
    Kernel(Kernel),
    Convolution { plan: Arc<Plan>, pack: Pack, after: Vec<Kernel>, problem: Problem },
    Product(Product),
    Fork,
    Join,
}

struct Step {
    lane: Lane,
    task: Task,
}

// SAFETY: functions, plans and packs belong to no thread; running them goes through the device's queue lock.
unsafe impl Send for Program {}
// SAFETY: nothing changes after binding, and all methods that enqueue hold the device's queue lock.
unsafe impl Sync for Program {}

/// The program's own block.
struct Layout {
    memory: u64,
    own: u64,
    constants: usize,
    scratch: [usize; 2],
}

impl Layout {
    fn word(&self, argument: Argument, lane: Lane) -> u64 {
        let own = |at: usize| self.own + at as u64;
        match argument {
            Argument::Memory(at) => self.memory + at as u64,
            Argument::Scratch(at) => own(self.scratch[lane.index()] + at),
            Argument::Counters => own(4 * COUNTERS * lane.index()),
            Argument::Constants(at) => own(self.constants + 4 * at),
            Argument::Null => 0,
            Argument::Int(value) => u64::from(value.cast_unsigned()),
            Argument::Long(value) => value,
            Argument::Float(value) => u64::from(value.to_bits()),
        }
    }

    fn kernel(&self, device: &Inner, launch: &KernelLaunch, lane: Lane) -> Result<Kernel, Error> {
        let function = device.function(launch.family, &launch.name)?;
        let arguments = launch.arguments.iter().map(|&argument| self.word(argument, lane)).collect();
        Ok(Kernel { function, launch: launch.clone(), arguments })
    }
}

/// The plan of a convolution, and whether it is that of the whole.
type Chosen = (Arc<Plan>, bool);

impl Device {
    /// Binds a list to a block: compiles its kernels, chooses its convolutions' engines, allocates its scratch. Nothing is
    /// allocated after this.
    ///
    /// # Errors
    /// If a kernel does not compile, a convolution has no engine, or there is no room.
    ///
    /// # Panics
    /// If the block is of another device or smaller than the list says, or the list ends without a join.
    pub fn bind(&self, list: &List, memory: &Memory) -> Result<Program, Error> {
        let device = &self.0;
        assert!(Arc::ptr_eq(device, &memory.0.device), "a block of the same device");
        assert!(
            list.memory() <= memory.bytes(),
            "a block of {} bytes, not {}",
            list.memory(),
            memory.bytes()
        );
        assert!(!list.is_open(), "a join at the end of the list");
        device.enter()?;
        let chosen = self.choose(std::slice::from_ref(list))?;
        let mut scratch = Lane::ALL.map(|lane| list.scratch(lane));
        let mut workspace = 0;
        let convolutions = list.launches().iter().filter_map(|launch| match &launch.work {
            Work::Convolution(convolution) => Some((launch.lane, convolution)),
            _ => None,
        });
        for ((lane, convolution), (plan, whole)) in convolutions.zip(&chosen) {
            let before = if *whole { 0 } else { convolution.temporary };
            let room = &mut scratch[lane.index()];
            *room = (*room).max(before + plan.workspace);
            workspace = workspace.max(plan.workspace);
        }
        let constants = 8 * COUNTERS;
        let main = (constants + 4 * list.constants().len()).next_multiple_of(256);
        let side = (main + scratch[0]).next_multiple_of(256);
        let own = Block::new(device, side + scratch[1])?;
        let words: Vec<u8> = list.constants().iter().flat_map(|word| word.to_le_bytes()).collect();
        own.write(constants, &words)?;
        let layout = Layout { memory: memory.0.pointer, own: own.pointer, constants, scratch: [main, side] };
        let mut chosen = chosen.into_iter();
        let mut steps = Vec::new();
        for launch in list.launches() {
            let lane = launch.lane;
            let task = match &launch.work {
                Work::Kernel(kernel) => Task::Kernel(layout.kernel(device, kernel, lane)?),
                Work::Convolution(convolution) => {
                    let chosen = chosen.next().expect("a plan for each convolution");
                    self.convolution(convolution, lane, &layout, chosen)?
                }
                Work::Product(product) => Task::Product(*product),
                Work::Fork => Task::Fork,
                Work::Join => Task::Join,
            };
            steps.push(Step { lane, task });
        }
        let fork = [Event::new(device.driver, false)?, Event::new(device.driver, false)?];
        Ok(Program { device: device.clone(), memory: memory.clone(), own, steps, fork, workspace })
    }

    fn convolution(
        &self,
        convolution: &Convolution,
        lane: Lane,
        layout: &Layout,
        (plan, whole): Chosen,
    ) -> Result<Task, Error> {
        let word = |argument: Argument| layout.word(argument, lane);
        let temporary = if whole { 0 } else { convolution.temporary };
        let problem = if whole { convolution.fused.unwrap_or(convolution.plain) } else { convolution.plain };
        let extra = |argument: Option<Argument>| argument.filter(|_| whole).map(word);
        let output = match convolution.output {
            Argument::Scratch(_) if whole => convolution.addend.unwrap_or(convolution.output),
            output => output,
        };
        let operands = [
            Some(word(convolution.input)),
            Some(word(convolution.weights)),
            Some(word(output)),
            extra(convolution.bias),
            extra(convolution.addend),
        ];
        let pack = plan.pack(operands, word(Argument::Scratch(temporary)))?;
        let after = if whole { &[][..] } else { &convolution.after };
        let after =
            after.iter().map(|launch| layout.kernel(&self.0, launch, lane)).collect::<Result<_, _>>()?;
        Ok(Task::Convolution { plan, pack, after, problem })
    }

    /// Compiles the kernels and chooses the engines of several lists at once, side by side on all cores; binding them is
    /// quick after it.
    ///
    /// # Errors
    /// If a kernel does not compile, or a convolution has no engine.
    pub fn prepare(&self, lists: &[List]) -> Result<(), Error> {
        self.0.enter()?;
        for launch in lists.iter().flat_map(List::launches) {
            if let Work::Kernel(kernel) = &launch.work {
                self.0.function(kernel.family, &kernel.name)?;
            }
        }
        self.choose(lists).map(|_| ())
    }

    /// The plan of each convolution of some lists.
    fn choose(&self, lists: &[List]) -> Result<Vec<Chosen>, Error> {
        let device = &self.0;
        let convolutions: Vec<&Convolution> = lists
            .iter()
            .flat_map(List::launches)
            .filter_map(|launch| match &launch.work {
                Work::Convolution(convolution) => Some(&**convolution),
                _ => None,
            })
            .collect();
        let problems: Vec<Problem> = convolutions
            .iter()
            .flat_map(|convolution| [Some(convolution.plain), convolution.fused])
            .flatten()
            .collect();
        if problems.is_empty() {
            return Ok(Vec::new());
        }
        let mut choices = device.choices.lock().unwrap_or_else(PoisonError::into_inner);
        let (choices, handles) = &mut *choices;
        let enter = || device.enter();
        let mut chooser = Chooser { cudnn: &device.libraries.cudnn, choices, handles, enter: &enter };
        let candidates = {
            let _queue = device.queue()?;
            chooser.build(&problems)?
        };
        let mut trial: Option<Trial> = None;
        let mut time = |problem: &Problem, plans: &mut [Plan]| {
            let trial = match &mut trial {
                Some(trial) => trial,
                None => trial.insert(Trial::new(device, &problems)?),
            };
            trial.time(problem, plans)
        };
        let plans = chooser.choose(candidates, &mut time)?;
        device.enter()?;
        let pick = |convolution: &Convolution| {
            let plan = |problem: &Problem| plans.get(problem).cloned().flatten();
            let plain = plan(&convolution.plain);
            let whole = convolution.fused.as_ref().and_then(plan);
            let written = convolution.plain.conv.output();
            let elements =
                convolution.plain.conv.batch * written.0 * written.1 * convolution.plain.conv.channels.1;
            let bytes = 3 * elements * convolution.plain.output.format.size();
            let more = convolution.after.len() as f32 * (LAUNCH + bytes as f32 / BYTES);
            match (plain, whole) {
                (Some(plain), Some(whole)) if plain.engine.time + more < whole.engine.time => {
                    Ok((plain, false))
                }
                (_, Some(whole)) => Ok((whole, true)),
                (Some(plain), None) => Ok((plain, false)),
                (None, None) => Err(Error::NoEngine {
                    version: device.libraries.cudnn.version_text(),
                    problem: convolution.plain.to_string(),
                }),
            }
        };
        convolutions.into_iter().map(pick).collect()
    }
}

impl Program {
    /// Bytes of the program's own block: counters, constants, scratch and workspaces.
    pub fn scratch(&self) -> usize {
        self.own.bytes
    }

    /// Bytes of the largest workspace of a convolution.
    pub fn workspace(&self) -> usize {
        self.workspace
    }

    /// The block that it runs on.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Enqueues all launches, one by one.
    ///
    /// # Errors
    /// If a launch fails, now or before.
    pub fn run(&self) -> Result<(), Error> {
        let _queue = self.device.queue()?;
        self.enqueue()
    }

    /// Captures `repeats` runs as one graph.
    ///
    /// # Errors
    /// If the driver fails.
    pub fn capture(self: &Arc<Self>, repeats: usize) -> Result<Graph, Error> {
        const THREAD_LOCAL: c_int = 1;
        let device = &self.device;
        let driver = device.driver;
        let _queue = device.queue()?;
        let stream = device.stream(Lane::Main);
        // SAFETY: the stream is alive.
        driver.check("cuStreamBeginCapture", unsafe { (driver.begin_capture)(stream, THREAD_LOCAL) })?;
        let enqueued = (0..repeats).try_for_each(|_| self.enqueue());
        let none = std::ptr::null_mut();
        let mut captured = Graph { program: self.clone(), graph: none, executable: none, nodes: 0 };
        // SAFETY: a capture of this stream is under way; the function writes one pointer.
        let code = unsafe { (driver.end_capture)(stream, &raw mut captured.graph) };
        enqueued?;
        driver.check("cuStreamEndCapture", code)?;
        let graph = captured.graph;
        // SAFETY: the graph is alive; the functions write one size, and one pointer.
        unsafe {
            driver.check(
                "cuGraphGetNodes",
                (driver.graph_nodes)(graph, std::ptr::null_mut(), &raw mut captured.nodes),
            )?;
            driver
                .check("cuGraphInstantiate", (driver.instantiate)(&raw mut captured.executable, graph, 0))?;
            driver.check("cuGraphUpload", (driver.graph_upload)(captured.executable, stream))?;
        }
        Ok(captured)
    }

    /// Microseconds of each launch, the least of `repeats`, in the list's order; forks and joins take none. The launches run
    /// one after another.
    ///
    /// # Errors
    /// If a launch fails.
    pub fn profile(&self, repeats: usize) -> Result<Vec<f32>, Error> {
        let _queue = self.device.queue()?;
        let driver = self.device.driver;
        let events = [Event::new(driver, true)?, Event::new(driver, true)?];
        let mut times = vec![f32::INFINITY; self.steps.len()];
        for _ in 0..repeats {
            for (step, time) in self.steps.iter().zip(&mut times) {
                if matches!(step.task, Task::Fork | Task::Join) {
                    *time = 0.0;
                    continue;
                }
                let stream = self.device.stream(step.lane);
                events[0].record(stream)?;
                self.step(step)?;
                events[1].record(stream)?;
                events[1].wait()?;
                *time = time.min(events[1].since(&events[0])?);
            }
        }
        Ok(times)
    }

    /// What each launch runs: a kernel's name, or cuDNN's engine and its problem.
    pub fn names(&self) -> Vec<String> {
        let name = |step: &Step| match &step.task {
            Task::Kernel(kernel) => kernel.launch.name.clone(),
            Task::Convolution { plan, after, problem, .. } => {
                let after: String = after.iter().map(|kernel| format!(", {}", kernel.launch.name)).collect();
                format!("cuDNN engine {} for {problem}{after}", plan.engine.number)
            }
            Task::Product(product) => format!("cuBLAS {product}"),
            Task::Fork => "fork".into(),
            Task::Join => "join".into(),
        };
        self.steps.iter().map(name).collect()
    }

    fn enqueue(&self) -> Result<(), Error> {
        self.steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&self, step: &Step) -> Result<(), Error> {
        let (device, lane) = (&self.device, step.lane);
        let kernel = |kernel: &Kernel| {
            let KernelLaunch { grid, threads, name, .. } = &kernel.launch;
            device.launch(kernel.function, *grid, *threads, &kernel.arguments, lane, name)
        };
        match &step.task {
            Task::Kernel(launch) => kernel(launch),
            Task::Convolution { plan, pack, after, .. } => {
                // SAFETY: the pack's addresses lie in blocks that the program holds; the operation checked their views, and
                // `bind` the workspace. The caller holds the queue.
                unsafe { plan.run(pack, device.stream(lane))? };
                after.iter().try_for_each(kernel)
            }
            Task::Product(product) => self.product(product, lane),
            Task::Fork => self.pass(0, [Lane::Main, Lane::Side]),
            Task::Join => self.pass(1, [Lane::Side, Lane::Main]),
        }
    }

    /// The second lane waits for the first.
    fn pass(&self, event: usize, [from, to]: [Lane; 2]) -> Result<(), Error> {
        self.fork[event].record(self.device.stream(from))?;
        self.fork[event].hold(self.device.stream(to))
    }

    fn product(&self, product: &Product, lane: Lane) -> Result<(), Error> {
        let cublas = &self.device.libraries.cublas;
        let at = |at: usize| (self.memory.0.pointer + at as u64) as *mut c_void;
        let (one, old) = (1.0f32, if product.accumulate { 1.0f32 } else { 0.0 });
        let number = |factor: &f32| std::ptr::from_ref(factor).cast::<c_void>();
        let Product { left, right, out, .. } = product;
        let handle = self.device.streams[lane.index()].products;
        const DEFAULT: c_int = -1;
        if product.count > 1 {
            // SAFETY: the operation checked all the matrices' views against the memory, which the program holds; factors change places as
            // below, and the caller holds the queue.
            let code = unsafe {
                (cublas.gemm_strided_batched)(
                    handle,
                    c_int::from(right.transposed),
                    c_int::from(left.transposed),
                    product.columns as c_int,
                    product.rows as c_int,
                    product.depth as c_int,
                    number(&one),
                    at(right.at),
                    data_type(right.format),
                    right.pitch as c_int,
                    right.stride as c_longlong,
                    at(left.at),
                    data_type(left.format),
                    left.pitch as c_int,
                    left.stride as c_longlong,
                    number(&old),
                    at(out.at),
                    data_type(out.format),
                    out.pitch as c_int,
                    out.stride as c_longlong,
                    product.count as c_int,
                    compute_type(product.precision),
                    DEFAULT,
                )
            };
            return cublas.check(&product.to_string(), code);
        }
        // SAFETY: the operation checked the matrices against the memory, which the program holds. cuBLAS counts by columns, so
        // that the factors change places; the caller holds the queue.
        let code = unsafe {
            (cublas.gemm)(
                handle,
                c_int::from(right.transposed),
                c_int::from(left.transposed),
                product.columns as c_int,
                product.rows as c_int,
                product.depth as c_int,
                number(&one),
                at(right.at),
                data_type(right.format),
                right.pitch as c_int,
                at(left.at),
                data_type(left.format),
                left.pitch as c_int,
                number(&old),
                at(out.at),
                data_type(out.format),
                out.pitch as c_int,
                compute_type(product.precision),
                DEFAULT,
            )
        };
        cublas.check(&product.to_string(), code)
    }
}

/// A program captured as one graph.
pub struct Graph {
    program: Arc<Program>,
    graph: *mut c_void,
    executable: *mut c_void,
    nodes: usize,
}

// SAFETY: a graph belongs to no thread; replays go through the device's queue lock.
unsafe impl Send for Graph {}
// SAFETY: shared graphs are only replayed, and a replay holds the device's queue lock.
unsafe impl Sync for Graph {}

impl Graph {
    /// Nodes of the graph.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Enqueues the graph behind what the main lane was given.
    ///
    /// # Errors
    /// If the driver fails, or a launch failed before.
    pub fn replay(&self) -> Result<(), Error> {
        let device = &self.program.device;
        let _queue = device.queue()?;
        let stream = device.stream(Lane::Main);
        // SAFETY: the graph is alive, and so is all that it uses: it holds its program.
        device.driver.check("cuGraphLaunch", unsafe { (device.driver.graph_launch)(self.executable, stream) })
    }

    /// Microseconds of a replay, the least and the median of `count`.
    ///
    /// # Errors
    /// If the driver fails.
    pub fn time(&self, count: usize) -> Result<(f32, f32), Error> {
        let device = &self.program.device;
        let (stream, driver) = (device.stream(Lane::Main), device.driver);
        device.enter()?;
        let events = [Event::new(driver, true)?, Event::new(driver, true)?];
        let mut times = Vec::with_capacity(count);
        for _ in 0..count.max(1) {
            events[0].record(stream)?;
            self.replay()?;
            events[1].record(stream)?;
            events[1].wait()?;
            times.push(events[1].since(&events[0])?);
        }
        times.sort_by(f32::total_cmp);
        Ok((times[0], times[times.len() / 2]))
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let driver = self.program.device.driver;
        if self.program.device.enter().is_ok() {
            // SAFETY: both were created here and are used no more; the driver waits for a replay under way.
            unsafe {
                if !self.executable.is_null() {
                    (driver.graph_executable_destroy)(self.executable);
                }
                if !self.graph.is_null() {
                    (driver.graph_destroy)(self.graph);
                }
            }
        }
    }
}
