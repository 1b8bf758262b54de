//! Losses as values: what a training step compares logits with targets by.

use crate::arena::{Arena, View};
use crate::loss::{Targets, cross_entropy_of, first_largest, is_weight};

/// How logits are compared with their targets.
#[derive(Clone, Debug, PartialEq)]
pub enum Criterion {
    /// Classes that exclude one another.
    CrossEntropy(CrossEntropy),
    /// Each class by itself: present or not.
    Binary(Binary),
}

/// Cross-entropy as PyTorch's `CrossEntropyLoss`, and the focal loss over a softmax.
///
/// Row i with shares q of the classes has the loss Σ_c w_c·q_c·(1 − p_c)^γ·(−ln p_c), p its softmax. Targets that are classes
/// are divided by the sum of their classes' weights, soft ones by the number of rows, as PyTorch does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// ε: shares become (1 − ε)·q + ε/K.
    pub smoothing: f32,
    /// w, a weight for each class; all 1 where there are none.
    pub class_weights: Option<Vec<f32>>,
    /// γ of Lin et al. (2017): 0 is no focus.
    pub gamma: f32,
}

/// Binary cross-entropy of each class as PyTorch's `BCEWithLogitsLoss` (and timm's `BinaryCrossEntropy` for targets that are
/// classes), and torchvision's `sigmoid_focal_loss`.
///
/// An element with logit x, p = σ(x) and target t has the loss w·α_t·(1 − p_t)^γ·(−pos·t·ln p − (1 − t)·ln(1 − p)), with
/// p_t = p·t + (1 − p)(1 − t) and α_t = α·t + (1 − α)(1 − t). The mean is over all elements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Binary {
    /// ε: targets become (1 − ε)·t + ε/K.
    pub smoothing: f32,
    /// Targets above it are 1, all others 0; after the smoothing.
    pub threshold: Option<f32>,
    /// w, a weight for each class; all 1 where there are none.
    pub class_weights: Option<Vec<f32>>,
    /// pos, how much the presence of each class counts; all 1 where there are none.
    pub positive_weights: Option<Vec<f32>>,
    /// α of Lin et al. (2017); without it, α_t is 1.
    pub alpha: Option<f32>,
    /// γ of Lin et al. (2017): 0 is no focus.
    pub gamma: f32,
    /// The sum over the classes in place of their mean.
    pub sum_classes: bool,
}

impl CrossEntropy {
    /// Without smoothing, weights and focus.
    pub const PLAIN: Self = Self { smoothing: 0.0, class_weights: None, gamma: 0.0 };
}

impl Default for Criterion {
    fn default() -> Self {
        Self::CrossEntropy(CrossEntropy::PLAIN)
    }
}

impl Criterion {
    /// Whether it is cross-entropy and nothing else.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The settings that hold a number a class.
    pub fn weights_of_classes(&self) -> impl Iterator<Item = &[f32]> {
        let [first, second] = match self {
            Self::CrossEntropy(CrossEntropy { class_weights, .. }) => [class_weights.as_deref(), None],
            Self::Binary(Binary { class_weights, positive_weights, .. }) => {
                [class_weights.as_deref(), positive_weights.as_deref()]
            }
        };
        first.into_iter().chain(second)
    }

    /// The first setting that is out of its range: its name, its value, and what would do.
    pub fn fault(&self) -> Option<(&'static str, f32, &'static str)> {
        let unit = |x: f32| (0.0..=1.0).contains(&x);
        let (smoothing, gamma) = match self {
            Self::CrossEntropy(CrossEntropy { smoothing, gamma, .. })
            | Self::Binary(Binary { smoothing, gamma, .. }) => (*smoothing, *gamma),
        };
        if !unit(smoothing) {
            return Some(("label smoothing", smoothing, "a number from 0 to 1"));
        }
        if !is_weight(gamma) {
            return Some(("focal gamma", gamma, "a finite number from 0"));
        }
        if let Self::Binary(Binary { alpha: Some(alpha), .. }) = self
            && !unit(*alpha)
        {
            return Some(("focal alpha", *alpha, "a number from 0 to 1"));
        }
        if let Self::Binary(Binary { threshold: Some(threshold), .. }) = self
            && !threshold.is_finite()
        {
            return Some(("target threshold", *threshold, "a finite number"));
        }
        self.weights_of_classes()
            .flatten()
            .find(|&&weight| !is_weight(weight))
            .map(|&weight| ("weight of a class", weight, "a finite number from 0"))
    }
}

