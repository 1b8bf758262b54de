//! Imports: the crate's own files, files beside the one that is read, and names that are not known.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Frame, Interp, Result, Thrown};
use crate::ast::{Alias, Block, Expr, ExprKind, Name, Stmt, StmtKind};
use crate::source::FileId;
use crate::value::{Module, Scope, Value};

/// Files that one network may be spread over.
const MOST_FILES: usize = 200;

impl Interp {
    /// `import a.b [as c]`.
    pub(super) fn import(&mut self, alias: &Alias) -> Result<()> {
        let module = self.import_module(&alias.name)?;
        match &alias.asname {
            Some(name) => self.bind_name(name, module),
            None => {
                let top = alias.name.split('.').next().unwrap_or_default().to_owned();
                let module = self.import_module(&top)?;
                self.bind_name(&Name::from(top), module);
            }
        }
        Ok(())
    }

    /// `from module import names`.
    pub(super) fn import_from(&mut self, module: Option<&Name>, names: &[Alias], level: u32) -> Result<()> {
        let from = match level {
            0 => self.import_module(module.map_or("", |name| name))?,
            level => self.import_relative(module.map_or("", |name| name), level)?,
        };
        for alias in names {
            if let Some(frame) = self.frames.last_mut() {
                frame.span = alias.span;
            }
            if &*alias.name == "*" {
                self.import_all(&from);
                continue;
            }
            let found = match &from {
                // `from . import resnet`: a file of the folder.
                Value::Module(package) if level > 0 && package.get(&alias.name).is_none() => {
                    let inner =
                        module.map_or_else(|| alias.name.to_string(), |m| format!("{m}.{}", alias.name));
                    match self.relative_file(&inner, level) {
                        Some(path) => self.import_file(&path)?,
                        None => self.get_attr(&from, &alias.name)?,
                    }
                }
                _ => self.imported_name(&from, alias)?,
            };
            self.bind_name(alias.asname.as_ref().unwrap_or(&alias.name), found);
        }
        Ok(())
    }

    fn imported_name(&mut self, from: &Value, alias: &Alias) -> Result {
        let found = self.find_attr(from, &alias.name)?;
        match (found, from) {
            (Some(found), _) => Ok(found),
            (None, Value::Module(module)) => {
                let message = format!("cannot import name '{}' from '{}'", alias.name, module.name);
                let is_running = self.frames.iter().any(|frame| {
                    frame.function.is_none()
                        && frame.scope.module.path.is_some()
                        && frame.scope.module.path == module.path
                });
                let teaching = self.get_attr(from, &alias.name).err().and_then(|thrown| thrown.teaching);
                let mut error = self.raise("ImportError", &message);
                error.teaching = teaching;
                if is_running {
                    let name = alias.name.clone();
                    error.teaching = None;
                    return Err(error.teach(|t| {
                        t.code = "name";
                        t.label = Some("this file is still being read".to_owned());
                        t.helps.push(format!(
                            "the files import each other in a circle: `{name}` is defined only further down; move what \
                             both need to a file of its own"
                        ));
                    }));
                }
                Err(error)
            }
            (None, _) => self.get_attr(from, &alias.name),
        }
    }

