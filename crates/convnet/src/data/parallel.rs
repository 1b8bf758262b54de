//! Work on many items by a few threads, with results that do not depend on their number.

use std::convert::Infallible;
use std::panic;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// So many errors are looked for.
const MAX_ERRORS: usize = 1000;

/// How many threads are of use for so many items: those of the machine, or one an item.
pub(super) fn threads(items: usize) -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(items).max(1)
}

/// Does `work` on each item, with a thread for each of `states`, the caller's own among them.
///
/// Items are taken in their order. After an error no more are taken; of several errors it is that of the first item.
/// A thread's panic becomes the caller's.
pub(super) fn for_each<S: Send, T: Send, E: Send>(
    states: &mut [S],
    mut items: impl Iterator<Item = T> + Send,
    work: impl Fn(&mut S, T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let Some((own, others)) = states.split_first_mut() else { return Ok(()) };
    if others.is_empty() {
        return items.try_for_each(|item| work(own, item));
    }
    let queue = Mutex::new(Some(items.enumerate()));
    let first: Mutex<Option<(usize, E)>> = Mutex::new(None);
    let next = || locked(&queue).as_mut().and_then(Iterator::next);
    let take = |state: &mut S| {
        while let Some((place, item)) = next() {
            if let Err(error) = work(state, item) {
                *locked(&queue) = None;
                let mut first = locked(&first);
                if first.as_ref().is_none_or(|&(earlier, _)| place < earlier) {
                    *first = Some((place, error));
                }
            }
        }
    };
    thread::scope(|scope| {
        let take = &take;
        let threads: Vec<_> = others.iter_mut().map(|state| scope.spawn(move || take(state))).collect();
        take(own);
        for thread in threads {
            thread.join().unwrap_or_else(|cause| panic::resume_unwind(cause));
        }
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), |(_, error)| Err(error))
}

/// As [`for_each`], but an error does not keep others from being found: all of them, in the order of the items, up to
/// [`MAX_ERRORS`].
pub(super) fn all_errors<S: Send, T: Send, E: Send>(
    states: &mut [S],
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(&mut S, T) -> Result<(), E> + Sync,
) -> Vec<E> {
    let errors: Mutex<Vec<(usize, E)>> = Mutex::default();
    let items = items.enumerate().take_while(|_| locked(&errors).len() < MAX_ERRORS);
    let Ok(()) = for_each(states, items, |state, (place, item)| -> Result<(), Infallible> {
        if let Err(error) = work(state, item) {
            locked(&errors).push((place, error));
        }
        Ok(())
    });
    let mut errors = errors.into_inner().unwrap_or_else(PoisonError::into_inner);
    errors.sort_by_key(|&(place, _)| place);
    errors.into_iter().map(|(_, error)| error).collect()
}

/// What `work` makes of each item, in their order.
pub(super) fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let mut states = vec![(); threads(items.len())];
    for_each(&mut states, items.iter().zip(&mut results), |(), (item, result)| {
        *result = Some(work(item)?);
        Ok(())
    })?;
    Ok(results.into_iter().flatten().collect())
}

/// No thread panics while it holds one of these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn each_item_is_worked_on_once() {
        for threads in 1..9 {
            let counts: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
            let mut states = vec![0; threads];
            for_each(&mut states, counts.iter(), |taken, count| -> Result<(), ()> {
                *taken += 1;
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
            .unwrap();
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            assert_eq!(states.iter().sum::<usize>(), 100);
        }
        assert_eq!(map(&[3, 4, 5], |&x| Ok::<_, ()>(2 * x)).unwrap(), [6, 8, 10]);
        assert_eq!(map(&[], |x: &usize| Ok::<_, ()>(*x)).unwrap(), [0; 0]);
    }

    #[test]
    fn of_several_errors_the_first_is_told_and_the_rest_is_left() {
        for threads in [1, 2, 5] {
            let seen = AtomicUsize::new(0);
            let result = for_each(&mut vec![(); threads], 0..1000, |(), item| {
                seen.fetch_add(1, Ordering::Relaxed);
                if item == 7 {
                    // The later errors are found first.
                    thread::sleep(Duration::from_millis(20));
                }
                if item >= 7 { Err(item) } else { Ok(()) }
            });
            assert_eq!(result, Err(7));
            assert!(seen.into_inner() < 7 + 2 * threads + 1);
        }
    }

    #[test]
    fn all_errors_are_found_in_their_order_and_not_without_end() {
        for threads in [1, 2, 5] {
            let mut states = vec![(); threads];
            let odd = |(): &mut (), item: i32| if item % 2 == 1 { Err(item) } else { Ok(()) };
            assert_eq!(all_errors(&mut states, 0..9, odd), [1, 3, 5, 7]);
            let found = all_errors(&mut states, 0.., |(), item: i32| Err::<(), _>(item)).len();
            assert!((MAX_ERRORS..MAX_ERRORS + threads).contains(&found));
        }
    }

    #[test]
    #[should_panic(expected = "item 3")]
    fn a_panic_is_the_caller_s() {
        let work = |(): &mut (), item| if item == 3 { panic!("item {item}") } else { Ok::<(), ()>(()) };
        for_each(&mut [(), ()], 0..1000, work).unwrap();
    }
}