/// What another network says of the same images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Teacher<'a> {
    /// Its logits (N, classes).
    pub logits: &'a [f32],
    /// α: how much it counts; the criterion counts 1 − α.
    pub alpha: f32,
    /// How its logits are read.
    pub reading: Reading,
}

/// How a teacher's logits become a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// T²·KL(softmax(teacher/T) ‖ softmax(student/T)): Hinton et al. (2015), the mean over the rows.
    Softmax {
        /// T, above 0.
        temperature: f32,
    },
    /// The same of each class by itself, by σ in place of the softmax, the mean over rows and classes: for images that are of
    /// several classes.
    Sigmoid {
        /// T, above 0.
        temperature: f32,
    },
    /// Cross-entropy with the class that the teacher finds likeliest: Touvron et al. (2021).
    Hard,
}

/// What rows of logits are compared with, and how.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// What each row should be.
    pub targets: Targets<'a>,
    /// wᵢ, how much each row counts; all 1 where there are none.
    pub sample_weights: Option<&'a [f32]>,
    /// The loss.
    pub criterion: &'a Criterion,
    /// A second opinion.
    pub teacher: Option<Teacher<'a>>,
    /// Where the rows are a part of a larger batch: what the mean is taken over.
    pub whole: Option<Whole>,
}

/// A batch of which rows are a part: their loss and its gradient are their parts of its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whole {
    /// Its rows: Σ wᵢ over all of it.
    pub rows: f64,
    /// Σ wᵢ·w_c over all of it, c the class of row i: what targets that are classes are divided by where classes are weighted.
    pub weighted: f64,
}

impl Comparison<'_> {
    /// What output `number` of a network is compared with: the teacher speaks of the main one, 0, alone.
    #[must_use]
    pub fn of_output(mut self, number: usize) -> Self {
        if number > 0 {
            self.teacher = None;
        }
        self
    }

    /// # Panics
    /// If a target does not go with logits of that many rows and classes, there are not as many weights of samples or classes,
    /// or a setting of the criterion is out of its range.
    fn check(&self, rows: usize, classes: usize) {
        let Self { targets, sample_weights, criterion, .. } = *self;
        targets.check(View::dense(0, rows, classes));
        assert_eq!(criterion.fault(), None);
        assert!(
            criterion.weights_of_classes().all(|weights| weights.len() == classes),
            "a weight for each class"
        );
        if let Some(weights) = sample_weights {
            assert_eq!(weights.len(), rows, "a weight for each row");
            assert!(
                weights.iter().all(|&weight| is_weight(weight)),
                "weights of samples from 0 on, and finite"
            );
        }
    }

    /// wᵢ.
    fn sample(&self, row: usize) -> f64 {
        self.sample_weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// The comparison as weighted shares t of the classes (N, classes), with which the loss is Σ t·(−ln p), p being each row's
    /// softmax, and the class of each row that counts as right. `None` where it is no such sum: of a focal loss, of each class by
    /// itself, with a teacher.
    ///
    /// # Panics
    /// As [`compare`] of logits of that many rows and classes.
    pub fn weighted_shares(&self, rows: usize, classes: usize) -> Option<(Vec<f32>, Vec<u32>)> {
        let Criterion::CrossEntropy(entropy) = self.criterion else { return None };
        if entropy.gamma != 0.0 || self.teacher.is_some_and(|teacher| teacher.alpha != 0.0) {
            return None;
        }
        self.check(rows, classes);
        let own = Totals::new(self, rows, classes).own;
        let mut weighted = Vec::with_capacity(rows * classes);
        let mut right = Vec::with_capacity(rows);
        let mut shares = vec![0.0; classes];
        for row in 0..rows {
            self.targets.shares(row, &mut shares);
            right.push(first_largest(&shares) as u32);
            smooth(&mut shares, entropy.smoothing);
            weigh(&mut shares, entropy.class_weights.as_ref());
            let factor = own * self.sample(row);
            weighted.extend(shares.iter().map(|share| (factor * share) as f32));
        }
        Some((weighted, right))
    }
}

