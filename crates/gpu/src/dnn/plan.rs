//! Execution plans: the candidates for a problem, and the choice among them by time.

use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cache::{Choices, Engine};
use super::descriptor::{Attribute as A, Descriptor, Kind};
use super::graph::{Graph, id};
use super::problem::{Precision, Problem};
use crate::Error;
use crate::load::cudnn::Cudnn;

/// What cuDNN notes about an engine's numbers.
const TENSOR_CORE: i32 = 0;
const DOWN_CONVERTS: i32 = 1;
const NONDETERMINISTIC: i32 = 4;
/// Heuristics: the usual one, and the list of engines that always work.
const MODE_A: i32 = 3;
const MODE_FALLBACK: i32 = 2;
/// Candidates of each.
const CANDIDATES: [(i32, usize); 2] = [(MODE_A, 8), (MODE_FALLBACK, 8)];
/// Engine configurations that a heuristic may give, and knobs of one.
const CONFIGURATIONS: usize = 64;
const KNOBS: usize = 64;
/// The most threads that build plans.
const THREADS: usize = 14;
/// A workspace above this is not worth its memory.
const WORKSPACE: usize = 1 << 30;

/// A handle of cuDNN, destroyed when it is dropped.
pub(crate) struct Handle {
    cudnn: &'static Cudnn,
    pointer: *mut c_void,
}

// SAFETY: a handle belongs to no thread; all use of one goes through the device's lock.
unsafe impl Send for Handle {}
// SAFETY: the device's lock lets one thread at a time use it.
unsafe impl Sync for Handle {}

impl Handle {
    fn new(cudnn: &'static Cudnn) -> Result<Arc<Self>, Error> {
        let mut pointer = std::ptr::null_mut();
        // SAFETY: the function writes one pointer; the caller has made a context current.
        cudnn.check("cudnnCreate", unsafe { (cudnn.create)(&raw mut pointer) })?;
        Ok(Arc::new(Self { cudnn, pointer }))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle was created and is used no more.
        unsafe { (self.cudnn.destroy)(self.pointer) };
    }
}

/// A finalized plan.
pub(crate) struct Plan {
    handle: Arc<Handle>,
    plan: Descriptor,
    _configuration: Descriptor,
    _graph: Arc<Graph>,
    /// Bytes of workspace.
    pub(crate) workspace: usize,
    /// The engine and its knobs.
    pub(crate) engine: Engine,
}

/// The addresses that a plan runs on.
pub(crate) struct Pack(Descriptor);

impl Plan {
    /// Binds a plan to addresses on the device: input, weights, output, bias, addend, workspace.
    pub(crate) fn pack(&self, operands: [Option<u64>; 5], workspace: u64) -> Result<Pack, Error> {
        let names = [id::INPUT, id::WEIGHTS, id::OUTPUT, id::BIAS, id::ADDEND];
        let given = || names.iter().zip(operands).filter_map(|(&name, operand)| Some((name, operand?)));
        let ids: Vec<i64> = given().map(|(name, _)| name).collect();
        let pointers: Vec<*mut c_void> = given().map(|(_, operand)| operand as *mut c_void).collect();
        let pack = Descriptor::new(self.handle.cudnn, Kind::VariantPack)?
            .integers(A::PackIds, &ids)?
            .pointers(A::PackPointers, &pointers)?
            .pointers(A::PackWorkspace, &[workspace as *mut c_void])?;
        Ok(Pack(pack.finalize()?))
    }

    /// Enqueues the plan.
    ///
    /// # Safety
    /// The pack's addresses hold the problem's tensors and the workspace, nothing else uses what the plan writes meanwhile,
    /// the stream is alive, and no other thread uses the plan's handle.
    pub(crate) unsafe fn run(&self, pack: &Pack, stream: *mut c_void) -> Result<(), Error> {
        let cudnn = self.handle.cudnn;
        // SAFETY: the handle and the stream are alive.
        cudnn.check("cudnnSetStream", unsafe { (cudnn.set_stream)(self.handle.pointer, stream) })?;
        // SAFETY: handle, plan and pack are alive; the caller answers for the addresses.
        let code = unsafe { (cudnn.execute)(self.handle.pointer, self.plan.pointer(), pack.0.pointer()) };
        cudnn.check("cudnnBackendExecute", code)
    }

