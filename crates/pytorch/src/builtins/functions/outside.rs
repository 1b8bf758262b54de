//! Functions that reach outside of the file: there is nothing there.

use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

pub(super) fn names() -> Vec<(&'static str, Value)> {
    let functions: [(&'static str, NativeFn); 6] = [
        ("open", |i, a| refuse(i, &a, "open", "reads and writes no files")),
        ("input", |i, a| refuse(i, &a, "input", "has nobody to ask")),
        ("eval", |i, a| refuse(i, &a, "eval", "evaluates no text as code")),
        ("exec", |i, a| refuse(i, &a, "exec", "runs no text as code")),
        ("compile", |i, a| refuse(i, &a, "compile", "compiles no text as code")),
        ("__import__", |i, a| refuse(i, &a, "__import__", "imports by statement alone")),
    ];
    functions.map(|(name, call)| (name, Value::native(name, call))).to_vec()
}

fn refuse(interp: &mut Interp, _: &Args, name: &str, what: &str) -> Result {
    let error = interp.raise("RuntimeError", &format!("`{name}` reaches outside: convnet's Python {what}"));
    Err(error.teach(|t| {
        t.helps.push(
            "put it under `if __name__ == \"__main__\":`, which is not run where the file is a model"
                .to_owned(),
        );
    }))
}
