//! Cards that add up what lies on them, without any: blocks of the emulation, which meet in this process.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::card::Block;

/// What goes wrong on a rank's card.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    NoId,
    DoesNotJoin,
    AddsWrongly,
}

/// What a rank's thread has instead of NCCL.
#[derive(Clone)]
pub(in crate::gpu) struct Cards {
    library: Option<&'static str>,
    card: String,
    fault: Option<Fault>,
}

thread_local! {
    static CARDS: RefCell<Option<Cards>> = const { RefCell::new(None) };
}

impl Cards {
    /// A library on this card.
    pub(super) fn new(library: &'static str, card: usize) -> Self {
        Self { library: Some(library), card: format!("emulated {card}"), fault: None }
    }

    pub(super) fn with(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }

    /// What this thread's trainings have from now on.
    pub(super) fn set(cards: Option<Self>) {
        CARDS.set(cards);
    }

    pub(in crate::gpu) fn of_this_thread() -> Self {
        let none = || Self { library: None, card: String::new(), fault: None };
        CARDS.with_borrow(Clone::clone).unwrap_or_else(none)
    }

    pub(in crate::gpu) fn adds_up_by(self) -> Result<[String; 2], String> {
        let library = self.library.ok_or("no library adds up here")?;
        Ok([library.to_owned(), self.card])
    }

    fn fails(&self, fault: Fault) -> Result<(), String> {
        if self.fault == Some(fault) { Err(format!("{fault:?}")) } else { Ok(()) }
    }

    pub(in crate::gpu) fn new_id(&self) -> Result<[u8; 128], String> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        self.fails(Fault::NoId)?;
        let mut id = [0xa5; 128];
        id[120..].copy_from_slice(&IDS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        Ok(id)
    }

    /// Waits for the other ranks, as the library does.
    pub(in crate::gpu) fn join(
        self,
        (rank, size): (usize, usize),
        id: [u8; 128],
    ) -> Result<Communicator, String> {
        static MEETINGS: Mutex<Option<HashMap<[u8; 128], Arc<Meeting>>>> = Mutex::new(None);
        let meeting = {
            let mut meetings = MEETINGS.lock().unwrap_or_else(PoisonError::into_inner);
            meetings.get_or_insert_default().entry(id).or_default().clone()
        };
        let failed = self.fails(Fault::DoesNotJoin);
        let mut state = meeting.state();
        state.joined += 1;
        state.broken |= failed.is_err();
        meeting.changed.notify_all();
        failed?;
        while state.joined < size && !state.broken {
            let waited = meeting.changed.wait_timeout(state, Duration::from_secs(60));
            let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() {
                return Err("the others did not come".to_owned());
            }
        }
        if state.broken {
            return Err("another rank does not join".to_owned());
        }
        drop(state);
        let wrong = self.fault == Some(Fault::AddsWrongly);
        Ok(Communicator { meeting, rank, size, wrong, sums: 0, under_way: None })
    }
}

/// Where the ranks of an id meet.
#[derive(Default)]
struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    joined: usize,
    broken: bool,
    /// What each rank has given to a sum.
    sums: Vec<BTreeMap<usize, Vec<f32>>>,
}

impl Meeting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rank's block among those of the others.
pub(in crate::gpu) struct Communicator {
    meeting: Arc<Meeting>,
    rank: usize,
    size: usize,
    wrong: bool,
    /// Sums that were begun.
    sums: usize,
    /// Where the one under way goes.
    under_way: Option<(Block, usize)>,
}

impl Communicator {
    pub(in crate::gpu) fn sum(&mut self, block: &Block, at: usize, floats: usize) {
        assert!(self.under_way.is_none(), "one sum after another");
        let mut bytes = vec![0; 4 * floats];
        block.read(at, &mut bytes);
        let word = |word: &[u8]| f32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let values = bytes.chunks_exact(4).map(word).collect();
        let mut state = self.meeting.state();
        if state.sums.len() <= self.sums {
            state.sums.resize_with(self.sums + 1, BTreeMap::new);
        }
        state.sums[self.sums].insert(self.rank, values);
        self.sums += 1;
        self.under_way = Some((block.clone(), at));
    }

    /// In the order of the ranks.
    pub(in crate::gpu) fn is_done(&mut self) -> bool {
        let state = self.meeting.state();
        let Some((block, at)) = &self.under_way else { return true };
        let parts = &state.sums[self.sums - 1];
        if parts.len() < self.size {
            return false;
        }
        let add = |sum: Vec<f32>, part: Vec<f32>| sum.iter().zip(&part).map(|(a, b)| a + b).collect();
        let mut sum = parts.values().cloned().reduce(add).unwrap_or_default();
        if self.wrong
            && let Some(last) = sum.last_mut()
        {
            *last += 1.0;
        }
        let bytes: Vec<u8> = sum.iter().flat_map(|value| value.to_le_bytes()).collect();
        block.write(*at, &bytes);
        self.under_way = None;
        true
    }
}
