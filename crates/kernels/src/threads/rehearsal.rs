//! What so many threads would gain by how work is cut, found on one thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

/// Tells the time; of a rehearsal without what its threads would have saved.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    rehearsal: Option<Arc<Rehearsal>>,
}

impl Clock {
    /// Of threads that there are.
    pub(super) fn real(start: Instant) -> Self {
        Self { start, rehearsal: None }
    }

    /// The time that has passed since the pool was made.
    pub fn now(&self) -> Duration {
        let saved = self.rehearsal.as_ref().map_or(0, |rehearsal| rehearsal.saved.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(Duration::from_nanos(saved))
    }

    /// What was rehearsed until now; `None` of threads that there are.
    pub fn rehearsed(&self) -> Option<Rehearsed> {
        let rehearsal = self.rehearsal.as_ref()?;
        let calls = rehearsal.calls.load(Ordering::Relaxed);
        Some(Rehearsed { calls, saved: Duration::from_nanos(rehearsal.saved.load(Ordering::Relaxed)) })
    }
}

/// What a rehearsal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// Calls whose tasks the threads would have shared: each of them waits for the last one.
    pub calls: u64,
    /// The time that they would have saved.
    pub saved: Duration,
}

/// Does tasks on the calling thread, one after the other, and finds from the time of each when so many threads would have
/// done them. Memory and caches that threads share, and what it takes to start and to wait, are left out.
#[derive(Debug)]
pub(super) struct Rehearsal {
    pub(super) threads: usize,
    calls: AtomicU64,
    /// Nanoseconds.
    saved: AtomicU64,
    /// Held while a call has the threads; the time of each of its tasks.
    running: Mutex<Vec<Duration>>,
}

impl Rehearsal {
    pub(super) fn new(threads: usize) -> Self {
        let (calls, saved) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { threads, calls, saved, running: Mutex::new(Vec::new()) }
    }

    pub(super) fn clock(self: &Arc<Self>, start: Instant) -> Clock {
        Clock { start, rehearsal: Some(Arc::clone(self)) }
    }

    pub(super) fn run(&self, tasks: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        let running = match self.running.try_lock() {
            Ok(running) => Some(running),
            Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let Some(mut times) = running.filter(|_| tasks > 1) else {
            return (0..tasks).for_each(|i| task(0, i));
        };
        let begun = Instant::now();
        times.clear();
        for i in 0..tasks {
            let start = Instant::now();
            task(0, i);
            times.push(start.elapsed());
        }
        let span = span(&times, self.threads);
        // What it takes to find out is nobody's.
        let saved = begun.elapsed().saturating_sub(span);
        self.saved.fetch_add(saved.as_nanos() as u64, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

/// When the last of so many threads is done, which have even shares of the tasks, and take tasks of another's end once they
/// are done with their own.
fn span(times: &[Duration], threads: usize) -> Duration {
    let tasks = times.len();
    let mut shares: Vec<_> = (0..threads).map(|i| i * tasks / threads..(i + 1) * tasks / threads).collect();
    let mut busy = vec![Duration::ZERO; threads];
    for _ in 0..tasks {
        let Some(thread) = (0..threads).min_by_key(|&thread| busy[thread]) else { break };
        let own = shares[thread].next();
        let task = own.or_else(|| shares.iter_mut().find_map(DoubleEndedIterator::next_back));
        busy[thread] += task.map_or(Duration::ZERO, |task| times[task]);
    }
    busy.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Pool;
    use super::*;

    fn milliseconds(times: &[u64], threads: usize) -> u64 {
        let times: Vec<_> = times.iter().copied().map(Duration::from_millis).collect();
        span(&times, threads).as_millis() as u64
    }

    #[test]
    fn the_last_of_the_threads_ends_a_call() {
        assert_eq!(milliseconds(&[4, 4, 4, 4], 1), 16);
        assert_eq!(milliseconds(&[4, 4, 4, 4], 2), 8);
        assert_eq!(milliseconds(&[4, 4, 4, 4], 3), 8);
        assert_eq!(milliseconds(&[4, 4, 4, 4], 16), 4);
        // The second thread takes the end of the first one's share.
        assert_eq!(milliseconds(&[5, 1, 1, 1], 2), 5);
        assert_eq!(milliseconds(&[1, 1, 1, 5], 2), 6);
        assert_eq!(milliseconds(&[], 4), 0);
    }

    #[test]
    fn a_rehearsal_does_every_task_and_tells_what_threads_would_save() {
        let pool = Pool::rehearsal(4).unwrap();
        assert_eq!(pool.threads(), 4);
        let (done, clock) = (AtomicU64::new(0), pool.clock());
        let wait = |_: usize| {
            done.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(5));
            // A call of a task is its thread's own, unless that is the only task.
            pool.run(3, &|_| ());
        };
        let (start, before) = (Instant::now(), clock.now());
        pool.run(8, &wait);
        pool.run(1, &wait);
        let told = clock.now() - before;
        let real = start.elapsed();
        let Rehearsed { calls, saved } = clock.rehearsed().unwrap();
        assert_eq!((done.into_inner(), calls), (9, 2));
        // Of eight tasks each thread has two.
        assert!(saved >= Duration::from_millis(30) && saved < real, "{saved:?} of {real:?}");
        assert!(told >= Duration::from_millis(15) && told <= real - saved, "{told:?}");
        assert_eq!(Pool::new(2).clock().rehearsed(), None);
    }
}
