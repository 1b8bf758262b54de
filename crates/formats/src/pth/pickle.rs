//! The part of Python's pickle that a state dict needs: a stack machine that builds plain values and calls nothing.
//!
//! Source: CPython's `pickletools`. Opcodes and names that a state dict has no use for are refused by name.

use std::collections::HashMap;
use std::ops::Range;

use crate::Malformed;

/// A value, by its index in [`Pickle`]: a flat list, so that no nesting can exhaust the stack.
pub(super) type Id = usize;

/// The most values, stack places and remembered values: a state dict of a thousand tensors takes some 30,000.
const MOST: usize = 1 << 20;

/// A plain value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text, as a range of the pickle's bytes.
    Text(Range<usize>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function that is known by name.
    Name(Known),
    /// What a persistent id names: the elements of some tensors.
    Storage(Id),
    Tensor(Tensor),
    /// A value that weights do not depend on: a device, a data type.
    Opaque,
}

/// A tensor as its pickle describes it; the numbers are still to be checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    /// The persistent id of its storage.
    pub(super) storage: Id,
    pub(super) offset: i64,
    pub(super) shape: Vec<i64>,
    pub(super) stride: Vec<i64>,
}

/// The names that a state dict may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    /// `torch.FloatStorage` and the like, by the element's name.
    Storage(&'static str),
    Opaque,
}

const STORAGES: [&str; 10] = [
    "FloatStorage",
    "DoubleStorage",
    "HalfStorage",
    "BFloat16Storage",
    "LongStorage",
    "IntStorage",
    "ShortStorage",
    "CharStorage",
    "ByteStorage",
    "BoolStorage",
];

fn known(module: &str, name: &str) -> Option<Known> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Known::OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Known::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Known::RebuildParameter,
        ("torch", "Size") => Known::Size,
        ("torch", "device" | "float32" | "float64" | "float16" | "bfloat16" | "int64") => Known::Opaque,
        ("torch", name) => Known::Storage(STORAGES.into_iter().find(|storage| *storage == name)?),
        _ => return None,
    })
}

/// Values built from a pickle, and where it ended.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    bytes: &'a [u8],
    values: Vec<Value>,
    at: usize,
    stack: Vec<Slot>,
    memo: HashMap<u32, Id>,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Value(Id),
    Mark,
}

type Step<T> = Result<T, Malformed>;

