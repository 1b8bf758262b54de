//! What the network answers for the validation images after an epoch: who is taken for whom, some images that stay the
//! same, and the surest mistakes.

use axum::body::Bytes;
use convnet::data::Dataset;
use convnet::train::{Seen, likeliest, softmax};
use convnet_explain::{data_uri, thumbnail};
use serde_json::{Value, json};

/// Answers of an epoch, as they come.
pub(super) struct Answers {
    classes: usize,
    several: bool,
    images: usize,
    /// Counts by class and guess, in rows of classes; empty where there are none to show.
    confusion: Vec<usize>,
    fixed: Vec<Answer>,
    /// The surest first.
    mistakes: Vec<Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    image: usize,
    truth: usize,
    guess: usize,
    probability: f64,
    /// The probability of the image's own class.
    own: f64,
}

/// Images of each kind that are shown.
const SHOWN: usize = 12;
/// Classes of a confusion matrix, at most.
const MOST_CLASSES: usize = 100;

impl Answers {
    pub(super) fn new(classes: usize, several: bool) -> Self {
        Self { classes, several, images: 0, confusion: Vec::new(), fixed: Vec::new(), mistakes: Vec::new() }
    }

    /// Another image of the set's `all`, which come in their order.
    pub(super) fn add(&mut self, seen: Seen<'_>, all: usize) {
        if self.several {
            return;
        }
        if seen.index == 0 {
            *self = Self::new(self.classes, self.several);
            if self.classes <= MOST_CLASSES {
                self.confusion = vec![0; self.classes * self.classes];
            }
        }
        self.images += 1;
        let truth = seen.label as usize;
        let largest = (0..seen.logits.len())
            .fold(0, |best, class| if seen.logits[class] > seen.logits[best] { class } else { best });
        if let Some(count) = self.confusion.get_mut(truth * self.classes + largest) {
            *count += 1;
        }
        let is_fixed = seen.index.is_multiple_of(all.div_ceil(SHOWN).max(1));
        if !is_fixed && largest == truth {
            return;
        }
        let probabilities = softmax(seen.logits);
        let Some(&(guess, probability)) = likeliest(&probabilities, 1).first() else { return };
        let answer = Answer { image: seen.index, truth, guess, probability, own: probabilities[truth] };
        if is_fixed {
            self.fixed.push(answer);
        }
        if guess != truth {
            let place = self.mistakes.partition_point(|other| other.probability >= probability);
            if place < SHOWN {
                self.mistakes.insert(place, answer);
                self.mistakes.truncate(SHOWN);
            }
        }
    }

    /// All of it as JSON with pictures; `None` where nothing was added, or it cannot be shown.
    pub(super) fn judged(&self, epoch: usize, images: &Dataset) -> Option<Bytes> {
        if self.images == 0 {
            return None;
        }
        let confusion: Option<Vec<&[usize]>> =
            (!self.confusion.is_empty()).then(|| self.confusion.chunks_exact(self.classes).collect());
        let kinds = [("fixed", &self.fixed), ("mistake", &self.mistakes)];
        let samples = kinds.into_iter().flat_map(|(kind, answers)| {
            answers.iter().filter_map(move |answer| sample(kind, answer, images))
        });
        let told = json!({
            "epoch": epoch,
            "images": self.images,
            "confusion": confusion,
            "samples": samples.collect::<Vec<_>>(),
        });
        Some(told.to_string().into())
    }
}

/// An image and its answer; one that cannot be read is none.
fn sample(kind: &str, answer: &Answer, images: &Dataset) -> Option<Value> {
    let picture = data_uri(&thumbnail(&images.image(answer.image).ok()?)).ok()?;
    Some(json!({
        "kind": kind,
        "picture": picture,
        "truth": images.classes[answer.truth],
        "guess": images.classes.get(answer.guess),
        "probability": answer.probability,
        "own": answer.own,
        "right": answer.guess == answer.truth,
    }))
}
