//! What the network answers for the validation images after an epoch: who is taken for whom, some images that stay the
//! same, and the surest mistakes.

use axum::body::Bytes;
use convnet::data::Dataset;
use convnet::train::{Confusion, Seen, softmax};
use convnet_explain::{data_uri, thumbnail};
use serde_json::{Value, json};

/// Answers of an epoch, as they come.
pub(super) struct Answers {
    several: bool,
    images: usize,
    confusion: Confusion,
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
        Self {
            several,
            images: 0,
            confusion: Confusion::new(classes),
            fixed: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// Another image of the set's `all`, which come in their order.
    pub(super) fn add(&mut self, seen: Seen<'_>, all: usize) {
        if self.several {
            return;
        }
        if seen.index == 0 {
            *self = Self::new(self.confusion.classes(), self.several);
        }
        self.images += 1;
        let truth = seen.label as usize;
        let guess = (0..seen.logits.len())
            .fold(0, |best, class| if seen.logits[class] > seen.logits[best] { class } else { best });
        self.confusion.add(truth, guess);
        let is_fixed = seen.index.is_multiple_of(all.div_ceil(SHOWN).max(1));
        if !is_fixed && guess == truth {
            return;
        }
        let probabilities = softmax(seen.logits);
        let (probability, own) = (probabilities[guess], probabilities[truth]);
        let answer = Answer { image: seen.index, truth, guess, probability, own };
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
        let classes = self.confusion.classes();
        let row = |truth| (0..classes).map(|guess| self.confusion.count(truth, guess)).collect();
        let confusion: Option<Vec<Vec<u32>>> =
            (classes <= MOST_CLASSES).then(|| (0..classes).map(row).collect());
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
