//! Where the library is looked for, and which kind it is.

use std::error::Error as _;
use std::ffi::{OsStr, c_int, c_void};
use std::fs;
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

use super::calls::{self, Calls};
use crate::{Error, Launcher};

/// A library that was opened.
pub(crate) struct Found {
    library: &'static Library,
    /// Its file.
    pub(crate) path: PathBuf,
    /// Whose binary interface it has.
    kind: Launcher,
}

/// The library that `file` names, or else the first that goes with the launcher.
pub(crate) fn find(launcher: Launcher, file: Option<&OsStr>) -> Result<Found, Error> {
    match file {
        Some(file) => Found::open(file, None).map_err(|reason| Error::Named { path: file.into(), reason }),
        None => match launcher {
            Launcher::OpenMpi => first(launcher, &["libmpi.so.40", "libmpi.so"], "libopenmpi3"),
            Launcher::Mpich => {
                let names = ["libmpich.so.12", "libmpi.so.12", "libmpich.so", "libmpi.so"];
                first(launcher, &names, "libmpich12")
            }
        },
    }
}

/// The first of the names that opens a library of the launcher's kind.
fn first(launcher: Launcher, names: &[&str], package: &'static str) -> Result<Found, Error> {
    let mut tried = Vec::new();
    for name in names {
        match Found::open(OsStr::new(name), Some(launcher)) {
            Ok(found) => return Ok(found),
            Err(reason) => tried.push(reason),
        }
    }
    Err(Error::NoLibrary { launcher, package, tried: tried.join("; ") })
}

/// Opens a library by path or name; it is never closed, since it keeps threads and handlers that outlive a close.
fn open(name: &OsStr, flags: c_int) -> Result<&'static Library, String> {
    // SAFETY: initializers of MPI's libraries may run in any thread and need nothing of us; for a file that CONVNET_MPI names,
    // who sets it answers.
    let library = unsafe { Library::open(Some(name), flags) };
    let library = library.map_err(|error| {
        // The loader's own words, which name the file, are the error's source.
        error.source().map_or_else(|| format!("{}: {error}", name.display()), ToString::to_string)
    })?;
    Ok(Box::leak(Box::new(library)))
}

impl Found {
    /// Opens a library of the kind that is wanted, or of any.
    fn open(name: &OsStr, wanted: Option<Launcher>) -> Result<Self, String> {
        // For itself alone: names of a library that is not taken must not get in the way of another's.
        let library = open(name, RTLD_NOW | RTLD_LOCAL)?;
        let address = |symbol| {
            // SAFETY: the address of any symbol may be read as a pointer; what it points to is not touched.
            unsafe { library.get::<*mut c_void>(symbol) }.ok().map(|found| found.addr())
        };
        let Some(function) = address("MPI_Init_thread") else {
            return Err(format!("{} has no MPI_Init_thread: it is no MPI library", name.display()));
        };
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let path = mapped(&maps, function).unwrap_or_else(|| name.into());
        let kind = match address("ompi_mpi_comm_world") {
            Some(_) => Launcher::OpenMpi,
            None => Launcher::Mpich,
        };
        let found = Self { library, path, kind };
        if found.has_standard_interface() {
            let path = found.path.display();
            return Err(format!(
                "{path} has the binary interface of MPI 5, convnet needs Open MPI's or MPICH's own"
            ));
        }
        if wanted.is_some_and(|wanted| wanted != kind) {
            let path = found.path.display();
            return Err(format!(
                "{}: {path} is {kind}'s, with which each process would be alone",
                name.display()
            ));
        }
        if kind == Launcher::OpenMpi {
            // Its plugins look for its names among those of the whole process.
            open(name, RTLD_NOW | RTLD_GLOBAL)?;
        }
        Ok(found)
    }

    /// Whether handles are those of the standard (`libmpi_abi`) and neither Open MPI's nor MPICH's.
    fn has_standard_interface(&self) -> bool {
        type GetVersion = unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int;
        // SAFETY: the function has this signature in the standard.
        let Ok(get_version) = (unsafe { self.function::<GetVersion>("MPI_Abi_get_version") }) else {
            return false;
        };
        let (mut major, mut minor) = (-1, -1);
        // SAFETY: the standard lets it be called before MPI is initialized; both numbers outlive the call.
        let code = unsafe { get_version(&raw mut major, &raw mut minor) };
        code == 0 && major >= 0
    }

    /// The address of a function.
    ///
    /// # Safety
    /// `F` is a function pointer with the signature of the symbol in the library's header.
    pub(super) unsafe fn function<F: Copy>(&self, symbol: &str) -> Result<F, Error> {
        // SAFETY: the caller gives the symbol's type; it is copied out, and its library never closed.
        let found = unsafe { self.library.get::<F>(symbol) };
        found.map(|symbol| *symbol).map_err(|_| self.no_function(symbol))
    }

