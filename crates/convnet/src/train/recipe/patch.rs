//! Settings laid over a recipe: of a recipe file, of a named recipe, of a user.

use std::path::Path;

use serde::Serialize;
use toml::{Table, Value};

use super::super::TrainError;
use super::{Recipe, place};
use crate::data::Augment;

/// Settings that replace those of a recipe; what it does not name stays as it was.
///
/// A table that names its `kind` or its `preset` takes the place of the recipe's whole table, any other table replaces key
/// by key.
///
/// ```
/// use convnet::train::{Recipe, RecipePatch};
///
/// let recipe = Recipe::for_graph(&convnet::zoo::lenet().build()?);
/// let mut patch = RecipePatch::default();
/// patch.set("lr", 0.001)?.set("augment.flip", true)?;
/// let recipe = recipe.with(&patch)?;
/// assert!(recipe.augment.flip == Some(true) && recipe.lr == 0.001);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecipePatch(Table);

/// The longest recipe file.
const MAX_FILE: u64 = 1 << 20;

impl RecipePatch {
    /// One setting: see [`RecipePatch::set`].
    ///
    /// # Errors
    /// If no TOML holds the value.
    pub fn of(key: &str, value: impl Serialize) -> Result<Self, TrainError> {
        let mut patch = Self::default();
        patch.set(key, value)?;
        Ok(patch)
    }

    /// Sets one key, `lr` or `optimizer.momentum`, to a value or a table.
    ///
    /// # Errors
    /// If no TOML holds the value: a whole number beyond those of 64 bits with a sign.
    pub fn set(&mut self, key: &str, value: impl Serialize) -> Result<&mut Self, TrainError> {
        let value = Value::try_from(value)
            .map_err(|_| TrainError::setting(key, "too large", "at most 9223372036854775807"))?;
        let (tables, last) = key.rsplit_once('.').map_or((None, key), |(tables, last)| (Some(tables), last));
        let mut table = &mut self.0;
        for name in tables.into_iter().flat_map(|tables| tables.split('.')) {
            let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            let Value::Table(inner) = inner else { return Ok(self) };
            table = inner;
        }
        match value {
            Value::Table(value) => {
                let old = table.entry(last).or_insert_with(|| Value::Table(Table::new()));
                lay_value(old, Value::Table(value));
            }
            value => {
                table.insert(last.to_owned(), value);
            }
        }
        Ok(self)
    }

    /// Whether a key is set.
    pub fn has(&self, key: &str) -> bool {
        let mut parts = key.split('.');
        let first = parts.next().and_then(|name| self.0.get(name));
        parts.try_fold(first, |value, name| value.map(|value| value.get(name))).flatten().is_some()
    }

    /// Reads a recipe file. A key that no recipe has is an error that names it.
    ///
    /// # Errors
    /// If the file cannot be read, is no TOML, or has a key or a value that no recipe has: the error shows its line.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Toml { path: path.to_owned(), reason };
        let text = convnet_formats::read_text(path, MAX_FILE)?;
        Self::of_text(&text).map_err(fail)
    }

    /// The settings of a recipe file's text; what is wrong with it is told with its line.
    pub(super) fn of_text(text: &str) -> Result<Self, String> {
        let patch = Self(toml::from_str(text).map_err(|error| error.to_string())?);
        let placed = |error: TrainError| match error {
            TrainError::Recipe { reason } => place::told(text, &reason),
            error => place::of_setting(text, &error.to_string()),
        };
        Recipe::blank().with(&patch).and_then(|recipe| recipe.check()).map_err(placed)?;
        Ok(patch)
    }

    /// The random changes of training images that it sets, over none.
    ///
    /// # Errors
    /// As [`Recipe::with`] and [`Recipe::check`].
    pub fn augment(&self) -> Result<Augment, TrainError> {
        let recipe = Recipe::blank().with(self)?;
        recipe.check()?;
        Ok(recipe.augment)
    }

    /// The recipe's table with these settings laid over it.
    pub(super) fn over(&self, mut recipe: Table) -> Table {
        lay(&mut recipe, self.0.clone());
        recipe
    }
}

fn lay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match under.get_mut(&key) {
            Some(old) => lay_value(old, value),
            None => {
                under.insert(key, value);
            }
        }
    }
}

fn lay_value(old: &mut Value, value: Value) {
    match (old, value) {
        (Value::Table(old), Value::Table(value))
            if !["kind", "preset"].iter().any(|key| value.contains_key(*key)) =>
        {
            lay(old, value);
        }
        (old, value) => *old = value,
    }
}
