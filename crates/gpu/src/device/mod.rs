//! A GPU: its context, its lanes, what it is.

mod communicator;
mod feed;
mod memory;
mod modules;
mod program;
mod trial;

pub use communicator::Communicator;
pub use feed::Feed;
pub use memory::Memory;
pub use program::{Graph, Program};

use std::ffi::{CStr, c_int, c_void};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::dnn::{Choices, Handle};
use crate::list::Lane;
use crate::load::driver::{self, COMPUTE_MAJOR, COMPUTE_MINOR, Driver, MULTIPROCESSORS};
use crate::load::{Libraries, LibraryFound};
use modules::Modules;

/// Bytes of cuBLAS's workspace, in each lane.
const PRODUCT_WORKSPACE: usize = 32 << 20;
/// A stream that does not wait for the default one.
const NON_BLOCKING: u32 = 1;

/// A GPU that is open. Clones are the same one.
#[derive(Clone)]
pub struct Device(Arc<Inner>);

/// What a device is, and what it is used through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The card's name.
    pub card: String,
    /// Its number.
    pub index: usize,
    /// What tells it from every other card, as `nvidia-smi -L` shows it.
    pub uuid: String,
    /// Its architecture, as `sm_90`.
    pub architecture: String,
    /// Its multiprocessors.
    pub multiprocessors: usize,
    /// Bytes of its memory.
    pub memory: usize,
    /// The CUDA version that the driver supports, and the driver's file.
    pub driver: (String, PathBuf),
    /// The other libraries.
    pub libraries: Vec<LibraryFound>,
}

impl fmt::Display for Description {
    /// One line: the card, the driver, and each library with its version and folder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = self.memory as f64 / f64::from(1 << 30);
        write!(f, "GPU {}: {} ({}, {gib:.0} GiB), ", self.index, self.card, self.architecture)?;
        write!(f, "driver for CUDA {} ({})", self.driver.0, self.driver.1.display())?;
        for library in &self.libraries {
            write!(f, ", {} {} ({})", library.name, library.version, library.path.display())?;
        }
        Ok(())
    }
}

/// A lane's stream and its cuBLAS.
struct Stream {
    stream: *mut c_void,
    products: *mut c_void,
}

struct Inner {
    driver: &'static Driver,
    libraries: &'static Libraries,
    device: c_int,
    context: *mut c_void,
    streams: [Stream; 2],
    /// Copies from the host beside the computation.
    copies: *mut c_void,
    product_workspace: u64,
    modules: Mutex<Modules>,
    /// The engines that were chosen, and the handles that plans are built with.
    choices: Mutex<(Choices, Vec<Arc<Handle>>)>,
    description: Description,
    /// Held by whoever enqueues.
    queue: Mutex<()>,
}

// SAFETY: context, streams and cuBLAS's handles belong to no thread; every method makes the context current first, and
// holds `queue` while it uses a stream or a handle.
unsafe impl Send for Inner {}
// SAFETY: what changes stands behind locks, and `queue` lets one thread at a time enqueue.
unsafe impl Sync for Inner {}

impl Device {
    /// How many GPUs the driver shows.
    ///
    /// # Errors
    /// If there is no driver, or it does not start.
    pub fn count() -> Result<usize, Error> {
        crate::load::driver()?.count()
    }

