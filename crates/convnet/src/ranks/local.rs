//! Threads of one process as ranks, for tests.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};

use super::{Ranks, RanksError, Transfer};

type Message = (u32, Vec<u32>);

/// One of the threads.
pub(crate) struct Local {
    rank: usize,
    host: Option<&'static str>,
    to: Vec<Mutex<Sender<Message>>>,
    from: Vec<Arc<Mutex<Inbox>>>,
}

/// What another thread has sent.
struct Inbox {
    messages: Receiver<Message>,
    waiting: HashMap<u32, std::collections::VecDeque<Vec<u32>>>,
}

/// So many ranks, whose hosts have no names: they send everything.
pub(crate) fn local(size: usize) -> Vec<Arc<dyn Ranks>> {
    ranks(&vec![None; size])
}

/// A rank on each of these hosts.
pub(crate) fn local_on(hosts: &[&'static str]) -> Vec<Arc<dyn Ranks>> {
    ranks(&hosts.iter().copied().map(Some).collect::<Vec<_>>())
}

fn ranks(hosts: &[Option<&'static str>]) -> Vec<Arc<dyn Ranks>> {
    let size = hosts.len();
    let mut senders: Vec<Vec<_>> = (0..size).map(|_| Vec::new()).collect();
    let mut inboxes: Vec<Vec<_>> = (0..size).map(|_| Vec::new()).collect();
    for from in 0..size {
        for inbox in &mut inboxes {
            let (sender, messages) = channel();
            senders[from].push(Mutex::new(sender));
            inbox.push(Arc::new(Mutex::new(Inbox { messages, waiting: HashMap::new() })));
        }
    }
    let ranks = senders.into_iter().zip(inboxes).enumerate();
    ranks
        .map(|(rank, (to, from))| Arc::new(Local { rank, host: hosts[rank], to, from }) as Arc<dyn Ranks>)
        .collect()
}

impl Ranks for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn host(&self) -> Option<&str> {
        self.host
    }

    fn send(&self, to: usize, tag: u32, words: Vec<u32>) -> Result<Box<dyn Transfer>, RanksError> {
        let lost = || RanksError::Failed {
            rank: self.rank,
            size: self.size(),
            reason: format!("rank {to} has ended"),
        };
        self.to[to].lock().unwrap().send((tag, words)).map_err(|_| lost())?;
        Ok(Box::new(Letter { inbox: None, tag, count: 0, words: Some(Vec::new()), lost: lost() }))
    }

    fn receive(&self, from: usize, tag: u32, count: usize) -> Result<Box<dyn Transfer>, RanksError> {
        let lost = RanksError::Failed {
            rank: self.rank,
            size: self.size(),
            reason: format!("rank {from} has ended"),
        };
        Ok(Box::new(Letter { inbox: Some(Arc::clone(&self.from[from])), tag, count, words: None, lost }))
    }
}

struct Letter {
    inbox: Option<Arc<Mutex<Inbox>>>,
    tag: u32,
    count: usize,
    words: Option<Vec<u32>>,
    lost: RanksError,
}

impl Transfer for Letter {
    fn is_done(&mut self) -> Result<bool, RanksError> {
        let Some(inbox) = self.inbox.as_ref().filter(|_| self.words.is_none()) else { return Ok(true) };
        let mut inbox = inbox.lock().unwrap();
        let mut gone = false;
        loop {
            match inbox.messages.try_recv() {
                Ok((tag, words)) => inbox.waiting.entry(tag).or_default().push_back(words),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    gone = true;
                    break;
                }
            }
        }
        self.words = inbox.waiting.get_mut(&self.tag).and_then(std::collections::VecDeque::pop_front);
        match &self.words {
            Some(words) => {
                assert_eq!(words.len(), self.count, "words under tag {}", self.tag);
                Ok(true)
            }
            None if gone => Err(self.lost.clone()),
            None => Ok(false),
        }
    }

    fn into_words(self: Box<Self>) -> Vec<u32> {
        self.words.expect("it is done")
    }
}
