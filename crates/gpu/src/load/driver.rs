//! The driver's functions.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use super::{Found, table};
use crate::Error;

/// The least CUDA version whose driver and libraries will do.
pub(crate) const LEAST_CUDA: i32 = 12;

/// A pointer that only the driver looks behind.
pub(crate) type Handle = *mut c_void;

table! {
    /// The part of the driver that convnet uses.
    Functions {
        init: "cuInit" (c_uint) -> c_int;
        driver_version: "cuDriverGetVersion" (*mut c_int) -> c_int;
        error_string: "cuGetErrorString" (c_int, *mut *const c_char) -> c_int;
        device_count: "cuDeviceGetCount" (*mut c_int) -> c_int;
        device: "cuDeviceGet" (*mut c_int, c_int) -> c_int;
        device_name: "cuDeviceGetName" (*mut c_char, c_int, c_int) -> c_int;
        device_attribute: "cuDeviceGetAttribute" (*mut c_int, c_int, c_int) -> c_int;
        device_uuid: "cuDeviceGetUuid_v2" (*mut [u8; 16], c_int) -> c_int;
        device_memory: "cuDeviceTotalMem_v2" (*mut usize, c_int) -> c_int;
        retain_context: "cuDevicePrimaryCtxRetain" (*mut Handle, c_int) -> c_int;
        release_context: "cuDevicePrimaryCtxRelease_v2" (c_int) -> c_int;
        set_context: "cuCtxSetCurrent" (Handle) -> c_int;
        stream_create: "cuStreamCreate" (*mut Handle, c_uint) -> c_int;
        stream_destroy: "cuStreamDestroy_v2" (Handle) -> c_int;
        stream_synchronize: "cuStreamSynchronize" (Handle) -> c_int;
        stream_wait: "cuStreamWaitEvent" (Handle, Handle, c_uint) -> c_int;
        event_create: "cuEventCreate" (*mut Handle, c_uint) -> c_int;
        event_record: "cuEventRecord" (Handle, Handle) -> c_int;
        event_synchronize: "cuEventSynchronize" (Handle) -> c_int;
        event_query: "cuEventQuery" (Handle) -> c_int;
        event_elapsed: "cuEventElapsedTime" (*mut f32, Handle, Handle) -> c_int;
        event_destroy: "cuEventDestroy_v2" (Handle) -> c_int;
        memory_info: "cuMemGetInfo_v2" (*mut usize, *mut usize) -> c_int;
        allocate: "cuMemAlloc_v2" (*mut u64, usize) -> c_int;
        free: "cuMemFree_v2" (u64) -> c_int;
        allocate_pinned: "cuMemAllocHost_v2" (*mut *mut c_void, usize) -> c_int;
        free_pinned: "cuMemFreeHost" (*mut c_void) -> c_int;
        upload: "cuMemcpyHtoDAsync_v2" (u64, *const c_void, usize, Handle) -> c_int;
        download: "cuMemcpyDtoHAsync_v2" (*mut c_void, u64, usize, Handle) -> c_int;
        copy: "cuMemcpyDtoDAsync_v2" (u64, u64, usize, Handle) -> c_int;
        set_bytes: "cuMemsetD8Async" (u64, u8, usize, Handle) -> c_int;
        module_load: "cuModuleLoadData" (*mut Handle, *const c_void) -> c_int;
        module_unload: "cuModuleUnload" (Handle) -> c_int;
        module_function: "cuModuleGetFunction" (*mut Handle, Handle, *const c_char) -> c_int;
        launch: "cuLaunchKernel" (Handle, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, Handle, *mut *mut c_void, *mut *mut c_void) -> c_int;
        begin_capture: "cuStreamBeginCapture_v2" (Handle, c_int) -> c_int;
        end_capture: "cuStreamEndCapture" (Handle, *mut Handle) -> c_int;
        instantiate: "cuGraphInstantiateWithFlags" (*mut Handle, Handle, u64) -> c_int;
        graph_nodes: "cuGraphGetNodes" (Handle, *mut Handle, *mut usize) -> c_int;
        graph_upload: "cuGraphUpload" (Handle, Handle) -> c_int;
        graph_launch: "cuGraphLaunch" (Handle, Handle) -> c_int;
        graph_executable_destroy: "cuGraphExecDestroy" (Handle) -> c_int;
        graph_destroy: "cuGraphDestroy" (Handle) -> c_int;
    }
}

/// Attributes of a device.
pub(crate) const MULTIPROCESSORS: c_int = 16;
pub(crate) const COMPUTE_MAJOR: c_int = 75;
pub(crate) const COMPUTE_MINOR: c_int = 76;

/// A driver that has started.
pub(crate) struct Driver {
    functions: Functions,
    /// The CUDA version that it supports: 1000·major + 10·minor.
    pub(crate) version: i32,
    /// Its file.
    pub(crate) path: std::path::PathBuf,
}

impl std::ops::Deref for Driver {
    type Target = Functions;

    fn deref(&self) -> &Functions {
        &self.functions
    }
}

impl Driver {
    /// Binds and starts the driver.
    pub(crate) fn start(found: &Found) -> Result<Self, Error> {
        let functions = Functions::bind(found)?;
        let mut driver = Self { functions, version: 0, path: found.path.clone() };
        // SAFETY: the function takes flags, which must be 0.
        let started = driver.check("cuInit", unsafe { (driver.init)(0) });
        started.map_err(|error| Error::DriverDoesNotStart { reason: error.to_string() })?;
        let mut version = 0;
        // SAFETY: the function writes one integer.
        driver.check("cuDriverGetVersion", unsafe { (driver.driver_version)(&raw mut version) })?;
        driver.version = version;
        if driver.major() < LEAST_CUDA {
            return Err(Error::OldDriver { found: driver.version_text(), needed: format!("{LEAST_CUDA}.0") });
        }
        Ok(driver)
    }

    /// The CUDA version's first number.
    pub(crate) fn major(&self) -> i32 {
        self.version / 1000
    }

    /// The CUDA version.
    pub(crate) fn version_text(&self) -> String {
        format!("{}.{}", self.version / 1000, self.version % 1000 / 10)
    }

    /// A status as a result.
    pub(crate) fn check(&self, call: &str, code: c_int) -> Result<(), Error> {
        if code == 0 {
            return Ok(());
        }
        let mut text: *const c_char = std::ptr::null();
        // SAFETY: the function writes the address of a static string, or null for a code that it does not know.
        let known = unsafe { (self.error_string)(code, &raw mut text) } == 0 && !text.is_null();
        let reason = if known {
            // SAFETY: a string of the driver, which ends with a zero.
            unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
        } else {
            "unknown".into()
        };
        Err(Error::Call { library: "driver", call: call.into(), code, reason })
    }

    /// GPUs that the driver shows.
    pub(crate) fn count(&self) -> Result<usize, Error> {
        let mut count = 0;
        // SAFETY: the function writes one integer.
        self.check("cuDeviceGetCount", unsafe { (self.device_count)(&raw mut count) })?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// An attribute of a device.
    pub(crate) fn attribute(&self, device: c_int, attribute: c_int) -> Result<i32, Error> {
        let mut value = 0;
        // SAFETY: the function writes one integer.
        let code = unsafe { (self.device_attribute)(&raw mut value, attribute, device) };
        self.check("cuDeviceGetAttribute", code)?;
        Ok(value)
    }
}
