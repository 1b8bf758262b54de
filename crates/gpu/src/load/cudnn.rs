//! cuDNN's graph API.

use std::ffi::{CStr, c_char, c_int, c_void};

use super::table;
use crate::Error;

table! {
    /// The part of cuDNN that convnet uses.
    Cudnn {
        version: "cudnnGetVersion" () -> usize;
        error_string: "cudnnGetErrorString" (c_int) -> *const c_char;
        create: "cudnnCreate" (*mut *mut c_void) -> c_int;
        destroy: "cudnnDestroy" (*mut c_void) -> c_int;
        set_stream: "cudnnSetStream" (*mut c_void, *mut c_void) -> c_int;
        create_descriptor: "cudnnBackendCreateDescriptor" (c_int, *mut *mut c_void) -> c_int;
        destroy_descriptor: "cudnnBackendDestroyDescriptor" (*mut c_void) -> c_int;
        finalize: "cudnnBackendFinalize" (*mut c_void) -> c_int;
        set_attribute: "cudnnBackendSetAttribute" (*mut c_void, c_int, c_int, i64, *const c_void) -> c_int;
        get_attribute: "cudnnBackendGetAttribute" (*mut c_void, c_int, c_int, i64, *mut i64, *mut c_void) -> c_int;
        execute: "cudnnBackendExecute" (*mut c_void, *mut c_void, *mut c_void) -> c_int;
    }
}

impl Cudnn {
    /// Its version.
    pub(crate) fn version_text(&self) -> String {
        // SAFETY: the function takes nothing.
        let version = unsafe { (self.version)() };
        format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100)
    }

    /// A status as a result.
    pub(crate) fn check(&self, call: &str, code: c_int) -> Result<(), Error> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the function gives a static string for every code.
        let reason = unsafe { CStr::from_ptr((self.error_string)(code)) }.to_string_lossy().into_owned();
        Err(Error::Call { library: "cuDNN", call: call.into(), code, reason })
    }
}
