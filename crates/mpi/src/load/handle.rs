//! Handles: how a library names its communicators, data types and messages under way.

use std::ffi::{c_int, c_void};
use std::ptr;

/// A handle of Open MPI: the address of an object that only the library looks into.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Address(pub(crate) *mut c_void);

// SAFETY: the address is never read or written through here; the library's own calls, one at a time, do.
unsafe impl Send for Address {}
// SAFETY: the address is never read or written through here; the library's own calls, one at a time, do.
unsafe impl Sync for Address {}

/// A message under way, as either kind of library names it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request(Address);

/// What a library passes by value for communicators, data types, error handlers and requests.
pub(crate) trait Handle: Copy + PartialEq + Send + Sync + 'static {
    fn to_request(self) -> Request;

    /// The handle of a request that [`Self::to_request`] gave.
    fn of_request(request: Request) -> Self;
}

impl Handle for Address {
    fn to_request(self) -> Request {
        Request(self)
    }

    fn of_request(request: Request) -> Self {
        request.0
    }
}

/// A handle of MPICH.
impl Handle for c_int {
    fn to_request(self) -> Request {
        Request(Address(ptr::without_provenance_mut(self.cast_unsigned() as usize)))
    }

    fn of_request(request: Request) -> Self {
        (request.0.0.addr() as u32).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_their_handles() {
        for handle in [0, 0x2c00_0000, -1_744_830_464, c_int::MIN, c_int::MAX] {
            assert_eq!(c_int::of_request(handle.to_request()), handle);
        }
        let address = Address(ptr::dangling_mut());
        assert!(Address::of_request(address.to_request()) == address);
    }
}
