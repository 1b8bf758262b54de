//! The functions of a library, whichever binary interface it has.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::Found;
use super::handle::{Address, Handle, Request};
use crate::Error;

/// Calls of several threads, one at a time; the levels are numbered alike in both kinds of library.
pub(crate) const THREAD_SERIALIZED: c_int = 2;

/// Bytes for a text: twice MPICH's library version, the longest text that a library promises not to pass.
const TEXT: usize = 16384;

/// What a library tells of a message. Only the library looks into it; it is larger than any library's.
#[repr(C, align(16))]
struct Status([u8; 128]);

/// A library's functions; errors are its status codes.
pub(crate) trait Calls: Send + Sync {
    /// The library's version.
    fn library_version(&self) -> Result<String, c_int>;

    /// Whether a request is that of no message, as it becomes when its message is done.
    fn is_no_request(&self, request: Request) -> bool;

    /// Initializes MPI, and tells the thread level that the library gives.
    ///
    /// # Safety
    /// MPI was never initialized in this process, and no other call runs.
    unsafe fn initialize(&self, thread_level: c_int) -> Result<c_int, c_int>;

    /// Has errors returned as codes; until then they end the process.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs.
    unsafe fn return_errors(&self) -> Result<(), c_int>;

    /// This process's rank.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs.
    unsafe fn rank(&self) -> Result<c_int, c_int>;

    /// Processes of the run.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs.
    unsafe fn size(&self) -> Result<c_int, c_int>;

    /// The name of this host.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs.
    unsafe fn host(&self) -> Result<String, c_int>;

    /// Starts to send.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs. `data` has `bytes` bytes, which stay and do not change
    /// until the request is done.
    unsafe fn send(&self, data: *const u8, bytes: c_int, to: c_int, tag: c_int) -> Result<Request, c_int>;

    /// Starts to receive.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs. `data` has room for `bytes` bytes, which nobody else
    /// reads or writes until the request is done.
    unsafe fn receive(&self, data: *mut u8, bytes: c_int, from: c_int, tag: c_int) -> Result<Request, c_int>;

    /// Lets the library work, and tells how many bytes the next message of a rank and tag has, if it has come.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs.
    unsafe fn probe(&self, from: c_int, tag: c_int) -> Result<Option<c_int>, c_int>;

    /// Lets the library work, and tells whether a request is done.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs. The request is of `send` or `receive`, and not done.
    unsafe fn test(&self, request: &mut Request) -> Result<bool, c_int>;

    /// An error in words.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs.
    unsafe fn reason(&self, code: c_int) -> Result<String, c_int>;

    /// Ends MPI in this process.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs. No request is under way.
    unsafe fn finalize(&self) -> Result<(), c_int>;

    /// Ends all processes of the run. Returns only if the library cannot.
    ///
    /// # Safety
    /// MPI is initialized and not finalized, and no other call runs.
    unsafe fn abort(&self, status: c_int);
}

/// The functions of Open MPI, whose handles are addresses of objects that it exports.
pub(super) fn open_mpi(found: &Found) -> Result<Box<dyn Calls>, Error> {
    let object = |symbol| found.object(symbol).map(Address);
    Ok(Box::new(Table {
        functions: Functions::bind(found)?,
        world: object("ompi_mpi_comm_world")?,
        byte: object("ompi_mpi_byte")?,
        errors_return: object("ompi_mpi_errors_return")?,
        no_request: object("ompi_request_null")?,
    }))
}

/// The functions of MPICH, whose handles are numbers that its binary interface fixes.
pub(super) fn mpich(found: &Found) -> Result<Box<dyn Calls>, Error> {
    Ok(Box::new(Table::<c_int> {
        functions: Functions::bind(found)?,
        world: 0x4400_0000,
        byte: 0x4c00_010d,
        errors_return: 0x5400_0001,
        no_request: 0x2c00_0000,
    }))
}

struct Table<H> {
    functions: Functions<H>,
    world: H,
    byte: H,
    errors_return: H,
    no_request: H,
}

macro_rules! functions {
    ($($field:ident: $symbol:literal ($($argument:ty),*);)*) => {
        struct Functions<H> {
            $($field: unsafe extern "C" fn($($argument),*) -> c_int,)*
        }

        impl<H: Handle> Functions<H> {
            /// Binds the functions of a library whose handles are `H`.
            fn bind(found: &Found) -> Result<Self, Error> {
                Ok(Self {
                    // SAFETY: the symbols have these signatures in the standard, with the handles of the library's header.
                    $($field: unsafe { found.function($symbol)? },)*
                })
            }
        }
    };
}

functions! {
    library_version: "MPI_Get_library_version" (*mut c_char, *mut c_int);
    initialize: "MPI_Init_thread" (*mut c_int, *mut *mut *mut c_char, c_int, *mut c_int);
    set_errors: "MPI_Comm_set_errhandler" (H, H);
    rank: "MPI_Comm_rank" (H, *mut c_int);
    size: "MPI_Comm_size" (H, *mut c_int);
    host: "MPI_Get_processor_name" (*mut c_char, *mut c_int);
    send: "MPI_Isend" (*const c_void, c_int, H, c_int, c_int, H, *mut H);
    receive: "MPI_Irecv" (*mut c_void, c_int, H, c_int, c_int, H, *mut H);
    probe: "MPI_Iprobe" (c_int, c_int, H, *mut c_int, *mut Status);
    test: "MPI_Test" (*mut H, *mut c_int, *mut Status);
    count: "MPI_Get_count" (*const Status, H, *mut c_int);
    reason: "MPI_Error_string" (c_int, *mut c_char, *mut c_int);
    finalize: "MPI_Finalize" ();
    abort: "MPI_Abort" (H, c_int);
}

