//! A fixed pool of threads with a low start-up cost: workers spin for a moment before they yield, and then sleep.
//!
//! A call waits only for workers that have begun with it: on a busy machine a worker that is not running costs its
//! caller nothing, and a call that is over before a worker comes was done alone.
//!
//! Tasks are handed out in contiguous shares, the first to the first thread and so on, so that a thread finds in its
//! own cache what it wrote in the call before; who is done early takes tasks from the end of another's share. A call of
//! fewer tasks than threads is for the first threads alone: the others are neither woken nor waited for, and sleep
//! where calls want them no more.

mod rehearsal;

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant;

use self::rehearsal::Rehearsal;
pub use self::rehearsal::{Clock, Rehearsed};
use crate::tuning::machine::{CALLER_YIELDS, SPIN_ROUNDS, TASKS_PER_THREAD, WORKER_YIELDS};

/// Threads that share the tasks of one call at a time.
///
/// A pool may be called by several threads at once, and by its own tasks. The first caller has the threads; whoever
/// calls meanwhile waits for nobody and does its tasks alone, in order, on its own thread. Since tasks are fixed by the
/// problem, both ways give the same result.
///
/// A panic of a task reaches the caller whose task it was, once no task of that call runs any more: tasks that have not
/// begun are left out, and other callers see nothing of it. The pool goes on.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held while a call has the threads.
    running: Mutex<()>,
    /// When it was made.
    start: Instant,
    /// In place of threads.
    rehearsal: Option<Arc<Rehearsal>>,
}

/// Takes the thread's index and the task's.
type Task<'a> = dyn Fn(usize, usize) + Sync + 'a;
type Job = *const Task<'static>;

/// What every call changes, and looks at last, on a cache line of its own: the rest stays in every thread's cache.
#[repr(align(128))]
struct Entrance {
    /// Whether a job may be entered, and who is inside.
    gate: Gate,
    /// The job of this generation; valid while its gate is open or somebody is inside.
    job: Mutex<Option<Slot>>,
    /// Whether a task has panicked.
    panicked: AtomicBool,
}

struct Shared {
    entrance: Entrance,
    /// Who sleeps until the last worker has left.
    caller: Mutex<Option<Thread>>,
    /// The first panic of a job's tasks.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// What is left of each thread's share.
    shares: Vec<Share>,
    /// Whether each thread sleeps.
    asleep: Vec<Asleep>,
    stop: AtomicBool,
}

#[derive(Clone, Copy)]
struct Slot {
    job: Job,
    /// Threads that it is for.
    wanted: usize,
}

/// The number of the job in the upper half; below it whether it may be entered, whether its caller sleeps, the threads
/// that it is for, and the workers inside. A worker enters by exchanging the whole word, so that it enters the job that it
/// saw or none.
struct Gate(AtomicU64);

/// Both numbers of threads fit.
const _: () = assert!(Pool::MOST_THREADS as u64 <= Gate::INSIDE);

/// What a worker found at the gate.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It is inside.
    Entered,
    /// The job is over.
    Closed,
    /// The job is for others.
    Unwanted,
}

impl Gate {
    const OPEN: u64 = 1 << 31;
    const CALLER_SLEEPS: u64 = 1 << 30;
    const WANTED_SHIFT: u32 = 15;
    const INSIDE: u64 = (1 << Self::WANTED_SHIFT) - 1;

    /// The job's number.
    fn job(&self) -> u64 {
        self.0.load(Ordering::SeqCst) >> 32
    }

    /// Opens for the next job, to the first `wanted` threads; nobody is inside.
    fn open(&self, wanted: usize) {
        let next = (self.job() + 1) & u64::from(u32::MAX);
        self.0.store(next << 32 | Self::OPEN | (wanted as u64) << Self::WANTED_SHIFT, Ordering::SeqCst);
    }

    /// Lets nobody in any more.
    fn close(&self) {
        self.0.fetch_and(!Self::OPEN, Ordering::AcqRel);
    }

    fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) & Self::INSIDE == 0
    }

    /// Thread number `index` enters the job that there is, if it is for it and not closed; gives the number of the job that
    /// was seen.
    fn enter(&self, index: usize) -> (u64, Found) {
        let mut seen = self.0.load(Ordering::SeqCst);
        loop {
            if index as u64 >= seen >> Self::WANTED_SHIFT & Self::INSIDE {
                return (seen >> 32, Found::Unwanted);
            }
            if seen & Self::OPEN == 0 {
                return (seen >> 32, Found::Closed);
            }
            match self.0.compare_exchange_weak(seen, seen + 1, Ordering::AcqRel, Ordering::SeqCst) {
                Ok(_) => return (seen >> 32, Found::Entered),
                Err(now) => seen = now,
            }
        }
    }

    /// Leaves; whether the caller sleeps and this was the last worker.
    fn leave(&self) -> bool {
        let before = self.0.fetch_sub(1, Ordering::SeqCst);
        before & Self::CALLER_SLEEPS != 0 && before & Self::INSIDE == 1
    }
}

/// Tasks that are left, `first..past` in the halves of a number, on a cache line of its own; none between two jobs.
#[repr(align(128))]
struct Share(AtomicU64);

impl Share {
    fn set(&self, first: usize, past: usize) {
        self.0.store((past as u64) << 32 | first as u64, Ordering::Relaxed);
    }

    /// The first task, for the thread that the share is of.
    fn take_first(&self) -> Option<usize> {
        self.take(|first, past| ((first + 1, past), first))
    }

    /// The last task, for another thread.
    fn take_last(&self) -> Option<usize> {
        self.take(|first, past| ((first, past - 1), past - 1))
    }

    fn take(&self, change: impl Fn(u64, u64) -> ((u64, u64), u64)) -> Option<usize> {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let (first, past) = (seen & 0xffff_ffff, seen >> 32);
            if first >= past {
                return None;
            }
            let ((first, past), task) = change(first, past);
            match self.0.compare_exchange_weak(seen, past << 32 | first, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(task as usize),
                Err(now) => seen = now,
            }
        }
    }
}

/// Whether a thread sleeps, on a cache line of its own: every call reads it, and it changes seldom.
#[repr(align(128))]
struct Asleep(AtomicBool);

// SAFETY: the pointer is used only while `Pool::run_on` waits for the workers, when its target is alive; the
// target is `Sync`.
unsafe impl Send for Slot {}

impl Pool {
    /// The most threads of a pool.
    pub const MOST_THREADS: usize = 1024;

    /// A pool of `threads` threads, the calling one included; 0 means one per core.
    ///
    /// # Panics
    /// Where [`Pool::try_new`] returns an error.
    pub fn new(threads: usize) -> Self {
        Self::try_new(threads).unwrap_or_else(|error| panic!("no pool of {threads} threads: {error}"))
    }

    /// A pool of `threads` threads, the calling one included; 0 means one per core.
    ///
    /// # Errors
    /// If they are more than [`Pool::MOST_THREADS`], or the system starts no more.
    pub fn try_new(threads: usize) -> io::Result<Self> {
        Self::with(Self::checked(threads)?, None)
    }

    /// A pool that starts no threads: it does all tasks on the calling one, cut as for so many, and its [clock](Pool::clock)
    /// goes as if they had shared them.
    ///
    /// # Errors
    /// If they are more than [`Pool::MOST_THREADS`].
    pub fn rehearsal(threads: usize) -> io::Result<Self> {
        Self::with(1, Some(Arc::new(Rehearsal::new(Self::checked(threads)?))))
    }

