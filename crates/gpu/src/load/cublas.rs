//! cuBLAS: matrix products.

use std::ffi::{c_int, c_longlong, c_void};

use super::table;
use crate::Error;
use crate::dnn::Precision;
use crate::view::Format;

table! {
    /// The part of cuBLAS that convnet uses.
    Cublas {
        create: "cublasCreate_v2" (*mut *mut c_void) -> c_int;
        destroy: "cublasDestroy_v2" (*mut c_void) -> c_int;
        property: "cublasGetProperty" (c_int, *mut c_int) -> c_int;
        set_stream: "cublasSetStream_v2" (*mut c_void, *mut c_void) -> c_int;
        set_workspace: "cublasSetWorkspace_v2" (*mut c_void, *mut c_void, usize) -> c_int;
        gemm: "cublasGemmEx" (*mut c_void, c_int, c_int, c_int, c_int, c_int, *const c_void, *const c_void, c_int, c_int, *const c_void, c_int, c_int, *const c_void, *mut c_void, c_int, c_int, c_int, c_int) -> c_int;
        gemm_strided_batched: "cublasGemmStridedBatchedEx" (*mut c_void, c_int, c_int, c_int, c_int, c_int, *const c_void, *const c_void, c_int, c_int, c_longlong, *const c_void, c_int, c_int, c_longlong, *const c_void, *mut c_void, c_int, c_int, c_longlong, c_int, c_int, c_int) -> c_int;
    }
}

impl Cublas {
    /// Its version.
    pub(crate) fn version_text(&self) -> String {
        let part = |which: c_int| {
            let mut value = 0;
            // SAFETY: the function writes one integer.
            unsafe { (self.property)(which, &raw mut value) };
            value.to_string()
        };
        [part(0), part(1), part(2)].join(".")
    }

    /// A status as a result.
    pub(crate) fn check(&self, call: &str, code: c_int) -> Result<(), Error> {
        if code == 0 {
            return Ok(());
        }
        let reason = match code {
            1 => "not initialized",
            3 => "no memory",
            7 => "invalid value",
            8 => "architecture mismatch",
            13 => "execution failed",
            14 => "internal error",
            15 => "not supported",
            _ => "unknown",
        };
        Err(Error::Call { library: "cuBLAS", call: call.into(), code, reason: reason.into() })
    }
}

/// cuBLAS's number for a format.
pub(crate) fn data_type(format: Format) -> c_int {
    match format {
        Format::F32 => 0,
        Format::Bf16 => 14,
    }
}

/// cuBLAS's number for a precision.
pub(crate) fn compute_type(precision: Precision) -> c_int {
    match precision {
        Precision::F32 | Precision::Bf16 => 68,
        Precision::Tf32 => 77,
    }
}
