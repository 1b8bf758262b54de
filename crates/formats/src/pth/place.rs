//! Where a tensor's elements lie.

use super::inner::{Array, Inner, array};
use super::names::Known;
use super::pickle::{Id, Pickle, RANK, Tensor, Value};
use crate::number::Number;
use crate::strided::Place;

/// A tensor that repeats elements has at most this many more than its storage.
const REPEATED: usize = 1 << 20;

/// The elements of some tensors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    pub(super) start: u64,
    pub(super) elements: u64,
}

/// The storages of a file.
pub(super) trait Storages {
    /// A storage by its key; its elements are of `width` bytes.
    fn find(&self, key: &str, width: usize) -> Option<Storage>;
}

/// A storage, and the type of its elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed {
    pub(super) number: Number,
    pub(super) storage: Storage,
}

/// What a persistent id tells of a storage.
pub(super) struct Described<'a> {
    /// The type of its elements; `None` for one that the tensor tells, or that is not read.
    pub(super) number: Option<Number>,
    class: &'static str,
    pub(super) width: usize,
    pub(super) key: &'a str,
    /// The element that it starts at, of the storage with that key.
    first: usize,
}

/// A persistent id: `("storage", torch.FloatStorage, key, location, elements, view)`; a view, of old files alone, is a key,
/// a first element and a number of them.
pub(super) fn persistent<'a>(pickle: &Pickle<'a>, id: Id) -> Option<Described<'a>> {
    let &[_, class, key, _, _, ref more @ ..] = pickle.list(id)? else { return None };
    let Value::Name(Known::Storage(class)) = *pickle.value(class) else { return None };
    let (number, width) = storage(class);
    let view = more.first().and_then(|&view| pickle.list(view)).and_then(|view| view.get(1));
    let first = view.map_or(Some(0), |&first| usize::try_from(pickle.int(first)?).ok())?;
    Some(Described { number, class, width, key: pickle.text(key)?, first })
}

/// The type of a storage's elements, and its width.
fn storage(class: &str) -> (Option<Number>, usize) {
    let number = match class {
        "FloatStorage" => Number::F32,
        "DoubleStorage" => Number::F64,
        "HalfStorage" => Number::F16,
        "BFloat16Storage" => Number::Bf16,
        "LongStorage" => Number::I64,
        "IntStorage" => Number::I32,
        "ShortStorage" => Number::I16,
        "CharStorage" => Number::I8,
        "ByteStorage" | "BoolStorage" => Number::U8,
        "ComplexFloatStorage" => return (None, 8),
        "ComplexDoubleStorage" => return (None, 16),
        "QInt32Storage" => return (None, 4),
        _ => return (None, 1),
    };
    (Some(number), number.width())
}

/// The type that `torch.float32` and the like name.
fn typed(name: &str) -> Option<Number> {
    Some(match name {
        "float32" => Number::F32,
        "float64" => Number::F64,
        "float16" => Number::F16,
        "bfloat16" => Number::Bf16,
        "int64" => Number::I64,
        "int32" => Number::I32,
        "int16" => Number::I16,
        "int8" => Number::I8,
        "uint64" => Number::U64,
        "uint32" => Number::U32,
        "uint16" => Number::U16,
        "uint8" | "bool" => Number::U8,
        _ => return None,
    })
}

/// The place of a tensor.
pub(super) fn place(
    pickle: &Pickle<'_>,
    id: Id,
    storages: &dyn Storages,
    inner: &Inner<'_, '_>,
) -> Result<Place, String> {
    if let Some(array) = array(pickle, id) {
        return array_place(pickle, &array, inner);
    }
    let tensor = match pickle.value(id) {
        Value::Tensor(tensor) => tensor,
        Value::Object(object) => {
            let maker = pickle.foreign(object.class).unwrap_or_default();
            return Err(format!("it is made by `{maker}`, expected a dense tensor; {}", way_out(&maker)));
        }
        _ => return Err("it is no tensor".into()),
    };
    if matches!(pickle.value(tensor.storage), Value::Object(_)) {
        let Typed { number, storage } =
            inner.storage(tensor.storage).ok_or("its storage is of a kind that is not known")?;
        return within(tensor, storage, number, 0);
    }
    let described = persistent(pickle, tensor.storage).ok_or("its storage is of a kind that is not known")?;
    let unread = |name: &str| {
        format!(
            "its elements are of type {name}, expected float32 or a type that converts to it; save it as float32"
        )
    };
    let number = match (tensor.number, described.number) {
        (Some(name), _) => typed(name).ok_or_else(|| unread(name))?,
        (None, Some(number)) => number,
        (None, None) => return Err(unread(described.class)),
    };
    let storage = storages
        .find(described.key, number.width())
        .ok_or_else(|| format!("storage `{}` is not in the file", described.key))?;
    within(tensor, storage, number, described.first)
}

/// How a tensor of another kind becomes a dense one.
fn way_out(maker: &str) -> &'static str {
    match maker.rsplit('.').next() {
        Some("_rebuild_qtensor") => {
            "it is quantized: save the network as it was before, or `tensor.dequantize()`"
        }
        Some("_rebuild_sparse_tensor") => "save `tensor.to_dense()`",
        Some("_rebuild_meta_tensor_no_storage") => "it was on the meta device and has no elements",
        _ => "save `model.state_dict()` of a plain copy in float32",
    }
}

/// The place of an array in the pickle.
fn array_place(pickle: &Pickle<'_>, array: &Array<'_>, inner: &Inner<'_, '_>) -> Result<Place, String> {
    let shape: Option<Vec<i64>> = array.shape.iter().take(RANK + 1).map(|&size| pickle.int(size)).collect();
    let shape = shape.filter(|shape| shape.len() <= RANK).ok_or("its sizes are no numbers, or too many")?;
    let part = inner.part(array.data).ok_or("its elements are not in the file")?;
    let mut stride = vec![1; shape.len()];
    let mut next: i64 = 1;
    for i in 0..shape.len() {
        let axis = if array.is_fortran { i } else { shape.len() - 1 - i };
        stride[axis] = next;
        next = next.checked_mul(shape[axis]).ok_or("its sizes are more than can be addressed")?;
    }
    let storage = Storage { start: part.start, elements: part.length / array.number.width() as u64 };
    let tensor = Tensor { storage: 0, offset: 0, shape, stride, number: None };
    within(&tensor, storage, array.number, 0)
}

fn within(tensor: &Tensor, storage: Storage, number: Number, first: usize) -> Result<Place, String> {
    let sizes = |numbers: &[i64]| {
        numbers
            .iter()
            .map(|&n| usize::try_from(n))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "a negative size")
    };
    let (shape, stride, offset) =
        (sizes(&tensor.shape)?, sizes(&tensor.stride)?, sizes(&[tensor.offset])?[0]);
    if shape.len() != stride.len() {
        return Err(format!("{} dimensions and {} strides", shape.len(), stride.len()));
    }
    let beyond = || {
        format!("shape {shape:?} with strides {stride:?} leaves a storage of {} elements", storage.elements)
    };
    let offset = offset.checked_add(first).ok_or_else(beyond)?;
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size)).ok_or_else(beyond)?;
    let last = shape.iter().zip(&stride).try_fold(offset, |last, (&size, &stride)| {
        last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
    });
    let fits = last.is_some_and(|last| count == 0 || (last as u64) < storage.elements);
    if !fits || count as u64 > storage.elements.saturating_add(REPEATED as u64) {
        return Err(beyond());
    }
    Ok(Place { number, start: storage.start + (offset * number.width()) as u64, shape, stride })
}
