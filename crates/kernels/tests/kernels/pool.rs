//! One pool with several callers.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use convnet_kernels::{Isa, Pool, column_sums, flat, softmax};

use crate::common::{Random, Scene};

/// Longer than any of these tests takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Fails where `test` does not end, rather than waiting for it.
fn ends(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(test));
        done.send(()).expect("a test that waits");
        result
    });
    wait.recv_timeout(PATIENCE).expect("a pool that does not hang");
    if let Err(panic) = thread.join().expect("caught panics") {
        std::panic::resume_unwind(panic);
    }
}

/// Calls `caller(index, pool)` on so many threads that begin together.
fn call_together(callers: usize, pool: &Pool, caller: impl Fn(usize, &Pool) + Sync) {
    let start = Barrier::new(callers);
    thread::scope(|scope| {
        for index in 0..callers {
            let (start, caller) = (&start, &caller);
            scope.spawn(move || {
                start.wait();
                caller(index, pool);
            });
        }
    });
}

/// The bits of a few kernels that split their work in tasks, on data of the caller's own.
fn results(pool: &Pool, seed: u64) -> Vec<u64> {
    let isa = Isa::best();
    let mut scene = Scene::new(seed);
    let [input, out] = [(); 2].map(|()| scene.dense(700, 67));
    scene.fill(input);
    let mut arena = scene.arena();
    softmax(pool, isa, &mut arena, [input, out]);
    let mut sums = vec![0.0; 67];
    column_sums(pool, isa, &mut arena, (out, None), &mut sums);
    let mut values = Random::new(seed).floats(100_000);
    flat::scale(pool, isa, &mut values, 0.3);
    let square = flat::sum_of_squares(pool, isa, &values);
    let floats = arena.as_slice().iter().chain(&sums).chain(&values);
    floats.map(|x| u64::from(x.to_bits())).chain([square.to_bits()]).collect()
}

#[test]
fn callers_at_once_get_what_they_get_alone() {
    ends(|| {
        let alone: Vec<_> = (0..8).map(|seed| results(&Pool::new(1), seed)).collect();
        for (callers, threads) in [(2, 2), (2, 3), (8, 2), (8, 4)] {
            call_together(callers, &Pool::new(threads), |index, pool| {
                for _ in 0..10 {
                    assert!(results(pool, index as u64) == alone[index], "caller {index} of {callers}");
                }
            });
        }
    });
}

#[test]
fn callers_at_once_have_each_task_run_once() {
    ends(|| {
        for callers in [2, 8] {
            call_together(callers, &Pool::new(3), |index, pool| {
                for round in 0..200 {
                    let tasks = 1 + (index + round) % 40;
                    let hits: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                    let busy: Vec<_> = (0..pool.threads()).map(|_| AtomicBool::new(false)).collect();
                    pool.run_on(tasks, &|thread, i| {
                        assert!(!busy[thread].swap(true, Ordering::Relaxed), "two tasks at a time");
                        hits[i].fetch_add(1, Ordering::Relaxed);
                        busy[thread].store(false, Ordering::Relaxed);
                    });
                    assert!(hits.iter().all(|hits| hits.load(Ordering::Relaxed) == 1), "{hits:?}");
                }
            });
        }
    });
}

#[test]
fn a_panic_reaches_the_caller_whose_task_it_was_and_no_other() {
    ends(|| {
        for callers in [2, 8] {
            let pool = Pool::new(3);
            let panics = AtomicUsize::new(0);
            call_together(callers, &pool, |index, pool| {
                for round in 0..100 {
                    let done = AtomicUsize::new(0);
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        pool.run(20, &|i| {
                            if index % 2 == 0 && i == round % 20 {
                                panic_any((index, round));
                            }
                            done.fetch_add(1, Ordering::Relaxed);
                        });
                    }));
                    match result {
                        Ok(()) => assert_eq!((index % 2, done.into_inner()), (1, 20)),
                        Err(panic) => {
                            assert_eq!(panic.downcast_ref(), Some(&(index, round)));
                            panics.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
            assert_eq!(panics.into_inner(), callers / 2 * 100);
            assert!(results(&pool, 1) == results(&Pool::new(1), 1));
        }
    });
}

/// One call holds the threads, in tasks that wait; others come and go meanwhile, with panics and without.
#[test]
fn a_caller_waits_for_no_other() {
    ends(|| {
        let pool = Arc::new(Pool::new(2));
        let (open, gate) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(3)));
        let first = {
            let (pool, open, gate) = (Arc::clone(&pool), Arc::clone(&open), Arc::clone(&gate));
            thread::spawn(move || {
                let done = AtomicUsize::new(0);
                pool.run(2, &|_| {
                    gate.wait();
                    while !open.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                });
                done.into_inner()
            })
        };
        // Both of its tasks have begun: the pool has no thread left.
        gate.wait();
        let thread = thread::current().id();
        for _ in 0..10 {
            let done = AtomicUsize::new(0);
            pool.run_on(50, &|index, i| {
                assert_eq!((index, thread::current().id()), (0, thread));
                assert_eq!(done.fetch_add(1, Ordering::Relaxed), i, "in order");
            });
            assert_eq!(done.into_inner(), 50);
            let result = catch_unwind(AssertUnwindSafe(|| pool.run(2, &|i| assert_ne!(i, 1, "one"))));
            assert!(result.is_err());
        }
        open.store(true, Ordering::Release);
        assert_eq!(first.join().expect("no panic of another"), 2);
    });
}
