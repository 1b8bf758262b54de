//! Tensors of a model that do not depend on the images.

use std::io;
use std::sync::{Arc, OnceLock};

use convnet_formats::onnx::read::{Model, Tensor};

/// The most elements that are computed while a model is imported.
pub(super) const FOLDED: usize = 1 << 23;
/// The most whole numbers in a constant: axes, sizes, padding.
pub(super) const WHOLE: usize = 1 << 12;

/// A constant; its elements are read when they are asked for.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) shape: Vec<usize>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    /// In the model's file.
    Stored(Arc<Tensor>),
    /// One number, everywhere.
    Fill(f32),
    /// Computed.
    Numbers(Arc<Vec<f32>>),
    /// Whole numbers; `None` is the number of images, which nobody knows yet.
    Whole(Arc<Vec<Option<i64>>>),
    /// Another one with its axes in another order.
    Permuted(Arc<Permuted>),
}

#[derive(Debug)]
struct Permuted {
    base: Constant,
    axes: Vec<usize>,
    elements: OnceLock<Vec<f32>>,
}

impl Constant {
    pub(super) fn stored(tensor: Tensor) -> Self {
        Self { shape: tensor.shape.clone(), data: Data::Stored(Arc::new(tensor)) }
    }

    pub(super) fn fill(shape: Vec<usize>, value: f32) -> Self {
        Self { shape, data: Data::Fill(value) }
    }

    pub(super) fn numbers(shape: Vec<usize>, values: Vec<f32>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self { shape, data: Data::Numbers(Arc::new(values)) }
    }

    pub(super) fn whole(shape: Vec<usize>, values: Vec<Option<i64>>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self { shape, data: Data::Whole(Arc::new(values)) }
    }

    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is known to be 0 everywhere.
    pub(super) fn is_zero(&self) -> bool {
        matches!(self.data, Data::Fill(0.0))
    }

    /// Bytes of elements that nothing else holds: of one that was computed just now.
    pub(super) fn own_bytes(&self) -> usize {
        match &self.data {
            Data::Numbers(values) if Arc::strong_count(values) == 1 => size_of_val(values.as_slice()),
            Data::Whole(values) if Arc::strong_count(values) == 1 => size_of_val(values.as_slice()),
            _ => 0,
        }
    }

    /// Elements that are in no file: a few bytes of it may stand for any number of them.
    pub(super) fn filled(&self) -> usize {
        match &self.data {
            Data::Fill(_) => self.len(),
            Data::Permuted(permuted) => permuted.base.filled(),
            _ => 0,
        }
    }

    /// Whether its elements are whole numbers.
    pub(super) fn is_whole(&self) -> bool {
        match &self.data {
            Data::Stored(tensor) => tensor.is_whole(),
            Data::Whole(_) => true,
            Data::Fill(_) | Data::Numbers(_) | Data::Permuted(_) => false,
        }
    }

    /// What tells whether two are one tensor, in whatever shape or order of axes; `None` for what is in no file.
    pub(super) fn origin(&self) -> Option<*const ()> {
        match &self.data {
            Data::Permuted(permuted) => permuted.base.origin(),
            Data::Stored(tensor) => Some(Arc::as_ptr(tensor).cast()),
            Data::Numbers(values) => Some(Arc::as_ptr(values).cast()),
            Data::Fill(_) | Data::Whole(_) => None,
        }
    }

