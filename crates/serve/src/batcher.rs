//! Requests that come at once, answered as one batch: a queue of bounded length and a thread that owns the network's
//! memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use convnet::exec::{Engine, RunError, Session};
use tokio::sync::oneshot;

use crate::body::Hold;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// The way to the network.
#[derive(Debug)]
pub(crate) struct Batcher {
    queue: SyncSender<Job>,
    /// Requests of which a part has come.
    arriving: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    thread: JoinHandle<()>,
}

/// Images of one request.
#[derive(Debug)]
struct Job {
    /// N·C·H·W.
    images: Vec<f32>,
    count: usize,
    since: Instant,
    answer: oneshot::Sender<Result<Vec<f32>, RunError>>,
    /// The memory of the request.
    _hold: Hold,
}

/// A request that is being read: others wait a little for it.
#[derive(Debug)]
pub(crate) struct Arriving(Arc<AtomicUsize>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Batcher {
    /// Starts the thread. It ends when this is dropped.
    pub(crate) fn start(
        engine: &Engine,
        wait: Duration,
        queue: usize,
        metrics: Arc<Metrics>,
    ) -> Result<Self, io::Error> {
        let (sender, receiver) = sync_channel(queue);
        let arriving = Arc::<AtomicUsize>::default();
        let session = engine.session().map_err(io::Error::other)?;
        let mut worker = Worker {
            most: engine.batch(),
            session,
            wait,
            receiver,
            held: None,
            arriving: Arc::clone(&arriving),
            metrics: Arc::clone(&metrics),
            last: 1,
        };
        let thread = thread::Builder::new().name("batches".to_owned()).spawn(move || worker.work())?;
        Ok(Self { queue: sender, arriving, metrics, thread })
    }

    /// Whether the network answers: its thread is there.
    pub(crate) fn is_ready(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Tells that a request is being read.
    pub(crate) fn arriving(&self) -> Arriving {
        self.arriving.fetch_add(1, Ordering::Relaxed);
        Arriving(Arc::clone(&self.arriving))
    }

    /// What the network gives for some images.
    pub(crate) async fn run(
        &self,
        images: Vec<f32>,
        count: usize,
        hold: Hold,
        arriving: Option<Arriving>,
    ) -> Result<Vec<f32>, Problem> {
        let (answer, given) = oneshot::channel();
        let job = Job { images, count, since: Instant::now(), answer, _hold: hold };
        self.metrics.waiting.inc();
        let queued = self.queue.try_send(job);
        drop(arriving);
        if let Err(error) = queued {
            self.metrics.waiting.dec();
            return Err(match error {
                TrySendError::Full(_) => Problem::busy("too many requests wait for the network: ask again"),
                TrySendError::Disconnected(_) => Problem::inside("the network's thread has ended"),
            });
        }
        given.await.map_err(|_| Problem::inside("the network's thread has ended"))?.map_err(Problem::inside)
    }
}

/// What the thread has.
struct Worker {
    session: Session,
    /// Images of a batch, at most.
    most: usize,
    wait: Duration,
    receiver: Receiver<Job>,
    /// A job that did not fit in the batch before.
    held: Option<Job>,
    arriving: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    /// Requests of the last batch: as many are likely to follow.
    last: usize,
}

impl Worker {
    fn work(&mut self) {
        while let Some(mut jobs) = self.gather() {
            for job in &jobs {
                self.metrics.waited(job.since.elapsed());
            }
            self.metrics.waiting.dec_by(jobs.len() as i64);
            // Nobody waits for these any more.
            jobs.retain(|job| !job.answer.is_closed());
            if !jobs.is_empty() {
                self.answer(jobs);
            }
        }
    }

    /// The requests of the next batch; `None` once there will be no more.
    fn gather(&mut self) -> Option<Vec<Job>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.receiver.recv().ok()?,
        };
        let mut count = first.count;
        let mut jobs = vec![first];
        let until = Instant::now() + self.wait;
        while count < self.most {
            // A request that comes alone is not kept waiting.
            let patient = jobs.len() < self.last || self.arriving.load(Ordering::Relaxed) > 0;
            let left = if patient { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            match self.receiver.recv_timeout(left) {
                Ok(job) if count + job.count > self.most => {
                    self.held = Some(job);
                    break;
                }
                Ok(job) => {
                    count += job.count;
                    jobs.push(job);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.last = jobs.len();
        Some(jobs)
    }

    fn answer(&mut self, mut jobs: Vec<Job>) {
        if jobs.len() == 1 {
            let job = jobs.remove(0);
            let output = self.run(&job.images, job.count, &|| !job.answer.is_closed());
            // A client that is gone misses nothing.
            let _ = job.answer.send(output);
            return;
        }
        let images: Vec<f32> = jobs.iter().flat_map(|job| job.images.iter().copied()).collect();
        let count: usize = jobs.iter().map(|job| job.count).sum();
        let output = self.run(&images, count, &|| true);
        let mut rest = output.as_deref().unwrap_or_default();
        let each = rest.len() / count;
        for job in jobs {
            let (own, others) = rest.split_at(each * job.count);
            rest = others;
            let _ = job.answer.send(match &output {
                Ok(_) => Ok(own.to_vec()),
                Err(error) => Err(error.clone()),
            });
        }
    }

    /// What the network gives for images, a batch at a time, as long as it is wanted.
    fn run(
        &mut self,
        images: &[f32],
        count: usize,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Vec<f32>, RunError> {
        let each = images.len() / count;
        let mut all = Vec::new();
        for part in images.chunks(each * self.most) {
            if !is_wanted() {
                break;
            }
            let started = Instant::now();
            let output = self.session.run(part)?;
            self.metrics.computed(part.len() / each, started.elapsed());
            match all.is_empty() {
                true => all = output.into_vec(),
                false => all.extend_from_slice(output.as_slice()),
            }
        }
        Ok(all)
    }
}