/// The loss of logits (N, classes), and how many rows have their largest logit at the class, or at the largest share: the first
/// of equal logits, and of equal shares too but for [`Criterion::Binary`], where each will do. gradient (+)=
/// weight·∂loss/∂logits. `views` are the logits and their gradient.
///
/// # Panics
/// As [`cross_entropy`](crate::cross_entropy); if a setting of the criterion is out of its range, there are not as many of its weights as classes,
/// or not a logit of the teacher for each of the student's.
pub fn compare(
    arena: &mut Arena,
    views: [View; 2],
    comparison: Comparison<'_>,
    weight: f32,
    accumulate: bool,
) -> (f64, usize) {
    let Comparison { targets, sample_weights, criterion, teacher, whole } = comparison;
    if criterion.is_plain() && teacher.is_none_or(|teacher| teacher.alpha == 0.0) {
        let total = whole.map(|whole| whole.rows);
        return cross_entropy_of(arena, views, (targets, sample_weights, total), weight, accumulate);
    }
    let [logits, gradient] = views;
    arena.check_alike(logits, &[gradient]);
    logits.assert_disjoint(gradient);
    let (rows, classes) = (logits.pixels, logits.channels);
    comparison.check(rows, classes);
    if let Some(teacher) = teacher {
        teacher.check(rows, classes);
    }
    let sample = |row: usize| comparison.sample(row);
    let weights = Totals::new(&comparison, rows, classes);
    let pointer = arena.pointer();
    let mut sum = Row { loss: 0.0, gradient: vec![0.0; classes] };
    let mut shares = vec![0.0; classes];
    let (mut loss, mut correct) = (0.0, 0);
    for row in 0..rows {
        // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart.
        let (x, dx) = unsafe { (pointer.slice(logits.pixel(row)), pointer.slice_mut(gradient.pixel(row))) };
        targets.shares(row, &mut shares);
        let class = first_largest(x);
        correct += usize::from(match criterion {
            Criterion::CrossEntropy(_) => class == first_largest(&shares),
            Criterion::Binary(_) => shares.iter().all(|&share| share <= shares[class]),
        });
        sum.clear();
        match criterion {
            Criterion::CrossEntropy(entropy) => {
                entropy.add(x, &mut shares, sample(row) * weights.own, &mut sum);
            }
            Criterion::Binary(binary) => binary.add(x, &mut shares, sample(row) * weights.own, &mut sum),
        }
        if let Some(teacher) = teacher {
            let said = &teacher.logits[row * classes..][..classes];
            teacher.reading.add(x, said, sample(row) * weights.teacher, &mut sum);
        }
        loss += sum.loss;
        for (dx, g) in dx.iter_mut().zip(&sum.gradient) {
            *dx = if accumulate { *dx } else { 0.0 } + (f64::from(weight) * g) as f32;
        }
    }
    (loss, correct)
}

/// The loss of a row and its gradient, both as parts of the whole.
struct Row {
    loss: f64,
    gradient: Vec<f64>,
}

impl Row {
    fn clear(&mut self) {
        self.loss = 0.0;
        self.gradient.fill(0.0);
    }
}

/// What the loss of a row of weight 1 is multiplied with.
struct Totals {
    own: f64,
    teacher: f64,
}

