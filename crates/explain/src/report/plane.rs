//! Vectors as points in a plane, neighbours near one another: t-SNE (van der Maaten and Hinton 2008).

use bhtsne::tSNE;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Iterations, and how many neighbours each point has in effect.
const EPOCHS: usize = 500;
const PERPLEXITY: f32 = 30.0;
/// The accuracy of the Barnes-Hut approximation: the share of its distance that a group may be wide.
const THETA: f32 = 0.5;
/// How far from the middle points start.
const START: f32 = 1e-4;

/// The points of vectors, x and y from 0 to 1; the same for the same seed. `None` of fewer vectors than neighbours ask for,
/// or without a thread to compute on.
pub(super) fn plane(vectors: &[Vec<f32>], seed: u64) -> Option<Vec<[f32; 2]>> {
    // Several threads add up forces in an order that changes from run to run.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().ok()?;
    alone.install(|| points(vectors, seed))
}

fn points(vectors: &[Vec<f32>], seed: u64) -> Option<Vec<[f32; 2]>> {
    if vectors.len() < 3 * PERPLEXITY as usize + 2 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let start: Vec<f32> = (0..2 * vectors.len()).map(|_| rng.random_range(-START..START)).collect();
    let distance =
        |a: &Vec<f32>, b: &Vec<f32>| a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f32>().sqrt();
    let embedding = tSNE::<f32, Vec<f32>>::new(vectors)
        .perplexity(PERPLEXITY)
        .epochs(EPOCHS)
        .initial_embedding(start)
        .barnes_hut(THETA, distance)
        .embedding();
    let of = |axis: usize| embedding.iter().skip(axis).step_by(2).copied();
    let scaled = |axis: usize| {
        let (least, most) =
            of(axis).fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        let range = if most > least { most - least } else { 1.0 };
        of(axis).map(move |x| (x - least) / range).collect::<Vec<f32>>()
    };
    Some(scaled(0).into_iter().zip(scaled(1)).map(|(x, y)| [x, y]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_together_and_seeds_repeat() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let vector = |group: usize, rng: &mut ChaCha8Rng| -> Vec<f32> {
            (0..8).map(|i| if i % 3 == group { 6.0 } else { 0.0 } + rng.random_range(-1.0..1.0f32)).collect()
        };
        let vectors: Vec<Vec<f32>> = (0..600).map(|i| vector(i % 3, &mut rng)).collect();
        let points = plane(&vectors, 7).unwrap();
        for _ in 0..3 {
            assert_eq!(points, plane(&vectors, 7).unwrap());
        }
        let apart = |a: usize, b: usize| {
            let [x, y] = [0, 1].map(|axis: usize| points[a][axis] - points[b][axis]);
            (x * x + y * y).sqrt()
        };
        let nearest = |a: usize| {
            let others = (0..600).filter(|b| *b != a);
            others.min_by(|b, c| apart(a, *b).total_cmp(&apart(a, *c))).unwrap()
        };
        let same = (0..600).filter(|a| nearest(*a) % 3 == a % 3).count();
        assert!(same > 570, "{same} of 600 have a neighbour of their own group");
        assert!(plane(&vectors[..20], 7).is_none());
    }
}