    fn checked(threads: usize) -> io::Result<usize> {
        let threads = Self::threads_of(threads);
        if threads > Self::MOST_THREADS {
            let reason = format!("a pool has at most {} threads", Self::MOST_THREADS);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        Ok(threads)
    }

    fn with(threads: usize, rehearsal: Option<Arc<Rehearsal>>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            entrance: Entrance {
                gate: Gate(AtomicU64::new(0)),
                job: Mutex::new(None),
                panicked: AtomicBool::new(false),
            },
            caller: Mutex::new(None),
            panic: Mutex::new(None),
            shares: (0..threads).map(|_| Share(AtomicU64::new(0))).collect(),
            asleep: (0..threads).map(|_| Asleep(AtomicBool::new(false))).collect(),
            stop: AtomicBool::new(false),
        });
        // Dropped with the workers that there are, should one not start.
        let (workers, running, start) = (Vec::with_capacity(threads - 1), Mutex::new(()), Instant::now());
        let mut pool = Self { shared, workers, running, start, rehearsal };
        for index in 1..threads {
            let shared = Arc::clone(&pool.shared);
            pool.workers.push(thread::Builder::new().spawn(move || shared.work(index))?);
        }
        Ok(pool)
    }

    /// The threads of a pool of so many: 0 means one per core.
    pub fn threads_of(threads: usize) -> usize {
        match threads {
            0 => thread::available_parallelism().map_or(1, usize::from).min(Self::MOST_THREADS),
            threads => threads,
        }
    }

    /// Threads, the calling one included.
    pub fn threads(&self) -> usize {
        self.rehearsal.as_ref().map_or(self.workers.len() + 1, |rehearsal| rehearsal.threads)
    }

    /// Tells the time that its calls take.
    pub fn clock(&self) -> Clock {
        self.rehearsal.as_ref().map_or(Clock::real(self.start), |rehearsal| rehearsal.clock(self.start))
    }

    /// Calls `task(0) … task(tasks − 1)`, each once, on the pool's threads, and returns when all are done.
    ///
    /// # Panics
    /// If a task panics, or there are more than 2³² tasks.
    pub fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.run_on(tasks, &|_, i| task(i));
    }

    /// Calls `task(thread, 0) … task(thread, tasks − 1)`, each task once, and returns when all are done. Of the tasks
    /// of one call no two run at a time with the same index of a thread, which is less than [`Pool::threads`]: what a
    /// task works on may be chosen by it.
    ///
    /// # Panics
    /// If a task panics, or there are more than 2³² tasks.
    pub fn run_on(&self, tasks: usize, task: &Task<'_>) {
        assert!(u32::try_from(tasks).is_ok(), "{tasks} tasks");
        if let Some(rehearsal) = &self.rehearsal {
            return rehearsal.run(tasks, task);
        }
        let alone = self.workers.is_empty() || tasks <= 1;
        let Some(running) = (if alone { None } else { self.running.try_lock().ok() }) else {
            (0..tasks).for_each(|i| task(0, i));
            return;
        };
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes; the wait below ends every use before `task` is gone.
        let job: Job = unsafe { std::mem::transmute::<&Task<'_>, &Task<'static>>(task) };
        let wanted = shared.shares.len().min(tasks);
        let slot = Slot { job, wanted };
        *lock(&shared.entrance.job) = Some(slot);
        for (i, share) in shared.shares[..wanted].iter().enumerate() {
            share.set(i * tasks / wanted, (i + 1) * tasks / wanted);
        }
        shared.entrance.gate.open(wanted);
        for (asleep, worker) in shared.asleep[1..wanted].iter().zip(&self.workers) {
            if asleep.0.load(Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        shared.share(slot, 0);
        shared.entrance.gate.close();
        wait_until(
            || shared.entrance.gate.is_empty(),
            (&mut 0, CALLER_YIELDS),
            || shared.sleep_until_empty(),
        );
        let panic = shared.take_panic();
        drop(running);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// In how many parts so many items are split: a few for each thread, and at least one.
    pub(crate) fn parts(&self, items: usize) -> usize {
        let threads = self.threads();
        let parts = items.clamp(1, TASKS_PER_THREAD * threads);
        // As many for each thread, so that each finds what it wrote before, and none waits for another's last part.
        if parts > threads { parts / threads * threads } else { parts }
    }

    /// Splits `0..items` in contiguous ranges, a few per thread and none under `least` items, and calls
    /// `task` with each.
    pub fn ranges(&self, items: usize, least: usize, task: &(dyn Fn(std::ops::Range<usize>) + Sync)) {
        self.ranges_on(items, least, &|_, range| task(range));
    }

    /// The same with the index of the thread, as [`Pool::run_on`] has it.
    pub(crate) fn ranges_on(
        &self,
        items: usize,
        least: usize,
        task: &(dyn Fn(usize, std::ops::Range<usize>) + Sync),
    ) {
        let parts = self.parts(items / least.max(1));
        self.run_on(parts, &|thread, i| {
            let range = i * items / parts..(i + 1) * items / parts;
            if !range.is_empty() {
                task(thread, range);
            }
        });
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches its tasks' panics, so that it always ends well.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn work(&self, index: usize) {
        let Asleep(asleep) = &self.asleep[index];
        // Rounds without a job for this thread: others' jobs do not keep it awake.
        let (mut seen, mut rounds) = (0, 0);
        loop {
            // The end is no job: a worker that is late for the last one would take it for seen.
            let called = || self.entrance.gate.job() != seen || self.stop.load(Ordering::SeqCst);
            wait_until(called, (&mut rounds, WORKER_YIELDS), || {
                asleep.store(true, Ordering::SeqCst);
                if !called() {
                    thread::park();
                }
                asleep.store(false, Ordering::SeqCst);
            });
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let (job, found) = self.entrance.gate.enter(index);
            seen = job;
            if found != Found::Unwanted {
                rounds = 0;
            }
            if found != Found::Entered {
                continue;
            }
            let slot = *lock(&self.entrance.job);
            if let Some(slot) = slot {
                self.share(slot, index);
            }
            if self.entrance.gate.leave()
                && let Some(caller) = lock(&self.caller).take()
            {
                caller.unpark();
            }
        }
    }

    /// Sleeps until the last worker leaves, or for a while.
    fn sleep_until_empty(&self) {
        *lock(&self.caller) = Some(thread::current());
        let before = self.entrance.gate.0.fetch_or(Gate::CALLER_SLEEPS, Ordering::SeqCst);
        if before & Gate::INSIDE != 0 {
            thread::park();
        }
    }

    /// What the first task that panicked gave; no task runs any more.
    fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        let panicked = &self.entrance.panicked;
        // As a rule a look at a line that is here already, and no lock.
        if !panicked.load(Ordering::SeqCst) {
            return None;
        }
        panicked.store(false, Ordering::SeqCst);
        lock(&self.panic).take()
    }

    /// Takes tasks until none is left: of the thread's own share, then of the others'.
    fn share(&self, slot: Slot, index: usize) {
        let next = || {
            let others = self.shares[..slot.wanted].iter().enumerate().filter(|&(i, _)| i != index);
            self.shares[index]
                .take_first()
                .or_else(|| others.map(|(_, share)| share).find_map(Share::take_last))
        };
        let result = catch_unwind(AssertUnwindSafe(|| {
            while let Some(task) = next() {
                // SAFETY: `run_on` keeps the closure alive until nobody is inside the gate, and this thread is.
                unsafe { (*slot.job)(index, task) };
            }
        }));
        if let Err(panic) = result {
            self.shares.iter().for_each(|share| share.set(0, 0));
            self.entrance.panicked.store(true, Ordering::SeqCst);
            let mut first = lock(&self.panic);
            match *first {
                None => *first = Some(panic),
                // Its drop could panic too, and this thread must go on to report that it is done.
                Some(_) => std::mem::forget(panic),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Waits for `done`: spins for a moment, then gives the core away so many times, and then calls `sleep` between looks. `rounds` are
/// those of before, which it goes on from.
fn wait_until(done: impl Fn() -> bool, (rounds, yields): (&mut u32, u32), sleep: impl Fn()) {
    while !done() {
        if *rounds < SPIN_ROUNDS {
            std::hint::spin_loop();
        } else if *rounds < SPIN_ROUNDS + yields {
            thread::yield_now();
        } else {
            sleep();
            continue;
        }
        *rounds += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn every_task_runs_once_at_any_number_of_threads() {
        for threads in 1..5 {
            let pool = Pool::new(threads);
            for tasks in [0, 1, 2, 7, 100] {
                for _ in 0..20 {
                    let hits: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                    pool.run(tasks, &|i| {
                        hits[i].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(hits.iter().all(|h| h.load(Ordering::Relaxed) == 1));
                }
            }
        }
    }

    #[test]
    fn a_pool_ends_whatever_its_workers_have_seen() {
        for _ in 0..2_000 {
            let pool = Pool::new(16);
            pool.run(2, &|_| {});
        }
    }

    #[test]
    fn a_thread_does_one_task_at_a_time() {
        let pool = Pool::new(3);
        let busy: Vec<_> = (0..3).map(|_| AtomicBool::new(false)).collect();
        let done = AtomicUsize::new(0);
        pool.run_on(500, &|thread, _| {
            assert!(!busy[thread].swap(true, Ordering::Relaxed), "thread {thread} does two tasks at a time");
            thread::yield_now();
            busy[thread].store(false, Ordering::Relaxed);
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 500);
    }

    #[test]
    fn ranges_cover_all_items_without_overlap() {
        let pool = Pool::new(3);
        for items in [0, 1, 5, 64, 1000] {
            let sum = AtomicUsize::new(0);
            pool.ranges(items, 8, &|r| {
                sum.fetch_add(r.map(|i| i + 1).sum::<usize>(), Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), items * (items + 1) / 2);
        }
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(2);
        let result = catch_unwind(AssertUnwindSafe(|| pool.run(8, &|i| assert!(i != 5, "five"))));
        assert!(result.is_err());
        let count = AtomicUsize::new(0);
        pool.run(4, &|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 4);
    }

    #[test]
    fn a_gate_lets_workers_in_until_it_closes_and_the_last_to_leave_wakes_the_caller() {
        let gate = Gate(AtomicU64::new(0));
        assert_eq!(gate.enter(1), (0, Found::Unwanted), "no job yet");
        gate.open(3);
        assert_eq!((gate.job(), gate.is_empty()), (1, true), "whoever has not begun is not waited for");
        assert_eq!((gate.enter(1), gate.enter(2)), ((1, Found::Entered), (1, Found::Entered)));
        assert_eq!(gate.enter(3), (1, Found::Unwanted), "a fourth thread");
        gate.close();
        assert_eq!((gate.enter(1), gate.is_empty()), ((1, Found::Closed), false));
        assert!(!gate.leave());
        gate.0.fetch_or(Gate::CALLER_SLEEPS, Ordering::SeqCst);
        assert!(gate.leave() && gate.is_empty());
        gate.open(Pool::MOST_THREADS);
        assert_eq!((gate.enter(Pool::MOST_THREADS - 1), gate.leave()), ((2, Found::Entered), false));
        // The number of jobs wraps.
        gate.0.store(u64::from(u32::MAX) << 32, Ordering::SeqCst);
        gate.open(2);
        assert_eq!(gate.enter(1), (0, Found::Entered));
    }

    #[test]
    fn threads_that_no_call_wants_stay_asleep_until_one_does() {
        let pool = Pool::new(6);
        let asleep = || pool.shared.asleep[2..].iter().all(|asleep| asleep.0.load(Ordering::SeqCst));
        let calls = |n: usize| {
            (0..n).all(|_| {
                pool.run_on(2, &|thread, _| assert!(thread < 2, "thread {thread} of a call of two tasks"));
                asleep()
            })
        };
        let start = Instant::now();
        while !calls(1_000) {
            assert!(start.elapsed().as_secs() < 60, "calls of two tasks keep or make a third thread awake");
        }
        // Each waits for all the others.
        let barrier = Barrier::new(6);
        pool.run(6, &|_| {
            barrier.wait();
        });
    }

    #[test]
    fn a_caller_that_fell_asleep_is_woken() {
        let pool = Pool::new(2);
        let slow = AtomicUsize::new(0);
        pool.run_on(2, &|thread, _| {
            if thread == 1 {
                thread::sleep(std::time::Duration::from_millis(200));
            }
            slow.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(slow.into_inner(), 2);
    }

    #[test]
    fn more_pools_than_cores_give_every_result() {
        let total: usize = thread::scope(|scope| {
            let count = || {
                let (pool, sum) = (Pool::new(4), AtomicUsize::new(0));
                for _ in 0..2_000 {
                    pool.run(16, &|i| {
                        sum.fetch_add(i, Ordering::Relaxed);
                    });
                }
                sum.into_inner()
            };
            let callers: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).sum()
        });
        assert_eq!(total, 4 * 2_000 * 120);
    }

    #[test]
    fn pools_of_absurd_sizes_are_refused() {
        for threads in [Pool::MOST_THREADS + 1, 1 << 31, usize::MAX] {
            assert_eq!(Pool::try_new(threads).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn workers_that_slept_wake_up() {
        let pool = Pool::new(2);
        thread::sleep(std::time::Duration::from_millis(30));
        let count = AtomicUsize::new(0);
        pool.run(64, &|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 64);
    }
}