impl Totals {
    fn new(comparison: &Comparison<'_>, rows: usize, classes: usize) -> Self {
        let Comparison { targets, criterion, teacher, whole, .. } = *comparison;
        let sample = |row: usize| comparison.sample(row);
        // The mean of nothing is 0.
        let over = |sum: f64| if sum > 0.0 { 1.0 / sum } else { 1.0 };
        let samples = whole.map_or_else(|| (0..rows).map(&sample).sum(), |whole| whole.rows);
        let own = match (criterion, targets) {
            (
                Criterion::CrossEntropy(CrossEntropy { class_weights: Some(weights), .. }),
                Targets::Classes(labels),
            ) => {
                let weighed = |(row, &label): (usize, &u32)| sample(row) * f64::from(weights[label as usize]);
                over(
                    whole
                        .map_or_else(|| labels.iter().enumerate().map(weighed).sum(), |whole| whole.weighted),
                )
            }
            (Criterion::CrossEntropy(_), _) => over(samples),
            (Criterion::Binary(Binary { sum_classes: true, .. }), _) => over(samples),
            (Criterion::Binary(_), _) => over(samples) / classes as f64,
        };
        let alpha = teacher.map_or(0.0, |teacher| f64::from(teacher.alpha));
        let of_teacher = match teacher.map(|teacher| teacher.reading) {
            Some(Reading::Sigmoid { .. }) => over(samples) / classes as f64,
            Some(Reading::Softmax { .. } | Reading::Hard) | None => over(samples),
        };
        Self { own: (1.0 - alpha) * own, teacher: alpha * of_teacher }
    }
}

/// A row's softmax at a temperature, with the logarithm of each probability and its distance from 1.
struct Softmax {
    p: Vec<f64>,
    log: Vec<f64>,
    rest: Vec<f64>,
}

impl Softmax {
    fn new(x: &[f32], temperature: f64) -> Self {
        let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let above: Vec<f64> = x.iter().map(|&x| (f64::from(x) - f64::from(max)) / temperature).collect();
        let powers: Vec<f64> = above.iter().map(|x| x.exp()).collect();
        let sum: f64 = powers.iter().sum();
        // Where one class has nearly all, what the others have tells more exactly what it lacks.
        let likeliest = first_largest(x);
        let others: f64 = powers.iter().enumerate().filter(|&(i, _)| i != likeliest).map(|(_, e)| e).sum();
        let rest = |(i, e): (usize, &f64)| if i == likeliest { others / sum } else { (sum - e) / sum };
        Self {
            rest: powers.iter().enumerate().map(rest).collect(),
            p: powers.iter().map(|e| e / sum).collect(),
            log: above.iter().map(|x| x - sum.ln()).collect(),
        }
    }
}

/// (1 − p)^γ and γ·(1 − p)^(γ − 1), given 1 − p.
fn focus(rest: f64, gamma: f64) -> [f64; 2] {
    match gamma == 0.0 || rest <= 0.0 {
        true => [if gamma == 0.0 { 1.0 } else { 0.0 }, 0.0],
        false => [rest.powf(gamma), gamma * rest.powf(gamma - 1.0)],
    }
}

fn smooth(shares: &mut [f64], smoothing: f32) {
    let (kept, each) = (1.0 - f64::from(smoothing), f64::from(smoothing) / shares.len() as f64);
    shares.iter_mut().for_each(|share| *share = kept * *share + each);
}

fn weigh(values: &mut [f64], weights: Option<&Vec<f32>>) {
    let weights = weights.into_iter().flatten();
    values.iter_mut().zip(weights).for_each(|(value, &weight)| *value *= f64::from(weight));
}

impl CrossEntropy {
    fn add(&self, x: &[f32], shares: &mut [f64], factor: f64, sum: &mut Row) {
        smooth(shares, self.smoothing);
        weigh(shares, self.class_weights.as_ref());
        let Softmax { p, log, rest } = Softmax::new(x, 1.0);
        // What each class's loss changes by when the logarithm of its probability does.
        let mut total = 0.0;
        for (c, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let [focus, slope] = focus(rest[c], f64::from(self.gamma));
            sum.loss -= factor * share * focus * log[c];
            let by_log = if slope > 0.0 { p[c] * slope * log[c] } else { 0.0 };
            let change = factor * share * (by_log - focus);
            sum.gradient[c] += change;
            total += change;
        }
        sum.gradient.iter_mut().zip(&p).for_each(|(g, p)| *g -= p * total);
    }
}

