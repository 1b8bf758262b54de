//! The part of Python's pickle that a checkpoint needs: a stack machine that builds plain values and calls nothing.
//!
//! Source: CPython's `pickletools`. Of a class or a function that is no tensor's, what it would be called with is kept
//! ([`Object`]); names that are there to run code are refused.

use std::collections::HashMap;

use super::names::{Known, known, runs_code};
use crate::Malformed;

/// A value, by its index in [`Pickle`]: a flat list, so that no nesting can exhaust the stack.
pub(super) type Id = u32;

/// Bytes of the pickle, from and to.
pub(super) type Span = (u32, u32);

/// The most values, stack places and remembered values: a state dict of a thousand tensors takes some 30,000.
const MOST: usize = 1 << 19;
/// The most that all values hold together, in items of lists.
const MOST_ITEMS: usize = 1 << 21;
/// What a tensor or an object counts as, beside its items.
const WEIGHT: usize = 8;
/// The longest name of a tensor.
const LONGEST_NAME: u32 = 1 << 10;
/// The most dimensions of a tensor.
pub(super) const RANK: usize = 8;

/// A plain value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    /// Text or bytes.
    Text(Span),
    /// A line of the first protocol, in which characters are written by backslashes: bytes, or text.
    Escaped(Span, Escapes),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function that tensors and dictionaries are made by.
    Name(Known),
    /// Another one: its module and its name.
    Foreign(Span, Span),
    /// What a persistent id names: the elements of some tensors.
    Persistent(Id),
    Tensor(Box<Tensor>),
    Object(Box<Object>),
    /// A number of more than 64 bits.
    Opaque,
}

/// How a line of the first protocol writes what it cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// As Python writes a `str` or `bytes` in quotes: `\n`, `\x00`.
    Bytes,
    /// As the codec `raw-unicode-escape`: `\u0000`, and Latin-1.
    Unicode,
}

/// A tensor as its pickle describes it; the numbers are still to be checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    /// The persistent id of its storage, or the object that stands for it.
    pub(super) storage: Id,
    pub(super) offset: i64,
    pub(super) shape: Vec<i64>,
    pub(super) stride: Vec<i64>,
    /// The name of its type, where the storage does not tell it.
    pub(super) number: Option<&'static str>,
}

/// What a class would have been told: nothing was made of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    /// The class or function.
    pub(super) class: Id,
    pub(super) arguments: Vec<Id>,
    /// What was set by key.
    pub(super) pairs: Vec<(Id, Id)>,
    /// What was appended.
    pub(super) items: Vec<Id>,
    /// Its attributes, or what it is restored from.
    pub(super) state: Option<Id>,
}

