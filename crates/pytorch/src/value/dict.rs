//! Dicts, which keep the order of insertion, and what may be their keys.

use std::rc::Rc;

use indexmap::IndexMap;

use super::{Instance, Value};

/// A key as it is compared: 1, 1.0 and True are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    None,
    Int(i64),
    /// The bits of a float that is no integer.
    Float(u64),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    Tuple(Vec<Key>),
    /// A frozen set's keys, in any order.
    Frozen(Vec<Key>),
    /// Where an object lies that is compared by identity.
    Identity(usize),
}

impl Value {
    /// The value as a key; `None` for lists, dicts and other values that change.
    pub(crate) fn key(&self) -> Option<Key> {
        Some(match self {
            Self::None => Key::None,
            Self::Bool(b) => Key::Int(i64::from(*b)),
            Self::Int(n) => Key::Int(*n),
            Self::Float(x) if x.fract() == 0.0 && x.abs() < 9e15 => Key::Int(*x as i64),
            Self::Float(x) => Key::Float(x.to_bits()),
            Self::Str(text) => Key::Str(text.clone()),
            Self::Bytes(bytes) => Key::Bytes(bytes.clone()),
            Self::Tuple(items) => Key::Tuple(items.iter().map(Self::key).collect::<Option<_>>()?),
            Self::Set { items, frozen: true } => {
                let mut keys: Vec<Key> = items.borrow().map.keys().cloned().collect();
                keys.sort_by_cached_key(|key| format!("{key:?}"));
                Key::Frozen(keys)
            }
            Self::List(_) | Self::Dict(_) | Self::Set { .. } | Self::Slice(_) => return None,
            Self::Range(range) => Key::Tuple(vec![
                Key::Str("range".into()),
                Key::Int(range.start),
                Key::Int(range.stop),
                Key::Int(range.step),
            ]),
            Self::Instance(instance) => match &*instance.payload.borrow() {
                Some(payload) => payload.key()?,
                None => Key::Identity(self.address()?),
            },
            Self::Native(native) => Key::Identity(native.call as *const () as usize),
            Self::Ellipsis => Key::Identity(1),
            Self::NotImplemented => Key::Identity(2),
            _ => Key::Identity(self.address()?),
        })
    }
}

/// What kind of dict it is.
#[derive(Clone)]
pub(crate) enum DictKind {
    Plain,
    /// `collections.OrderedDict`.
    Ordered,
    /// `collections.defaultdict`, with what makes a missing value.
    Default(Value),
    /// `collections.Counter`.
    Counter,
    /// `__dict__` of an object: what is set in it is set in the object.
    Attributes(Rc<Instance>),
}

/// A dict: keys with the values that they were given as, and their values.
#[derive(Clone)]
pub(crate) struct Dict {
    pub(crate) map: IndexMap<Key, (Value, Value)>,
    pub(crate) kind: DictKind,
}

impl Default for Dict {
    fn default() -> Self {
        Self { map: IndexMap::new(), kind: DictKind::Plain }
    }
}

impl Dict {
    /// Sets the value of a name.
    pub(crate) fn set_str(&mut self, name: &str, value: Value) {
        self.map.insert(Key::Str(name.into()), (Value::str(name), value));
    }

    /// Sets a value; the key keeps its first form. `false` if it cannot be a key.
    pub(crate) fn set(&mut self, key: Value, value: Value) -> bool {
        let Some(hashed) = key.key() else { return false };
        match self.map.get_mut(&hashed) {
            Some((_, old)) => *old = value,
            None => drop(self.map.insert(hashed, (key, value))),
        }
        true
    }

    /// Keys as they were given.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Value> {
        self.map.values().map(|(key, _)| key)
    }

    /// Values.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.map.values().map(|(_, value)| value)
    }
}
