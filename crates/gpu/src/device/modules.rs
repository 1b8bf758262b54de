//! Kernels compiled for the device's architecture, and kept on disk.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::path::PathBuf;

use crate::Error;
use crate::dnn::replace;
use crate::kernels::Family;
use crate::load::Libraries;
use crate::load::driver::Driver;

/// The modules that were loaded.
pub(super) struct Modules {
    architecture: String,
    folder: Option<PathBuf>,
    loaded: HashMap<Family, *mut c_void>,
}

impl Modules {
    pub(super) fn new(architecture: String, folder: Option<PathBuf>) -> Self {
        Self { architecture, folder, loaded: HashMap::new() }
    }

    /// A kernel of a family. The context must be current.
    pub(super) fn function(
        &mut self,
        driver: &Driver,
        libraries: &Libraries,
        family: Family,
        name: &str,
    ) -> Result<*mut c_void, Error> {
        let module = match self.loaded.get(&family) {
            Some(&module) => module,
            None => {
                let module = self.load(driver, libraries, family)?;
                self.loaded.insert(family, module);
                module
            }
        };
        let mut function = std::ptr::null_mut();
        let symbol = CString::new(name).expect("kernels' names hold no zero");
        // SAFETY: the module is loaded, the name ends with a zero, the function writes one pointer.
        let code = unsafe { (driver.module_function)(&raw mut function, module, symbol.as_ptr()) };
        driver.check(&format!("cuModuleGetFunction {name}"), code)?;
        Ok(function)
    }

    fn load(&self, driver: &Driver, libraries: &Libraries, family: Family) -> Result<*mut c_void, Error> {
        let version = libraries.nvrtc.version_text();
        let key = digest(&[&family.source(), &self.architecture, &version]);
        let path = self
            .folder
            .as_ref()
            .map(|folder| folder.join(format!("{}-{}-{key:016x}.cubin", family.name(), self.architecture)));
        if let Some(code) = path.as_ref().and_then(|path| std::fs::read(path).ok())
            && let Ok(module) = load(driver, &code)
        {
            return Ok(module);
        }
        let (code, _) = libraries.nvrtc.compile(family, &self.architecture)?;
        if let Some(path) = path {
            replace(&path, &code);
        }
        load(driver, &code)
    }

    /// Unloads all modules.
    ///
    /// # Safety
    /// No kernel of them runs or will be launched.
    pub(super) unsafe fn unload(&mut self, driver: &Driver) {
        for (_, module) in self.loaded.drain() {
            // SAFETY: the caller's contract.
            unsafe { (driver.module_unload)(module) };
        }
    }
}

fn load(driver: &Driver, code: &[u8]) -> Result<*mut c_void, Error> {
    const ELF: &[u8] = b"\x7fELF";
    if !code.starts_with(ELF) {
        let reason = "no machine code".into();
        return Err(Error::Call { library: "driver", call: "cuModuleLoadData".into(), code: -1, reason });
    }
    let mut module = std::ptr::null_mut();
    // SAFETY: machine code with an ELF header, whose own sizes the driver checks; the function writes one pointer.
    let status = unsafe { (driver.module_load)(&raw mut module, code.as_ptr().cast()) };
    driver.check("cuModuleLoadData", status)?;
    Ok(module)
}

/// FNV-1a over strings.
fn digest(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_tell_sources_apart() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
    }
}
