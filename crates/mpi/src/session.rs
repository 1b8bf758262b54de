//! An initialized library, called by one thread at a time.

use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::inbox::{Inbox, Place};
use crate::load::{Calls, Request};
use crate::message::Message;

/// An initialized library.
pub(crate) struct Session {
    calls: Box<dyn Calls>,
    state: Mutex<State>,
}

struct State {
    finished: bool,
    /// Messages whose requests the library has.
    under_way: usize,
    inbox: Inbox<Arrival>,
}

/// A message that has come and is being received. Its words must not be freed before its request is over.
pub(crate) struct Arrival {
    pub(crate) request: Request,
    /// Room for the whole message.
    pub(crate) words: Vec<u32>,
    /// Its length.
    pub(crate) bytes: c_int,
}

/// The right to call the library: it is initialized and not finalized, and no other thread calls it.
pub(crate) struct Turn<'a> {
    calls: &'a dyn Calls,
    state: MutexGuard<'a, State>,
}

/// What became of a request.
pub(crate) enum Tested {
    UnderWay,
    Done,
    Failed {
        error: Error,
        /// The library is done with the words.
        is_over: bool,
    },
}

impl Session {
    /// Takes over a library.
    ///
    /// # Safety
    /// MPI is initialized by these calls and not finalized, and from now on it is called by this session alone.
    pub(crate) unsafe fn new(calls: Box<dyn Calls>) -> Self {
        Self { calls, state: Mutex::new(State { finished: false, under_way: 0, inbox: Inbox::new() }) }
    }

    /// Waits until no other thread calls the library.
    pub(crate) fn turn(&self) -> Result<Turn<'_>, Error> {
        // A panic leaves no step of the state half done.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.finished { Err(Error::Finished) } else { Ok(Turn { calls: &*self.calls, state }) }
    }
}

impl Turn<'_> {
    /// Has errors returned as codes, and tells this process's rank and the run's size.
    pub(crate) fn start(&self) -> Result<(usize, usize), Error> {
        // SAFETY: a turn is held: MPI runs, and this is the only call.
        let returned = unsafe { self.calls.return_errors() };
        self.check(returned, || "MPI_Comm_set_errhandler".into())?;
        // SAFETY: a turn is held: MPI runs, and this is the only call.
        let (rank, size) = unsafe { (self.calls.rank(), self.calls.size()) };
        let rank = self.check(rank, || "MPI_Comm_rank".into())?;
        let size = self.check(size, || "MPI_Comm_size".into())?;
        Ok((rank as usize, size as usize))
    }

    /// The name of this host.
    pub(crate) fn host(&self) -> Result<String, Error> {
        // SAFETY: a turn is held: MPI runs, and this is the only call.
        let host = unsafe { self.calls.host() };
        self.check(host, || "MPI_Get_processor_name".into())
    }

    /// Starts to send.
    ///
    /// # Safety
    /// `words` has the message's length. Until [`Self::test`] tells that the request is over, the words stay where they are
    /// and nobody writes them.
    pub(crate) unsafe fn send(&mut self, message: &Message, words: *const u32) -> Result<Request, Error> {
        let Message { peer, tag, bytes, .. } = *message;
        // SAFETY: a turn is held: MPI runs, and this is the only call; the caller sees to the words.
        let request = unsafe { self.calls.send(words.cast(), bytes, peer, tag) };
        let request = self.check(request, || message.to_string())?;
        self.state.under_way += 1;
        Ok(request)
    }

    /// Lets the library work on what is under way.
    pub(crate) fn progress(&self) -> Result<(), Error> {
        // SAFETY: a turn is held: MPI runs, and this is the only call. A message that has come stays where it is.
        let come = unsafe { self.calls.probe(0, 0) };
        self.check(come, || "MPI_Iprobe".into()).map(drop)
    }

    /// Has a receive wait for its message.
    pub(crate) fn wait(&mut self, message: &Message) -> Place {
        self.state.inbox.wait(message.peer, message.tag)
    }

    /// Lets the library work; the message that a receive waits for, if it has come.
    ///
    /// A message is received once its length is known: Open MPI writes beyond the buffer of a receive that is too short.
    pub(crate) fn arrival(&mut self, message: &Message, place: Place) -> Result<Option<Arrival>, Error> {
        loop {
            if let Some(arrival) = self.state.inbox.take(place) {
                return Ok(Some(arrival));
            }
            // SAFETY: a turn is held: MPI runs, and this is the only call.
            let come = unsafe { self.calls.probe(message.peer, message.tag) };
            let Some(bytes) = self.check(come, || message.to_string())? else { return Ok(None) };
            let mut words = vec![0_u32; (bytes as usize).div_ceil(size_of::<u32>())];
            let room = words.as_mut_ptr().cast();
            // SAFETY: a turn is held: MPI runs, and this is the only call. It receives the message that was probed, since no
            // call came between and messages of one rank and tag keep their order. The words, which have room for it, are
            // kept in the inbox and then in a transfer until the request is over.
            let request = unsafe { self.calls.receive(room, bytes, message.peer, message.tag) };
            let request = self.check(request, || message.to_string())?;
            self.state.under_way += 1;
            let first = self.state.inbox.first(place);
            self.state.inbox.give(first, Arrival { request, words, bytes });
        }
    }

    /// Has a receive wait no more.
    pub(crate) fn leave(&mut self, place: Place) {
        self.state.inbox.leave(place);
    }

    /// Lets the library work, and tells what became of a message.
    ///
    /// # Safety
    /// The request is of [`Self::send`] or [`Self::arrival`], and has only been under way since.
    pub(crate) unsafe fn test(&mut self, message: &Message, request: &mut Request) -> Tested {
        // SAFETY: a turn is held: MPI runs, and this is the only call; the caller sees to the request.
        let tested = unsafe { self.calls.test(request) };
        let is_over = self.calls.is_no_request(*request);
        if is_over {
            self.state.under_way -= 1;
        }
        match self.check(tested, || message.to_string()) {
            Ok(false) => Tested::UnderWay,
            Ok(true) => Tested::Done,
            Err(error) => Tested::Failed { error, is_over },
        }
    }

    /// Ends MPI in this process.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let count = self.state.under_way + self.state.inbox.waiting();
        if count > 0 {
            return Err(Error::UnderWay { count });
        }
        self.state.finished = true;
        // SAFETY: a turn is held: MPI runs, and this is the only call; no request is under way. No turn follows.
        let finalized = unsafe { self.calls.finalize() };
        finalized.map_err(|code| Error::Call {
            call: "MPI_Finalize".into(),
            reason: "the run does not end as it should".into(),
            code,
        })
    }

    /// Ends all processes of the run.
    pub(crate) fn abort(self, status: c_int) -> ! {
        // SAFETY: a turn is held: MPI runs, and this is the only call.
        unsafe { self.calls.abort(status) };
        std::process::exit(status)
    }

    /// A status in the library's words.
    fn check<T>(&self, result: Result<T, c_int>, call: impl FnOnce() -> String) -> Result<T, Error> {
        result.map_err(|code| {
            // SAFETY: a turn is held: MPI runs, and this is the only call.
            let reason =
                unsafe { self.calls.reason(code) }.unwrap_or_else(|_| "an error without words".into());
            let lines: Vec<_> = reason.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            Error::Call { call: call(), reason: lines.join("; "), code }
        })
    }
}
