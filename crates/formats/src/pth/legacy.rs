//! Files from before PyTorch 1.6, and plain pickles.

use std::collections::HashMap;

use super::inner::Inner;
use super::pickle::{Id, Pickle, Value};
use super::place::{Storage, Storages, persistent};
use super::{Dict, read_pickle, state_dicts};
use crate::Malformed;
use crate::source::Source;

/// The most bytes of an old file's pickles: names and shapes of a million tensors take less.
const MAX_HEADER: u64 = 64 << 20;

impl Storages for HashMap<String, Storage> {
    fn find(&self, key: &str, _: usize) -> Option<Storage> {
        self.get(key).copied()
    }
}

/// The state dicts of such a file: pickles of a magic number, a version, the system, what was saved and the storages'
/// keys, and then each storage as its number of elements and they; or of one that is a pickle and nothing else. With
/// them, the bytes that were decoded.
pub(super) fn read(source: &dyn Source) -> Result<(Vec<Dict>, Vec<u8>), Malformed> {
    let mut bytes = read_pickle(source, 0, source.len().min(MAX_HEADER))?;
    let mut pickle = Pickle::new(&bytes);
    // The magic number has more than 64 bits.
    let is_old = pickle.run().is_ok_and(|first| *pickle.value(first) == Value::Opaque);
    if is_old {
        let mut pickle = Pickle::new(&bytes);
        let (top, storages) = parse(source, &mut pickle)?;
        let inner = Inner::new(&pickle, 0, source.len(), bytes.len());
        let dicts = state_dicts(&pickle, top, &storages, &inner)?;
        return Ok((dicts, inner.into_decoded()));
    }
    if source.len() > MAX_HEADER {
        bytes = read_pickle(source, 0, source.len())?;
    }
    let mut pickle = Pickle::new(&bytes);
    let top = pickle.run()?;
    let inner = Inner::new(&pickle, 0, source.len(), bytes.len());
    let dicts = state_dicts(&pickle, top, &HashMap::new(), &inner)?;
    Ok((dicts, inner.into_decoded()))
}

/// Runs the pickles that a source starts with, and finds the storages behind them.
pub(super) fn parse(
    source: &dyn Source,
    pickle: &mut Pickle<'_>,
) -> Result<(Id, HashMap<String, Storage>), Malformed> {
    for _ in 0..3 {
        pickle.run()?;
    }
    let top = pickle.run()?;
    let widths = widths(pickle);
    let keys = pickle.run()?;
    let mut at = pickle.position() as u64;
    let mut storages = HashMap::new();
    for &key in pickle.list(keys).unwrap_or_default() {
        let Some(key) = pickle.text(key) else { continue };
        let mut count = [0; 8];
        let cut = |_| Malformed::new(at as usize, format!("the file ends before storage `{key}`"));
        source.read_at(at, &mut count).map_err(cut)?;
        let elements = u64::from_le_bytes(count);
        let width = widths.get(key).copied().unwrap_or(1) as u64;
        let end = elements.checked_mul(width).and_then(|bytes| bytes.checked_add(at + 8));
        let Some(end) = end.filter(|&end| end <= source.len()) else {
            let problem = format!("storage `{key}` of {elements} elements reaches beyond the file");
            return Err(Malformed::new(at as usize, problem));
        };
        storages.insert(key.to_owned(), Storage { start: at + 8, elements });
        at = end;
    }
    Ok((top, storages))
}

/// Bytes of an element of each storage.
fn widths<'a>(pickle: &Pickle<'a>) -> HashMap<&'a str, usize> {
    let storage = |value: &Value| match *value {
        Value::Persistent(id) => persistent(pickle, id).map(|storage| (storage.key, storage.width)),
        _ => None,
    };
    pickle.values().iter().filter_map(storage).collect()
}