    fn new(
        handle: &Arc<Handle>,
        graph: &Arc<Graph>,
        configuration: Descriptor,
        engine: Engine,
    ) -> Result<Self, Error> {
        let plan = Descriptor::new(handle.cudnn, Kind::Plan)?
            .pointers(A::PlanHandle, &[handle.pointer])?
            .descriptors(A::PlanConfiguration, &[&configuration])?
            .finalize()?;
        let workspace = usize::try_from(plan.integer(A::PlanWorkspace)?).unwrap_or(0);
        let (handle, graph) = (handle.clone(), graph.clone());
        Ok(Self { handle, plan, _configuration: configuration, _graph: graph, workspace, engine })
    }

    /// The plan of an engine that was chosen before.
    fn again(handle: &Arc<Handle>, problem: &Problem, engine: &Engine) -> Result<Self, Error> {
        let cudnn = handle.cudnn;
        let graph = Arc::new(Graph::new(cudnn, problem, Some(handle.pointer))?);
        let described = Descriptor::new(cudnn, Kind::Engine)?
            .descriptors(A::EngineGraph, &[&graph.graph])?
            .integers(A::EngineIndex, &[engine.number])?
            .finalize()?;
        let knob = |&(knob, value): &(i32, i64)| {
            Descriptor::new(cudnn, Kind::KnobChoice)?
                .choice(A::KnobKind, knob)?
                .integers(A::KnobValue, &[value])?
                .finalize()
        };
        let knobs = engine.knobs.iter().map(knob).collect::<Result<Vec<_>, Error>>()?;
        let references: Vec<&Descriptor> = knobs.iter().collect();
        let configuration = Descriptor::new(cudnn, Kind::EngineConfiguration)?
            .descriptors(A::ConfigurationEngine, &[&described])?
            .descriptors(A::ConfigurationKnobs, &references)?
            .finalize()?;
        Self::new(handle, &graph, configuration, engine.clone())
    }
}

/// Whether an engine computes what a precision promises, and the same every time.
fn admits(precision: Precision, notes: &[i32]) -> bool {
    let has = |note| notes.contains(&note);
    let exact = match precision {
        Precision::F32 => !has(TENSOR_CORE) && !has(DOWN_CONVERTS),
        Precision::Tf32 => !has(DOWN_CONVERTS),
        Precision::Bf16 => true,
    };
    exact && !has(NONDETERMINISTIC)
}

/// The plans worth a trial, best guess first. What an engine refuses is no error: others are left.
fn candidates(handle: &Arc<Handle>, problem: &Problem) -> Result<Vec<Plan>, Error> {
    let cudnn = handle.cudnn;
    let Ok(graph) = Graph::new(cudnn, problem, Some(handle.pointer)) else { return Ok(Vec::new()) };
    let graph = Arc::new(graph);
    let many =
        |kind, count: usize| (0..count).map(|_| Descriptor::new(cudnn, kind)).collect::<Result<Vec<_>, _>>();
    let mut plans = Vec::new();
    let mut seen = HashSet::new();
    for (mode, most) in CANDIDATES {
        let heuristics = Descriptor::new(cudnn, Kind::Heuristics)?
            .descriptors(A::HeuristicsGraph, &[&graph.graph])?
            .choice(A::HeuristicsMode, mode)?
            .finalize();
        let Ok(heuristics) = heuristics else { continue };
        let room = many(Kind::EngineConfiguration, CONFIGURATIONS)?;
        let Ok(configurations) = heuristics.fill(A::HeuristicsResults, room) else { continue };
        let mut taken = 0;
        for configuration in configurations {
            if taken == most {
                break;
            }
            let Ok(engines) = configuration.fill(A::ConfigurationEngine, many(Kind::Engine, 1)?) else {
                continue;
            };
            let Some(engine) = engines.first() else { continue };
            let number = engine.integer(A::EngineIndex)?;
            let notes = engine.choices(A::EngineNotes, 32).unwrap_or_default();
            let knobs =
                configuration.fill(A::ConfigurationKnobs, many(Kind::KnobChoice, KNOBS)?).unwrap_or_default();
            let pair = |knob: &Descriptor| {
                let kind = *knob.choices(A::KnobKind, 1).ok()?.first()?;
                Some((kind, knob.integer(A::KnobValue).ok()?))
            };
            let knobs: Vec<(i32, i64)> = knobs.iter().filter_map(pair).collect();
            if !admits(problem.precision, &notes) || !seen.insert((number, knobs.clone())) {
                continue;
            }
            let engine = Engine { number, knobs, time: f32::INFINITY };
            if let Ok(plan) = Plan::new(handle, &graph, configuration, engine)
                && plan.workspace <= WORKSPACE
            {
                plans.push(plan);
                taken += 1;
            }
        }
    }
    Ok(plans)
}