    fn import_all(&mut self, from: &Value) {
        let Value::Module(module) = from else { return };
        let Some(scope) = module.scope.borrow().clone() else { return };
        let all: Option<Vec<Name>> = match scope.get("__all__") {
            Some(Value::List(items)) => Some(
                items
                    .borrow()
                    .iter()
                    .filter_map(|v| if let Value::Str(s) = v { Some(s.clone()) } else { None })
                    .collect(),
            ),
            _ => None,
        };
        let vars: Vec<(Name, Value)> =
            scope.vars.borrow().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, value) in vars {
            let is_public = all.as_ref().map_or(!name.starts_with('_'), |all| all.contains(&name));
            if is_public {
                self.bind_name(&name, value);
            }
        }
    }

    /// A module by its full name.
    pub(crate) fn import_module(&mut self, name: &str) -> Result {
        if let Some(module) = self.modules.get(name) {
            return Ok(Value::Module(module.clone()));
        }
        if let Some(text) = crate::prelude::file(name) {
            return self.import_prelude(name, text);
        }
        let natives =
            if name == "_torch" { Some(crate::torch::natives()) } else { crate::builtins::module(name) };
        if let Some(names) = natives {
            let module = Rc::new(Module {
                name: name.into(),
                scope: RefCell::default(),
                path: None,
                is_prelude: true,
            });
            let scope = Scope::of_module(module.clone());
            for (name, value) in names {
                scope.set(name.into(), value);
            }
            *module.scope.borrow_mut() = Some(scope);
            self.modules.insert(name.to_owned(), module.clone());
            return Ok(Value::Module(module));
        }
        let path = name.split('.').fold(self.root.clone(), |path, part| path.join(part));
        if let Some(path) = file_of(&path) {
            return self.import_file(&path);
        }
        let site = self.site();
        let package = name.split('.').next().unwrap_or(name);
        let is_torch = matches!(package, "torch" | "torchvision");
        if !crate::prelude::is_plain(package) && !is_torch {
            self.note(site, format!("`{package}` is not read: what comes from it is left out"));
        }
        Ok(self.opaque(name))
    }

    /// The module of this name whose statements, or whose functions, run: what `sys.modules[__name__]` asks for.
    pub(crate) fn running(&self, name: &str) -> Option<Value> {
        let mut modules = self.frames.iter().rev().map(|frame| &frame.scope.module);
        modules.find(|module| *module.name == *name).map(|module| Value::Module(module.clone()))
    }

    /// A module of the folder of the file that imports, or of one above it.
    fn import_relative(&mut self, name: &str, level: u32) -> Result {
        match self.relative_file(name, level) {
            Some(path) => self.import_file(&path),
            // A file of torchvision's that was copied alone.
            None if crate::prelude::file(&format!("torchvision.{name}")).is_some() => {
                self.import_module(&format!("torchvision.{name}"))
            }
            None => {
                let Some(folder) = self.relative_folder(level) else {
                    return Err(self.raise("ImportError", "this import leaves the folders of the file"));
                };
                let path = name
                    .split('.')
                    .filter(|p| !p.is_empty())
                    .fold(folder.clone(), |path, part| path.join(part));
                if path.is_dir() || name.is_empty() {
                    // A folder without `__init__.py`, whose files are imported one by one.
                    let module = Module {
                        name: name.into(),
                        scope: RefCell::default(),
                        path: None,
                        is_prelude: false,
                    };
                    let module = Rc::new(module);
                    *module.scope.borrow_mut() = Some(Scope::of_module(module.clone()));
                    return Ok(Value::Module(module));
                }
                let site = self.site();
                let dots = ".".repeat(level as usize);
                self.note(
                    site,
                    format!(
                        "`{dots}{name}` is not read: there is no {}.py",
                        folder.join(name.replace('.', "/")).display()
                    ),
                );
                Ok(self.opaque(name))
            }
        }
    }

    fn relative_folder(&self, level: u32) -> Option<PathBuf> {
        let path = self.frames.iter().rev().find_map(|frame| frame.scope.module.path.clone())?;
        let mut folder = path.parent()?.to_owned();
        for _ in 1..level {
            folder = if folder.as_os_str().is_empty() { PathBuf::from("..") } else { folder.join("..") };
        }
        Some(folder)
    }

    fn relative_file(&self, name: &str, level: u32) -> Option<PathBuf> {
        let folder = self.relative_folder(level)?;
        let path = name.split('.').filter(|p| !p.is_empty()).fold(folder, |path, part| path.join(part));
        file_of(&path)
    }

    /// Reads and runs a file; what of it fails is left out.
    fn import_file(&mut self, path: &Path) -> Result {
        let key = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        if let Some(module) = self.modules.get(&key) {
            return Ok(Value::Module(module.clone()));
        }
        if self.modules.len() > MOST_FILES {
            return Err(self.fatal(
                "ImportError",
                "more than 200 files are imported",
                "name the file of the network",
            ));
        }
        let text = match read(path) {
            Ok(text) => text,
            Err(error) => {
                return Err(self.raise("ImportError", &format!("{}: {error}", path.display())));
            }
        };
        let file = self.sources.add(path, text, false);
        let block = self.parsed(file)?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("module");
        let module = Rc::new(Module {
            name: name.into(),
            scope: RefCell::default(),
            path: Some(path.to_owned()),
            is_prelude: false,
        });
        self.modules.insert(key, module.clone());
        self.run_module(&module, &block, true)?;
        Ok(Value::Module(module))
    }

    /// The value of an expression, with the names of a module.
    pub(crate) fn evaluate_in(&mut self, module: &Rc<Module>, text: &str) -> Result {
        let file = self.sources.add("the network that is named", text, false);
        let block = self.parsed(file)?;
        let [Stmt { kind: StmtKind::Expr(expr), span, .. }] = &block[..] else {
            return Err(self.raise("SyntaxError", &format!("`{text}` is no name and no call")));
        };
        let Some(scope) = module.scope.borrow().clone() else { return Ok(Value::None) };
        self.frames.push(Frame {
            function: None,
            span: *span,
            is_prelude: false,
            arguments: Vec::new(),
            class: None,
            receiver: None,
            scope,
        });
        let result = self.eval(expr);
        let depth = self.frames.len();
        self.frames.truncate(depth - 1);
        result
    }

    fn import_prelude(&mut self, name: &str, text: &'static str) -> Result {
        // A package comes before what is in it.
        if let Some((package, _)) = name.rsplit_once('.') {
            self.import_module(package)?;
            if let Some(module) = self.modules.get(name) {
                return Ok(Value::Module(module.clone()));
            }
        }
        let file = self.sources.add(format!("<convnet>/{}.py", name.replace('.', "/")), text, true);
        let block = self.parsed(file)?;
        let module = Module { name: name.into(), scope: RefCell::default(), path: None, is_prelude: true };
        let module = Rc::new(module);
        self.modules.insert(name.to_owned(), module.clone());
        self.run_module(&module, &block, false)?;
        Ok(Value::Module(module))
    }

    /// The statements of a file.
    pub(crate) fn parsed(&mut self, file: FileId) -> Result<Block> {
        crate::parse::parse(&self.sources, file).map_err(|diagnostics| {
            let first = diagnostics.into_iter().next().unwrap_or_default();
            let mut error = self.raise("SyntaxError", &first.message);
            error.is_fatal = true;
            error.teach(|t| {
                t.code = "syntax";
                t.span = first.span;
                t.helps = first.helps;
            })
        })
    }

    /// Runs a module's statements. Tolerantly: one that depends on what is not known is left out, and the names that it
    /// would have set are not known either.
    pub(crate) fn run_module(&mut self, module: &Rc<Module>, block: &Block, tolerant: bool) -> Result<()> {
        let scope = Scope::of_module(module.clone());
        *module.scope.borrow_mut() = Some(scope.clone());
        if let Some(doc) = crate::parse::documentation(block) {
            scope.set("__doc__".into(), Value::Str(doc));
        }
        let start = block.first().map(|stmt| stmt.span).unwrap_or_default();
        let depth = self.frames.len();
        self.frames.push(Frame {
            function: None,
            span: start,
            is_prelude: module.is_prelude,
            arguments: Vec::new(),
            class: None,
            receiver: None,
            scope,
        });
        for stmt in block.iter() {
            let uses = self.opaque_uses;
            let result = self.stmt(stmt);
            if let Err(thrown) = result {
                let unknown = thrown.is_opaque || (self.opaque_uses > uses && is_loop(stmt));
                if !tolerant || !unknown {
                    self.frames.truncate(depth);
                    return Err(thrown);
                }
                self.frames.truncate(depth + 1);
                self.frame = None;
                self.leave_out(stmt, &thrown);
            }
        }
        self.frames.truncate(depth);
        Ok(())
    }

    /// Leaves a statement out: the names that it sets are not known.
    fn leave_out(&mut self, stmt: &Stmt, thrown: &Thrown) {
        if self.limits.steps < super::limits::MOST_STEPS / 4 {
            self.limits.steps = super::limits::MOST_STEPS / 4;
        }
        let (_, reason) = self.exception_text(&thrown.value);
        self.left_out.push((stmt.span, reason));
        for name in set_by(stmt) {
            let unknown = self.opaque(&name);
            self.bind_name(&name, unknown);
        }
    }
}

