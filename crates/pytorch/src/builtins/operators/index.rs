//! Positions and slices of sequences.

use crate::interp::{Interp, Result};
use crate::value::{Slice, Value};

/// The positions that a slice takes of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indices {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) len: usize,
}

impl Indices {
    /// The slice `start:stop:step` of `len` items, as Python cuts it; the step is not 0.
    pub(crate) fn of(start: Option<i64>, stop: Option<i64>, step: i64, len: usize) -> Self {
        let n = len as i64;
        let (low, high) = if step < 0 { (-1, n - 1) } else { (0, n) };
        let clip = |at: i64| if at < 0 { (at.saturating_add(n)).max(low) } else { at.min(high) };
        let start = start.map_or(if step < 0 { high } else { low }, clip);
        let stop = stop.map_or(if step < 0 { low } else { high }, clip);
        let span = if step < 0 {
            i128::from(start) - i128::from(stop)
        } else {
            i128::from(stop) - i128::from(start)
        };
        let stride = i128::from(step).abs();
        let len = if span > 0 { ((span + stride - 1) / stride) as usize } else { 0 };
        Self { start, step, len }
    }

    /// The positions in order.
    pub(crate) fn positions(self) -> impl Iterator<Item = usize> {
        (0..self.len).map(move |i| (self.start + self.step * i as i64) as usize)
    }
}

impl Interp {
    /// A value as an integer where Python wants one: an int, a bool, or what `__index__` gives.
    ///
    /// # Errors
    /// TypeError for anything else.
    pub(crate) fn integer(&mut self, value: &Value) -> Result<i64> {
        match self.try_integer(value)? {
            Some(n) => Ok(n),
            None => {
                let found = self.type_name(value);
                let error =
                    self.raise("TypeError", &format!("'{found}' object cannot be interpreted as an integer"));
                Err(if matches!(value, Value::Float(_)) {
                    error.teach(|t| {
                        t.helps.push("`/` gives a float; `//` and `int(…)` give an integer".to_owned());
                    })
                } else {
                    error
                })
            }
        }
    }

    /// The same; `None` for anything else.
    ///
    /// # Errors
    /// What `__index__` raises; an unknown value.
    pub(crate) fn try_integer(&mut self, value: &Value) -> Result<Option<i64>> {
        match value {
            Value::Int(n) => Ok(Some(*n)),
            Value::Bool(b) => Ok(Some(i64::from(*b))),
            Value::Opaque(opaque) => Err(self.opaque_error(opaque, "an integer")),
            Value::Tensor(_) => self.tensor_index(value),
            Value::Instance(_) => match self.try_special(value, "__index__", Vec::new())? {
                Some(Value::Int(n)) => Ok(Some(n)),
                Some(_) => Err(self.raise("TypeError", "__index__ returned a value that is no int")),
                None => match value.plain() {
                    Value::Int(n) => Ok(Some(n)),
                    _ => Ok(None),
                },
            },
            _ => Ok(None),
        }
    }

    /// The positions that a slice takes of `len` items.
    ///
    /// # Errors
    /// TypeError for parts that are no integers, ValueError for step 0.
    pub(crate) fn indices(&mut self, slice: &Slice, len: usize) -> Result<Indices> {
        let mut parts = [None; 3];
        for (part, value) in parts.iter_mut().zip([&slice.start, &slice.stop, &slice.step]) {
            if !matches!(value, Value::None) {
                let Some(n) = self.try_integer(value)? else {
                    let message = "slice indices must be integers or None or have an __index__ method";
                    return Err(self.raise("TypeError", message));
                };
                *part = Some(n);
            }
        }
        let [start, stop, step] = parts;
        match step {
            Some(0) => Err(self.raise("ValueError", "slice step cannot be zero")),
            // The least step is one that still has an opposite.
            step => Ok(Indices::of(start, stop, step.unwrap_or(1).max(-i64::MAX), len)),
        }
    }

    /// A position from the start or, negative, from the end.
    ///
    /// # Errors
    /// IndexError that says how many there are.
    pub(crate) fn position(&mut self, index: i64, len: usize, what: &str) -> Result<usize> {
        let at = if index < 0 { index.checked_add(len as i64) } else { Some(index) };
        match at.and_then(|at| usize::try_from(at).ok()).filter(|&at| at < len) {
            Some(at) => Ok(at),
            None => {
                let message = match what {
                    "range" => "range object index out of range".to_owned(),
                    _ => format!("{what} index out of range"),
                };
                Err(self.raise("IndexError", &message).teach(|t| {
                    t.notes.push(match len {
                        0 => format!("the index is {index}, and it is empty"),
                        1 => format!("the index is {index}, and there is 1 item: 0"),
                        _ => format!("the index is {index}, and there are {len} items: 0 to {}", len - 1),
                    });
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Indices;

    fn cut(start: Option<i64>, stop: Option<i64>, step: i64) -> Vec<usize> {
        Indices::of(start, stop, step, 6).positions().collect()
    }

    #[test]
    fn slices_are_cut_as_python_cuts_them() {
        assert_eq!(cut(None, None, 1), [0, 1, 2, 3, 4, 5]);
        assert_eq!(cut(Some(1), Some(-1), 1), [1, 2, 3, 4]);
        assert_eq!(cut(Some(-2), None, 1), [4, 5]);
        assert_eq!(cut(Some(-20), Some(20), 1), [0, 1, 2, 3, 4, 5]);
        assert_eq!(cut(None, None, -1), [5, 4, 3, 2, 1, 0]);
        assert_eq!(cut(Some(4), Some(1), -2), [4, 2]);
        assert_eq!(cut(None, None, 4), [0, 4]);
        assert_eq!(cut(Some(4), Some(2), 1), [0_usize; 0]);
        assert_eq!(cut(None, Some(i64::MIN), -i64::MAX), [5]);
        assert_eq!(cut(Some(i64::MAX), Some(i64::MIN), 1), [0_usize; 0]);
        assert_eq!(cut(Some(0), None, i64::MAX), [0]);
    }
}