impl<'a> Pickle<'a> {
    /// A machine over bytes; values of all pickles that it runs stay valid.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, values: Vec::new(), at: 0, stack: Vec::new(), memo: HashMap::new() }
    }

    /// Where the next pickle starts.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }

    /// The text of a value; `None` if it is none, or not UTF-8.
    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        match &self.values[id] {
            Value::Text(range) => str::from_utf8(&self.bytes[range.clone()]).ok(),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id] {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.values[id] {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// Runs one pickle and gives its result.
    pub(super) fn run(&mut self) -> Step<Id> {
        self.stack.clear();
        self.memo.clear();
        loop {
            let place = self.at;
            let op = self.take(1)?[0];
            if op == b'.' {
                return self.pop();
            }
            self.step(op, place)?;
            if self.values.len().max(self.stack.len()).max(self.memo.len()) > MOST {
                return Err(Malformed::new(place, format!("the pickle builds more than {MOST} values")));
            }
        }
    }

    fn fail<T>(&self, problem: impl Into<String>) -> Step<T> {
        Err(Malformed::new(self.at, problem))
    }

    fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let part = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let Some(part) = part else { return self.fail("the pickle ends in the middle of an instruction") };
        self.at += count;
        Ok(part)
    }

    fn number(&mut self, bytes: usize) -> Step<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn line(&mut self) -> Step<&'a str> {
        let length = self.bytes[self.at..].iter().position(|&byte| byte == b'\n');
        let Some(length) = length else { return self.fail("the pickle ends in the middle of a line") };
        let line = self.take(length)?;
        self.at += 1;
        str::from_utf8(line).or_else(|_| self.fail("a line of the pickle is not UTF-8"))
    }

    fn push(&mut self, value: Value) -> Step<()> {
        self.values.push(value);
        self.slot(Slot::Value(self.values.len() - 1))
    }

    fn slot(&mut self, slot: Slot) -> Step<()> {
        self.stack.push(slot);
        Ok(())
    }

    fn pop(&mut self) -> Step<Id> {
        match self.stack.pop() {
            Some(Slot::Value(id)) => Ok(id),
            _ => self.fail("the pickle takes a value from an empty stack"),
        }
    }

    fn top(&mut self) -> Step<Id> {
        match self.stack.last() {
            Some(Slot::Value(id)) => Ok(*id),
            _ => self.fail("the pickle takes a value from an empty stack"),
        }
    }

    /// The values above the topmost mark, which goes too.
    fn marked(&mut self) -> Step<Vec<Id>> {
        let mark = self.stack.iter().rposition(|slot| matches!(slot, Slot::Mark));
        let Some(mark) = mark else { return self.fail("the pickle has no mark where it needs one") };
        let items = self.stack[mark + 1..]
            .iter()
            .filter_map(|slot| if let Slot::Value(id) = slot { Some(*id) } else { None })
            .collect();
        self.stack.truncate(mark);
        Ok(items)
    }

    fn text_of(&mut self, length: u64) -> Step<()> {
        let start = self.at;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        self.push(Value::Text(start..self.at))
    }

    fn remember(&mut self, index: u64) -> Step<()> {
        let id = self.top()?;
        let Ok(index) = u32::try_from(index) else { return self.fail("the pickle remembers too much") };
        self.memo.insert(index, id);
        Ok(())
    }

    fn recall(&mut self, index: u64) -> Step<()> {
        match u32::try_from(index).ok().and_then(|index| self.memo.get(&index)) {
            Some(&id) => self.slot(Slot::Value(id)),
            None => self.fail(format!("the pickle recalls value {index}, which it never stored")),
        }
    }

    fn last(&mut self, count: usize) -> Step<Vec<Id>> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        items.reverse();
        Ok(items)
    }

    fn step(&mut self, op: u8, place: usize) -> Step<()> {
        match op {
            0x80 => self.take(1).map(|_| ()),
            0x95 => self.take(8).map(|_| ()),
            b'}' => self.push(Value::Dict(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            b'(' => self.slot(Slot::Mark),
            b't' => {
                let items = self.marked()?;
                self.push(Value::Tuple(items))
            }
            0x85..=0x87 => {
                let items = self.last(usize::from(op - 0x84))?;
                self.push(Value::Tuple(items))
            }
            b'l' => {
                let items = self.marked()?;
                self.push(Value::List(items))
            }
            b'd' => {
                let items = self.marked()?;
                let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
                self.push(Value::Dict(pairs))
            }
            b'a' => self.last(1).and_then(|items| self.append(&items)),
            b'e' => self.marked().and_then(|items| self.append(&items)),
            b's' => self.last(2).and_then(|items| self.set(&items)),
            b'u' => self.marked().and_then(|items| self.set(&items)),
            b'q' => self.number(1).and_then(|index| self.remember(index)),
            b'r' => self.number(4).and_then(|index| self.remember(index)),
            0x94 => self.remember(self.memo.len() as u64),
            b'h' => self.number(1).and_then(|index| self.recall(index)),
            b'j' => self.number(4).and_then(|index| self.recall(index)),
            b'X' | b'B' | b'T' => self.number(4).and_then(|length| self.text_of(length)),
            0x8c | b'C' | b'U' => self.number(1).and_then(|length| self.text_of(length)),
            0x8d | 0x8e => self.number(8).and_then(|length| self.text_of(length)),
            b'J' => self.number(4).and_then(|n| self.push(Value::Int(i64::from(n as u32 as i32)))),
            b'K' => self.number(1).and_then(|n| self.push(Value::Int(n as i64))),
            b'M' => self.number(2).and_then(|n| self.push(Value::Int(n as i64))),
            0x8a => self.long(),
            b'G' => {
                let bytes = self.take(8)?.try_into().unwrap_or_default();
                self.push(Value::Float(f64::from_be_bytes(bytes)))
            }
            b'N' => self.push(Value::None),
            0x88 | 0x89 => self.push(Value::Bool(op == 0x88)),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.name(module, name, place)
            }
            0x93 => {
                let parts = self.last(2)?;
                match (self.text(parts[0]), self.text(parts[1])) {
                    (Some(module), Some(name)) => self.name(module, name, place),
                    _ => self.fail("the pickle names something by what is no text"),
                }
            }
            b'R' => self.reduce(),
            b'b' => self.build(),
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Storage(id))
            }
            b'0' => {
                self.stack.pop();
                Ok(())
            }
            b'2' => {
                let id = self.top()?;
                self.slot(Slot::Value(id))
            }
            _ => Err(Malformed::new(
                place,
                format!(
                    "the pickle has instruction {} (0x{op:02x}), which no state dict needs; save \
                     `model.state_dict()`",
                    instruction(op)
                ),
            )),
        }
    }

    fn long(&mut self) -> Step<()> {
        let length = self.number(1)? as usize;
        let bytes = self.take(length)?;
        if length > 8 {
            // The magic number of old files; nothing else that matters is as long.
            return self.push(Value::Opaque);
        }
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        whole[..length].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(whole)))
    }

    fn name(&mut self, module: &str, name: &str, place: usize) -> Step<()> {
        let Some(known) = known(module, name) else {
            return Err(Malformed::new(
                place,
                format!(
                    "the pickle refers to `{module}.{name}`, which is not loaded: only tensors and plain values \
                     are; save `model.state_dict()`"
                ),
            ));
        };
        self.push(if known == Known::Opaque { Value::Opaque } else { Value::Name(known) })
    }

    fn append(&mut self, items: &[Id]) -> Step<()> {
        let target = self.top()?;
        match &mut self.values[target] {
            Value::List(list) => {
                list.extend(items);
                Ok(())
            }
            _ => self.fail("the pickle appends to what is no list"),
        }
    }

    fn set(&mut self, items: &[Id]) -> Step<()> {
        let target = self.top()?;
        match &mut self.values[target] {
            Value::Dict(pairs) => {
                pairs.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            _ => self.fail("the pickle sets an item of what is no dictionary"),
        }
    }

    /// What a call of a known name gives; nothing is called.
    fn reduce(&mut self) -> Step<()> {
        let parts = self.last(2)?;
        let Some(arguments) = self.tuple(parts[1]).map(<[Id]>::to_vec) else {
            return self.fail("the pickle calls a name without a tuple of arguments");
        };
        let value = match self.values[parts[0]] {
            Value::Name(Known::OrderedDict) => self.ordered(&arguments),
            Value::Name(Known::RebuildTensor) => self.tensor(&arguments),
            Value::Name(Known::RebuildParameter) => {
                arguments.first().map(|&tensor| self.values[tensor].clone())
            }
            Value::Name(Known::Size) => arguments.first().map(|&size| self.values[size].clone()),
            Value::Opaque => Some(Value::Opaque),
            _ => None,
        };
        match value {
            Some(value) => self.push(value),
            None => self.fail("the pickle calls a name with arguments that it does not take"),
        }
    }

    fn ordered(&self, arguments: &[Id]) -> Option<Value> {
        let pairs = match arguments {
            [] => Vec::new(),
            &[list, ..] => self
                .tuple(list)?
                .iter()
                .map(|&pair| match self.tuple(pair)? {
                    &[key, value] => Some((key, value)),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()?,
        };
        Some(Value::Dict(pairs))
    }

    fn tensor(&self, arguments: &[Id]) -> Option<Value> {
        let &[storage, offset, shape, stride, ..] = arguments else { return None };
        let Value::Storage(storage) = self.values[storage] else { return None };
        let numbers = |id| self.tuple(id)?.iter().map(|&n| self.int(n)).collect::<Option<Vec<i64>>>();
        let (shape, stride) = (numbers(shape)?, numbers(stride)?);
        Some(Value::Tensor(Tensor { storage, offset: self.int(offset)?, shape, stride }))
    }

    /// The state of an OrderedDict holds nothing that weights depend on.
    fn build(&mut self) -> Step<()> {
        self.pop()?;
        let target = self.top()?;
        match self.values[target] {
            Value::Dict(_) | Value::Opaque => Ok(()),
            _ => self.fail("the pickle sets the state of an object that is not loaded"),
        }
    }
}

/// The names of instructions that are refused.
fn instruction(op: u8) -> &'static str {
    match op {
        b'i' => "INST",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        0x82..=0x84 => "EXT",
        0x8f => "EMPTY_SET",
        0x90 => "ADDITEMS",
        0x91 => "FROZENSET",
        0x96 => "BYTEARRAY8",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        b'P' => "PERSID",
        b'I' => "INT",
        b'L' => "LONG",
        b'F' => "FLOAT",
        b'S' => "STRING",
        b'V' => "UNICODE",
        b'p' => "PUT",
        b'g' => "GET",
        0x8b => "LONG4",
        b'1' => "POP_MARK",
        _ => "of no known name",
    }
}