/// Whether a statement repeats others, as a training loop does.
fn is_loop(stmt: &Stmt) -> bool {
    matches!(
        stmt.kind,
        StmtKind::For { .. } | StmtKind::While { .. } | StmtKind::With { .. } | StmtKind::If { .. }
    )
}

/// The names that a statement of a module sets at its own level.
fn set_by(stmt: &Stmt) -> Vec<Name> {
    fn targets(expr: &Expr, names: &mut Vec<Name>) {
        match &expr.kind {
            ExprKind::Name(name) => names.push(name.clone()),
            ExprKind::Tuple(items) | ExprKind::List(items) => {
                items.iter().for_each(|item| targets(item, names));
            }
            ExprKind::Starred(inner) => targets(inner, names),
            _ => {}
        }
    }
    let mut names = Vec::new();
    match &stmt.kind {
        StmtKind::Assign { targets: list, .. } => list.iter().for_each(|target| targets(target, &mut names)),
        StmtKind::AnnAssign { target, .. } => targets(target, &mut names),
        StmtKind::Function(def) => names.push(def.name.clone()),
        StmtKind::Class(def) => names.push(def.name.clone()),
        _ => {}
    }
    names
}

/// A module's file: `path.py`, or the folder's `__init__.py`.
fn file_of(path: &Path) -> Option<PathBuf> {
    path.file_name()?;
    let file = path.with_extension("py");
    if file.is_file() {
        return Some(file);
    }
    let init = path.join("__init__.py");
    init.is_file().then_some(init)
}

/// The text of a regular file of bounded size.
pub(crate) fn read(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind};
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|error| {
        let (at, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let byte = bytes.get(at).copied().unwrap_or_default();
        let text = format!("this is no text in UTF-8: line {line} has the byte 0x{byte:02X}");
        Error::new(ErrorKind::InvalidData, text)
    })
}

/// The bytes of a regular file, one more than are read at most.
pub(crate) fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind, Read};
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(crate::parse::MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes))
}
