//! What weights are worth, by images of one class each or of several.

use super::evaluate::{Seen, Tally};
use super::several::{Scores, SeveralEvaluation};
use super::{Confusion, Evaluation};

/// Sums over images.
pub(super) struct Judge {
    tally: Tally,
    scores: Option<Scores>,
}

/// What they come to.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) images: usize,
    /// The mean cross-entropy, or binary cross-entropy where images have several classes.
    pub(super) loss: f64,
    /// The part whose likeliest class is theirs: one of theirs, where they have several.
    pub(super) top1: f64,
    /// The part with such a class among the five likeliest.
    pub(super) top5: f64,
    pub(super) several: Option<SeveralEvaluation>,
    /// Which classes were taken for which, where each image has one.
    pub(super) confusion: Option<Confusion>,
}

impl Judge {
    pub(super) fn new(classes: usize, several: bool) -> Self {
        Self { tally: Tally::new(classes), scores: several.then(|| Scores::new(classes)) }
    }

    pub(super) fn add(&mut self, seen: Seen<'_>) {
        let Some(scores) = &mut self.scores else { return self.tally.add(seen.logits, seen.label) };
        scores.add(seen);
        let own = (0..seen.logits.len()).filter(|&class| seen.shares[class] >= 0.5);
        let likeliest =
            own.reduce(|best, class| if seen.logits[class] > seen.logits[best] { class } else { best });
        if let Some(class) = likeliest {
            self.tally.add(seen.logits, class as u32);
        }
    }

    pub(super) fn finish(self) -> Judged {
        let Evaluation { images, top1, top5, loss, confusion } = self.tally.finish();
        match self.scores.map(Scores::finish) {
            None => Judged { images, loss, top1, top5, several: None, confusion: Some(confusion) },
            Some(several) => Judged {
                images: several.images,
                loss: several.loss,
                top1,
                top5,
                several: Some(several),
                confusion: None,
            },
        }
    }
}

impl Judged {
    pub(super) fn mean_average_precision(&self) -> Option<f64> {
        self.several.as_ref().map(|several| several.mean_average_precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_classes_any_will_do() {
        let mut judge = Judge::new(3, true);
        for (index, shares) in [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0; 3]].iter().enumerate() {
            judge.add(Seen { index, logits: &[1.0, 3.0, 2.0], label: 0, shares });
        }
        let judged = judge.finish();
        assert_eq!((judged.images, judged.top1, judged.top5), (3, 0.5, 1.0));
        assert!(judged.confusion.is_none() && judged.mean_average_precision().is_some());
    }
}
