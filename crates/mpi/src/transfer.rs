//! Messages under way.

use std::ffi::c_int;
use std::mem;

use crate::Error;
use crate::inbox::Place;
use crate::load::Request;
use crate::message::Message;
use crate::session::{Arrival, Session, Tested};

/// A message under way, which owns its words.
///
/// One that is dropped before it is done leaves its words to the library, which may still read or write them: they are not
/// freed. A receive that is dropped before its message has come is given up, and the message goes to the next one.
#[must_use = "a message arrives only while its transfer is asked whether it is done"]
pub struct Transfer {
    session: &'static Session,
    message: Message,
    words: Vec<u32>,
    stage: Stage,
}

enum Stage {
    /// The message has not come.
    Waiting(Place),
    UnderWay {
        request: Request,
        /// The message's own length, whatever is expected.
        bytes: c_int,
    },
    Done,
    Failed(Error),
}

impl Transfer {
    /// Starts to send.
    ///
    /// # Panics
    /// If the words do not have the message's length.
    pub(crate) fn send(session: &'static Session, message: Message, words: Vec<u32>) -> Result<Self, Error> {
        assert_eq!(size_of_val(&*words), message.bytes as usize, "{message}");
        // SAFETY: the length is asserted. The vector is kept until the request is over, or never freed; nobody writes it.
        let request = unsafe { session.turn()?.send(&message, words.as_ptr())? };
        Ok(Self { session, message, words, stage: Stage::UnderWay { request, bytes: message.bytes } })
    }

    /// Starts to receive.
    pub(crate) fn receive(session: &'static Session, message: Message) -> Result<Self, Error> {
        let place = session.turn()?.wait(&message);
        Ok(Self { session, message, words: Vec::new(), stage: Stage::Waiting(place) })
    }

    /// Asks the library whether the message is sent or received, and lets it work on all that is under way.
    ///
    /// # Errors
    /// If the message failed, or has another length than expected; from then on always.
    pub fn is_done(&mut self) -> Result<bool, Error> {
        match self.stage {
            Stage::Waiting(place) => {
                let mut turn = self.session.turn()?;
                let arrival = turn.arrival(&self.message, place).inspect_err(|_| turn.leave(place));
                drop(turn);
                match arrival {
                    Ok(None) => Ok(false),
                    Ok(Some(Arrival { request, words, bytes })) => {
                        self.stage = Stage::UnderWay { request, bytes };
                        self.words = words;
                        self.test(request, bytes)
                    }
                    Err(error) => Err(self.fail(error)),
                }
            }
            Stage::UnderWay { request, bytes } => self.test(request, bytes),
            Stage::Done => Ok(true),
            Stage::Failed(ref error) => Err(error.clone()),
        }
    }

    fn test(&mut self, mut request: Request, bytes: c_int) -> Result<bool, Error> {
        let mut turn = self.session.turn()?;
        // SAFETY: a request is in the stage that it was taken from, and goes back to it, only while it is under way.
        let tested = unsafe { turn.test(&self.message, &mut request) };
        drop(turn);
        match tested {
            Tested::UnderWay => {
                self.stage = Stage::UnderWay { request, bytes };
                Ok(false)
            }
            Tested::Done if bytes == self.message.bytes => {
                self.stage = Stage::Done;
                Ok(true)
            }
            Tested::Done => {
                let (bytes, expected) = (bytes as usize, self.message.bytes as usize);
                Err(self.fail(Error::Length { message: self.message.to_string(), bytes, expected }))
            }
            Tested::Failed { error, is_over } => {
                if !is_over {
                    mem::forget(mem::take(&mut self.words));
                }
                Err(self.fail(error))
            }
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.stage = Stage::Failed(error.clone());
        error
    }

    /// The words that were received, or that were sent.
    ///
    /// # Panics
    /// If it is not done.
    pub fn into_words(mut self) -> Vec<u32> {
        assert!(matches!(self.stage, Stage::Done), "not done: {}", self.message);
        mem::take(&mut self.words)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        match self.stage {
            Stage::Waiting(place) => {
                // After the end nobody waits.
                if let Ok(mut turn) = self.session.turn() {
                    turn.leave(place);
                }
            }
            Stage::UnderWay { .. } => mem::forget(mem::take(&mut self.words)),
            Stage::Done | Stage::Failed(_) => {}
        }
    }
}
