//! What Slice takes of each axis.

use super::call::{Call, axes};

/// Indices along an axis; `None` for all of them.
pub(super) type Taken = Option<Vec<usize>>;

/// For each axis that a Slice names, what it takes of a value of these sizes. A size that is not known, the number of
/// images, must be taken whole.
pub(super) fn slices(call: &Call<'_>, sizes: &[Option<usize>]) -> Result<Vec<(usize, Taken)>, String> {
    let starts = list(call, 1, "starts")?.ok_or("it has no starts")?;
    let ends = list(call, 2, "ends")?.ok_or("it has no ends")?;
    let over = match list(call, 3, "axes")? {
        Some(list) => axes(&list, sizes.len())?,
        None => (0..starts.len().min(sizes.len())).collect(),
    };
    let steps = list(call, 4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [starts.len(), ends.len(), steps.len()] != [over.len(); 3] {
        return Err(format!(
            "{} starts, {} ends and {} steps for {} axes",
            starts.len(),
            ends.len(),
            steps.len(),
            over.len()
        ));
    }
    let mut taken = Vec::new();
    for (i, &axis) in over.iter().enumerate() {
        let range = match sizes[axis] {
            Some(size) => along(starts[i], ends[i], steps[i], size)?,
            // No number of images is as large as what exporters write for the end.
            None if starts[i] == 0 && steps[i] == 1 && ends[i] >= i64::from(i32::MAX) => None,
            None => return Err("it takes some of the images, expected all".into()),
        };
        taken.push((axis, range));
    }
    Ok(taken)
}

fn list(call: &Call<'_>, input: usize, name: &str) -> Result<Option<Vec<i64>>, String> {
    match call.integers(input)? {
        Some(values) => {
            let known = values.into_iter().collect::<Option<Vec<_>>>();
            Ok(Some(known.ok_or_else(|| format!("its {name} are not known"))?))
        }
        None => Ok(call.ints(name)?.map(<[i64]>::to_vec)),
    }
}

/// Indices from `start` to `end`, which is left out, by ONNX's rule of clipping.
fn along(start: i64, end: i64, step: i64, size: usize) -> Result<Taken, String> {
    if step == 0 {
        return Err("a step of 0".into());
    }
    let len = size as i64;
    let from_start = |at: i64| if at < 0 { at.saturating_add(len) } else { at };
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let start = from_start(start).clamp(low.max(0), high.max(0));
    let end = from_start(end).clamp(low, high);
    if start == 0 && end == len && step == 1 {
        return Ok(None);
    }
    let mut indices = Vec::new();
    let mut at = start;
    while at < len && if step > 0 { at < end } else { at > end } {
        indices.push(at as usize);
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(Some(indices))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_clipped_and_steps_may_go_back() {
        assert_eq!(along(0, i64::MAX, 1, 3), Ok(None));
        assert_eq!(along(1, 3, 1, 3), Ok(Some(vec![1, 2])));
        assert_eq!(along(-1, -4, -1, 3), Ok(Some(vec![2, 1, 0])));
        assert_eq!(along(-1, i64::MIN, -2, 3), Ok(Some(vec![2, 0])));
        assert_eq!(along(5, 9, 1, 3), Ok(Some(vec![])));
        assert_eq!(along(0, -1, 1, 0), Ok(None));
        assert_eq!(along(i64::MAX, i64::MIN, i64::MIN, 2), Ok(Some(vec![1])));
        assert!(along(0, 1, 0, 3).is_err());
    }
}