    /// Opens a GPU by its number.
    ///
    /// # Errors
    /// If there is no driver, no such GPU, or a library is missing: the error says which, and where it comes from.
    pub fn open(index: usize) -> Result<Self, Error> {
        let driver = crate::load::driver()?;
        let count = driver.count()?;
        if index >= count {
            return Err(Error::NoDevice { index, count });
        }
        let libraries = crate::load::libraries(driver.major())?;
        let mut device = 0;
        // SAFETY: the function writes one integer; the index is below the count.
        driver.check("cuDeviceGet", unsafe { (driver.device)(&raw mut device, index as c_int) })?;
        let description = describe(driver, libraries, index, device)?;
        let mut context = std::ptr::null_mut();
        // SAFETY: the function writes one pointer.
        let code = unsafe { (driver.retain_context)(&raw mut context, device) };
        driver.check("cuDevicePrimaryCtxRetain", code)?;
        let slug: String = description
            .card
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        let folder = cache_folder();
        let plans =
            |folder: &PathBuf| folder.join(format!("{slug}-cudnn-{}.plans", libraries.cudnn.version_text()));
        let none = std::ptr::null_mut();
        let mut inner = Inner {
            driver,
            libraries,
            device,
            context,
            streams: [Stream { stream: none, products: none }, Stream { stream: none, products: none }],
            copies: none,
            product_workspace: 0,
            choices: Mutex::new((Choices::open(folder.as_ref().map(plans)), Vec::new())),
            modules: Mutex::new(Modules::new(description.architecture.clone(), folder)),
            description,
            queue: Mutex::new(()),
        };
        inner.enter()?;
        inner.copies = inner.create_stream()?;
        inner.product_workspace = inner.allocate(2 * PRODUCT_WORKSPACE)?;
        for lane in 0..2 {
            let stream = inner.create_stream()?;
            inner.streams[lane].stream = stream;
            let cublas = &libraries.cublas;
            let mut products = std::ptr::null_mut();
            // SAFETY: the function writes one pointer; the context is current.
            cublas.check("cublasCreate", unsafe { (cublas.create)(&raw mut products) })?;
            inner.streams[lane].products = products;
            let workspace = inner.product_workspace as usize + lane * PRODUCT_WORKSPACE;
            // SAFETY: handle and stream are alive.
            cublas.check("cublasSetStream", unsafe { (cublas.set_stream)(products, stream) })?;
            // SAFETY: the workspace belongs to this handle and is freed after it.
            let code =
                unsafe { (cublas.set_workspace)(products, workspace as *mut c_void, PRODUCT_WORKSPACE) };
            cublas.check("cublasSetWorkspace", code)?;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// What it is, and what it is used through.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// Bytes of memory that are free.
    ///
    /// # Errors
    /// If the driver fails.
    pub fn free_memory(&self) -> Result<usize, Error> {
        self.0.enter()?;
        self.0.free_memory()
    }

    /// Waits for all that was enqueued.
    ///
    /// # Errors
    /// If a launch failed, now or before.
    pub fn synchronize(&self) -> Result<(), Error> {
        self.0.enter()?;
        for stream in [self.0.copies, self.0.stream(Lane::Main), self.0.stream(Lane::Side)] {
            self.0.wait(stream)?;
        }
        Ok(())
    }
}

impl Inner {
    /// Makes the context current in this thread.
    fn enter(&self) -> Result<(), Error> {
        // SAFETY: the context is alive.
        self.driver.check("cuCtxSetCurrent", unsafe { (self.driver.set_context)(self.context) })
    }

    /// Makes the context current, and keeps other threads from enqueuing meanwhile.
    fn queue(&self) -> Result<MutexGuard<'_, ()>, Error> {
        let guard = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.enter()?;
        Ok(guard)
    }

    fn stream(&self, lane: Lane) -> *mut c_void {
        self.streams[lane.index()].stream
    }

    fn create_stream(&self) -> Result<*mut c_void, Error> {
        let mut stream = std::ptr::null_mut();
        // SAFETY: the function writes one pointer; the context is current.
        let code = unsafe { (self.driver.stream_create)(&raw mut stream, NON_BLOCKING) };
        self.driver.check("cuStreamCreate", code)?;
        Ok(stream)
    }

    fn wait(&self, stream: *mut c_void) -> Result<(), Error> {
        // SAFETY: the stream is alive.
        self.driver.check("cuStreamSynchronize", unsafe { (self.driver.stream_synchronize)(stream) })
    }

    fn free_memory(&self) -> Result<usize, Error> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: the function writes two sizes; the context is current.
        let code = unsafe { (self.driver.memory_info)(&raw mut free, &raw mut total) };
        self.driver.check("cuMemGetInfo", code)?;
        Ok(free)
    }

    /// Memory on the device, at a multiple of 256 bytes.
    fn allocate(&self, bytes: usize) -> Result<u64, Error> {
        let mut pointer = 0;
        // SAFETY: the function writes one address; the context is current.
        let code = unsafe { (self.driver.allocate)(&raw mut pointer, bytes.max(256)) };
        const OUT_OF_MEMORY: c_int = 2;
        if code == OUT_OF_MEMORY {
            return Err(Error::Memory { bytes, free: self.free_memory()? });
        }
        self.driver.check("cuMemAlloc", code)?;
        Ok(pointer)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.enter().is_err() {
            return;
        }
        self.choices.get_mut().unwrap_or_else(PoisonError::into_inner).1.clear();
        // SAFETY: everything was created by this device and is used no more: blocks, programs and graphs hold the device.
        // The modules' functions were taken by programs. Failures change nothing any more.
        unsafe {
            for Stream { stream, products } in &self.streams {
                if !products.is_null() {
                    (self.libraries.cublas.destroy)(*products);
                }
                if !stream.is_null() {
                    (self.driver.stream_destroy)(*stream);
                }
            }
            if !self.copies.is_null() {
                (self.driver.stream_destroy)(self.copies);
            }
            (self.driver.free)(self.product_workspace);
            self.modules.get_mut().unwrap_or_else(PoisonError::into_inner).unload(self.driver);
            (self.driver.release_context)(self.device);
        }
    }
}

