//! What ranks agree on before they add up gradients: that these are alike, and where they meet.

use std::io;
use std::time::Duration;

use convnet_kernels::Arena;

use super::super::board::{Board, Lease, Offer};
use super::super::words::{packed, unpacked};
use super::{Joint, Wait};

impl Joint {
    /// Whether so many gradients of a `device`, and by what it is known, are what every rank has: they can be added up only where
    /// all are alike. Every rank asks first of all; what is refused is a failure of each.
    pub(crate) fn compare(&mut self, floats: usize, device: &str) -> bool {
        let Some(heard) = self.gather_text_or_keep(&format!("{floats} gradients of {device}")) else {
            return false;
        };
        let Some(other) = heard.iter().position(|theirs| *theirs != heard[0]) else { return true };
        self.fail(format!(
            "the first rank has {}, rank {other} {}: all must train alike",
            heard[0], heard[other]
        ));
        false
    }

    /// Memory for so many gradients, from which the other ranks read them where they lie: `None` where they are sent, since not
    /// all ranks are on one host or a system has no such memory. Every rank asks for as much.
    pub(crate) fn lend(&mut self, floats: usize) -> Option<(Arena, Lease)> {
        self.board = None;
        if self.failure.is_some() || self.size() == 1 {
            return None;
        }
        let (board, memory) = match self.look_around(floats) {
            Ok(found) => found,
            Err(reason) => {
                self.sent_because = Some(reason);
                return None;
            }
        };
        self.sent_because = None;
        let lease = board.lease();
        self.board = Some(board);
        Some((memory, lease))
    }

    /// Offers memory to the other ranks and looks for theirs: all of them find it, or it is nobody's.
    fn look_around(&mut self, floats: usize) -> Result<(Board, Arena), String> {
        let rank = self.rank();
        let host = self.host().map(str::to_owned);
        let offer = match host {
            Some(_) => Offer::new(floats),
            None => Err(io::Error::other("its host has no name")),
        };
        let host = host.unwrap_or_default();
        let said = offer.as_ref().map(|offer| format!("{}\n{host}", offer.place()));
        let heard = self.heard(&said.unwrap_or_default())?;
        let found = offer.and_then(|offer| {
            let place = |(of, said): (usize, &'_ String)| match said.split_once('\n') {
                Some((place, theirs)) if theirs == host => Ok(place.to_owned()),
                _ => Err(io::Error::other(format!("rank {of} has nothing to share on this host"))),
            };
            let places = heard.iter().enumerate().map(place).collect::<Result<Vec<_>, _>>()?;
            let peers = offer.peers(&places, rank)?;
            Ok((offer, peers))
        });
        let (offer, peers) = self.agree(found.map_err(|error| error.to_string()))?;
        Ok(offer.accepted(peers, rank))
    }

    /// By what the cards of all ranks add up gradients from now on, or why they do not: no memory of a host is looked into where
    /// they do.
    pub(crate) fn meet_on_cards(&mut self, found: Result<String, String>) {
        if found.is_ok() {
            (self.board, self.sent_because) = (None, None);
        }
        self.cards = Some(found);
    }

    /// What this rank has, where every rank has it; else the first reason why one has not, in every rank.
    pub(crate) fn agree<T>(&mut self, own: Result<T, String>) -> Result<T, String> {
        let reason = own.as_ref().err().cloned().unwrap_or_default();
        let reasons = self.heard(&reason)?;
        let failed = reasons.iter().enumerate().find(|(_, reason)| !reason.is_empty());
        match failed {
            Some((rank, reason)) => Err(format!("rank {rank}: {reason}")),
            None => own,
        }
    }

    /// A text of every rank, or that one did not answer, which is kept.
    pub(crate) fn heard(&mut self, said: &str) -> Result<Vec<String>, String> {
        self.gather_text_or_keep(said).ok_or_else(unanswered)
    }

    /// The first rank's bytes. Every rank gives as many.
    pub(crate) fn of_first<const N: usize>(&mut self, own: [u8; N]) -> Result<[u8; N], String> {
        let mut heard = self.gather_or_keep(&packed(&own)).ok_or_else(unanswered)?;
        let mut bytes = unpacked(heard.swap_remove(0), N);
        Ok(std::array::from_fn(|_| bytes.next().unwrap_or_default()))
    }

    /// Waits until every rank has come to the same place of a step; whether all have.
    pub(crate) fn are_all_here(&mut self) -> bool {
        self.gather_or_keep(&[0]).is_some()
    }

    fn gather_text_or_keep(&mut self, said: &str) -> Option<Vec<String>> {
        if self.failure.is_some() {
            return None;
        }
        let heard = self.gather_text(said);
        self.kept(heard)
    }

    /// Waits for what the ranks do together beside their messages, which go on meanwhile. `false` where it is not done in time,
    /// or not within a minute after this rank was told to stop.
    pub(crate) fn wait_for(&self, limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
        let wait = Wait { limit: Some(limit), ..self.wait() };
        let ready = || self.ranks.progress().map(|()| ready());
        wait.until(ready, || self.rank()).is_ok()
    }
}

fn unanswered() -> String {
    "a rank did not answer".to_owned()
}