    /// The address of an object that the library exports.
    pub(super) fn object(&self, symbol: &str) -> Result<*mut c_void, Error> {
        // SAFETY: an address of any symbol may be read as a pointer; what it points to is not touched.
        let found = unsafe { self.library.get::<*mut c_void>(symbol) };
        found.map(|symbol| *symbol).map_err(|_| self.no_function(symbol))
    }

    fn no_function(&self, symbol: &str) -> Error {
        Error::NoFunction { path: self.path.clone(), symbol: symbol.into() }
    }

    /// Binds the library's functions.
    pub(crate) fn bind(&self) -> Result<Box<dyn Calls>, Error> {
        match self.kind {
            Launcher::OpenMpi => calls::open_mpi(self),
            Launcher::Mpich => calls::mpich(self),
        }
    }
}

/// The file that is mapped at an address, by the kernel's list of a process's maps.
fn mapped(maps: &str, address: usize) -> Option<PathBuf> {
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let path = &rest[rest.find('/')?..];
        (number(start)?..number(end)?).contains(&address).then(|| Path::new(path).to_path_buf())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(file: &str) -> String {
        let found = find(Launcher::OpenMpi, Some(OsStr::new(file)));
        found.err().map(|error| error.to_string()).unwrap()
    }

    #[test]
    fn a_file_that_is_not_there_is_refused() {
        let error = refused("/none/libmpi.so.40");
        assert!(error.starts_with("CONVNET_MPI names /none/libmpi.so.40, which is of no use: "), "{error}");
        assert!(error.contains("No such file") || error.contains("no such file"), "{error}");
        assert!(
            error.ends_with("name the file of Open MPI's or MPICH's library, or unset CONVNET_MPI"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_no_library_is_refused() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let error = refused(file);
        // Once as the name, once in the loader's own words.
        assert_eq!(error.matches(file).count(), 2, "{error}");
    }

    #[test]
    fn a_library_without_the_functions_of_mpi_is_refused() {
        if open(OsStr::new("libm.so.6"), RTLD_NOW).is_err() {
            eprintln!("left out: no libm.so.6 here");
            return;
        }
        let error = refused("libm.so.6");
        assert!(error.contains("libm.so.6 has no MPI_Init_thread: it is no MPI library"), "{error}");
    }

    #[test]
    fn what_was_tried_is_told_with_the_package() {
        let names = ["libconvnet-none.so.1", "libconvnet-none.so"];
        let error =
            first(Launcher::Mpich, &names, "libmpich12").err().map(|error| error.to_string()).unwrap();
        assert!(names.iter().all(|name| error.contains(&format!("{name}: "))), "{error}");
        assert!(error.contains("MPICH's") && error.contains("install `libmpich12`"), "{error}");
        assert!(error.contains("CONVNET_MPI"), "{error}");
    }

    #[test]
    fn a_library_of_the_other_kind_is_not_taken() {
        let names = ["libmpi.so.40", "libmpich.so.12"];
        let [Ok(_), Ok(_)] = names.map(|name| open(OsStr::new(name), RTLD_NOW | RTLD_LOCAL)) else {
            eprintln!("left out: Open MPI and MPICH are not both here");
            return;
        };
        for (launcher, other) in [(Launcher::OpenMpi, names[1]), (Launcher::Mpich, names[0])] {
            let error = first(launcher, &[other], "none").err().map(|error| error.to_string()).unwrap();
            assert!(error.contains("with which each process would be alone"), "{error}");
            let found = first(launcher, &[other, names[0], names[1]], "none").unwrap();
            assert_eq!(found.kind, launcher);
            assert!(found.path.is_absolute(), "{} is where the loader found it", found.path.display());
        }
    }

    #[test]
    fn a_file_is_found_by_an_address_that_it_is_mapped_at() {
        let maps = "7f00-7f80 r--p 00000000 fd:00 12    /lib/libc.so.6\n\
                    7f80-8000 r-xp 00000000 00:00 0 \n\
                    8000-9000 r-xp 00001000 fd:00 13    /opt/my mpi/libmpi.so.40.30.4\n";
        assert_eq!(mapped(maps, 0x8fff), Some("/opt/my mpi/libmpi.so.40.30.4".into()));
        assert_eq!(mapped(maps, 0x7f00), Some("/lib/libc.so.6".into()));
        assert_eq!(mapped(maps, 0x7f90), None);
        assert_eq!(mapped(maps, 0x9000), None);
    }
}
