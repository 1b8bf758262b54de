//! Where libraries are looked for: an explicit setting, the Python environment in use, the loader's own path, and the usual
//! folders of the toolkit and of the driver.

use std::env;
use std::error::Error as _;
use std::path::{Path, PathBuf};

use libloading::{AsFilename, Library};

use crate::Error;

/// A library that was opened.
pub(crate) struct Found {
    library: &'static Library,
    /// Its file.
    pub(crate) path: PathBuf,
}

impl Found {
    fn new(library: Library, path: PathBuf) -> Self {
        // CUDA's libraries keep threads and handlers that outlive a close.
        Self { library: Box::leak(Box::new(library)), path }
    }

    /// The address of a function.
    ///
    /// # Safety
    /// `F` is a function pointer with the signature of the symbol in the library's header.
    pub(crate) unsafe fn function<F: Copy>(&self, symbol: &str) -> Result<F, Error> {
        // SAFETY: the caller's contract; the symbol is copied out and its library never closed.
        let found = unsafe { self.library.get::<F>(symbol.as_bytes()) };
        let missing = |_| Error::NoFunction { path: self.path.clone(), symbol: symbol.into() };
        found.map(|symbol| *symbol).map_err(missing)
    }
}

/// Opens a library by path or name.
fn open(name: impl AsFilename) -> Result<Library, String> {
    // SAFETY: initializers of NVIDIA's libraries may run in any thread, and need nothing of us.
    // The loader's own words, which name the file, are the error's source.
    unsafe { Library::new(name) }
        .map_err(|error| error.source().map_or_else(|| error.to_string(), ToString::to_string))
}

/// The driver's library, which belongs to the kernel's module and comes from the loader's path alone, or from its own
/// folder where a container mounts it.
pub(crate) fn open_driver() -> Result<Found, Error> {
    let name = "libcuda.so.1";
    let error = match open(name) {
        Ok(library) => return Ok(Found::new(library, mapped(name))),
        Err(error) => error,
    };
    for folder in ["/usr/local/nvidia/lib64", "/usr/local/nvidia/lib"] {
        let path = Path::new(folder).join(name);
        if path.exists()
            && let Ok(library) = open(&path)
        {
            return Ok(Found::new(library, path));
        }
    }
    Err(Error::NoDriver { reason: error })
}

/// The first of the names that opens, folder by folder; `package` of PyPI would hold it.
pub(crate) fn find(names: &[String], package: &str) -> Result<Found, Error> {
    let mut tried = Vec::new();
    for place in places() {
        for name in names {
            let opened = match &place {
                Place::Folder(folder) => {
                    let path = folder.join(name);
                    if !path.exists() {
                        continue;
                    }
                    open_builtins(folder, name);
                    open(&path).map(|library| Found::new(library, path))
                }
                Place::Loader => open(name.as_str()).map(|library| Found::new(library, mapped(name))),
            };
            match opened {
                Ok(found) => return Ok(found),
                Err(error) => tried.push(error),
            }
        }
    }
    tried.dedup();
    let library = names.first().cloned().unwrap_or_default();
    Err(Error::NoLibrary { library, package: package.into(), tried: tried.join("; ") })
}

enum Place {
    Folder(PathBuf),
    /// The loader's own path.
    Loader,
}

fn places() -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    if let Some(folders) = env::var_os("CONVNET_CUDA_LIBS") {
        places.extend(env::split_paths(&folders).map(Place::Folder));
    }
    for prefix in environments() {
        places.extend(wheels(&prefix).into_iter().map(Place::Folder));
    }
    places.push(Place::Loader);
    let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(env::var_os);
    places.extend(homes.map(|home| Place::Folder(Path::new(&home).join("lib64"))));
    let usual = ["/usr/local/cuda/lib64", "/usr/local/nvidia/lib64", "/usr/local/nvidia/lib"];
    places.extend(usual.map(|folder| Place::Folder(folder.into())));
    places
}

/// The Python environments in use: the activated ones, and that of the first `python3` on the path if it is one.
fn environments() -> Vec<PathBuf> {
    let activated = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let python = env::split_paths(&path)
        .find(|folder| folder.join("python3").exists())
        .and_then(|folder| folder.parent().map(Path::to_path_buf))
        .filter(|prefix| prefix.join("pyvenv.cfg").exists());
    activated.chain(python).collect()
}

/// The folders `nvidia/*/lib` of an environment's packages.
fn wheels(prefix: &Path) -> Vec<PathBuf> {
    let pythons = entries(&prefix.join("lib"));
    let mut folders: Vec<PathBuf> = pythons
        .iter()
        .flat_map(|python| entries(&python.join("site-packages/nvidia")))
        .map(|package| package.join("lib"))
        .filter(|folder| folder.is_dir())
        .collect();
    folders.sort();
    folders
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

/// NVRTC asks the loader for its builtins by name and does not look in its own folder: they are opened before it.
fn open_builtins(folder: &Path, name: &str) {
    if !name.starts_with("libnvrtc") {
        return;
    }
    for path in entries(folder) {
        let is_builtins =
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with("libnvrtc-builtins.so."));
        if is_builtins && let Ok(library) = open(&path) {
            std::mem::forget(library);
        }
    }
}

/// The file that the loader mapped for a library opened by name, whatever its version is there.
fn mapped(name: &str) -> PathBuf {
    let stem = name.split_inclusive(".so").next().unwrap_or(name);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let path = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| {
        Path::new(path).file_name().is_some_and(|file| file.to_string_lossy().starts_with(stem))
    });
    PathBuf::from(path.unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_are_found_in_every_package_of_an_environment() {
        let prefix = tempfile::tempdir().unwrap();
        let site = prefix.path().join("lib/python3.12/site-packages/nvidia");
        for package in ["cublas", "cudnn"] {
            std::fs::create_dir_all(site.join(package).join("lib")).unwrap();
        }
        std::fs::create_dir_all(site.join("empty")).unwrap();
        assert_eq!(wheels(prefix.path()), [site.join("cublas/lib"), site.join("cudnn/lib")]);
    }

    #[test]
    fn a_library_that_is_nowhere_is_named_with_its_package() {
        let error = find(&["libconvnet-none.so.1".into()], "nvidia-none").err().unwrap().to_string();
        assert!(error.contains("libconvnet-none.so.1 was not found"), "{error}");
        assert!(error.contains("pip install nvidia-none") && error.contains("CONVNET_CUDA_LIBS"), "{error}");
    }

    #[test]
    fn a_library_without_a_function_is_an_error() {
        let Ok(found) = find(&["libm.so.6".into()], "none") else {
            println!("no libm.so.6 here");
            return;
        };
        assert!(found.path.is_absolute(), "{} is where the loader found it", found.path.display());
        // SAFETY: nothing is called.
        let function = unsafe { found.function::<unsafe extern "C" fn()>("convnet_none") };
        assert!(matches!(function, Err(Error::NoFunction { .. })));
    }
}
