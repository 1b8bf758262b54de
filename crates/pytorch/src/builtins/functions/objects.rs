//! Functions of any object: `isinstance`, `type`, `repr`, `hash` …

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::super::text::ascii;
use super::sequences::one;
use crate::interp::{Args, Interp, Result};
use crate::value::{Builtin, Class, Key, NativeFn, Value};

pub(super) fn names() -> Vec<(&'static str, Value)> {
    let functions: [(&'static str, NativeFn); 8] = [
        ("isinstance", isinstance),
        ("issubclass", issubclass),
        ("callable", callable),
        ("id", |interp, args| {
            let value = one(interp, args, "id")?;
            let id = value.address().map_or_else(|| hash_of(&value.key()), |address| address as i64);
            Ok(Value::Int(id))
        }),
        ("hash", hash),
        ("repr", |interp, args| {
            let value = one(interp, args, "repr")?;
            Ok(Value::str(&interp.repr(&value)?))
        }),
        ("ascii", |interp, args| {
            let value = one(interp, args, "ascii")?;
            Ok(Value::str(&ascii(&interp.repr(&value)?)))
        }),
        ("format", |interp, args| {
            let items = args.positional(interp, "format", 1, 2)?;
            let spec = match items.get(1) {
                Some(spec) => interp.str_of(spec)?,
                None => String::new(),
            };
            Ok(Value::str(&interp.format_value(&items[0], &spec)?))
        }),
    ];
    functions.map(|(name, call)| (name, Value::native(name, call))).to_vec()
}

impl Interp {
    /// Whether a value is of a class, or of one of a tuple of classes.
    ///
    /// # Errors
    /// TypeError for what is no class.
    pub(crate) fn is_instance(&mut self, value: &Value, of: &Value) -> Result<bool> {
        if let Value::Class(class) = of
            && let Some(check) = class.lookup("__instancecheck__")
        {
            let function = if let Value::ClassMethod(inner) = &check { (**inner).clone() } else { check };
            let result = self.call_with(&function, vec![of.clone(), value.clone()])?;
            return self.truth(&result);
        }
        let class = self.class_of(value);
        let message = "isinstance() arg 2 must be a type, a tuple of types, or a union";
        self.derives(&class, of, message, 50)
    }

    fn derives(&mut self, class: &Rc<Class>, of: &Value, message: &str, depth: usize) -> Result<bool> {
        match of {
            Value::Class(other) => Ok(class.is_subclass(other) || self.is_virtual_subclass(class, other)),
            Value::None => Ok(class.builtin == Some(Builtin::NoneType)),
            // No object here is of a class that is not known, unless its own class comes from such a one.
            Value::Opaque(opaque) => match &class.opaque {
                Some(_) => Err(self.opaque_error(opaque, "a class")),
                None => Ok(false),
            },
            Value::Tuple(several) if depth > 0 => {
                for one in several.iter() {
                    if self.derives(class, one, message, depth - 1)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Err(self.raise("TypeError", message)),
        }
    }

    /// A bool is an int.
    fn is_virtual_subclass(&self, class: &Class, other: &Class) -> bool {
        (class.builtin, other.builtin) == (Some(Builtin::Bool), Some(Builtin::Int))
    }
}

fn isinstance(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "isinstance", 2, 2)?;
    if let Value::Tuple(several) = &items[1] {
        for one in several.iter() {
            if interp.is_instance(&items[0], one)? {
                return Ok(Value::Bool(true));
            }
        }
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(interp.is_instance(&items[0], &items[1])?))
}

fn issubclass(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "issubclass", 2, 2)?;
    let Value::Class(class) = &items[0] else {
        return Err(interp.raise("TypeError", "issubclass() arg 1 must be a class"));
    };
    let message = "issubclass() arg 2 must be a class, a tuple of classes, or a union";
    Ok(Value::Bool(interp.derives(class, &items[1], message, 50)?))
}

fn callable(interp: &mut Interp, args: Args) -> Result {
    let value = one(interp, args, "callable")?;
    Ok(Value::Bool(match &value {
        Value::Function(_) | Value::Native(_) | Value::Method(_) | Value::Class(_) | Value::Opaque(_) => true,
        Value::StaticMethod(_) => true,
        Value::Instance(_) => interp.special(&value, "__call__").is_some(),
        _ => false,
    }))
}

fn hash_of(key: &Option<Key>) -> i64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() >> 2) as i64
}

fn hash(interp: &mut Interp, args: Args) -> Result {
    let value = one(interp, args, "hash")?;
    match interp.special(&value, "__hash__") {
        Some(Value::None) => Err(interp.unhashable(&value)),
        Some(method) => interp.call_special(&method, &value, Vec::new()),
        None => match interp.key_of(&value)? {
            Key::Int(-1) => Ok(Value::Int(-2)),
            Key::Int(n) => Ok(Value::Int(n % ((1 << 61) - 1))),
            key => Ok(Value::Int(hash_of(&Some(key)))),
        },
    }
}
