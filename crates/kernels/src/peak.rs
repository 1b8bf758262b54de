//! The machine's own speed, which that of kernels is compared with.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::isa::Isa;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;

/// Independent chains of multiply-adds: enough to hide their latency (4 cycles, 2 units) and few enough for the
/// sixteen registers of AVX2.
const CHAINS: usize = 12;
/// Multiply-adds of each chain between two looks at the clock.
const STEPS: usize = 4096;
/// How long one measurement lasts, and how many are taken.
const SLICE: Duration = Duration::from_millis(10);
const SLICES: usize = 5;

/// Measures the fastest multiply-adds of an instruction set on all threads of a pool: the best of five slices of
/// 10 ms, in GFLOP/s (10⁹ operations a second, a multiply-add counting as two).
///
/// The portable path multiplies and adds in two steps.
pub fn peak(pool: &Pool, isa: Isa) -> f64 {
    let measure = || {
        let done = AtomicU64::new(0);
        let start = Instant::now();
        pool.run(pool.threads(), &|_| {
            let mut operations = 0;
            while start.elapsed() < SLICE {
                let count = &mut operations;
                // SAFETY: the instruction set is proven by `isa`.
                unsafe { dispatch!(isa, multiply_adds(count: &mut u64)) };
            }
            done.fetch_add(operations, Ordering::Relaxed);
        });
        done.into_inner() as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..SLICES).map(|_| measure()).fold(0.0, f64::max)
}

/// Runs the chains and adds the operations to `count`.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn multiply_adds<S: Simd>(count: &mut u64) {
    // SAFETY: the caller has a CPU with the instruction set, which is all that these ask for.
    unsafe {
        let (factor, term) = (S::splat(black_box(0.5)), S::splat(black_box(1.0)));
        let mut chains = [term; CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = S::fma(*chain, factor, term);
            }
        }
        let sum = chains.into_iter().fold(term, |sum, chain| S::add(sum, chain));
        black_box(sum);
    }
    *count += (2 * CHAINS * STEPS * S::LANES) as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_has_a_speed() {
        let pool = Pool::new(2);
        for isa in Isa::available() {
            let speed = peak(&pool, isa);
            assert!(speed.is_finite() && speed > 0.0, "{isa}: {speed}");
        }
    }
}
