//! The order of what stands in one rank: as few crossings as sweeps over the ranks find.

use crate::level::{Entity, Level};

/// Sweeps, down and up by turns.
const SWEEPS: usize = 12;

/// Orders the ranks of a level.
pub(crate) fn order(level: &mut Level) {
    if level.ranks.iter().all(|rank| rank.len() < 2) {
        return;
    }
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); level.entities.len()];
    let mut below = above.clone();
    for &(_, a, b) in &level.links {
        above[b].push(a);
        below[a].push(b);
    }
    let mut at = positions(level);
    let mut best = level.ranks.clone();
    let mut fewest = crossings(level, &at);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let down = sweep % 2 == 0;
        let count = level.ranks.len();
        for step in 0..count {
            let rank = if down { step } else { count - 1 - step };
            let neighbours = if down { &above } else { &below };
            let key = |entity: usize| {
                let near = &neighbours[entity];
                match near.len() {
                    0 => at[entity],
                    n => near.iter().map(|&other| at[other]).sum::<f64>() / n as f64,
                }
            };
            let mut keyed: Vec<(f64, usize)> = level.ranks[rank].iter().map(|&e| (key(e), e)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            let width = keyed.len() as f64;
            for (i, &(_, entity)) in keyed.iter().enumerate() {
                level.ranks[rank][i] = entity;
                at[entity] = i as f64 - (width - 1.0) / 2.0;
            }
        }
        let found = crossings(level, &at);
        if found < fewest {
            fewest = found;
            best.clone_from(&level.ranks);
        }
    }
    level.ranks = best;
}

/// Where each entity stands in its rank, counted from the middle; boxes first, lanes beside them.
fn positions(level: &mut Level) -> Vec<f64> {
    let mut at = vec![0.0; level.entities.len()];
    for rank in &mut level.ranks {
        rank.sort_by_key(|&entity| (matches!(level.entities[entity], Entity::Lane(_)), entity));
        let width = rank.len() as f64;
        for (i, &entity) in rank.iter().enumerate() {
            at[entity] = i as f64 - (width - 1.0) / 2.0;
        }
    }
    at
}

/// Crossings of links between neighbouring ranks, links of one net left out.
fn crossings(level: &Level, at: &[f64]) -> usize {
    let mut rank_of = vec![0; level.entities.len()];
    for (r, rank) in level.ranks.iter().enumerate() {
        rank.iter().for_each(|&entity| rank_of[entity] = r);
    }
    let mut gaps: Vec<Vec<(f64, f64)>> = vec![Vec::new(); level.ranks.len()];
    for &(_, a, b) in &level.links {
        gaps[rank_of[a]].push((at[a], at[b]));
    }
    gaps.iter_mut().map(|gap| inversions(gap)).sum()
}

/// Pairs of links whose ends stand the other way round, by a tree of counts.
fn inversions(links: &mut [(f64, f64)]) -> usize {
    links.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut ends: Vec<f64> = links.iter().map(|link| link.1).collect();
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    let mut counts = vec![0usize; ends.len() + 1];
    let mut total = 0;
    for (seen, link) in links.iter().enumerate() {
        let place = ends.partition_point(|&end| end < link.1) + 1;
        let (mut i, mut at_or_before) = (place, 0);
        while i > 0 {
            at_or_before += counts[i];
            i &= i - 1;
        }
        total += seen - at_or_before;
        i = place;
        while i < counts.len() {
            counts[i] += 1;
            i += i & i.wrapping_neg();
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_counted() {
        assert_eq!(inversions(&mut [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]), 0);
        assert_eq!(inversions(&mut [(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)]), 3);
        assert_eq!(inversions(&mut [(0.0, 0.0), (0.0, 2.0), (1.0, 1.0)]), 1);
        assert_eq!(inversions(&mut [(0.0, 1.0), (1.0, 1.0)]), 0);
    }
}