    /// Whether two are one tensor, in the same shape and order of axes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.shape == other.shape
            && match (&self.data, &other.data) {
                (Data::Stored(a), Data::Stored(b)) => Arc::ptr_eq(a, b),
                (Data::Numbers(a), Data::Numbers(b)) => Arc::ptr_eq(a, b),
                (Data::Permuted(a), Data::Permuted(b)) => a.axes == b.axes && a.base.is_same(&b.base),
                _ => false,
            }
    }

    /// Whether all elements are equal.
    pub(super) fn is_uniform(&self, model: &Model) -> io::Result<bool> {
        let mut part = vec![0.0; self.len().min(1 << 14)];
        let mut first = None;
        for at in (0..self.len()).step_by(part.len().max(1)) {
            let len = part.len().min(self.len() - at);
            self.read(model, at, &mut part[..len])?;
            let value = *first.get_or_insert(part[0]);
            if part[..len].iter().any(|&x| x != value) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same elements in another shape of as many.
    pub(super) fn reshaped(mut self, shape: &[usize]) -> Self {
        debug_assert_eq!(self.len(), shape.iter().product::<usize>());
        self.shape = shape.to_vec();
        self
    }

    /// The same with axis `axes[i]` as its axis i.
    pub(super) fn permuted(&self, axes: &[usize]) -> Self {
        if axes.iter().enumerate().all(|(i, &axis)| i == axis) {
            return self.clone();
        }
        let shape = axes.iter().map(|&axis| self.shape[axis]).collect();
        let permuted = Permuted { base: self.clone(), axes: axes.to_vec(), elements: OnceLock::new() };
        Self { shape, data: Data::Permuted(Arc::new(permuted)) }
    }

    /// Reads elements in row-major order, from number `first` on.
    pub(super) fn read(&self, model: &Model, first: usize, out: &mut [f32]) -> io::Result<()> {
        let end = first.checked_add(out.len()).filter(|&end| end <= self.len());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        match &self.data {
            Data::Stored(tensor) => model.read(tensor, first, out)?,
            Data::Fill(value) => out.fill(*value),
            Data::Numbers(values) => out.copy_from_slice(&values[first..end]),
            Data::Permuted(permuted) => {
                let elements = match permuted.elements.get() {
                    Some(elements) => elements,
                    None => {
                        let elements = permuted.elements(model)?;
                        permuted.elements.get_or_init(|| elements)
                    }
                };
                out.copy_from_slice(&elements[first..end]);
            }
            Data::Whole(values) => {
                for (out, value) in out.iter_mut().zip(&values[first..end]) {
                    let unknown = || io::Error::other("it is the number of images");
                    *out = value.ok_or_else(unknown)? as f32;
                }
            }
        }
        Ok(())
    }

    /// All elements, if they are not too many to compute with.
    pub(super) fn floats(&self, model: &Model) -> Result<Vec<f32>, String> {
        if self.len() > FOLDED {
            return Err(format!("a constant of {} elements, expected at most {FOLDED}", self.len()));
        }
        let mut values = vec![0.0; self.len()];
        self.read(model, 0, &mut values).map_err(|error| error.to_string())?;
        Ok(values)
    }

    /// All elements as whole numbers; `None` for the number of images.
    pub(super) fn integers(&self, model: &Model) -> Result<Vec<Option<i64>>, String> {
        match &self.data {
            Data::Whole(values) => Ok(values.to_vec()),
            Data::Stored(tensor) => {
                let values = model.integers(tensor, WHOLE).map_err(|error| error.to_string())?;
                Ok(values.into_iter().map(Some).collect())
            }
            _ => Err("a constant of real numbers, expected whole ones".into()),
        }
    }
}

impl Permuted {
    /// The elements in their new order.
    fn elements(&self, model: &Model) -> io::Result<Vec<f32>> {
        let mut source = vec![0.0; self.base.len()];
        self.base.read(model, 0, &mut source)?;
        let strides: Vec<usize> =
            (0..self.base.shape.len()).map(|i| self.base.shape[i + 1..].iter().product()).collect();
        let sizes: Vec<usize> = self.axes.iter().map(|&axis| self.base.shape[axis]).collect();
        let steps: Vec<usize> = self.axes.iter().map(|&axis| strides[axis]).collect();
        let mut index = vec![0; sizes.len()];
        let mut at = 0;
        let mut out = Vec::with_capacity(source.len());
        while out.len() < source.len() {
            out.push(source[at]);
            for i in (0..sizes.len()).rev() {
                index[i] += 1;
                at += steps[i];
                if index[i] < sizes[i] {
                    break;
                }
                at -= steps[i] * sizes[i];
                index[i] = 0;
            }
        }
        Ok(out)
    }
}
