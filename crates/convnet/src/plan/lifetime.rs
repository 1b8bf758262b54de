//! Places for buffers in one block of memory, by their lifetimes.

/// A buffer that is needed from one moment to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    pub(super) size: usize,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// Gives each buffer an offset such that buffers alive at one moment do not overlap, and the total size:
/// largest first, each at the lowest place that is free during its life (Pisarchyk and Lee 2020, "greedy by
/// size"), at a multiple of `line`.
pub(super) fn place(buffers: &[Lifetime], line: usize) -> Option<(Vec<usize>, usize)> {
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(buffers[i].size));
    let mut offsets = vec![0usize; buffers.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut total = 0usize;
    for i in order {
        let buffer = buffers[i];
        let mut at = 0usize;
        for &other in &placed {
            let (start, end) = (offsets[other], offsets[other].checked_add(buffers[other].size)?);
            let together = buffers[other].first <= buffer.last && buffer.first <= buffers[other].last;
            if together && start < at.checked_add(buffer.size)? && at < end {
                at = end.checked_next_multiple_of(line)?;
            }
        }
        offsets[i] = at;
        total = total.max(at.checked_add(buffer.size)?);
        let position = placed.partition_point(|&other| offsets[other] <= at);
        placed.insert(position, i);
    }
    Some((offsets, total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buffers_alive_together_never_overlap(raw in prop::collection::vec((1usize..500, 0usize..20, 0usize..6), 0..40)) {
            let buffers: Vec<_> = raw.iter().map(|&(size, first, life)| Lifetime { size, first, last: first + life }).collect();
            let (offsets, total) = place(&buffers, 16).unwrap();
            for i in 0..buffers.len() {
                prop_assert!(offsets[i] + buffers[i].size <= total);
                for j in 0..i {
                    let together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
                    let apart = offsets[i] + buffers[i].size <= offsets[j] || offsets[j] + buffers[j].size <= offsets[i];
                    prop_assert!(!together || apart);
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_two_places() {
        let chain: Vec<_> = (0..10).map(|i| Lifetime { size: 64, first: i, last: i + 1 }).collect();
        assert_eq!(place(&chain, 16).unwrap().1, 128);
    }
}