/// Builds plans beside one another and chooses among them.
pub(crate) struct Chooser<'a> {
    pub(crate) cudnn: &'static Cudnn,
    pub(crate) choices: &'a mut Choices,
    /// A handle a thread, kept for the next time.
    pub(crate) handles: &'a mut Vec<Arc<Handle>>,
    /// Makes the device's context current in a thread.
    pub(crate) enter: &'a (dyn Fn() -> Result<(), Error> + Sync),
}

/// Times the candidates of a problem and sets what each took, in microseconds.
pub(crate) type Timing<'a> = dyn FnMut(&Problem, &mut [Plan]) -> Result<(), Error> + 'a;

/// Problems with their candidates, or with what was chosen before.
pub(crate) struct Candidates(Vec<(Problem, Built)>);

impl Chooser<'_> {
    /// Builds the plans of distinct problems. Nothing may run on the device's handles meanwhile.
    pub(crate) fn build(&mut self, problems: &[Problem]) -> Result<Candidates, Error> {
        let mut unique: Vec<Problem> = Vec::new();
        for problem in problems {
            if !unique.contains(problem) {
                unique.push(*problem);
            }
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(THREADS).min(unique.len());
        while self.handles.len() < threads {
            self.handles.push(Handle::new(self.cudnn)?);
        }
        let next = AtomicUsize::new(0);
        let (choices, enter, unique) = (&*self.choices, self.enter, &unique);
        let work = |handle: Arc<Handle>| -> Result<Vec<(usize, Built)>, Error> {
            enter()?;
            let mut built = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(problem) = unique.get(index) else { return Ok(built) };
                let known = match choices.get(&problem.to_string()) {
                    Some(None) => Some(Built::Known(None)),
                    // An engine that does not build any more is chosen anew.
                    Some(Some(engine)) => {
                        Plan::again(&handle, problem, engine).ok().map(|plan| Built::Known(Some(plan)))
                    }
                    None => None,
                };
                let plans = match known {
                    Some(known) => known,
                    None => Built::Candidates(candidates(&handle, problem)?),
                };
                built.push((index, plans));
            }
        };
        let parts = std::thread::scope(|scope| {
            let handles = self.handles[..threads].iter().cloned();
            let workers: Vec<_> = handles.map(|handle| scope.spawn(|| work(handle))).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>, Error>>()
        })?;
        let mut built: Vec<(usize, Built)> = parts.into_iter().flatten().collect();
        built.sort_by_key(|(index, _)| *index);
        Ok(Candidates(unique.iter().copied().zip(built.into_iter().map(|(_, built)| built)).collect()))
    }

    /// The fastest plan of each problem, by `time`, or the one that was chosen before; none where cuDNN has none.
    pub(crate) fn choose(
        self,
        candidates: Candidates,
        time: &mut Timing<'_>,
    ) -> Result<HashMap<Problem, Option<Arc<Plan>>>, Error> {
        let mut chosen = HashMap::new();
        let mut changed = false;
        for (problem, built) in candidates.0 {
            let plan = match built {
                Built::Known(plan) => plan,
                Built::Candidates(mut plans) => {
                    time(&problem, &mut plans)?;
                    let best = plans.into_iter().min_by(|a, b| a.engine.time.total_cmp(&b.engine.time));
                    let best = best.filter(|plan| plan.engine.time.is_finite());
                    self.choices.set(problem.to_string(), best.as_ref().map(|plan| plan.engine.clone()));
                    changed = true;
                    best
                }
            };
            chosen.insert(problem, plan.map(Arc::new));
        }
        if changed {
            self.choices.save();
        }
        Ok(chosen)
    }
}

enum Built {
    /// What was chosen before.
    Known(Option<Plan>),
    Candidates(Vec<Plan>),
}
