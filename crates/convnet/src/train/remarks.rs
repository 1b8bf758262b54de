//! What is no error, but hardly what was meant: a line each, for whoever runs the training to show.

use super::{EpochRecord, Recipe, RunLength};

/// Fewer steps than this teach hardly any network from drawn weights.
const FEW_STEPS: u64 = 100;

/// A run of very few steps, where that was not asked for by a limit.
pub fn short(recipe: &Recipe, images: usize) -> Option<String> {
    let RunLength { steps_per_epoch, total } = RunLength::of(recipe, images);
    (recipe.limit_steps.is_none() && total < FEW_STEPS).then(|| {
        format!(
            "{} in all ({} of {}): hardly enough to learn; more epochs or a smaller batch make more",
            counted(total, "step"),
            counted(recipe.epochs as u64, "epoch"),
            counted(steps_per_epoch, "step"),
        )
    })
}

/// A loss far above that of guessing, ln(classes): the learning rate is too high.
pub fn exploding(record: &EpochRecord, classes: usize) -> Option<String> {
    let guessing = (classes.max(2) as f64).ln();
    let worst = record.val_loss.map_or(record.train_loss, |loss| loss.max(record.train_loss));
    (worst > 4.0 * guessing).then(|| {
        format!(
            "the loss, {worst:.3e}, is far above that of guessing, {guessing:.2}: the learning rate is likely too high"
        )
    })
}

/// The part of an epoch's training from which on waiting for images is worth a line.
const LONG_WAIT: f64 = 0.2;

/// An epoch in which training waited for images for long.
pub fn waiting(record: &EpochRecord) -> Option<String> {
    let part = record.wait_seconds / record.train_seconds.max(1e-9);
    (part >= LONG_WAIT && record.wait_seconds >= 1.0).then(|| {
        format!(
            "training waited for images {:.0}% of the epoch: bringing them takes longer than learning from them; smaller \
             files, fewer random changes of each, or a larger cache make it shorter",
            100.0 * part
        )
    })
}

/// An accuracy on `images` images that naming their most frequent class reaches too: `share` is its part of them.
pub fn guessing(top1: f64, share: f64, images: usize) -> Option<String> {
    // Two standard errors: chance alone stays below it 39 times of 40.
    let error = 2.0 * (share * (1.0 - share) / images.max(1) as f64).sqrt();
    (top1 <= share + error).then(|| {
        format!(
            "the accuracy, {:.2}%, is that of guessing: always the most frequent class gives {:.2}%; more epochs or \
             another learning rate may help",
            100.0 * top1,
            100.0 * share,
        )
    })
}

fn counted(number: u64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::tests::record;
    use crate::zoo;

    #[test]
    fn only_runs_that_were_not_meant_are_remarked() {
        let recipe = Recipe { epochs: 5, batch: 64, ..Recipe::for_graph(&zoo::lenet().build().unwrap()) };
        let told = short(&recipe, 160).unwrap();
        assert!(told.starts_with("15 steps in all (5 epochs of 3 steps)"), "{told}");
        assert!(
            short(&Recipe { epochs: 1, ..recipe.clone() }, 64)
                .unwrap()
                .starts_with("1 step in all (1 epoch of")
        );
        assert_eq!(short(&Recipe { limit_steps: Some(3), ..recipe.clone() }, 160), None);
        assert_eq!(short(&recipe, 64 * 20), None);
        assert_eq!(exploding(&record(1, 0.5), 10), None);
        let waited = |wait_seconds| EpochRecord { train_seconds: 10.0, wait_seconds, ..record(1, 0.5) };
        assert_eq!(waiting(&waited(1.9)), None);
        let told = waiting(&waited(4.2)).unwrap();
        assert!(told.starts_with("training waited for images 42% of the epoch"), "{told}");
        let told = exploding(&EpochRecord { train_loss: 1.2345e33, ..record(1, 0.1) }, 10).unwrap();
        assert!(told.contains("1.234e33") && told.contains("2.30"), "{told}");
    }

    #[test]
    fn chance_depends_on_the_most_frequent_class() {
        // Of 1000 images a tenth is of the most frequent class: chance alone gives up to 11.9%.
        assert!(guessing(0.118, 0.1, 1000).unwrap().contains("11.80%"));
        assert_eq!(guessing(0.12, 0.1, 1000), None);
        assert!(guessing(0.6, 0.6, 1000).is_some());
    }
}
