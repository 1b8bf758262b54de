//! Values in the metadata of a file: text by key.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// One entry as a value, or what is wrong with it.
pub(crate) fn entry<T: FromStr<Err: Display>>(
    metadata: &BTreeMap<String, String>,
    key: &str,
) -> Result<T, String> {
    let text = metadata.get(key).ok_or_else(|| format!("its metadata has no `{key}`"))?;
    text.parse().map_err(|e| format!("`{key}` in its metadata is `{text}`: {e}"))
}