/// ln σ(x).
fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

/// σ(x).
fn sigmoid(x: f64) -> f64 {
    log_sigmoid(x).exp()
}

impl Binary {
    fn add(&self, x: &[f32], targets: &mut [f64], factor: f64, sum: &mut Row) {
        smooth(targets, self.smoothing);
        if let Some(threshold) = self.threshold {
            targets.iter_mut().for_each(|t| *t = f64::from(u8::from(*t > f64::from(threshold))));
        }
        let of = |weights: &Option<Vec<f32>>, c: usize| weights.as_ref().map_or(1.0, |w| f64::from(w[c]));
        for (c, (&x, &t)) in x.iter().zip(&*targets).enumerate() {
            let (x, positive) = (f64::from(x), of(&self.positive_weights, c));
            let [log_p, log_rest] = [log_sigmoid(x), log_sigmoid(-x)];
            let [p, rest] = [log_p.exp(), log_rest.exp()];
            let alpha = self.alpha.map_or(1.0, |alpha| {
                let alpha = f64::from(alpha);
                alpha * t + (1.0 - alpha) * (1.0 - t)
            });
            let entropy = -positive * t * log_p - (1.0 - t) * log_rest;
            let entropy_slope = -positive * t * rest + (1.0 - t) * p;
            // 1 − p_t, and what it changes by with x.
            let missed = rest * t + p * (1.0 - t);
            let missed_slope = p * rest * (1.0 - 2.0 * t);
            let [focus, focus_slope] = focus(missed, f64::from(self.gamma));
            let factor = factor * of(&self.class_weights, c) * alpha;
            sum.loss += factor * focus * entropy;
            sum.gradient[c] += factor * (focus * entropy_slope + focus_slope * missed_slope * entropy);
        }
    }
}

impl Teacher<'_> {
    fn check(&self, rows: usize, classes: usize) {
        assert_eq!(Some(self.logits.len()), rows.checked_mul(classes), "a teacher's logit for each logit");
        assert!((0.0..=1.0).contains(&self.alpha), "a teacher's weight from 0 to 1");
        if let Reading::Softmax { temperature } | Reading::Sigmoid { temperature } = self.reading {
            assert!(temperature > 0.0 && temperature.is_finite(), "a temperature above 0");
        }
    }
}

impl Reading {
    fn add(self, x: &[f32], said: &[f32], factor: f64, sum: &mut Row) {
        match self {
            Self::Softmax { temperature } => {
                let t = f64::from(temperature);
                let (student, teacher) = (Softmax::new(x, t), Softmax::new(said, t));
                for c in (0..x.len()).filter(|&c| teacher.p[c] > 0.0) {
                    sum.loss += factor * t * t * teacher.p[c] * (teacher.log[c] - student.log[c]);
                }
                for (g, (p, q)) in sum.gradient.iter_mut().zip(student.p.iter().zip(&teacher.p)) {
                    *g += factor * t * (p - q);
                }
            }
            Self::Sigmoid { temperature } => {
                let t = f64::from(temperature);
                for ((&x, &said), g) in x.iter().zip(said).zip(&mut sum.gradient) {
                    let (x, said) = (f64::from(x) / t, f64::from(said) / t);
                    let part = |said: f64, x: f64| sigmoid(said) * (log_sigmoid(said) - log_sigmoid(x));
                    sum.loss += factor * t * t * (part(said, x) + part(-said, -x));
                    *g += factor * t * (sigmoid(x) - sigmoid(said));
                }
            }
            Self::Hard => {
                let mut shares = vec![0.0; x.len()];
                shares[first_largest(said)] = 1.0;
                CrossEntropy::default().add(x, &mut shares, factor, sum);
            }
        }
    }
}
