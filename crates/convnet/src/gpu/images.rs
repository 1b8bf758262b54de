//! Where the images of a batch are when a pass begins.

use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};

use super::card::{self, Card, Feed};
use crate::moved::MovedBatch;
use crate::plan::CompileError;

/// Images (N, C, H, W) of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Images<'a> {
    /// In the host's memory.
    Host(&'a [f32]),
    /// On their way.
    Sent(&'a Sent),
    /// Of the set that the card keeps.
    Kept(&'a MovedBatch),
}

/// Images that are on their way to a GPU, or there. While they live their way carries no others.
pub struct Sent {
    /// Present until it is dropped.
    feed: Option<Feed>,
    floats: usize,
    card: usize,
    home: Sender<Feed>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").field("floats", &self.floats).finish_non_exhaustive()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(feed) = self.feed.take() {
            // Where nobody sends any more nobody needs the way.
            let _ = self.home.send(feed);
        }
    }
}

impl Sent {
    /// The card's number.
    pub(super) fn card(&self) -> usize {
        self.card
    }

    /// Floats of all the images.
    pub(crate) fn floats(&self) -> usize {
        self.floats
    }

    /// Copies the images to a place of a block.
    pub(super) fn take(&self, card: &Card, at: usize) -> Result<(), CompileError> {
        self.feed.as_ref().map_or(Ok(()), |feed| feed.take(card, at))
    }
}

/// Sends images to a GPU while others are computed on: the ways are two, and each is free again once what it brought is dropped.
pub struct Ahead {
    card: usize,
    free: Receiver<Feed>,
    home: Sender<Feed>,
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").finish_non_exhaustive()
    }
}

impl Ahead {
    /// To a card of a number, for up to so many floats.
    pub(super) fn new((card, index): (&Card, usize), floats: usize) -> Result<Self, CompileError> {
        let (home, free) = mpsc::channel();
        for _ in 0..2 {
            home.send(card.feed(4 * floats)?).expect("the other end is here");
        }
        Ok(Self { card: index, free, home })
    }

    /// Sends images, of at most a batch; waits for a free way: whoever holds two batches that were sent waits for ever.
    ///
    /// # Errors
    /// If the GPU fails.
    ///
    /// # Panics
    /// If there are more.
    pub fn send(&self, images: &[f32]) -> Result<Sent, CompileError> {
        let mut feed = self.free.recv().expect("a way, as one of its ends is here");
        let result = feed.send(4 * images.len(), |bytes| card::copy(images, bytes));
        // It goes home with what it brings, or at once.
        let sent = Sent { feed: Some(feed), floats: images.len(), card: self.card, home: self.home.clone() };
        result.map(|()| sent)
    }
}
