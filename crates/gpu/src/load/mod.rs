//! NVIDIA's libraries, found and opened at run time: building needs none of them.
//!
//! Each is opened by full path where one is chosen, and bound by tables of functions of our own: statuses are plain
//! integers, so that a newer library's codes are values and not undefined behaviour, and a missing function is an error.

pub(crate) mod cublas;
pub(crate) mod cudnn;
pub(crate) mod driver;
pub(crate) mod nccl;
pub(crate) mod nvrtc;
mod search;

pub(crate) use search::{Found, find, open_driver};

use std::sync::OnceLock;

use crate::Error;

/// A table of functions of a library, which stays open as long as the process runs.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $symbol:literal ($($argument:ty),*) -> $result:ty;)* }) => {
        $(#[$doc])*
        pub(crate) struct $name {
            $(pub(crate) $field: unsafe extern "C" fn($($argument),*) -> $result,)*
        }

        impl $name {
            /// Binds the functions of a library.
            pub(crate) fn bind(found: &$crate::load::Found) -> Result<Self, $crate::Error> {
                Ok(Self {
                    // SAFETY: the symbols have these signatures in the library's C header, and the library is never
                    // closed, so that the addresses stay valid.
                    $($field: unsafe { found.function($symbol)? },)*
                })
            }
        }
    };
}
pub(crate) use table;

/// The newest CUDA version that PyPI has a package of NCCL for.
const NEWEST_NCCL: i32 = 13;

/// The libraries beside the driver.
pub(crate) struct Libraries {
    pub(crate) nvrtc: nvrtc::Nvrtc,
    pub(crate) cublas: cublas::Cublas,
    pub(crate) cudnn: cudnn::Cudnn,
    /// Names, versions and paths.
    pub(crate) found: Vec<LibraryFound>,
}

/// A library that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryFound {
    /// What it is.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// Its file.
    pub path: std::path::PathBuf,
}

/// The driver, opened once.
pub(crate) fn driver() -> Result<&'static driver::Driver, Error> {
    static DRIVER: OnceLock<Result<driver::Driver, Error>> = OnceLock::new();
    DRIVER.get_or_init(|| driver::Driver::start(&open_driver()?)).as_ref().map_err(Clone::clone)
}

/// The other libraries, opened once, for a driver that supports CUDA up to `major`.
pub(crate) fn libraries(major: i32) -> Result<&'static Libraries, Error> {
    static LIBRARIES: OnceLock<Result<Libraries, Error>> = OnceLock::new();
    LIBRARIES.get_or_init(|| Libraries::open(major)).as_ref().map_err(Clone::clone)
}

/// NCCL, opened once, and where it was found: only where several processes train.
pub(crate) fn nccl() -> Result<&'static (nccl::Nccl, LibraryFound), Error> {
    static NCCL: OnceLock<Result<(nccl::Nccl, LibraryFound), Error>> = OnceLock::new();
    let open = || {
        let major = driver().map_or(NEWEST_NCCL, |driver| driver.major().min(NEWEST_NCCL));
        let found = find(&["libnccl.so.2".into()], &format!("nvidia-nccl-cu{major}"))?;
        let nccl = nccl::Nccl::bind(&found)?;
        let library = LibraryFound { name: "NCCL", version: nccl.version_text(), path: found.path };
        Ok((nccl, library))
    };
    NCCL.get_or_init(open).as_ref().map_err(Clone::clone)
}

impl Libraries {
    fn open(major: i32) -> Result<Self, Error> {
        let names = |stem: &str| -> Vec<String> {
            (driver::LEAST_CUDA..=major).rev().map(|major| format!("{stem}.so.{major}")).collect()
        };
        let suffix = if major >= 13 { "" } else { "-cu12" };
        let nvrtc_found = find(&names("libnvrtc"), &format!("nvidia-cuda-nvrtc{suffix}"))?;
        let cublas_found = find(&names("libcublas"), &format!("nvidia-cublas{suffix}"))?;
        let cudnn_found = find(&["libcudnn.so.9".into()], &format!("nvidia-cudnn-cu{major}"))?;
        let nvrtc = nvrtc::Nvrtc::bind(&nvrtc_found)?;
        let cublas = cublas::Cublas::bind(&cublas_found)?;
        let cudnn = cudnn::Cudnn::bind(&cudnn_found)?;
        let found = [
            ("NVRTC", nvrtc.version_text(), &nvrtc_found),
            ("cuBLAS", cublas.version_text(), &cublas_found),
            ("cuDNN", cudnn.version_text(), &cudnn_found),
        ];
        let found = found
            .map(|(name, version, found)| LibraryFound { name, version, path: found.path.clone() })
            .to_vec();
        Ok(Self { nvrtc, cublas, cudnn, found })
    }
}