fn describe(
    driver: &Driver,
    libraries: &Libraries,
    index: usize,
    device: c_int,
) -> Result<Description, Error> {
    let mut name = [0; 256];
    // SAFETY: room for as many bytes as said.
    let code = unsafe { (driver.device_name)(name.as_mut_ptr(), name.len() as c_int - 1, device) };
    driver.check("cuDeviceGetName", code)?;
    // SAFETY: the last byte is zero whatever the driver wrote.
    let card = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
    let mut uuid = [0; 16];
    // SAFETY: the function writes 16 bytes.
    driver.check("cuDeviceGetUuid", unsafe { (driver.device_uuid)(&raw mut uuid, device) })?;
    let mut memory = 0;
    // SAFETY: the function writes one size.
    driver.check("cuDeviceTotalMem", unsafe { (driver.device_memory)(&raw mut memory, device) })?;
    let (major, minor) = (driver.attribute(device, COMPUTE_MAJOR)?, driver.attribute(device, COMPUTE_MINOR)?);
    const LEAST: i32 = 8;
    if major < LEAST {
        return Err(Error::Call {
            library: "convnet",
            call: format!("open {card}"),
            code: major,
            reason: format!(
                "compute capability {major}.{minor}, {LEAST}.0 or later is needed; run on the CPU"
            ),
        });
    }
    Ok(Description {
        card,
        index,
        uuid: uuid_text(uuid),
        architecture: format!("sm_{major}{minor}"),
        multiprocessors: usize::try_from(driver.attribute(device, MULTIPROCESSORS)?).unwrap_or(0),
        memory,
        driver: (driver.version_text(), driver.path.clone()),
        libraries: libraries.found.clone(),
    })
}

/// A card's identifier as the driver's tools write it.
fn uuid_text(bytes: [u8; 16]) -> String {
    let hex = |range: std::ops::Range<usize>| -> String {
        bytes[range].iter().map(|byte| format!("{byte:02x}")).collect()
    };
    format!("GPU-{}", [0..4, 4..6, 6..8, 8..10, 10..16].map(hex).join("-"))
}

/// Where compiled kernels and chosen engines are kept: `CONVNET_CACHE`, or the user's cache folder.
fn cache_folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("CONVNET_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|folder| folder.join("convnet")))
        .or_else(|| named("HOME").map(|folder| folder.join(".cache/convnet")))
        .map(|folder| folder.join("gpu"))
}

/// An event, destroyed when it is dropped.
struct Event {
    driver: &'static Driver,
    pointer: driver::Handle,
}

// SAFETY: an event belongs to no thread.
unsafe impl Send for Event {}
// SAFETY: recording and waiting go through the device's queue lock.
unsafe impl Sync for Event {}

impl Event {
    fn new(driver: &'static Driver, timing: bool) -> Result<Self, Error> {
        const DISABLE_TIMING: u32 = 2;
        let mut pointer = std::ptr::null_mut();
        // SAFETY: the function writes one pointer; the caller has made the context current.
        let code =
            unsafe { (driver.event_create)(&raw mut pointer, if timing { 0 } else { DISABLE_TIMING }) };
        driver.check("cuEventCreate", code)?;
        Ok(Self { driver, pointer })
    }

    /// Marks what the stream was given so far.
    fn record(&self, stream: *mut c_void) -> Result<(), Error> {
        // SAFETY: event and stream are alive.
        self.driver.check("cuEventRecord", unsafe { (self.driver.event_record)(self.pointer, stream) })
    }

    /// Lets a stream wait for the mark.
    fn hold(&self, stream: *mut c_void) -> Result<(), Error> {
        // SAFETY: event and stream are alive.
        self.driver.check("cuStreamWaitEvent", unsafe { (self.driver.stream_wait)(stream, self.pointer, 0) })
    }

    /// Waits for the mark here.
    fn wait(&self) -> Result<(), Error> {
        // SAFETY: the event is alive.
        self.driver.check("cuEventSynchronize", unsafe { (self.driver.event_synchronize)(self.pointer) })
    }

    /// Whether what was marked is done.
    fn is_over(&self) -> Result<bool, Error> {
        const NOT_READY: c_int = 600;
        // SAFETY: the event is alive.
        match unsafe { (self.driver.event_query)(self.pointer) } {
            NOT_READY => Ok(false),
            code => self.driver.check("cuEventQuery", code).map(|()| true),
        }
    }

    /// Microseconds since an earlier mark; both have been waited for.
    fn since(&self, earlier: &Self) -> Result<f32, Error> {
        let mut milliseconds = 0.0;
        // SAFETY: both events are alive; the function writes one number.
        let code =
            unsafe { (self.driver.event_elapsed)(&raw mut milliseconds, earlier.pointer, self.pointer) };
        self.driver.check("cuEventElapsedTime", code)?;
        Ok(milliseconds * 1e3)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event was created and is used no more.
        unsafe { (self.driver.event_destroy)(self.pointer) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cards_identifier_is_written_as_its_tools_do() {
        let bytes = std::array::from_fn(|i| 17 * (i % 16) as u8);
        assert_eq!(uuid_text(bytes), "GPU-00112233-4455-6677-8899-aabbccddeeff");
    }
}
