//! What a training step and a run need of the other ranks.

mod agreement;

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use convnet_kernels::{Isa, Pool};

use super::board::{Board, Lease};
use super::sum::Sum;
use super::words::{double, halves, packed, unpacked, whole, words};
use super::{Ranks, RanksError, Transfer};

/// Tags of what is sent beside the sums, whose tags are below.
const SUM_TAGS: u32 = 32_000;
const GATHER: u32 = 32_001;
const ORDER: u32 = 32_002;
const BYTES: u32 = 32_003;
const ANSWERS: u32 = 32_004;
/// Words of a message, at most.
const MOST_WORDS: usize = 1 << 22;
/// How long a rank that is in the same step is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// The same once this rank was told to stop: the other one may have been told a little later, and is in its step.
const GRACE: Duration = Duration::from_secs(60);
/// How long a rank is waited for that may write a checkpoint or compile a network, once this one was told to stop.
const LONG_GRACE: Duration = Duration::from_secs(600);
/// Looks before it sleeps, and how long it sleeps between two.
const LOOKS: usize = 2_000;
const SLEEP: Duration = Duration::from_micros(50);

/// Which images of a batch that all ranks share are this rank's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The number of its first image in the batch.
    pub first: usize,
    /// Its images: 0 for a rank that the batch has none for, which looks at one that does not count.
    pub images: usize,
    /// Images of the whole batch.
    pub whole: usize,
    /// The weights of the whole batch's classes, added up; its images where classes have no weights.
    pub weighted: f64,
}

/// The flat gradients of a rank.
pub(crate) struct Gradients<'a> {
    pub(crate) values: &'a mut [f32],
    /// Where they lie in memory that the other ranks look into.
    pub(crate) lease: Option<Lease>,
    pub(crate) pool: &'a Pool,
    pub(crate) isa: Isa,
}

/// The other ranks, to a training step and to a run.
///
/// What fails within a step is kept, and [`Joint::check`] tells it: the step goes on with what it has, and nothing is sent any more.
pub struct Joint {
    ranks: Arc<dyn Ranks>,
    sync_batch_norm: bool,
    stop: Arc<AtomicBool>,
    part: Part,
    /// Whether sums of gradients start while the backward pass goes on.
    early: bool,
    flying: Vec<Sum>,
    sums: u32,
    /// The memory of the other ranks, where all are on one host.
    board: Option<Board>,
    /// Why there is no board.
    sent_because: Option<String>,
    /// By what the ranks' cards add up gradients that lie on them, or why they do not; nothing where there are no cards.
    cards: Option<Result<String, String>>,
    failure: Option<RanksError>,
}

impl fmt::Debug for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joint")
            .field("rank", &self.rank())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// Waits until something is so, which may never be: `other` names whom it waits for.
struct Wait<'a> {
    ranks: &'a dyn Ranks,
    stop: &'a AtomicBool,
    limit: Option<Duration>,
    /// The same, once this rank was told to stop.
    grace: Duration,
}

impl Wait<'_> {
    fn until(
        &self,
        mut ready: impl FnMut() -> Result<bool, RanksError>,
        other: impl Fn() -> usize,
    ) -> Result<(), RanksError> {
        let mut looks = 0;
        let start = Instant::now();
        let mut stopped: Option<Instant> = None;
        while !ready()? {
            looks += 1;
            if looks < LOOKS {
                thread::yield_now();
                continue;
            }
            let (rank, size) = (self.ranks.rank(), self.ranks.size());
            if self.stop.load(Ordering::Relaxed)
                && stopped.get_or_insert_with(Instant::now).elapsed() > self.grace
            {
                return Err(RanksError::Stopped { rank, size, other: other() });
            }
            if self.limit.is_some_and(|limit| start.elapsed() > limit) {
                let seconds = start.elapsed().as_secs();
                return Err(RanksError::Silent { rank, size, other: other(), seconds });
            }
            thread::sleep(SLEEP);
        }
        Ok(())
    }
}