/// A status as a result.
fn check(code: c_int) -> Result<(), c_int> {
    if code == 0 { Ok(()) } else { Err(code) }
}

/// The number that a call writes.
fn number(call: impl FnOnce(*mut c_int) -> c_int) -> Result<c_int, c_int> {
    let mut number = 0;
    check(call(&raw mut number))?;
    Ok(number)
}

/// The text that a call writes, of less than [`TEXT`] bytes, and its length.
fn text(call: impl FnOnce(*mut c_char, *mut c_int) -> c_int) -> Result<String, c_int> {
    let mut buffer = vec![0_u8; TEXT];
    let mut length = 0;
    check(call(buffer.as_mut_ptr().cast(), &raw mut length))?;
    let written = buffer.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(written).into_owned())
}

impl<H: Handle> Calls for Table<H> {
    fn library_version(&self) -> Result<String, c_int> {
        // SAFETY: the standard allows this call at any time and in any thread; the buffer is longer than any library's text.
        text(|buffer, length| unsafe { (self.functions.library_version)(buffer, length) })
    }

    fn is_no_request(&self, request: Request) -> bool {
        H::of_request(request) == self.no_request
    }

    unsafe fn initialize(&self, thread_level: c_int) -> Result<c_int, c_int> {
        let no_arguments = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the caller sees to it that MPI was never initialized; the standard allows null for both arguments.
        number(|provided| unsafe {
            (self.functions.initialize)(no_arguments.0, no_arguments.1, thread_level, provided)
        })
    }

    unsafe fn return_errors(&self) -> Result<(), c_int> {
        // SAFETY: the caller sees to it that MPI runs and that this is the only call.
        check(unsafe { (self.functions.set_errors)(self.world, self.errors_return) })
    }

    unsafe fn rank(&self) -> Result<c_int, c_int> {
        // SAFETY: the caller sees to it that MPI runs and that this is the only call.
        number(|rank| unsafe { (self.functions.rank)(self.world, rank) })
    }

    unsafe fn size(&self) -> Result<c_int, c_int> {
        // SAFETY: the caller sees to it that MPI runs and that this is the only call.
        number(|size| unsafe { (self.functions.size)(self.world, size) })
    }

    unsafe fn host(&self) -> Result<String, c_int> {
        // SAFETY: the caller sees to it that MPI runs and that this is the only call; the buffer is longer than any
        // library's text.
        text(|buffer, length| unsafe { (self.functions.host)(buffer, length) })
    }

    unsafe fn send(&self, data: *const u8, bytes: c_int, to: c_int, tag: c_int) -> Result<Request, c_int> {
        let mut request = self.no_request;
        // SAFETY: the caller sees to it that MPI runs, that this is the only call, and that the bytes stay.
        let code = unsafe {
            (self.functions.send)(data.cast(), bytes, self.byte, to, tag, self.world, &raw mut request)
        };
        check(code).map(|()| request.to_request())
    }

    unsafe fn receive(&self, data: *mut u8, bytes: c_int, from: c_int, tag: c_int) -> Result<Request, c_int> {
        let mut request = self.no_request;
        // SAFETY: the caller sees to it that MPI runs, that this is the only call, and that the room stays.
        let code = unsafe {
            (self.functions.receive)(data.cast(), bytes, self.byte, from, tag, self.world, &raw mut request)
        };
        check(code).map(|()| request.to_request())
    }

    unsafe fn probe(&self, from: c_int, tag: c_int) -> Result<Option<c_int>, c_int> {
        let mut status = Status([0; 128]);
        // SAFETY: the caller sees to it that MPI runs and that this is the only call; the status is larger than any
        // library's.
        let come =
            number(|come| unsafe { (self.functions.probe)(from, tag, self.world, come, &raw mut status) })?;
        if come == 0 {
            return Ok(None);
        }
        // SAFETY: the caller sees to it that MPI runs and that this is the only call; the status is of a message that came.
        number(|bytes| unsafe { (self.functions.count)(&raw const status, self.byte, bytes) }).map(Some)
    }

    unsafe fn test(&self, request: &mut Request) -> Result<bool, c_int> {
        let mut handle = H::of_request(*request);
        let mut status = Status([0; 128]);
        // SAFETY: the caller sees to it that MPI runs, that this is the only call, and that the request is under way; the
        // status is larger than any library's.
        let done = number(|done| unsafe { (self.functions.test)(&raw mut handle, done, &raw mut status) });
        *request = handle.to_request();
        Ok(done? != 0)
    }

    unsafe fn reason(&self, code: c_int) -> Result<String, c_int> {
        // SAFETY: the caller sees to it that MPI runs and that this is the only call; the buffer is longer than any
        // library's text.
        text(|buffer, length| unsafe { (self.functions.reason)(code, buffer, length) })
    }

    unsafe fn finalize(&self) -> Result<(), c_int> {
        // SAFETY: the caller sees to it that MPI runs, that this is the only call, and that no request is under way.
        check(unsafe { (self.functions.finalize)() })
    }

    unsafe fn abort(&self, status: c_int) {
        // SAFETY: the caller sees to it that MPI runs and that this is the only call.
        let _returned = unsafe { (self.functions.abort)(self.world, status) };
    }
}
