//! What `keys()`, `values()` and `items()` of a dict give, and how dicts are filled.

use std::cell::RefCell;
use std::rc::Rc;

use crate::interp::{Args, Interp, Result};
use crate::value::{Builtin, Class, Dict, DictKind, Instance, Key, Value};

/// Which view of a dict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewKind {
    Keys,
    Values,
    Items,
}

impl ViewKind {
    /// The name of its class.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Keys => "dict_keys",
            Self::Values => "dict_values",
            Self::Items => "dict_items",
        }
    }
}

impl Interp {
    /// A view: an object that holds the dict itself for its keys, or the values or pairs as a list, as they are now.
    pub(crate) fn dict_view(&mut self, shared: &Rc<RefCell<Dict>>, kind: ViewKind) -> Result {
        self.charge(shared.borrow().map.len())?;
        let dict = shared.borrow();
        let payload = match kind {
            ViewKind::Keys => Value::Dict(shared.clone()),
            ViewKind::Values => Value::list(dict.values().cloned().collect()),
            ViewKind::Items => {
                let pairs =
                    dict.map.values().map(|(key, value)| Value::tuple(vec![key.clone(), value.clone()]));
                Value::list(pairs.collect())
            }
        };
        let object = self.types.builtin(Builtin::Object);
        let class = Rc::new(Class {
            name: kind.name().into(),
            module: "builtins".into(),
            bases: vec![object.clone()],
            mro: RefCell::default(),
            attrs: RefCell::default(),
            builtin: None,
            opaque: None,
            span: None,
        });
        // The class itself is left out of its order: it would keep itself alive.
        *class.mro.borrow_mut() = vec![object];
        let view = Instance::new(class);
        *view.payload.borrow_mut() = Some(payload);
        Ok(Value::Instance(Rc::new(view)))
    }

    /// Fills a dict with what `dict(…)` and `update` take: a mapping or pairs, and names.
    ///
    /// # Errors
    /// As Python's for what are no pairs.
    pub(crate) fn fill_dict(&mut self, dict: &Rc<RefCell<Dict>>, args: Args, function: &str) -> Result<()> {
        if args.items.len() > 1 {
            let found = args.items.len();
            let name = function.trim_start_matches("dict.");
            return Err(self.raise("TypeError", &format!("{name} expected at most 1 argument, got {found}")));
        }
        if let Some(source) = args.items.first() {
            match source.plain() {
                Value::Dict(other) if matches!(dict.borrow().kind, DictKind::Attributes(_)) => {
                    let pairs: Vec<(Value, Value)> = other.borrow().map.values().cloned().collect();
                    for (key, value) in pairs {
                        self.put(dict, key, value)?;
                    }
                }
                Value::Dict(other) => {
                    self.charge(other.borrow().map.len())?;
                    let pairs: Vec<(Key, (Value, Value))> =
                        other.borrow().map.iter().map(|(key, pair)| (key.clone(), pair.clone())).collect();
                    let mut dict = dict.borrow_mut();
                    for (hashed, (key, value)) in pairs {
                        match dict.map.get_mut(&hashed) {
                            Some((_, old)) => *old = value,
                            None => drop(dict.map.insert(hashed, (key, value))),
                        }
                    }
                }
                Value::Instance(_) if self.find_attr(source, "keys")?.is_some() => {
                    let keys = self.call_method(source, "keys", Vec::new())?;
                    for key in self.collect(&keys)? {
                        let value = self.get_item(source, &key)?;
                        self.put(dict, key, value)?;
                    }
                }
                _ => self.fill_from_pairs(dict, source)?,
            }
        }
        for (name, value) in args.keywords {
            self.put(dict, Value::Str(name), value)?;
        }
        Ok(())
    }

    fn fill_from_pairs(&mut self, dict: &Rc<RefCell<Dict>>, source: &Value) -> Result<()> {
        let iterator = self.iter(source)?;
        let mut at = 0;
        while let Some(item) = self.next(&iterator)? {
            let pair = match item.plain() {
                Value::Tuple(pair) => pair.to_vec(),
                Value::List(_) | Value::Str(_) | Value::Iter(_) => self.collect(&item)?,
                _ => {
                    let message =
                        format!("cannot convert dictionary update sequence element #{at} to a sequence");
                    return Err(self.raise("TypeError", &message));
                }
            };
            let found = pair.len();
            let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
                let message =
                    format!("dictionary update sequence element #{at} has length {found}; 2 is required");
                return Err(self.raise("ValueError", &message));
            };
            self.put(dict, key, value)?;
            at += 1;
        }
        Ok(())
    }

    /// Counts what a counter is given: things, a mapping of counts, names.
    ///
    /// # Errors
    /// TypeError for what cannot be a key.
    pub(crate) fn count_into(&mut self, dict: &Rc<RefCell<Dict>>, args: Args, sign: i64) -> Result<()> {
        let mut counts: Vec<(Value, i64)> = Vec::new();
        let count = |value: &Value| if let Value::Int(n) = value { *n } else { 0 };
        if let Some(source) = args.items.first() {
            match source.plain() {
                Value::Dict(other) => {
                    self.charge(other.borrow().map.len())?;
                    counts.extend(other.borrow().map.values().map(|(key, n)| (key.clone(), count(n))));
                }
                Value::None => {}
                _ => counts.extend(self.collect(source)?.into_iter().map(|key| (key, 1))),
            }
        }
        counts.extend(args.keywords.iter().map(|(name, n)| (Value::Str(name.clone()), count(n))));
        for (key, n) in counts {
            let hashed = self.key_of(&key)?;
            let old = dict.borrow().map.get(&hashed).map_or(0, |(_, n)| count(n));
            self.put(dict, key, Value::Int(old.saturating_add(n.saturating_mul(sign))))?;
        }
        Ok(())
    }
}
