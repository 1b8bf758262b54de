//! On which images two networks are right, and whether that tells them apart.

use super::data::AgreementData;

/// Images by which of the two is right: for each whether the first is, and the second.
pub(super) fn agreement(names: &[String; 2], right: impl Iterator<Item = [bool; 2]>) -> AgreementData {
    let mut counts = [[0usize; 2]; 2];
    for [first, second] in right {
        counts[usize::from(first)][usize::from(second)] += 1;
    }
    let [[neither, second], [first, both]] = counts;
    let chance = mcnemar(first, second);
    let told = match first + second {
        0 => "They are right on the same images.".to_owned(),
        differing => format!(
            "On {differing} images one of them alone is right: {} on {first}, {} on {second}. {} (McNemar's exact test: so \
             uneven a division, or a more uneven one, has a probability of {} if both are equally good.)",
            names[0],
            names[1],
            match chance < 0.05 {
                true => format!("{} is better by more than chance.", names[usize::from(second > first)]),
                false => "That does not tell them apart: it may be chance.".to_owned(),
            },
            match chance {
                chance if chance < 0.001 => "less than 0.1%".to_owned(),
                chance => format!("{:.1}%", 100.0 * chance),
            }
        ),
    };
    AgreementData { images: both + first + second + neither, both, first, second, neither, chance, told }
}

/// McNemar's exact test (1947, doi:10.1007/BF02295996): the probability that of so many fair coins as few or fewer, on either
/// side, fall one way.
fn mcnemar(first: usize, second: usize) -> f64 {
    let (count, few) = (first + second, first.min(second));
    let mut logarithm = -(count as f64) * std::f64::consts::LN_2;
    let mut sum = logarithm.exp();
    for k in 1..=few {
        logarithm += ((count - k + 1) as f64 / k as f64).ln();
        sum += logarithm.exp();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are scipy's: `binomtest(few, count, 0.5).pvalue`.
    #[test]
    fn the_test_is_the_binomial_one() {
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-9 * expected;
        assert!(close(mcnemar(2, 10), 0.03857421875));
        assert!(close(mcnemar(10, 2), 0.03857421875));
        assert_eq!([mcnemar(0, 0), mcnemar(5, 5), mcnemar(0, 1)], [1.0, 1.0, 1.0]);
        assert!(close(mcnemar(0, 20), 1.9073486328125e-6));
        assert!(mcnemar(3000, 3300) < 2e-4 && mcnemar(3000, 3300) > 1e-4);
    }

    #[test]
    fn images_are_counted_by_who_is_right() {
        let names = ["a".to_owned(), "b".to_owned()];
        let (yes, no) = (true, false);
        let right = [[yes, yes], [yes, no], [no, yes], [no, no], [yes, no]];
        let found = agreement(&names, right.into_iter());
        assert_eq!((found.both, found.first, found.second, found.neither), (1, 2, 1, 1));
        assert!(found.told.contains("may be chance"), "{}", found.told);
        let same = agreement(&names, [[yes, yes], [no, no]].into_iter());
        assert_eq!((same.both, same.neither, same.chance), (1, 1, 1.0));
        assert!(same.told.contains("same images"));
        let far = agreement(&names, [[no, yes]; 9].into_iter());
        assert!(far.told.contains("b is better") && far.told.contains("0.4%"), "{}", far.told);
    }
}
