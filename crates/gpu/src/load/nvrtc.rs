//! NVRTC: kernels compiled at run time.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use super::table;
use crate::Error;
use crate::kernels::Family;

table! {
    /// The part of NVRTC that convnet uses.
    Nvrtc {
        version: "nvrtcVersion" (*mut c_int, *mut c_int) -> c_int;
        error_string: "nvrtcGetErrorString" (c_int) -> *const c_char;
        create: "nvrtcCreateProgram" (*mut *mut c_void, *const c_char, *const c_char, c_int, *const *const c_char, *const *const c_char) -> c_int;
        destroy: "nvrtcDestroyProgram" (*mut *mut c_void) -> c_int;
        compile: "nvrtcCompileProgram" (*mut c_void, c_int, *const *const c_char) -> c_int;
        binary_size: "nvrtcGetCUBINSize" (*mut c_void, *mut usize) -> c_int;
        binary: "nvrtcGetCUBIN" (*mut c_void, *mut c_char) -> c_int;
        log_size: "nvrtcGetProgramLogSize" (*mut c_void, *mut usize) -> c_int;
        log: "nvrtcGetProgramLog" (*mut c_void, *mut c_char) -> c_int;
    }
}

/// A program, destroyed when it is dropped.
struct Program<'a>(&'a Nvrtc, *mut c_void);

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // SAFETY: the program was created and is used no more; its failure changes nothing.
        unsafe { (self.0.destroy)(&raw mut self.1) };
    }
}

impl Nvrtc {
    /// Its version.
    pub(crate) fn version_text(&self) -> String {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: the function writes two integers.
        unsafe { (self.version)(&raw mut major, &raw mut minor) };
        format!("{major}.{minor}")
    }

    fn check(&self, call: &str, code: c_int) -> Result<(), Error> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the function gives a static string for every code.
        let reason = unsafe { CStr::from_ptr((self.error_string)(code)) }.to_string_lossy().into_owned();
        Err(Error::Call { library: "NVRTC", call: call.into(), code, reason })
    }

    /// The machine code of a family for an architecture such as `sm_90`, and the compiler's log.
    pub(crate) fn compile(&self, family: Family, architecture: &str) -> Result<(Vec<u8>, String), Error> {
        let source = CString::new(family.source()).expect("sources hold no zero");
        let name = CString::new(format!("{}.cu", family.name())).expect("names hold no zero");
        let mut program = std::ptr::null_mut();
        let none = std::ptr::null();
        // SAFETY: both strings end with a zero and outlive the call; there are no headers.
        let code = unsafe { (self.create)(&raw mut program, source.as_ptr(), name.as_ptr(), 0, none, none) };
        self.check("nvrtcCreateProgram", code)?;
        let program = Program(self, program);
        let options =
            [format!("--gpu-architecture={architecture}"), "-std=c++17".into(), "--ptxas-options=-v".into()];
        let options = options.map(|option| CString::new(option).expect("options hold no zero"));
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the program lives; as many strings as said, which outlive the call.
        let code = unsafe { (self.compile)(program.1, pointers.len() as c_int, pointers.as_ptr()) };
        let log = self.log_of(&program)?;
        if code != 0 {
            return Err(Error::Compile { family: family.name(), architecture: architecture.into(), log });
        }
        let mut size = 0;
        // SAFETY: the program lives; the function writes one size.
        self.check("nvrtcGetCUBINSize", unsafe { (self.binary_size)(program.1, &raw mut size) })?;
        let mut binary = vec![0u8; size];
        // SAFETY: the buffer has the size that the library asked for.
        self.check("nvrtcGetCUBIN", unsafe { (self.binary)(program.1, binary.as_mut_ptr().cast()) })?;
        Ok((binary, log))
    }

    fn log_of(&self, program: &Program<'_>) -> Result<String, Error> {
        let mut size = 0;
        // SAFETY: the program lives; the function writes one size.
        self.check("nvrtcGetProgramLogSize", unsafe { (self.log_size)(program.1, &raw mut size) })?;
        let mut log = vec![0u8; size];
        // SAFETY: the buffer has the size that the library asked for.
        self.check("nvrtcGetProgramLog", unsafe { (self.log)(program.1, log.as_mut_ptr().cast()) })?;
        Ok(String::from_utf8_lossy(&log).trim_end_matches('\0').trim().into())
    }
}

/// A family's machine code: its bytes, and what the compiler says of it.
pub type Compiled = (Family, usize, String);

/// Compiles every family for an architecture with the NVRTC that the search finds, whose path comes second. It needs no
/// driver.
///
/// # Errors
/// If NVRTC is not found or a source does not compile.
pub fn compile_all(architecture: &str) -> Result<(Vec<Compiled>, std::path::PathBuf), Error> {
    let found = super::find(&["libnvrtc.so.13".into(), "libnvrtc.so.12".into()], "nvidia-cuda-nvrtc")?;
    let nvrtc = Nvrtc::bind(&found)?;
    let compile =
        |family: Family| nvrtc.compile(family, architecture).map(|(code, log)| (family, code.len(), log));
    let codes = Family::ALL.into_iter().map(compile).collect::<Result<_, _>>()?;
    Ok((codes, found.path))
}
