//! A bound on the memory of images that are decoded at once, by all threads together.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that may be taken at once. An image that needs more is decoded alone.
const BUDGET: u64 = 256 << 20;

struct Gate {
    taken: Mutex<u64>,
    freed: Condvar,
    budget: u64,
}

static GATE: Gate = Gate::new(BUDGET);

/// Leave to take memory, until it is dropped. A thread that holds one must not ask for another.
pub(super) struct Permit<'a> {
    gate: &'a Gate,
    bytes: u64,
}

/// Waits until so many bytes are free.
pub(super) fn admit(bytes: u64) -> Permit<'static> {
    GATE.admit(bytes)
}

impl Gate {
    const fn new(budget: u64) -> Self {
        Self { taken: Mutex::new(0), freed: Condvar::new(), budget }
    }

    fn admit(&self, bytes: u64) -> Permit<'_> {
        let full = |taken: &mut u64| *taken > 0 && taken.saturating_add(bytes) > self.budget;
        let mut taken = self.freed.wait_while(self.locked(), full).unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_add(bytes);
        Permit { gate: self, bytes }
    }

    /// No thread panics while it holds this lock.
    fn locked(&self) -> MutexGuard<'_, u64> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.gate.locked() -= self.bytes;
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn no_more_is_taken_at_once_than_the_budget_but_by_one_alone() {
        let gate = Gate::new(100);
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for number in 0..8_u64 {
                let (gate, now, most) = (&gate, &now, &most);
                scope.spawn(move || {
                    for bytes in [40, 90, 250 * (number % 2), 10] {
                        let permit = gate.admit(bytes);
                        let taken = now.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        assert!(taken <= 100 || taken == bytes, "{taken} at once");
                        most.fetch_max(taken, Ordering::SeqCst);
                        thread::sleep(Duration::from_micros(200));
                        now.fetch_sub(bytes, Ordering::SeqCst);
                        drop(permit);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 250);
        assert_eq!(*gate.locked(), 0);
    }
}