/// Values built from a pickle, and where it ended.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    bytes: &'a [u8],
    values: Vec<Value>,
    at: usize,
    stack: Vec<Slot>,
    memo: HashMap<u32, Id>,
    items: usize,
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
        Self { bytes, values: Vec::new(), at: 0, stack: Vec::new(), memo: HashMap::new(), items: 0 }
    }

    /// Where the next pickle starts.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// All values, of all pickles that it ran.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The bytes of a text.
    pub(super) fn bytes(&self, (start, end): Span) -> &'a [u8] {
        &self.bytes[start as usize..end as usize]
    }

    fn span(&self, span: Span) -> Option<&'a str> {
        str::from_utf8(self.bytes(span)).ok()
    }

    /// The text of a value; `None` if it is none, or not UTF-8.
    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        match *self.value(id) {
            Value::Text(span) => self.span(span),
            _ => None,
        }
    }

    /// The text of a value if it is no longer than a name: one of megabytes may be there a million times.
    pub(super) fn name_of(&self, id: Id) -> Option<&'a str> {
        match *self.value(id) {
            Value::Text((start, end)) if end - start <= LONGEST_NAME => self.span((start, end)),
            _ => None,
        }
    }

    /// The items of a tuple or a list.
    pub(super) fn list(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a dictionary, or of an object that is one.
    pub(super) fn pairs(&self, id: Id) -> &[(Id, Id)] {
        match self.value(id) {
            Value::Dict(pairs) => pairs,
            Value::Object(object) => &object.pairs,
            _ => &[],
        }
    }

    /// The value of an entry.
    pub(super) fn entry(&self, id: Id, key: &str) -> Option<Id> {
        self.pairs(id)
            .iter()
            .rev()
            .find(|&&(name, _)| self.name_of(name) == Some(key))
            .map(|&(_, value)| value)
    }

    /// The attributes of an object, which are a dictionary.
    pub(super) fn attributes(&self, id: Id) -> Option<Id> {
        match self.value(id) {
            Value::Object(object) => object.state.filter(|&state| !self.pairs(state).is_empty()),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match *self.value(id) {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The full name of a class or function that is no tensor's.
    pub(super) fn foreign(&self, id: Id) -> Option<String> {
        match *self.value(id) {
            Value::Foreign(module, name) => Some(format!("{}.{}", self.span(module)?, self.span(name)?)),
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
            let most = self.values.len().max(self.stack.len()).max(self.memo.len());
            if most > MOST || self.items > MOST_ITEMS {
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

    fn line(&mut self) -> Step<Span> {
        let length = self.bytes[self.at..].iter().position(|&byte| byte == b'\n');
        let Some(length) = length else { return self.fail("the pickle ends in the middle of a line") };
        let line = (self.at as u32, (self.at + length) as u32);
        self.at += length + 1;
        Ok(line)
    }

    fn escaped(&self, line: Span, escapes: Escapes) -> Value {
        match self.bytes(line).iter().any(|&byte| byte == b'\\' || byte >= 0x80) {
            true => Value::Escaped(line, escapes),
            false => Value::Text(line),
        }
    }

    fn push(&mut self, value: Value) -> Step<()> {
        self.items += match &value {
            Value::Tuple(items) | Value::List(items) => items.len(),
            Value::Dict(pairs) => 2 * pairs.len(),
            Value::Object(_) => WEIGHT,
            Value::Tensor(_) => WEIGHT + 2 * RANK,
            _ => 0,
        };
        self.values.push(value);
        self.slot(Slot::Value((self.values.len() - 1) as Id))
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
        self.push(Value::Text((start as u32, self.at as u32)))
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
            b']' | 0x8f => self.push(Value::List(Vec::new())),
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
            b'l' | 0x91 => {
                let items = self.marked()?;
                self.push(Value::List(items))
            }
            b'd' => {
                let items = self.marked()?;
                let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
                self.push(Value::Dict(pairs))
            }
            b'a' => self.last(1).and_then(|items| self.append(&items)),
            b'e' | 0x90 => self.marked().and_then(|items| self.append(&items)),
            b's' => self.last(2).and_then(|items| self.set(&items)),
            b'u' => self.marked().and_then(|items| self.set(&items)),
            b'q' => self.number(1).and_then(|index| self.remember(index)),
            b'r' => self.number(4).and_then(|index| self.remember(index)),
            0x94 => self.remember(self.memo.len() as u64),
            b'h' => self.number(1).and_then(|index| self.recall(index)),
            b'j' => self.number(4).and_then(|index| self.recall(index)),
            b'p' | b'g' => {
                let line = self.line()?;
                match self.span(line).and_then(|text| text.parse().ok()) {
                    Some(index) if op == b'p' => self.remember(index),
                    Some(index) => self.recall(index),
                    None => self.fail("the pickle remembers a value by what is no number"),
                }
            }
            b'X' | b'B' | b'T' => self.number(4).and_then(|length| self.text_of(length)),
            0x8c | b'C' | b'U' => self.number(1).and_then(|length| self.text_of(length)),
            0x8d | 0x8e | 0x96 => self.number(8).and_then(|length| self.text_of(length)),
            b'V' => self.line().and_then(|line| self.push(self.escaped(line, Escapes::Unicode))),
            b'S' => {
                let (start, end) = self.line()?;
                let quotes = u32::from(end - start >= 2);
                self.push(self.escaped((start + quotes, end - quotes), Escapes::Bytes))
            }
            b'J' => self.number(4).and_then(|n| self.push(Value::Int(i64::from(n as u32 as i32)))),
            b'K' => self.number(1).and_then(|n| self.push(Value::Int(n as i64))),
            b'M' => self.number(2).and_then(|n| self.push(Value::Int(n as i64))),
            0x8a => self.number(1).and_then(|length| self.long(length)),
            0x8b => self.number(4).and_then(|length| self.long(length)),
            b'I' | b'L' => {
                let line = self.line()?;
                // Two digits are no number but false and true.
                self.push(match self.span(line).unwrap_or_default() {
                    "00" => Value::Bool(false),
                    "01" => Value::Bool(true),
                    text => text.trim_end_matches('L').parse().map_or(Value::Opaque, Value::Int),
                })
            }
            b'F' => self.line().and_then(|_| self.push(Value::Float)),
            b'G' => self.take(8).and_then(|_| self.push(Value::Float)),
            b'N' => self.push(Value::None),
            0x88 | 0x89 => self.push(Value::Bool(op == 0x88)),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.name(module, name, place)
            }
            0x93 => {
                let parts = self.last(2)?;
                match (self.value(parts[0]), self.value(parts[1])) {
                    (&Value::Text(module), &Value::Text(name)) => self.name(module, name, place),
                    _ => self.fail("the pickle names something by what is no text"),
                }
            }
            b'R' | 0x81 => {
                let parts = self.last(2)?;
                self.call(parts[0], parts[1])
            }
            0x92 => {
                let parts = self.last(3)?;
                self.call(parts[0], parts[1])
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let arguments = self.marked()?;
                self.items += arguments.len();
                self.name(module, name, place)?;
                let class = self.pop()?;
                self.call_with(class, arguments)
            }
            b'o' => {
                let mut arguments = self.marked()?;
                if arguments.is_empty() {
                    return self.fail("the pickle makes an object of no class");
                }
                self.items += arguments.len();
                let class = arguments.remove(0);
                self.call_with(class, arguments)
            }
            b'b' => self.build(),
            b'P' => {
                let line = self.line()?;
                self.push(Value::Text(line))?;
                let id = self.pop()?;
                self.push(Value::Persistent(id))
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Persistent(id))
            }
            b'0' => {
                self.stack.pop();
                Ok(())
            }
            b'1' => self.marked().map(|_| ()),
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

    fn long(&mut self, length: u64) -> Step<()> {
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        if bytes.len() > 8 {
            // The magic number of old files; nothing else that matters is as long.
            return self.push(Value::Opaque);
        }
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(whole)))
    }

    fn name(&mut self, module: Span, name: Span, place: usize) -> Step<()> {
        let (Some(in_module), Some(called)) = (self.span(module), self.span(name)) else {
            return self.fail("a name in the pickle is not UTF-8");
        };
        if runs_code(in_module, called) {
            let problem = format!(
                "the pickle refers to `{in_module}.{called}`, which would run code where Python loads it; nothing was \
                 run: get the weights from someone you trust"
            );
            return Err(Malformed::new(place, problem));
        }
        self.push(known(in_module, called).map_or(Value::Foreign(module, name), Value::Name))
    }

    fn append(&mut self, items: &[Id]) -> Step<()> {
        let target = self.top()?;
        self.items += items.len();
        match &mut self.values[target as usize] {
            Value::List(list) => list.extend(items),
            Value::Object(object) => object.items.extend(items),
            _ => return self.fail("the pickle appends to what is no list"),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Step<()> {
        let target = self.top()?;
        self.items += items.len();
        let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        match &mut self.values[target as usize] {
            Value::Dict(known) => known.extend(pairs),
            Value::Object(object) => object.pairs.extend(pairs),
            _ => return self.fail("the pickle sets an item of what is no dictionary"),
        }
        Ok(())
    }

    /// What a call of a name gives; nothing is called.
    fn call(&mut self, class: Id, arguments: Id) -> Step<()> {
        match self.list(arguments).map(<[Id]>::to_vec) {
            Some(arguments) => {
                self.items += arguments.len();
                self.call_with(class, arguments)
            }
            None => self.fail("the pickle calls a name without a tuple of arguments"),
        }
    }

    fn call_with(&mut self, class: Id, arguments: Vec<Id>) -> Step<()> {
        let known = match *self.value(class) {
            Value::Name(known) => known,
            Value::Foreign(..) | Value::Persistent(_) | Value::Object(_) => Known::Other,
            _ => return self.fail("the pickle calls what is no name"),
        };
        let made = match known {
            Known::OrderedDict => self.ordered(&arguments).map(Value::Dict),
            Known::RebuildTensor => self.tensor(&arguments).map(|tensor| Value::Tensor(Box::new(tensor))),
            // The data of a parameter, and the sizes in a `Size`, are their first argument.
            Known::RebuildParameter | Known::Size => match arguments.first() {
                Some(&id) => return self.slot(Slot::Value(id)),
                None => None,
            },
            // A function, the type of what it gives, its arguments, and attributes.
            Known::RebuildFromType => match arguments[..] {
                [function, _, inner, ..] if *self.value(function) != Value::Name(Known::RebuildFromType) => {
                    return self.call(function, inner);
                }
                _ => None,
            },
            Known::Storage(_) | Known::Type(_) | Known::Other => {
                let (pairs, items) = (Vec::new(), Vec::new());
                Some(Value::Object(Box::new(Object { class, arguments, pairs, items, state: None })))
            }
        };
        match made {
            Some(value) => self.push(value),
            None => self.fail("the pickle calls a name with arguments that it does not take"),
        }
    }

    fn ordered(&self, arguments: &[Id]) -> Option<Vec<(Id, Id)>> {
        let Some(&list) = arguments.first() else { return Some(Vec::new()) };
        let pair = |&pair: &Id| match self.list(pair)? {
            &[key, value] => Some((key, value)),
            _ => None,
        };
        match self.value(list) {
            Value::Dict(pairs) => Some(pairs.clone()),
            _ => self.list(list)?.iter().map(pair).collect(),
        }
    }

    /// A tensor from its storage, offset, sizes and strides; behind them, whether it has a gradient, hooks, in one
    /// version the type, and marks of a view (conjugate, negative), which no weights have.
    fn tensor(&self, arguments: &[Id]) -> Option<Tensor> {
        let &[storage, offset, shape, stride, ref more @ ..] = arguments else { return None };
        let numbers = |id| {
            let list = self.list(id).filter(|list| list.len() <= RANK)?;
            list.iter().map(|&n| self.int(n)).collect::<Option<Vec<i64>>>()
        };
        let number = more.get(2).and_then(|&id| match *self.value(id) {
            Value::Name(Known::Type(name)) => Some(name),
            _ => None,
        });
        if more.iter().skip(2).any(|&id| !self.pairs(id).is_empty()) {
            return None;
        }
        let (shape, stride) = (numbers(shape)?, numbers(stride)?);
        let storage = match *self.value(storage) {
            Value::Persistent(id) => id,
            Value::Object(_) => storage,
            _ => return None,
        };
        Some(Tensor { storage, offset: self.int(offset)?, shape, stride, number })
    }

    /// Keeps the state of an object; that of a plain value holds nothing that weights depend on.
    fn build(&mut self) -> Step<()> {
        let state = self.pop()?;
        let target = self.top()?;
        match &mut self.values[target as usize] {
            Value::Object(object) => object.state = Some(state),
            Value::Tensor(_) => return self.fail("the pickle changes a tensor after it was made"),
            _ => {}
        }
        Ok(())
    }
}

/// The names of instructions that are refused.
fn instruction(op: u8) -> &'static str {
    match op {
        0x82..=0x84 => "EXT",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => "of no known name",
    }
}
