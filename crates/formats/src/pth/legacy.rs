//! Files from before PyTorch 1.6, and plain pickles.

use std::collections::HashMap;

use super::pickle::{Id, Pickle, Value};
use super::place::{Storage, Storages, persistent};
use super::{Dict, MAX_PICKLE, read_pickle, state_dicts};
use crate::Malformed;
use crate::source::Source;

/// What PyTorch's files start with: a pickled long integer.
const MAGIC: [u8; 14] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

impl Storages for HashMap<String, Storage> {
    fn find(&self, key: &str, _: usize) -> Option<Storage> {
        self.get(key).copied()
    }
}

/// The state dicts of such a file: pickles of a magic number, a version, the system, what was saved and the storages'
/// keys, and then each storage as its number of elements and they; or of one that is a pickle and nothing else.
pub(super) fn read(source: &dyn Source) -> Result<Vec<Dict>, Malformed> {
    let mut magic = [0; MAGIC.len()];
    let is_ours = source.read_at(0, &mut magic).is_ok() && magic == MAGIC;
    if !is_ours {
        let bytes = read_pickle(source, 0, source.len())?;
        let mut pickle = Pickle::new(&bytes);
        let top = pickle.run()?;
        return state_dicts(&pickle, top, &HashMap::new());
    }
    let bytes = read_pickle(source, 0, source.len().min(MAX_PICKLE))?;
    let mut pickle = Pickle::new(&bytes);
    let (top, storages) = parse(source, &mut pickle, 0)?;
    state_dicts(&pickle, top, &storages)
}

/// Runs the pickles, and finds the storages behind them; the pickle's bytes lie at `base` of the source.
pub(super) fn parse(
    source: &dyn Source,
    pickle: &mut Pickle<'_>,
    base: u64,
) -> Result<(Id, HashMap<String, Storage>), Malformed> {
    for _ in 0..3 {
        pickle.run()?;
    }
    let top = pickle.run()?;
    let widths = widths(pickle);
    let keys = pickle.run()?;
    let mut at = base + pickle.position() as u64;
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
