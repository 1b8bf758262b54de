//! Dimensions: how they are told, and the rules by which they go together.

use convnet::shape::Shape;

/// The most elements that a tensor may have: far beyond any machine.
pub(crate) const MOST_ELEMENTS: usize = 1 << 48;

/// How many elements; `None` beyond [`MOST_ELEMENTS`].
pub(crate) fn elements(dims: &[usize]) -> Option<usize> {
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MOST_ELEMENTS)
}

/// Dimensions as PyTorch prints them; the first is told as N where the batch of the trace is known.
pub(crate) fn told(dims: &[usize], batch: Option<usize>) -> String {
    let shown: Vec<String> = dims
        .iter()
        .enumerate()
        .map(|(i, &d)| if i == 0 { told_first(d, batch) } else { d.to_string() })
        .collect();
    format!("[{}]", shown.join(", "))
}

/// A number of rows, as a multiple of N where the batch is known.
pub(crate) fn told_first(rows: usize, batch: Option<usize>) -> String {
    match batch {
        Some(batch) if batch > 0 && rows == batch => "N".to_owned(),
        Some(batch) if batch > 0 && rows > batch && rows.is_multiple_of(batch) => {
            format!("{}·N", rows / batch)
        }
        Some(batch) if rows > 0 && batch > rows && batch.is_multiple_of(rows) => {
            format!("N/{}", batch / rows)
        }
        _ => rows.to_string(),
    }
}

/// `16·5·5`.
pub(crate) fn product(dims: &[usize]) -> String {
    dims.iter().map(ToString::to_string).collect::<Vec<_>>().join("·")
}

/// The shape of one image for dimensions with a batch: (N, C, H, W) or (N, F).
pub(crate) fn shape_of(dims: &[usize]) -> Option<Shape> {
    match *dims {
        [_, channels, height, width] => Some(Shape::map(channels, height, width)),
        [_, features] => Some(Shape::vector(features)),
        _ => None,
    }
}

/// The dimensions of an element-wise operation by PyTorch's rule of broadcasting.
///
/// # Errors
/// The dimension of the result at which the two differ.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, usize> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).map_or(1, |i| dims[i]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Ok(x),
            (1, x) | (x, 1) => Ok(x),
            _ => Err(i),
        })
        .collect()
}

/// Row-major strides.
pub(crate) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i] * dims[i].max(1);
    }
    strides
}

/// A dimension counted from the end if it is negative.
pub(crate) fn resolve(dim: i64, rank: usize) -> Option<usize> {
    let rank = rank as i64;
    let at = if dim < 0 { dim + rank } else { dim };
    (0..rank).contains(&at).then_some(at as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_is_told_as_n() {
        assert_eq!(told(&[2, 6, 28, 28], Some(2)), "[N, 6, 28, 28]");
        assert_eq!(told(&[8, 100], Some(2)), "[4·N, 100]");
        assert_eq!(told(&[1, 100], Some(2)), "[N/2, 100]");
        assert_eq!(told(&[1, 3, 2], None), "[1, 3, 2]");
        assert_eq!(told(&[], Some(2)), "[]");
    }

    #[test]
    fn broadcasting_is_pytorchs() {
        assert_eq!(broadcast(&[2, 3, 4], &[3, 1]), Ok(vec![2, 3, 4]));
        assert_eq!(broadcast(&[2, 3], &[]), Ok(vec![2, 3]));
        assert_eq!(broadcast(&[1, 64, 28, 28], &[1, 64, 14, 14]), Err(2));
        assert_eq!(broadcast(&[1], &[0]), Ok(vec![0]));
    }

    #[test]
    fn sizes_do_not_overflow() {
        assert_eq!(elements(&[]), Some(1));
        assert_eq!(elements(&[usize::MAX, 2]), None);
        assert_eq!(elements(&[usize::MAX, 0]), Some(0));
        assert_eq!(strides(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!((resolve(-1, 4), resolve(4, 4), resolve(-5, 4)), (Some(3), None, None));
    }
}
