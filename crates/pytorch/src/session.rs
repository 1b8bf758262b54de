//! One reading of a file: an interpreter on a thread of its own with a deep stack, and what it tells.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::interp::{Interp, Thrown};
use crate::source::FileId;
use crate::value::Module;

/// Bytes of stack: Python's frames nest a thousand deep, and so may lists.
const STACK: usize = 1 << 29;

/// Runs `work` on a thread with a deep stack.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().name("pytorch".into()).stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => panic!("no thread with a stack of {STACK} bytes: {error}"),
        }
    })
}

/// An interpreter for a file of this path.
pub(crate) fn interpreter(path: &Path, output: Box<dyn FnMut(&str)>) -> Interp {
    let root = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    Interp::new(root, output)
}

/// Runs a file's statements as the module `name`.
pub(crate) fn run(
    interp: &mut Interp,
    path: &Path,
    text: &str,
    name: &str,
    tolerant: bool,
) -> Result<Rc<Module>, Vec<Diagnostic>> {
    let file = interp.sources.add(path, text, false);
    let block = crate::parse::parse(&interp.sources, file)?;
    let module = Rc::new(Module {
        name: name.into(),
        scope: RefCell::default(),
        path: Some(path.to_owned()),
        is_prelude: false,
    });
    interp.modules.insert(name.to_owned(), module.clone());
    match interp.run_module(&module, &block, tolerant) {
        Ok(()) => Ok(module),
        Err(thrown) => Err(vec![diagnose(interp, *thrown, file)]),
    }
}

/// An exception that nothing caught, as a message.
pub(crate) fn diagnose(interp: &mut Interp, thrown: Thrown, file: FileId) -> Diagnostic {
    let (class, text) = interp.exception_text(&thrown.value);
    let teaching = thrown.teaching.map(|teaching| *teaching).unwrap_or_default();
    let is_place = |span: &crate::source::Span| interp.sources.is_users(*span) && !span.is_empty();
    let innermost = thrown.sites.first().map(|site| site.span).filter(is_place);
    let mut span = teaching.span.filter(is_place).or(innermost);
    let calls = thrown.sites.iter().skip(1).rev();
    let chain = calls.map(|site| (site.span, site.function.as_deref().map(str::to_owned))).collect();
    let code = if teaching.code.is_empty() { "python" } else { teaching.code };
    let plain = matches!(code, "shape" | "limit" | "unsupported" | "unknown" | "syntax");
    let message = match text.is_empty() {
        true => class,
        false if plain => text,
        false => format!("{class}: {text}"),
    };
    let mut labels: Vec<_> = teaching.labels.into_iter().filter(|(span, _)| is_place(span)).collect();
    let mut label = teaching.label;
    if span.is_none() && !labels.is_empty() {
        // A call that no line of the file makes: the place that matters most is that of the message.
        let (place, text) = labels.remove(0);
        (span, label) = (Some(place), Some(text));
    }
    Diagnostic {
        severity: Severity::Error,
        code,
        message,
        span: span.or(Some(crate::source::Span { file, start: 0, end: 0 })),
        label,
        labels,
        chain,
        listing: String::new(),
        notes: teaching.notes,
        helps: teaching.helps,
    }
}

/// Runs a text as Python's main module; gives what it prints, and the error that ended it.
#[doc(hidden)]
pub fn print_of(name: &str, text: &str) -> (String, Option<Report>) {
    on_deep_stack(|| {
        let printed = Rc::new(RefCell::new(String::new()));
        let sink = printed.clone();
        let path = Path::new(name);
        let mut interp = interpreter(path, Box::new(move |text| sink.borrow_mut().push_str(text)));
        let result = run(&mut interp, path, text, "__main__", false);
        let report = result.err().map(|diagnostics| Report { sources: interp.sources.clone(), diagnostics });
        let text = printed.borrow().clone();
        (text, report)
    })
}

impl Interp {
    /// Prints text.
    pub(crate) fn print(&mut self, text: &str) {
        (self.output)(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_functions_and_errors() {
        let text = "class A:\n    def f(self, x):\n        return g(x)\nclass B(A):\n    def f(self, x):\n        return super().f(x)\ndef g(x):\n    return undefined_name\nB().f(1)\n";
        let (_, report) = print_of("net.py", text);
        let report = report.unwrap();
        let diagnostic = &report.diagnostics[0];
        assert!(diagnostic.message.contains("undefined_name"), "{diagnostic:?}");
        assert_eq!(diagnostic.chain.len(), 3);
        let (_, report) = print_of("net.py", "def f():\n    f()\nf()\n");
        assert!(report.unwrap().diagnostics[0].message.contains("recursion"));
        let (_, report) = print_of("net.py", "while True:\n    pass\n");
        assert_eq!(report.unwrap().diagnostics[0].code, "limit");
    }
}
