//! NCCL: sums over the cards of several processes.

use std::ffi::{CStr, c_char, c_int, c_void};

use super::table;
use crate::Error;

/// By what ranks find one another: `ncclUniqueId`, which goes by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct UniqueId(pub(crate) [u8; 128]);

/// Numbers of single precision, and their sum.
pub(crate) const FLOAT32: c_int = 7;
pub(crate) const SUM: c_int = 0;
/// The status of what is still under way.
pub(crate) const IN_PROGRESS: c_int = 7;

table! {
    /// The part of NCCL that convnet uses.
    Nccl {
        version: "ncclGetVersion" (*mut c_int) -> c_int;
        error_string: "ncclGetErrorString" (c_int) -> *const c_char;
        unique_id: "ncclGetUniqueId" (*mut UniqueId) -> c_int;
        init_rank: "ncclCommInitRank" (*mut *mut c_void, c_int, UniqueId, c_int) -> c_int;
        destroy: "ncclCommDestroy" (*mut c_void) -> c_int;
        abort: "ncclCommAbort" (*mut c_void) -> c_int;
        async_error: "ncclCommGetAsyncError" (*mut c_void, *mut c_int) -> c_int;
        all_reduce: "ncclAllReduce" (*const c_void, *mut c_void, usize, c_int, c_int, *mut c_void, *mut c_void) -> c_int;
    }
}

impl Nccl {
    /// Its version.
    pub(crate) fn version_text(&self) -> String {
        let mut version = 0;
        // SAFETY: the function writes one integer.
        unsafe { (self.version)(&raw mut version) };
        format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100)
    }

    /// A status as a result.
    pub(crate) fn check(&self, call: &str, code: c_int) -> Result<(), Error> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the function gives a static string for every code.
        let reason = unsafe { CStr::from_ptr((self.error_string)(code)) }.to_string_lossy().into_owned();
        Err(Error::Call { library: "NCCL", call: call.into(), code, reason })
    }
}
