//! Receives that wait for their messages: those of one rank and tag get them in the order in which they were started.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;

/// A receive's place among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    from: c_int,
    tag: c_int,
    /// Receives that were started before.
    number: u64,
}

/// Receives that wait, and messages that came for one while another was asked.
pub(crate) struct Inbox<M> {
    started: u64,
    waiting: BTreeSet<Place>,
    arrived: BTreeMap<Place, M>,
}

impl<M> Inbox<M> {
    pub(crate) fn new() -> Self {
        Self { started: 0, waiting: BTreeSet::new(), arrived: BTreeMap::new() }
    }

    /// Receives that have no message.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Has one more receive wait.
    pub(crate) fn wait(&mut self, from: c_int, tag: c_int) -> Place {
        let place = Place { from, tag, number: self.started };
        self.started += 1;
        self.waiting.insert(place);
        place
    }

    /// The receive of the same rank and tag that is to get the next message: this one, or one before it.
    pub(crate) fn first(&self, place: Place) -> Place {
        let same = Place { number: 0, ..place }..=place;
        self.waiting.range(same).next().copied().unwrap_or(place)
    }

    /// Gives a receive its message.
    pub(crate) fn give(&mut self, place: Place, message: M) {
        self.waiting.remove(&place);
        self.arrived.insert(place, message);
    }

    /// The message that a receive was given.
    pub(crate) fn take(&mut self, place: Place) -> Option<M> {
        self.arrived.remove(&place)
    }

    /// Has a receive wait no more: the next message goes to the next.
    pub(crate) fn leave(&mut self, place: Place) {
        self.waiting.remove(&place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_to_receives_in_the_order_of_their_start() {
        let mut inbox = Inbox::new();
        let [first, other, second, third] =
            [(1, 5), (1, 6), (1, 5), (1, 5)].map(|(from, tag)| inbox.wait(from, tag));
        assert_eq!(inbox.waiting(), 4);
        assert_eq!(inbox.first(third), first);
        assert_eq!(inbox.first(other), other);
        inbox.give(first, "a");
        assert_eq!(inbox.first(third), second);
        inbox.leave(second);
        assert_eq!(inbox.first(third), third);
        inbox.give(third, "b");
        assert_eq!([third, second, first].map(|place| inbox.take(place)), [Some("b"), None, Some("a")]);
        assert_eq!((inbox.waiting(), inbox.take(first)), (1, None));
    }
}
