//! Labels that are probably wrong: confident learning (Northcutt, Jiang and Chuang 2021, doi:10.1613/jair.1.12125).

/// A label that is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect {
    /// The image's place in its set.
    pub index: usize,
    /// The label that it has.
    pub given: usize,
    /// What it probably is.
    pub suggested: usize,
    /// The probability of the label that it has.
    pub probability: f64,
}

/// The images whose probabilities speak against their label: another class is at least as probable as it is on the mean of
/// the images that are labelled so, and more probable than all other such classes. The least probable labels first.
///
/// The probabilities must be of a network that did not learn from these images. These are the off-diagonal entries of the
/// paper's confident joint, its rule C_confusion with thresholds.
///
/// # Panics
/// If there is not a row of probabilities for each label, or a label is no class.
pub fn label_suspects(labels: &[usize], probabilities: &[&[f64]]) -> Vec<Suspect> {
    assert_eq!(labels.len(), probabilities.len(), "a row of probabilities for each label");
    let Some(classes) = probabilities.first().map(|row| row.len()) else { return Vec::new() };
    let (mut sums, mut counts) = (vec![0.0; classes], vec![0usize; classes]);
    for (&label, row) in labels.iter().zip(probabilities) {
        sums[label] += row[label];
        counts[label] += 1;
    }
    // A class without images is nobody's label, and nothing is known of how sure the network is of it.
    let threshold = |class: usize| match counts[class] {
        0 => f64::INFINITY,
        count => sums[class] / count as f64,
    };
    let thresholds: Vec<f64> = (0..classes).map(threshold).collect();
    let mut found = Vec::new();
    for (index, (&given, row)) in labels.iter().zip(probabilities).enumerate() {
        let confident = (0..classes).filter(|&class| row[class] >= thresholds[class]);
        let best = confident.reduce(|best, class| if row[class] > row[best] { class } else { best });
        if let Some(suggested) = best.filter(|&class| class != given) {
            found.push(Suspect { index, given, suggested, probability: row[given] });
        }
    }
    found.sort_by(|a, b| a.probability.total_cmp(&b.probability).then(a.index.cmp(&b.index)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_against_a_sure_answer_is_suspected() {
        let sure =
            |class: usize, p: f64| (0..3).map(|c| if c == class { p } else { (1.0 - p) / 2.0 }).collect();
        // Class 2 has no image: nothing can be taken for it.
        let labels = [0, 0, 0, 1, 1, 1, 0];
        let rows: Vec<Vec<f64>> = [(0, 0.9), (0, 0.8), (1, 0.95), (1, 0.9), (1, 0.8), (0, 0.5), (2, 0.9)]
            .map(|(class, p)| sure(class, p))
            .to_vec();
        let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        let found = label_suspects(&labels, &rows);
        let told: Vec<(usize, usize)> = found.iter().map(|s| (s.index, s.suggested)).collect();
        // The mean of class 0's own probabilities is (0.9 + 0.8 + 0.025 + 0.05) / 4 = 0.44: image 5 reaches it too.
        assert_eq!(told, [(2, 1), (5, 0)]);
        assert!(label_suspects(&[], &[]).is_empty());
    }
}
