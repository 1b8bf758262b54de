//! Sorting: stable, by `<` alone, whatever order `<` gives.

use crate::interp::{Interp, Result};
use crate::value::Value;

impl Interp {
    /// The values in order, by their keys if there is a function for them.
    ///
    /// # Errors
    /// What comparisons and the function raise.
    pub(crate) fn sort_values(
        &mut self,
        items: Vec<Value>,
        key: Option<&Value>,
        reverse: bool,
    ) -> Result<Vec<Value>> {
        self.charge(items.len())?;
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            let by = match key {
                Some(key) => self.call_with(key, vec![item.clone()])?,
                None => item.clone(),
            };
            keyed.push((by, item));
        }
        // Equal ones keep their order also where the order is turned round.
        if reverse {
            keyed.reverse();
        }
        let mut sorted = self.merge_sort(keyed)?;
        if reverse {
            sorted.reverse();
        }
        Ok(sorted.into_iter().map(|(_, item)| item).collect())
    }

    fn merge_sort(&mut self, mut items: Vec<(Value, Value)>) -> Result<Vec<(Value, Value)>> {
        if items.len() < 2 {
            return Ok(items);
        }
        let right = items.split_off(items.len() / 2);
        let left = self.merge_sort(items)?;
        let right = self.merge_sort(right)?;
        let mut merged = Vec::with_capacity(left.len() + right.len());
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let next = if self.less(&b.0, &a.0)? { right.next() } else { left.next() };
            merged.extend(next);
        }
        merged.extend(left);
        merged.extend(right);
        Ok(merged)
    }
}