impl Joint {
    /// Trains together with these ranks; `sync_batch_norm` has batch normalizations take the statistics of the whole batch,
    /// not of each rank's part. A `stop` that is raised ends the wait for a rank that does not answer, after a minute in a step
    /// and ten where it may write or compile.
    pub fn new(ranks: Arc<dyn Ranks>, sync_batch_norm: bool, stop: Arc<AtomicBool>) -> Self {
        let part = Part { first: 0, images: 0, whole: 0, weighted: 0.0 };
        Self {
            ranks,
            sync_batch_norm,
            stop,
            part,
            early: false,
            flying: Vec::new(),
            sums: 0,
            board: None,
            sent_because: None,
            cards: None,
            failure: None,
        }
    }

    /// The number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.ranks.rank()
    }

    /// How many ranks there are.
    pub fn size(&self) -> usize {
        self.ranks.size()
    }

    /// The name of this rank's host, where it has one.
    pub(super) fn host(&self) -> Option<&str> {
        self.ranks.host()
    }

    /// Whether this rank was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether batch normalizations take the statistics of the whole batch.
    pub fn syncs_batch_norm(&self) -> bool {
        self.sync_batch_norm
    }

    /// Whether gradients are read where they lie, in the memory of the other ranks, and not sent: where all ranks are on one
    /// host, from the first joint pass on.
    pub fn shares_memory(&self) -> bool {
        self.board.is_some()
    }

    /// Why gradients are sent and not read where they lie, once that was tried in vain.
    pub fn sent_because(&self) -> Option<&str> {
        self.sent_because.as_deref()
    }

    /// The library by which the ranks' GPUs add up gradients where they lie, with its version: from the first joint pass on, where all
    /// ranks have one and can reach each other by it.
    pub fn added_on_gpus_by(&self) -> Option<&str> {
        self.cards.as_ref()?.as_deref().ok()
    }

    /// Why GPUs do not add up gradients where they lie, once that was tried in vain: hosts do it in their memory.
    pub fn added_by_hosts_because(&self) -> Option<&str> {
        self.cards.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// Gives up the memory of the other ranks, before the gradients that lie in it are: the next joint pass asks for it anew.
    #[cfg(feature = "train")]
    pub(crate) fn withdraw(&mut self) {
        self.board = None;
    }

    /// Nothing is sent any more, for this reason.
    pub(crate) fn fail(&mut self, reason: String) {
        let (rank, size) = (self.rank(), self.size());
        self.failure.get_or_insert(RanksError::Failed { rank, size, reason });
    }

    /// What failed. Nothing is sent any more then.
    ///
    /// # Errors
    /// The first failure.
    pub fn check(&mut self) -> Result<(), RanksError> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// The part of the batch under way.
    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// Begins a pass over a part of a batch; `early` where its gradients are the whole update's.
    pub(crate) fn begin(&mut self, part: Part, early: bool) {
        (self.part, self.early) = (part, early);
    }

    /// For ranks that are in the same step.
    fn wait(&self) -> Wait<'_> {
        Wait { ranks: &*self.ranks, stop: &self.stop, limit: Some(PATIENCE), grace: GRACE }
    }

    /// For ranks that may do something that takes long before they come to the same place.
    fn wait_long(&self) -> Wait<'_> {
        Wait { limit: None, grace: LONG_GRACE, ..self.wait() }
    }

    /// Keeps a failure, after which nothing is sent any more.
    fn kept<T>(&mut self, result: Result<T, RanksError>) -> Option<T> {
        result.map_err(|error| self.failure.get_or_insert(error)).ok()
    }

    /// Starts the sum of gradients that are whole here, if it may start now, and lets those under way go on.
    pub(crate) fn ready(
        &mut self,
        gradients: &mut Gradients<'_>,
        ranges: impl Iterator<Item = Range<usize>>,
    ) {
        if !self.early {
            return;
        }
        for range in ranges {
            self.launch(gradients, range);
        }
        self.advance(gradients);
    }

    /// The board, if it was made for these gradients.
    fn board(&mut self, gradients: &Gradients<'_>) -> Option<&mut Board> {
        self.board.as_mut().filter(|board| gradients.lease == Some(board.lease()))
    }

    fn launch(&mut self, gradients: &Gradients<'_>, range: Range<usize>) {
        if self.failure.is_some() {
            return;
        }
        if let Some(board) = self.board(gradients) {
            board.start(range);
            return;
        }
        let tag = self.sums * 2 % SUM_TAGS;
        self.sums = (self.sums + 1) % SUM_TAGS;
        let started = Sum::start(&*self.ranks, range.clone(), &gradients.values[range], tag);
        if let Some(sum) = self.kept(started) {
            self.flying.push(sum);
        }
    }

    fn advance(&mut self, gradients: &mut Gradients<'_>) {
        let mut result = Ok(true);
        if let Some(board) = self.board(gradients) {
            board.advance((gradients.pool, gradients.isa), gradients.values);
            result = self.ranks.progress().map(|()| true);
        }
        for sum in &mut self.flying {
            result = result.and_then(|_| sum.advance(&*self.ranks));
        }
        self.kept(result);
    }

    /// Makes gradients the sum over all ranks: those of which the sum is under way and those at the `late` ranges, or `all`.
    pub(crate) fn join_gradients(
        &mut self,
        mut gradients: Gradients<'_>,
        all: impl Iterator<Item = Range<usize>>,
        late: impl Iterator<Item = Range<usize>>,
    ) {
        match self.early {
            true => late.for_each(|range| self.launch(&gradients, range)),
            false => all.for_each(|range| self.launch(&gradients, range)),
        }
        if self.failure.is_some() {
            self.flying.clear();
            return;
        }
        let result = match self.board.take() {
            Some(mut board) if gradients.lease == Some(board.lease()) => {
                let result = self.finish_board(&mut board, &mut gradients);
                self.board = Some(board);
                result
            }
            board => {
                self.board = board;
                self.finish_sums(&mut gradients)
            }
        };
        self.kept(result);
    }

    /// Waits for the sums that are taken from memory.
    fn finish_board(&self, board: &mut Board, gradients: &mut Gradients<'_>) -> Result<(), RanksError> {
        let open = Cell::new(0);
        let advance = || {
            // A message of this rank's that another one still waits for before it comes here.
            self.ranks.progress()?;
            let done = board.advance((gradients.pool, gradients.isa), gradients.values);
            board.waits_for().into_iter().for_each(|rank| open.set(rank));
            Ok(done)
        };
        self.wait().until(advance, || open.get())
    }

    /// Waits for the sums that are sent.
    fn finish_sums(&mut self, gradients: &mut Gradients<'_>) -> Result<(), RanksError> {
        let mut flying = std::mem::take(&mut self.flying);
        let ranks = &*self.ranks;
        let mut done = vec![false; flying.len()];
        let open = Cell::new(0);
        let advance = || {
            for (sum, done) in flying.iter_mut().zip(&mut done).filter(|(_, done)| !**done) {
                *done = sum.advance(ranks)?;
                sum.waits_for().into_iter().for_each(|rank| open.set(rank));
            }
            Ok(done.iter().all(|done| *done))
        };
        self.wait().until(advance, || open.get())?;
        flying.into_iter().for_each(|sum| sum.write(gradients.values));
        Ok(())
    }

    /// What every rank says, as many words of each, by rank.
    ///
    /// # Errors
    /// If a rank does not answer.
    pub fn gather(&mut self, said: &[u32]) -> Result<Vec<Vec<u32>>, RanksError> {
        self.gather_while(&self.wait(), said)
    }

    /// Waits until every rank has come here, however long that takes.
    ///
    /// # Errors
    /// If one is lost.
    pub fn meet(&mut self) -> Result<(), RanksError> {
        self.gather_while(&self.wait_long(), &[0]).map(drop)
    }

    fn gather_while(&self, wait: &Wait<'_>, said: &[u32]) -> Result<Vec<Vec<u32>>, RanksError> {
        let (rank, size) = (self.rank(), self.size());
        let mut heard = vec![Vec::new(); size];
        heard[rank] = said.to_vec();
        let (mut leaving, mut coming) = (Vec::<(usize, Box<dyn Transfer>)>::new(), Vec::new());
        for other in (0..size).filter(|&other| other != rank) {
            coming.push((other, self.ranks.receive(other, GATHER, said.len())?));
            leaving.push((other, self.ranks.send(other, GATHER, said.to_vec())?));
        }
        for (other, transfer) in coming.iter_mut().chain(&mut leaving) {
            wait.until(|| transfer.is_done(), || *other)?;
        }
        coming.into_iter().for_each(|(other, transfer)| heard[other] = transfer.into_words());
        Ok(heard)
    }

    /// A text of every rank, by rank.
    ///
    /// # Errors
    /// If a rank does not answer.
    pub fn gather_text(&mut self, said: &str) -> Result<Vec<String>, RanksError> {
        let lengths = self.gather(&[said.len() as u32])?;
        let most = lengths.iter().map(|said| said[0]).max().unwrap_or_default() as usize;
        let mut bytes = said.as_bytes().to_vec();
        bytes.resize(most.next_multiple_of(4), 0);
        let heard = self.gather(&packed(&bytes))?;
        let text = |(words, length): (Vec<u32>, Vec<u32>)| {
            let bytes: Vec<u8> = unpacked(words, length[0] as usize).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ok(heard.into_iter().zip(lengths).map(text).collect())
    }

    /// What every rank delivers, one behind the other by rank: so many numbers of each.
    ///
    /// # Errors
    /// If a rank does not answer.
    pub fn collect(&mut self, own: &[f32], counts: &[usize]) -> Result<Vec<f32>, RanksError> {
        let mut all = Vec::new();
        for (other, &count) in counts.iter().enumerate() {
            if other == self.rank() {
                all.extend_from_slice(own);
                continue;
            }
            let mut transfer = self.ranks.receive(other, ANSWERS, count)?;
            self.wait_long().until(|| transfer.is_done(), || other)?;
            all.extend(transfer.into_words().into_iter().map(f32::from_bits));
        }
        Ok(all)
    }

    /// Delivers to the first rank what it collects.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub fn deliver(&mut self, own: &[f32]) -> Result<(), RanksError> {
        let mut transfer = self.ranks.send(0, ANSWERS, words(own))?;
        self.wait().until(|| transfer.is_done(), || 0)
    }

    /// Says something to all other ranks, which [`Joint::hear`] it.
    ///
    /// # Errors
    /// If it cannot be said.
    pub fn tell(&mut self, said: &[u32]) -> Result<(), RanksError> {
        self.send_to_all(ORDER, said)
    }

    /// What the first rank tells: so many words, however long that takes.
    ///
    /// # Errors
    /// If they are lost.
    pub fn hear(&mut self, count: usize) -> Result<Vec<u32>, RanksError> {
        self.receive_from_first(ORDER, count)
    }

    fn send_to_all(&mut self, tag: u32, said: &[u32]) -> Result<(), RanksError> {
        let rank = self.rank();
        for other in (0..self.size()).filter(|&other| other != rank) {
            let mut transfer = self.ranks.send(other, tag, said.to_vec())?;
            self.wait_long().until(|| transfer.is_done(), || other)?;
        }
        Ok(())
    }

    fn receive_from_first(&mut self, tag: u32, count: usize) -> Result<Vec<u32>, RanksError> {
        let mut transfer = self.ranks.receive(0, tag, count)?;
        self.wait_long().until(|| transfer.is_done(), || 0)?;
        Ok(transfer.into_words())
    }

    /// Gives all other ranks bytes of the first one, which they [take](Joint::take).
    ///
    /// # Errors
    /// If they are lost.
    pub fn give(&mut self, bytes: &[u8]) -> Result<(), RanksError> {
        self.send_to_all(BYTES, &halves(bytes.len() as u64))?;
        for part in bytes.chunks(4 * MOST_WORDS) {
            self.send_to_all(BYTES, &packed(part))?;
        }
        Ok(())
    }

    /// The bytes that the first rank gives.
    ///
    /// # Errors
    /// If they are lost.
    pub fn take(&mut self) -> Result<Vec<u8>, RanksError> {
        let length = whole(&self.receive_from_first(BYTES, 2)?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let left = length - bytes.len();
            let words = self.receive_from_first(BYTES, left.div_ceil(4).min(MOST_WORDS))?;
            bytes.extend(unpacked(words, left));
        }
        Ok(bytes)
    }

    /// What every rank says, within a step: `None` once something has failed.
    fn gather_or_keep(&mut self, said: &[u32]) -> Option<Vec<Vec<u32>>> {
        if self.failure.is_some() {
            return None;
        }
        let heard = self.gather(said);
        self.kept(heard)
    }

    /// Makes mean and biased variance of a rank's pixels, so many an image, those of the whole batch's (Chan, Golub and
    /// LeVeque 1979).
    pub(crate) fn join_statistics(&mut self, pixels: usize, [mean, variance]: [&mut [f32]; 2]) {
        let count = (self.part.images * pixels) as u32;
        let said = [&[count], &words(mean)[..], &words(variance)[..]].concat();
        let Some(heard) = self.gather_or_keep(&said) else { return };
        let channels = mean.len();
        let (mut means, mut squares) = (vec![0.0f64; channels], vec![0.0f64; channels]);
        let mut pixels = 0.0f64;
        for theirs in heard.iter().filter(|theirs| theirs[0] > 0) {
            let size = f64::from(theirs[0]);
            let share = size / (pixels + size);
            let of = |at: usize| f64::from(f32::from_bits(theirs[at]));
            for (channel, (mean, square)) in means.iter_mut().zip(&mut squares).enumerate() {
                let delta = of(1 + channel) - *mean;
                *mean += delta * share;
                *square += of(1 + channels + channel) * size + delta * delta * pixels * share;
            }
            pixels += size;
        }
        mean.iter_mut().zip(means).for_each(|(to, value)| *to = value as f32);
        variance.iter_mut().zip(squares).for_each(|(to, value)| *to = (value / pixels) as f32);
    }

    /// Makes sums over a rank's pixels those over the whole batch's; nothing of them for a rank without images, whose pixels
    /// have no part in the batch's mean.
    pub(crate) fn join_sums(&mut self, sums: &mut [f64]) {
        let said: Vec<u32> = sums.iter().flat_map(|sum| halves(sum.to_bits())).collect();
        let Some(heard) = self.gather_or_keep(&said) else { return };
        for (i, sum) in sums.iter_mut().enumerate() {
            let all: f64 = heard.iter().map(|theirs| double(&theirs[2 * i..])).sum();
            *sum = if self.part.images == 0 { 0.0 } else { all };
        }
    }

    /// Makes running statistics the mean of all ranks', each as much as it has images of the batch; those that are not `sound`
    /// do not count.
    pub(crate) fn average<'a>(&mut self, values: impl Iterator<Item = &'a mut f32>, sound: bool) {
        let values: Vec<&mut f32> = values.collect();
        if values.is_empty() {
            return;
        }
        let mut said = vec![if sound { self.part.images as u32 } else { 0 }];
        said.extend(values.iter().map(|x| x.to_bits()));
        let Some(mut heard) = self.gather_or_keep(&said) else { return };
        heard.retain(|theirs| theirs[0] > 0);
        if heard.is_empty() {
            return;
        }
        let whole: f64 = heard.iter().map(|theirs| f64::from(theirs[0])).sum();
        for (i, value) in values.into_iter().enumerate() {
            let share = |theirs: &Vec<u32>| f64::from(theirs[0]) * f64::from(f32::from_bits(theirs[1 + i]));
            *value = (heard.iter().map(share).sum::<f64>() / whole) as f32;
        }
    }
}
