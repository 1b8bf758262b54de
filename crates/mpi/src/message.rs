//! What a message is: where from, where to, how long.

use std::ffi::c_int;
use std::fmt;

use crate::Error;

/// The first tag that is too large: the standard promises those below.
const TAGS: u32 = 32768;

/// Words that fit in a message, whose bytes a C int counts.
pub(crate) const MOST_WORDS: usize = c_int::MAX as usize / size_of::<u32>();

/// A message between this process and another, which MPI can carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    way: Way,
    /// The other process.
    pub(crate) peer: c_int,
    pub(crate) tag: c_int,
    /// Its length, not negative.
    pub(crate) bytes: c_int,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Send,
    Receive,
}

impl Message {
    /// A message to one of `size` processes.
    pub(crate) fn to(peer: usize, size: usize, tag: u32, words: usize) -> Result<Self, Error> {
        Self::new(Way::Send, peer, size, tag, words)
    }

    /// A message from one of `size` processes.
    pub(crate) fn from(peer: usize, size: usize, tag: u32, words: usize) -> Result<Self, Error> {
        Self::new(Way::Receive, peer, size, tag, words)
    }

    fn new(way: Way, rank: usize, size: usize, tag: u32, words: usize) -> Result<Self, Error> {
        if tag >= TAGS {
            return Err(Error::Tag { tag, limit: TAGS });
        }
        if words > MOST_WORDS {
            return Err(Error::TooLong { words, most: MOST_WORDS });
        }
        match c_int::try_from(rank) {
            Ok(peer) if rank < size => {
                Ok(Self { way, peer, tag: tag.cast_signed(), bytes: (words * size_of::<u32>()) as c_int })
            }
            _ => Err(Error::NoRank { rank, size }),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, word) = match self.way {
            Way::Send => ("sending", "to"),
            Way::Receive => ("receiving", "from"),
        };
        let words = self.bytes as usize / size_of::<u32>();
        write!(f, "{verb} {words} words {word} rank {}, tag {}", self.peer, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_mpi_can_carry_is_told_in_words() {
        let message = Message::to(2, 3, TAGS - 1, MOST_WORDS).unwrap();
        assert_eq!(message.to_string(), "sending 536870911 words to rank 2, tag 32767");
        assert_eq!(message.bytes, c_int::MAX - 3);
        let message = Message::from(0, 1, 0, 0).unwrap();
        assert_eq!(message.to_string(), "receiving 0 words from rank 0, tag 0");
    }

    #[test]
    fn what_mpi_cannot_carry_is_refused() {
        let refused = |rank, tag, words| Message::from(rank, 3, tag, words).unwrap_err();
        assert_eq!(refused(3, 0, 1).to_string(), "no rank 3 in a run of 3; choose one below 3");
        assert!(matches!(refused(usize::MAX, 0, 1), Error::NoRank { .. }));
        assert!(matches!(refused(0, TAGS, 1), Error::Tag { tag: TAGS, limit: TAGS }));
        assert!(matches!(refused(0, u32::MAX, 1), Error::Tag { .. }));
        assert!(matches!(refused(0, 0, MOST_WORDS + 1), Error::TooLong { .. }));
        assert!(matches!(refused(0, 0, usize::MAX), Error::TooLong { .. }));
    }
}
