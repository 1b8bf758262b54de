//! What a batch is compared with, and by which loss.

use convnet_kernels::{Comparison, Criterion, CrossEntropy, Reading, Targets, Teacher, Whole};

use super::RunError;

/// What the images of a batch shall be taken for, and by which loss that is judged.
///
/// ```
/// use convnet::exec::{Criterion, CrossEntropy, Options, Reading, Target, Teacher, TrainingStep};
/// use convnet::optim::Optimizer;
/// use convnet::{state, zoo};
///
/// let net = zoo::lenet().build()?;
/// let weights = state::initialize(&net, 0);
/// let mut training = TrainingStep::compile(&net, &weights, 2, Optimizer::sgd(), 0, &Options::default())?;
/// let smooth = Criterion::CrossEntropy(CrossEntropy { smoothing: 0.1, ..CrossEntropy::PLAIN });
/// let said = vec![0.0; 2 * net.classes()];
/// let teacher = Teacher { logits: &said, alpha: 0.5, reading: Reading::Softmax { temperature: 4.0 } };
/// let target = Target::classes(&[3, 7]).by(&smooth).taught(teacher);
/// let images = vec![0.5; 2 * net.input_shape().elements()];
/// assert!(training.forward_backward(&images, target)?.loss > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target<'a> {
    labels: Labels<'a>,
    weights: Option<&'a [f32]>,
    criterion: Option<&'a Criterion>,
    teacher: Option<Teacher<'a>>,
    whole: Option<Whole>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Labels<'a> {
    Classes(&'a [u32]),
    Soft(&'a [f32]),
}

impl<'a> Target<'a> {
    fn new(labels: Labels<'a>) -> Self {
        Self { labels, weights: None, criterion: None, teacher: None, whole: None }
    }

    /// A class for each image.
    pub fn classes(labels: &'a [u32]) -> Self {
        Self::new(Labels::Classes(labels))
    }

    /// Soft labels (N, classes): for each image a share for each class, as label smoothing, mixup and distillation give.
    pub fn soft(shares: &'a [f32]) -> Self {
        Self::new(Labels::Soft(shares))
    }

    /// How much each image counts: the loss is Σ wᵢ·lᵢ / Σ wᵢ.
    pub fn weighted(mut self, weights: &'a [f32]) -> Self {
        self.weights = Some(weights);
        self
    }

    /// By which loss the images are compared with it; cross-entropy unless told.
    pub fn by(mut self, criterion: &'a Criterion) -> Self {
        self.criterion = Some(criterion);
        self
    }

    /// With another network's opinion of the same images, which the main output is compared with too.
    pub fn taught(mut self, teacher: Teacher<'a>) -> Self {
        self.teacher = Some(teacher);
        self
    }

    /// As a part of a batch that several ranks share.
    pub(super) fn part_of(mut self, whole: Whole) -> Self {
        self.whole = Some(whole);
        self
    }

    /// What a device compares with, after [`Target::check`].
    pub(crate) fn comparison(self) -> Comparison<'a> {
        static PLAIN: Criterion = Criterion::CrossEntropy(CrossEntropy::PLAIN);
        let targets = match self.labels {
            Labels::Classes(labels) => Targets::Classes(labels),
            Labels::Soft(shares) => Targets::Distributions(shares),
        };
        Comparison {
            targets,
            sample_weights: self.weights,
            criterion: self.criterion.unwrap_or(&PLAIN),
            teacher: self.teacher,
            whole: self.whole,
        }
    }

    pub(super) fn check(&self, n: usize, classes: usize) -> Result<(), RunError> {
        let count = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(RunError::Count { what, found, expected }) }
        };
        let values = |what, values: &[f32]| match values.iter().position(|x| !(x.is_finite() && *x >= 0.0)) {
            None => Ok(()),
            Some(index) => Err(RunError::Value { what, index, found: values[index] }),
        };
        match self.labels {
            Labels::Classes(labels) => {
                count("labels", labels.len(), n)?;
                if let Some(image) = labels.iter().position(|&label| label as usize >= classes) {
                    return Err(RunError::Label { label: labels[image], image, classes });
                }
            }
            Labels::Soft(shares) => {
                count("shares of classes", shares.len(), n * classes)?;
                values("shares of classes", shares)?;
            }
        }
        if let Some(weights) = self.weights {
            count("weights of samples", weights.len(), n)?;
            values("weights of samples", weights)?;
        }
        if let Some(criterion) = self.criterion {
            if let Some((what, found, expected)) = criterion.fault() {
                return Err(RunError::Setting { what, found, expected });
            }
            for weights in criterion.weights_of_classes() {
                count("weights of classes", weights.len(), classes)?;
            }
        }
        let Some(Teacher { logits, alpha, reading }) = self.teacher else { return Ok(()) };
        count("logits of the teacher", logits.len(), n * classes)?;
        if let Some(index) = logits.iter().position(|x| !x.is_finite()) {
            return Err(RunError::TeacherLogit { image: index / classes, found: logits[index] });
        }
        let wrong = |what, found, expected| Err(RunError::Setting { what, found, expected });
        if !(0.0..=1.0).contains(&alpha) {
            return wrong("weight of the teacher", alpha, "a number from 0 to 1");
        }
        match reading {
            Reading::Softmax { temperature } | Reading::Sigmoid { temperature }
                if !(temperature > 0.0 && temperature.is_finite()) =>
            {
                wrong("temperature", temperature, "a finite number above 0")
            }
            Reading::Softmax { .. } | Reading::Sigmoid { .. } | Reading::Hard => Ok(()),
        }
    }
}

impl<'a> From<&'a [u32]> for Target<'a> {
    fn from(labels: &'a [u32]) -> Self {
        Self::classes(labels)
    }
}

impl<'a> From<&'a Vec<u32>> for Target<'a> {
    fn from(labels: &'a Vec<u32>) -> Self {
        Self::classes(labels)
    }
}

impl<'a, const N: usize> From<&'a [u32; N]> for Target<'a> {
    fn from(labels: &'a [u32; N]) -> Self {
        Self::classes(labels)
    }
}
