//! What PyTorch has and convnet has not.

use std::cell::RefCell;
use std::rc::Rc;

use super::known;
use crate::interp::{Args, Interp, Result};
use crate::value::{Class, Module, NativeFn, Value};

pub(super) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![("absent", absent), ("absent_attribute", attribute)]
}

impl Interp {
    /// The value of a name that PyTorch has and a module of the crate's has not: a class of `torch.nn` can be made and
    /// not called, all else is unknown.
    pub(crate) fn absent_name(&mut self, module: &Rc<Module>, name: &str) -> Result {
        let path = format!("{}.{name}", module.name);
        let is_layer = &*module.name == "torch.nn"
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && !name.ends_with("Loss")
            && !name.contains("DataParallel");
        if !is_layer {
            return Ok(self.opaque(&path));
        }
        let absent = self.import_module("torch.nn.modules.absent")?;
        let Value::Class(base) = self.get_attr(&absent, "Absent")? else { return Ok(self.opaque(&path)) };
        let value = Value::Class(derived(name, "torch.nn", &base));
        if let Some(scope) = &*module.scope.borrow() {
            scope.set(name.into(), value.clone());
        }
        Ok(value)
    }
}

/// An empty class that derives from another one.
pub(super) fn derived(name: &str, module: &str, base: &Rc<Class>) -> Rc<Class> {
    let class = Rc::new(Class {
        name: name.into(),
        module: module.into(),
        bases: vec![base.clone()],
        mro: RefCell::default(),
        attrs: RefCell::default(),
        builtin: None,
        opaque: None,
        span: None,
    });
    let mut mro = vec![class.clone()];
    mro.extend(base.mro.borrow().iter().cloned());
    *class.mro.borrow_mut() = mro;
    class
}

/// The name that PyTorch gives an absent layer: that of the class, or of the one that the user's derives from.
fn pytorch_name(class: &Class) -> String {
    let mro = class.mro.borrow();
    let of_pytorch = mro.iter().find(|class| known("torch.nn").contains(&&*class.name));
    of_pytorch.map_or_else(|| class.name.to_string(), |class| class.name.to_string())
}

/// `_torch.absent(self)`: the layer is called.
fn absent(interp: &mut Interp, args: Args) -> Result {
    let Some(Value::Instance(layer)) = args.items.first() else { return Ok(Value::None) };
    let (name, made) = (pytorch_name(&layer.class), layer.made.get());
    let made = made.filter(|span| interp.sources.is_users(*span));
    let error = interp.raise("NotImplementedError", &format!("convnet has no `nn.{name}`"));
    Err(error.teach(|t| {
        t.code = "absent";
        t.labels.extend(made.map(|span| (span, "the layer is made here".into())));
        t.notes.push(format!(
            "PyTorch has nn.{name}; convnet runs the layers of classic convolutional networks"
        ));
        t.helps.push(instead(&name).to_owned());
    }))
}

/// What convnet has in the place of a layer that it lacks.
fn instead(name: &str) -> &'static str {
    const WORDS: [(&str, &str); 8] = [
        ("LSTM", "convnet has no recurrent layers: an image's features go to `nn.Linear`"),
        ("GRU", "convnet has no recurrent layers: an image's features go to `nn.Linear`"),
        ("RNN", "convnet has no recurrent layers: an image's features go to `nn.Linear`"),
        ("Attention", "convnet has no attention: maps are weighed by a gate, `x * torch.sigmoid(conv(x))`"),
        ("Transformer", "convnet has no attention: maps are weighed by a gate, `x * torch.sigmoid(conv(x))`"),
        ("1d", "convnet's layers work on maps: take the layer's form for two dimensions, `…2d`"),
        ("3d", "convnet's layers work on maps: take the layer's form for two dimensions, `…2d`"),
        ("Norm", "convnet's normalization of maps is `nn.BatchNorm2d(channels)`"),
    ];
    let found = WORDS.iter().find(|(part, _)| name.contains(part));
    found.map_or(
        "build it of layers that convnet has: convolutions, pooling, activations, `nn.Linear`",
        |(_, help)| help,
    )
}

/// `_torch.absent_attribute(self, name)`: an attribute that PyTorch's layer may have.
fn attribute(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "__getattr__", 2, 2)?;
    let (Value::Instance(layer), Value::Str(name)) = (&items[0], &items[1]) else { return Ok(Value::None) };
    let class = pytorch_name(&layer.class);
    if name.starts_with('_') {
        return Err(interp.raise("AttributeError", &format!("'{class}' object has no attribute '{name}'")));
    }
    Ok(interp.opaque(&format!("torch.nn.{class}.{name}")))
}
